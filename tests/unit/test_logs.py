"""Log lines: JSON that a machine reads, a terminal that a person reads, and no local variable in either."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from shared import logs


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def fail_with(secret: str) -> None:
    held = f"token {secret}"
    raise ValueError("It went wrong." if held else "")


def test_a_line_is_json_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    structlog.get_logger().info("Event stored.", action="stored", event_id=7)
    (line,) = lines(capsys)
    assert line.items() >= {"message": "Event stored.", "action": "stored", "event_id": 7, "level": "info"}.items()
    assert str(line["timestamp"]).endswith("Z")


def test_a_library_speaks_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("kombu.connection").warning("Connection lost: %s", "refused", extra={"attempt": 3})
    (line,) = lines(capsys)
    assert line.items() >= {"message": "Connection lost: refused", "attempt": 3, "level": "warning"}.items()


def test_what_is_bound_to_a_task_is_on_each_of_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    with structlog.contextvars.bound_contextvars(doorbell=4):
        structlog.get_logger().info("Step.")
    assert lines(capsys)[0]["doorbell"] == 4


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_shows_no_local_variable(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BRIDGE_LOG_FORMAT", form)
    logs.configure()
    try:
        fail_with("hunter2")
    except ValueError:
        structlog.get_logger().exception("A step failed.")
    told = capsys.readouterr().err
    assert "It went wrong." in told
    assert "hunter2" not in told.replace('fail_with("hunter2")', "").replace('fail_with(\\"hunter2\\")', "")


def test_an_exception_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        fail_with("hunter2")
    except ValueError:
        structlog.get_logger().exception("A step failed.")
    (line,) = lines(capsys)
    assert "ValueError: It went wrong." in str(line["exception"])


def test_a_person_gets_text_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BRIDGE_LOG_FORMAT", "text")
    logs.configure()
    structlog.get_logger().info("Event stored.", action="stored")
    told = capsys.readouterr().err
    assert "Event stored." in told
    assert not told.lstrip().startswith("{")


def test_libraries_that_chatter_are_heard_from_warnings_on(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    for name in logs.QUIET:
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble")
    assert [line["message"] for line in lines(capsys)] == ["trouble"] * len(logs.QUIET)


def test_being_configured_twice_does_not_double_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logs.configure()
    structlog.get_logger().info("Once.")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("failure", [OSError("disk full"), ValueError("closed")])
def test_a_log_that_cannot_be_written_stops_nobody(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise failure

    monkeypatch.setattr(sys, "stderr", Full())
    logs.configure()
    structlog.get_logger().warning("Lost.")


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(logging.WARNING)
    structlog.get_logger().info("Quiet.")
    structlog.get_logger().warning("Loud.")
    assert [line["message"] for line in lines(capsys)] == ["Loud."]
