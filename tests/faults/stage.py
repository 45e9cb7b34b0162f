"""Plays one story with a receiver and a worker of its own, one of which may die at a point; the other lives on.

The stage is ProQuant, the queue and the passing of time: it delivers again what it got no answer to, loses the
doorbells of a worker that dies, ends the leases and sends of the dead, and lets the worker sweep when something is due.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from sqlalchemy import delete, text

from shared.accounts import accounts, instruments
from shared.database.engine import Sessions
from shared.database.schema import Base
from shared.domain import Event
from shared.proquant.request import signal_body
from tests.faults import processes
from tests.faults.points import Moment
from tests.faults.processes import Role
from tests.faults.scenarios import Scenario
from tests.support.judge.observed import Answer, BrokerCall, Exchange
from workers.brokers.paper.catalogue import LISTINGS, Hours
from workers.brokers.paper.tables import PaperBase

GRACE_SECONDS = 0.25
DELIVERIES = 5  # how often ProQuant delivers what it gets no answer to
QUIET_SECONDS = 0.03  # nothing was said for so long: whoever could ring has rung
PATIENCE_SECONDS = 90.0
FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["pytest", "tests.faults.crash_points", "tests.faults.loaded"])

DUE = text(
    "SELECT count(*) FROM events e JOIN strategies s ON s.id = e.strategy JOIN accounts a ON a.id = e.account_id"
    " WHERE a.name = :account AND e.state IN ('received', 'executing', 'waiting')"
    " AND (e.next_attempt_at IS NULL OR e.next_attempt_at <= clock_timestamp())"
    " AND (s.lease_until IS NULL OR s.lease_until < clock_timestamp())"
)
LEFT = text(
    "SELECT count(*) FROM events e JOIN accounts a ON a.id = e.account_id"
    " WHERE a.name = :account AND e.state IN ('received', 'executing', 'waiting')"
)
LEASES_END = text(
    "UPDATE strategies SET lease_until = clock_timestamp() - interval '1 ms' WHERE lease_until IS NOT NULL"
    " AND account_id = (SELECT id FROM accounts WHERE name = :account)"
)
SENDS_END = text(
    "UPDATE orders SET in_flight_until = clock_timestamp() WHERE in_flight_until > clock_timestamp() AND event_id IN"
    " (SELECT e.id FROM events e JOIN accounts a ON a.id = e.account_id WHERE a.name = :account)"
)
TABLES = [*Base.metadata.sorted_tables, *PaperBase.metadata.sorted_tables]


class Stuck(Exception):
    """Nothing happened for a long time."""


# Whenever a process starts, Python (3.11.2) looks at all others, and trips over one that another lane is closing.
_COUNTING_CHILDREN = threading.Lock()


@dataclass(frozen=True)
class Place:
    """Where stories are played: a database of its own, and the key that its accounts' settings are encrypted with."""

    sessions: Sessions
    database_url: str
    secret_key: str


@dataclass(frozen=True)
class Death:
    """Which process dies, and at which of its points."""

    process: str
    point: Moment


@dataclass
class Actor:
    """One of the two processes."""

    name: str
    role: Role
    process: Any = None
    line: Any = None

    def start(self, die_at: Moment | None) -> None:
        ours, theirs = FORKS.Pipe()
        role = Role(**{**self.role.__dict__, "die_at": die_at})
        self.process = FORKS.Process(target=getattr(processes, self.name), args=(theirs, role), daemon=True)
        with _COUNTING_CHILDREN:
            self.process.start()
        theirs.close()
        self.line = ours

    def say(self, *words: object) -> None:
        with suppress(OSError):  # it has just died: it hears nothing, and what it would have heard is lost
            self.line.send(words)

    def stop(self) -> int | None:
        """Ends the process without a word; returns its exit code, or None where it had been ended before."""
        if self.process is None:
            return None
        self.line.close()
        self.process.join(0.01)
        self.process.kill()
        self.process.join()
        code: int | None = self.process.exitcode
        with _COUNTING_CHILDREN:
            self.process.close()
        self.process = None
        return code


@dataclass
class Stage:
    """One story in the course of being played."""

    place: Place
    account: str
    token: str
    actors: dict[str, Actor]
    history: list[Exchange] = field(default_factory=list)
    calls: list[BrokerCall] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)
    dying: str = ""
    busy: int = 0
    withheld: bool = False
    rings: list[int] = field(default_factory=list)
    replies: list[tuple[Any, ...]] = field(default_factory=list)

    def play(self, scenario: Scenario) -> None:
        """Delivers all of the story, and lets the bridge come to rest."""
        for delivery in scenario.deliveries:
            self.withheld = delivery.unheard
            self.deliver(delivery.event)
            self._let_ring()
        self.rest()

    def encore(self, scenario: Scenario) -> None:
        """Delivers each event once more, when nobody dies any longer: it gets the answer that it has."""
        for actor in self.actors.values():
            actor.say("disarm")
            self._until("disarmed")
        for event in dict.fromkeys(delivery.event for delivery in scenario.deliveries):
            self.deliver(event)
        self.rest()

    def points(self, process: str) -> list[str]:
        """The points that the process has passed."""
        self.actors[process].say("report")
        names: list[str] = self._until("passed")[1]
        return names

    def deliver(self, event: Event) -> None:
        """Delivers the event until it is answered."""
        body = signal_body(event, {"webhook": {"headers": {"Authorization": f"Bearer {self.token}"}}})
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        for _ in range(DELIVERIES):
            began = time.monotonic()
            self.actors["receiver"].say("deliver", body, headers)
            reply = self._until("answer", "died receiver")
            answer = Answer(*reply[1:]) if reply[0] == "answer" else None
            self.history.append(Exchange(self.account, event, answer, began, time.monotonic()))
            if answer is not None:
                return
        raise Stuck(f"{event} got no answer in {DELIVERIES} deliveries")

    def rest(self) -> None:
        """Returns when every event has ended or is parked, and nobody is at work."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.busy or self._count(LEFT):
            self._hear()
            if time.monotonic() > deadline:
                return  # the checker says what did not end

    def _until(self, *words: str) -> tuple[Any, ...]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            for reply in self.replies:
                if reply[0] in words:
                    self.replies.remove(reply)
                    return reply
            if time.monotonic() > deadline:
                raise Stuck(f"nobody said any of {words}; points passed so far are lost")
            self._hear()

    def _hear(self) -> None:
        """Hears what is said next; when all is quiet and something is due, lets the worker sweep."""
        lines: dict[Connection, Actor] = {actor.line: actor for actor in self.actors.values()}
        ready = wait(list(lines), QUIET_SECONDS)
        if not ready:
            if not self.busy and self._count(DUE):
                self._employ("sweep")
            return
        for line in ready:
            actor = lines[line]  # type: ignore[index]  # it is one of those that were waited for
            try:
                message = actor.line.recv()
            except (EOFError, OSError):
                self._bury(actor)
                continue
            self._take(*message)

    def _take(self, word: str, *rest: Any) -> None:
        match word:
            case "ring" if self.withheld:
                self.rings.append(rest[0])
            case "ring":
                self._employ("ring", rest[0])
            case "announce":
                self.actors["receiver"].say("announce", rest[0])
            case "idle":
                self.busy -= 1
            case "dying":
                self.dying = rest[0]
                self.deaths.append(rest[0])
            case "call":
                self.calls.append(BrokerCall(*rest))
            case _:
                self.replies.append((word, *rest))

    def _employ(self, *words: object) -> None:
        self.busy += 1
        self.actors["worker"].say(*words)

    def _let_ring(self) -> None:
        self.withheld = False
        for event in self.rings:
            self._employ("ring", event)
        self.rings.clear()

    def _bury(self, actor: Actor) -> None:
        """A process has died: another one takes its place, and time passes until its leases and sends have ended."""
        code = actor.stop()
        if not self.dying:
            raise Stuck(f"the {actor.name} ended with code {code}, and not at its point")
        self.dying = ""
        actor.start(None)
        if actor.name == "worker":
            self.busy = 0
            with self.place.sessions.begin() as session:
                session.execute(LEASES_END, {"account": self.account})
                session.execute(SENDS_END, {"account": self.account})
        self.replies.append((f"died {actor.name}",))

    def _count(self, question: Any) -> int:
        with self.place.sessions() as session:
            found: int = session.execute(question, {"account": self.account}).scalar_one()
        return found


@contextmanager
def staged(
    place: Place, account: str, scenario: Scenario, broker: dict[str, str], death: Death | None = None
) -> Iterator[Stage]:
    """A stage for one story: a fresh account, a receiver and a worker, one of which will die."""
    token = _open_account(place, account, {**broker, "script": scenario.script})
    role = Role(place.database_url, place.secret_key, scenario.wait, GRACE_SECONDS, None)
    actors = {name: Actor(name, role) for name in ("receiver", "worker")}
    for name, actor in actors.items():
        actor.start(death.point if death is not None and death.process == name else None)
    try:
        yield Stage(place, account, token, actors)
    finally:
        for actor in actors.values():
            actor.stop()


def clear(place: Place) -> None:
    """Forgets the story: what it has left unfinished must not disturb the next one, nor its rows slow the checker."""
    with place.sessions.begin() as session:
        for table in reversed(TABLES):
            session.execute(delete(table))


def _open_account(place: Place, name: str, settings: dict[str, str]) -> str:
    chosen = {"database_url": place.database_url, "hours": "always", **settings}
    with place.sessions.begin() as session:
        account, token = accounts.create(session, name, "paper", chosen, Decimal(1), place.secret_key)
        instruments.replace(session, account, [LISTINGS["XAUUSD"].instrument(Hours.ALWAYS)])
    return token
