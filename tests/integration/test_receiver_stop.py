"""A real receiver process: what it answered in its last second is written down, and to nobody it answers nothing."""

import json
import os
import signal as signals
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from receiver.__main__ import STOP_SECONDS
from shared.accounts import accounts
from shared.database.engine import Sessions
from shared.database.tables.events import AnswerRow, EventRow
from shared.domain import EventId, SignalEvent
from shared.proquant.request import signal_body
from tests.acceptance.harness import free_port
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop

ROOT = Path(__file__).parents[2]
WEBHOOK = "/webhooks/proquant"


class Receiver:
    """One process of it, at a port of its own."""

    def __init__(self, workshop: WorkerHarness, process: "subprocess.Popen[bytes]", port: int, token: str) -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._process = process
        self._workshop = workshop

    def post(self, event: SignalEvent) -> int:
        url = f"http://127.0.0.1:{self.port}{WEBHOOK}"
        return httpx.post(url, content=signal_body(event), headers=self.headers, timeout=30).status_code

    def call_and_hang_up(self, event: SignalEvent) -> EventId:
        """Sends the event, and closes the connection as soon as it is stored."""
        body = signal_body(event)
        said = {**self.headers, "Host": "localhost", "Content-Length": str(len(body))}
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(f"POST {WEBHOOK} HTTP/1.1\r\n{head}\r\n".encode() + body)
            return eventually(self._stored)

    def stop(self) -> None:
        """Tells it to stop; it ends when all requests are answered."""
        self._process.send_signal(signals.SIGTERM)
        self._process.wait(STOP_SECONDS + 10)

    def _stored(self) -> EventId:
        with self._workshop.sessions() as session:
            (row,) = session.scalars(select(EventRow.id)).all() or (None,)
        assert row is not None
        return EventId(row)


@contextmanager
def running(workshop: WorkerHarness, database_url: str, redis_url: str, token: str, wait: float) -> Iterator[Receiver]:
    port = free_port()
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "BRIDGE_RESPONSE_WAIT_SECONDS": str(wait)}
    command = [sys.executable, "-m", "receiver", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdin=subprocess.DEVNULL)
    try:
        eventually(lambda: listens(port), 60)
        yield Receiver(workshop, process, port, token)
    finally:
        process.kill()
        process.wait()


def listens(port: int) -> None:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError as error:
        raise AssertionError("nobody listens") from error


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


@pytest.fixture
def token(workshop: WorkerHarness) -> str:
    with workshop.sessions.begin() as session:
        return accounts.rotate_token(session, "alice")


def test_what_was_answered_right_before_the_stop_is_written_down(
    workshop: WorkerHarness, database_url: str, redis_url: str, token: str
) -> None:
    close = signal("SIGNAL_CLOSE")
    event = workshop.arrives(close)
    workshop.run(event)
    with running(workshop, database_url, redis_url, token, wait=5) as receiver:
        assert receiver.post(close) == 409
        receiver.stop()
    assert told(workshop, event) == (["PositionNotFound"], True)


def test_who_has_hung_up_was_answered_nothing(
    workshop: WorkerHarness, database_url: str, redis_url: str, token: str
) -> None:
    with running(workshop, database_url, redis_url, token, wait=60) as receiver:
        event = receiver.call_and_hang_up(signal("SIGNAL_CLOSE"))
        workshop.run(event)
        receiver.stop()
    assert workshop.event(event).accepted_at is None, "it was waited for to its end"
    assert told(workshop, event) == ([], False)


def told(workshop: WorkerHarness, event: EventId) -> tuple[list[str], bool]:
    """The errors that were noted as answered, and whether the refusal counts as told."""
    with workshop.sessions() as session:
        bodies = session.scalars(select(AnswerRow.body).where(AnswerRow.event_id == event)).all()
    return [json.loads(body)["type"] for body in bodies], workshop.event(event).refusal_told
