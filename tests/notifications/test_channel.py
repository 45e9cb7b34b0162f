"""Apprise in a process of its own: a real webhook takes a message, refuses it, is away, or never answers."""

import socket
import time

import pytest

from shared.alerts.channel import MessageNotSent, send
from shared.alerts.message import TEST
from tests.cli.server import serving


def test_a_webhook_takes_the_message() -> None:
    with serving() as server:
        send(server.url.replace("http://", "json://") + "/alerts", TEST)
    (asked,) = server.asked
    assert asked.path.rstrip("/") == "/alerts"
    assert TEST.subject.encode() in asked.body
    assert TEST.body.encode() in asked.body


def test_a_refusal_is_told_by_its_status_and_not_by_the_url() -> None:
    with serving() as server:
        server.status = 503
        with pytest.raises(MessageNotSent, match=r"^It answered with HTTP 503\.$"):
            send(server.url.replace("http://", "json://user:hunter2@") + "/secret", TEST)


def test_a_webhook_that_is_away_is_said_to_be() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets this port
        with pytest.raises(MessageNotSent, match="could not be reached"):
            send(f"json://127.0.0.1:{taken.getsockname()[1]}/hunter2", TEST)


def test_a_webhook_that_never_answers_is_left_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(MessageNotSent, match="did not answer within 2 seconds") as raised:
            send(f"json://127.0.0.1:{silent.getsockname()[1]}/hunter2?rto=60&cto=60", TEST, seconds=2)
        assert time.monotonic() - began < 10
    assert raised.value.__cause__ is None


def test_an_url_that_apprise_does_not_know_is_said_to_be() -> None:
    with pytest.raises(MessageNotSent, match="of no kind that Apprise knows"):
        send("nonsense://x", TEST)
