"""The records of decisions: the index says what they say, speed has its figure, every link leads somewhere."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

from tests.architecture import code
from tests.benchmarks.limits import LIMITS

FOLDER = code.ROOT / "docs" / "decisions"
INDEX = FOLDER / "README.md"
SPEED = "Speed"
_HEAD = re.compile(
    r"# (?P<number>\d{4})\. (?P<title>[^\n]+)\n\n"
    r"- Date: (?P<date>\d{4}-\d\d-\d\d)\n"
    r"- State: (?P<state>accepted|removed|superseded by \d{4})\n"
    r"- Subject: (?P<subject>[^\n]+)\n"
    r"(?:- Figure: (?P<figure>.+?)\n)?"
    r"(?:- Command: (?P<command>[^\n]+)\n)?"
    r"\n## Context\n\n.+\n\n## Decision\n\n.+\n\n## Why\n\n.+\n",
    re.DOTALL,
)
_ROW = re.compile(r"\| \[(\d{4})\]\(([^)]+)\) \| (.+?) \| (accepted|removed|superseded by \d{4}) \|(?: (.+) \|)?")


@dataclass(frozen=True)
class Record:
    """What the head of a record says."""

    file: str
    number: str
    title: str
    date: str
    state: str
    subject: str
    figure: str | None
    command: str | None


def test_every_record_has_the_form_of_a_record() -> None:
    assert [path.name for path in _files() if not _HEAD.fullmatch(path.read_text())] == []


def test_the_number_of_a_record_is_that_of_its_file_and_none_is_left_out() -> None:
    records = _records()
    assert [record.file[:5] for record in records] == [f"{record.number}-" for record in records]
    assert [int(record.number) for record in records] == list(range(1, len(records) + 1))


def test_the_index_lists_every_record_under_its_subject_with_its_title_state_and_figure() -> None:
    said = {
        (record.subject, record.number, record.file, record.title, record.state, record.figure) for record in _records()
    }
    assert set(_index()) == said
    assert len(list(_index())) == len(said)


def test_a_speed_record_has_a_figure_and_the_command_that_measures_it() -> None:
    """And no other record has: what is justified by a figure is about speed."""
    for record in _records():
        if record.subject == SPEED:
            assert re.search(r"\d", record.figure or ""), record.file
            command = re.fullmatch(r"`python -m (tests\.[\w.]+)( [^`]+)?`", record.command or "")
            assert command, record.file
            assert find_spec(command[1]), f"{record.file}: {command[1]} is no module"
            only = re.search(r"--only (\S+)", command[2] or "")
            assert set(only[1].split(",") if only else ()) <= set(LIMITS), f"{record.file}: no such figure"
        else:
            assert (record.figure, record.command) == (None, None), record.file


def test_the_date_of_a_record_is_a_day() -> None:
    for record in _records():
        date.fromisoformat(record.date)


def test_what_supersedes_a_record_exists_and_is_later() -> None:
    numbers = {record.number for record in _records()}
    for record in _records():
        if record.state.startswith("superseded"):
            assert record.number < record.state[-4:] in numbers, record.file


def test_every_link_of_the_records_leads_to_a_file() -> None:
    assert [
        f"{path.name}: {target}"
        for path in (INDEX, *_files())
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ] == []


def test_every_file_that_an_accepted_record_names_exists() -> None:
    assert [
        f"{record.file}: {name}"
        for record in _records()
        if record.state == "accepted"
        for name in re.findall(r"`([a-z_]+/[\w./-]+\.[a-z]+)`", (FOLDER / record.file).read_text())
        if not (code.ROOT / name).exists()
    ] == []


def test_every_record_that_code_tests_or_pages_name_exists() -> None:
    """By its path from the project's root, as a docstring has it."""
    pages = [code.ROOT / "README.md", *(code.ROOT / "docs").rglob("*.md")]
    assert [
        f"{code.name(path)}: {named}"
        for path in (*code.product(), *code.tests(), *pages)
        for named in re.findall(r"docs/decisions[\w./-]*\w", path.read_text())
        if not (code.ROOT / named).exists()
    ] == []


def _files() -> list[Path]:
    found = sorted(set(FOLDER.glob("*.md")) - {INDEX})
    assert found
    return found


def _records() -> list[Record]:
    return [_record(path) for path in _files()]


def _record(path: Path) -> Record:
    head = _HEAD.match(path.read_text())
    assert head, f"{path.name} has not the head of a record"
    said = head.groupdict()
    figure = said.pop("figure")
    return Record(file=path.name, figure=" ".join(figure.split()) if figure else None, **said)


def _index() -> Iterator[tuple[str, str, str, str, str, str | None]]:
    """Each row of the index, with the heading that it stands under."""
    subject = ""
    for line in INDEX.read_text().splitlines():
        if line.startswith("## "):
            subject = line.removeprefix("## ")
        elif line.startswith("| ["):
            row = _ROW.fullmatch(line)
            assert row, f"The index has an odd row: {line}"
            number, file, title, state, figure = row.groups()
            yield subject, number, file, title, state, figure
