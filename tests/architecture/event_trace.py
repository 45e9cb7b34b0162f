"""`python -m tests.architecture.event_trace`: the files of ours that one signal passes, from the server to its outcome.

Reads the settings of a bridge whose database is migrated and empty. What is noted is each call of a function of ours.
"""

import asyncio
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from types import FrameType
from typing import Any

from sqlalchemy import select

from receiver.app import make_app
from receiver.transport.asgi import AsgiApp
from shared.accounts import accounts, instruments
from shared.config import Config, load
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.tables.events import EventRow
from shared.proquant.request import WEBHOOK_PATH, signal_body
from shared.queue.doorbell import EXECUTE_TASK
from tests.architecture import code
from tests.support.in_process_bridge import signal
from workers.app import make_worker
from workers.brokers.account_brokers import AccountBrokers

STAND_IN = "workers/brokers/paper/"  # what stands behind the contract is the broker's


def files_passed(config: Config) -> list[str]:
    """Those of the third of three signals: what is read once, and then known, is not of every signal."""
    sessions = make_sessions(make_engine(config.database_url))
    token = _open_account(sessions, config)
    served, worker = make_app(config), make_worker(config)
    passed: set[str] = set()
    for number in range(3):
        passed.clear()
        body = signal_body(signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number}"))
        with _noting(passed):
            status = asyncio.run(_post(served, token, body))
            worker.tasks[EXECUTE_TASK].run(_newest(sessions).id)
        if (status, _newest(sessions).state) != (200, "done"):
            raise RuntimeError("The signal was not executed.")
    return sorted(path for path in passed if not path.startswith(STAND_IN))


def _open_account(sessions: Sessions, config: Config) -> str:
    settings = {"database_url": config.database_url, "hours": "always"}
    with sessions.begin() as session:
        account, token = accounts.create(session, "alice", "paper", settings, Decimal(1), config.secret_key)
    adapters = AccountBrokers(sessions, config.secret_key)
    with sessions.begin() as session:
        instruments.replace(session, account, adapters.of(account).instruments())
    adapters.close()
    return token


def _newest(sessions: Sessions) -> EventRow:
    with sessions() as session:
        return session.scalars(select(EventRow).order_by(EventRow.id.desc()).limit(1)).one()


async def _post(served: AsgiApp, token: str, body: bytes) -> int:
    """The status of the answer, by what uvicorn calls."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": WEBHOOK_PATH,
        "query_string": b"",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")],
    }
    said: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        said.append(message)

    await served(scope, receive, send)
    return int(said[0]["status"])


@contextmanager
def _noting(passed: set[str]) -> Iterator[None]:
    """Notes the file of each function of ours that is called, in this thread and in those that begin meanwhile."""
    root = f"{code.ROOT}/"

    def note(frame: FrameType, what: str, _: object) -> None:
        name = frame.f_code.co_filename
        if what == "call" and frame.f_code.co_name != "<module>" and name.startswith(root):
            path = name.removeprefix(root)
            if path.split("/")[0] in code.PACKAGES:
                passed.add(path)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


if __name__ == "__main__":
    for path in files_passed(load()):
        print(path)  # noqa: T201  # this is what it is for
