"""A run that is up, through the eyes of its users: ProQuant, the operator, and whoever checks the books."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
from sqlalchemy import select

from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.tables.accounts import Account
from shared.database.tables.events import EventRow
from shared.domain import Event, SignalEvent
from shared.proquant.request import signal_body
from tests.acceptance.harness import Run
from tests.cli.runner import Cli
from tests.support import in_process_bridge
from tests.support.eventually import eventually
from tests.support.judge import verdict
from tests.support.judge.observed import Answer, Exchange, PaperBooks
from workers.brokers.paper import books
from workers.brokers.paper.books import AcceptedOrder

WEBHOOK = "/webhooks/proquant"
CANARY = "canary-in-a-header-c0ffee5eed"  # a secret of the user's own, which ProQuant echoes in every event
FINISHED = ("done", "refused", "skipped")


def signal(type_: str, position: str, **values: object) -> SignalEvent:
    """A signal of this moment: ten units of gold, bought by strategy s1, unless told otherwise."""
    return in_process_bridge.signal(type_, position, **{"timestamp_ms": time.time_ns() // 1_000_000, **values})


@dataclass(frozen=True, slots=True)
class Live:
    """A run, with a way to its HTTP server and one to its database."""

    run: Run
    http: httpx.Client
    sessions: Sessions

    def records(self, *arguments: str) -> list[dict[str, Any]]:
        """What a listing of the command line says."""
        found: list[dict[str, Any]] = json.loads(self.run.cli(*arguments, "--json"))
        return found

    def unfinished(self) -> list[tuple[object, ...]]:
        """Whatever still has to be done, of anybody's: account, id, type, state and why it waits."""
        with self.sessions() as session:
            rows = session.execute(
                select(EventRow.account_id, EventRow.id, EventRow.type, EventRow.state, EventRow.reason).where(
                    EventRow.state.not_in([*FINISHED, "parked"])
                )
            )
            return [tuple(row) for row in rows]

    def open_account(self, name: str, **settings: str) -> "Customer":
        """A new account on the paper broker, made with the command line; open at all hours unless told otherwise."""
        chosen = {"hours": "always", "balance": "10000000", **settings}
        pairs = [word for key, value in chosen.items() for word in ("--setting", f"{key}={value}")]
        made = Cli(self.run.entries()).json("accounts", "create", name, "--broker", "paper", *pairs)
        assert made.keys() == {"account", "token"}
        return Customer(self, made["account"], made["token"])

    def post(self, body: bytes, token: str | None, media_type: str = "application/json") -> httpx.Response:
        """Posts `body` as it is; without a token, without the header."""
        headers = {"Content-Type": media_type} | ({"Authorization": f"Bearer {token}"} if token else {})
        return self.http.post(WEBHOOK, content=body, headers=headers)

    def flower(self) -> httpx.Client:
        """Flower, logged in; to be closed."""
        login = ("bridge", (self.run.var / "flower.password").read_text())
        url = f"http://127.0.0.1:{self.run.flower_port}"
        return httpx.Client(base_url=url, auth=login, timeout=30, trust_env=False)


@dataclass(frozen=True, slots=True)
class Customer:
    """One account: what ProQuant sends it, and what became of that."""

    live: Live
    account: str
    token: str

    def body(self, event: Event) -> bytes:
        """The event as ProQuant sends it: with our token, and a secret of the user's own, in `integration`."""
        headers = {"Authorization": f"Bearer {self.token}", "x-canary": CANARY}
        webhook = {"url": f"{self.live.run.base_url}{WEBHOOK}", "headers": headers}
        return signal_body(event, {"name": self.account, "description": "acceptance", "webhook": webhook})

    def post(self, event: Event) -> httpx.Response:
        return self.live.post(self.body(event), self.token)

    def deliver(self, event: Event) -> Exchange:
        """The same, as the checker of the invariants wants to hear of it."""
        began = time.monotonic()
        response = self.post(event)
        answer = Answer(response.status_code, response.content, dict(response.headers))
        return Exchange(self.account, event, answer, began, time.monotonic())

    def rows(self) -> list[EventRow]:
        """The account's events, oldest first."""
        query = select(EventRow).join(Account, Account.id == EventRow.account_id).where(Account.name == self.account)
        with self.live.sessions() as session:
            return list(session.scalars(query.order_by(EventRow.id)))

    def orders(self) -> list[AcceptedOrder]:
        """What the broker's own books have accepted, in that order."""
        with self.live.sessions() as session:
            return books.accepted_orders(session, self.account)

    def trades(self) -> list[str]:
        """The broker's orders in short: side, quantity, position."""
        return [f"{order.side} {order.quantity.normalize():f} {order.proquant_position_id}" for order in self.orders()]

    def net(self) -> dict[str, Decimal]:
        """What the account holds at the broker."""
        with self.live.sessions() as session:
            return books.net_positions(session, self.account)

    def settled(self, count: int, timeout: float = 30.0) -> None:
        """Returns when there are `count` events, and all are finished."""

        def all_are_finished() -> None:
            states = [row.state for row in self.rows()]
            assert len(states) == count
            assert [state for state in states if state not in FINISHED] == []

        eventually(all_are_finished, timeout, interval=0.1)

    def violations(self, history: list[Exchange]) -> list[verdict.Violation]:
        """What is wrong with the account after these deliveries; an empty list is what every test wants."""
        with self.live.sessions() as session:
            return verdict.check(
                session, PaperBooks(session), history, limit=timedelta(0), secrets=[self.token, CANARY]
            )


@contextmanager
def looking_at(run: Run) -> Iterator[Live]:
    """Eyes on a run, for as long as it is up."""
    engine = make_engine(run.entries()["DATABASE_URL"], pool_size=4)
    with httpx.Client(base_url=run.base_url, timeout=30, trust_env=False) as http:
        yield Live(run, http, make_sessions(engine))
    engine.dispose()
