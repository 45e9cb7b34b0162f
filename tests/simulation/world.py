"""One world: a story told to the real receiver, executed by the real worker and sweep, under a seeded scheduler."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.fernet import Fernet
from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError

from receiver.answer_log import FLUSH_SECONDS, AnswerLog
from receiver.transport.request import WebhookRequest
from receiver.webhook import ReceiverContext, receive
from shared.domain import AccountId, EventId, SignalEvent
from shared.proquant.answers import Reply
from shared.proquant.request import signal_body
from tests.simulation import database
from tests.simulation.books import Books
from tests.simulation.broker import SimulatedBroker
from tests.simulation.faults import Fault, Faults
from tests.simulation.scheduler import Death, Scheduler
from tests.simulation.stories import BEGINNING, Delivery, Story
from workers.brokers.base import Dedupe
from workers.execution.context import WorkerContext
from workers.execution.run import execute_event

WORKERS = 3
LONGEST_SECONDS = 7200.0
MOST_STEPS = 15_000
SECRET_KEY = Fernet.generate_key().decode()
DEATHS = {"worker": Fault.WORKER_DEATH, "receiver": Fault.RECEIVER_DEATH, "sweep": Fault.SWEEP_DEATH}
OPEN_WORK = text(
    "SELECT count(*) FROM events e WHERE state IN ('received', 'executing', 'waiting') AND NOT (type <> 'SIGNAL_CLOSE'"
    " AND EXISTS (SELECT FROM events p WHERE p.strategy = e.strategy AND p.state = 'parked'))"
    " OR error_type IS NOT NULL AND NOT refusal_told"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the seed chose for this world. Times in seconds."""

    dedupe: Dedupe
    settle: float
    grace: float
    max_age: float
    wait: float
    sweep: float
    lease: float
    lateness: float
    likelihood: float
    budget: int
    stickiness: float
    fixed_hours: bool
    marks: bool
    refuses_known: bool


@dataclass(slots=True)
class Answer:
    """What ProQuant heard to one delivery, and when; None when the receiver died.

    `lost_commits`: how many failed meanwhile.
    """

    by: str
    event: SignalEvent
    at: float
    reply: Reply | None
    lost_commits: int = 0
    ended: float = 0.0


@dataclass
class World:
    """Everything that was there and what happened in it, for the oracle to judge. `answered`: of its receivers."""

    seed: int
    rules: Rules
    stories: list[Story]
    scheduler: Scheduler
    faults: Faults
    books: Books
    account: AccountId
    token: str
    engine: Engine
    broker: SimulatedBroker = field(init=False)
    desk: ReceiverContext = field(init=False)
    answered: AnswerLog = field(init=False)
    bench: WorkerContext = field(init=False)
    answers: list[Answer] = field(default_factory=list)
    bells: list[EventId] = field(default_factory=list)
    announced: set[EventId] = field(default_factory=set)
    rang: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    pauses: random.Random = field(default_factory=random.Random)
    called: int = 0
    busy: int = 0
    started: int = 0
    undelivered: int = 0
    resting: bool | None = None

    def boundary(self, label: str, seconds: float = 0.0) -> None:
        """An edge where control may pass to another, and where an actor may die or be held for long."""
        self.scheduler.note(label)
        kind = self.scheduler.current.split()[0]
        kinds = (DEATHS[kind], Fault.PAUSE) if kind == "worker" else (DEATHS[kind],)
        fault = self.faults.draw(kinds, _weight(kind, label))
        if fault is Fault.PAUSE:
            seconds += self.pauses.choice((20.0, 44.0, 44.0, 70.0, 200.0))
            self.scheduler.note(f"PAUSED until {self.scheduler.now + seconds:.3f}")
        elif fault is not None:
            self.scheduler.note("DIES")
            raise Death(label)
        self.scheduler.pause(seconds)

    def commit_fault(self) -> Fault | None:
        """What goes wrong with the commit of the transaction that begins.

        It is likelier where a receiver that has rung notes that it answers 200: once a signal at most, and a refusal
        that is not told hangs on it.
        """
        fault = self.faults.draw(database.COMMIT_FAULTS, 3.0 if self.scheduler.current in self.rang else 0.5)
        if fault is not None:
            self.scheduler.note(fault.upper())
            for answer in self.answers:
                answer.lost_commits += answer.by == self.scheduler.current
        return fault

    def time(self) -> str:
        """The virtual time as PostgreSQL reads it."""
        return self.now().isoformat()

    def now(self) -> datetime:
        """The virtual time (UTC)."""
        return BEGINNING + timedelta(seconds=self.scheduler.now)

    def ring(self, event: EventId) -> bool:
        """A doorbell: it may be lost, and it may ring twice."""
        fault = self.faults.draw((Fault.BELL_LOST, Fault.BELL_DOUBLE), 0.5)
        self.scheduler.note(f"rings {event}{f' ({fault})' if fault else ''}")
        if self.scheduler.current.startswith("receiver"):
            self.rang.add(self.scheduler.current)
        self.bells += {None: [event], Fault.BELL_LOST: [], Fault.BELL_DOUBLE: [event, event]}[fault]
        self.answer_doors()
        return True

    def answer_doors(self) -> None:
        """Idle workers take doorbells, the oldest first."""
        while self.bells and self.busy < WORKERS:
            event = self.bells.pop(0)
            self.busy += 1
            self.started += 1
            self.scheduler.spawn(f"worker {self.started}", lambda event=event: self._work(event))  # type: ignore[misc]

    def _work(self, event: EventId) -> None:
        try:
            execute_event(self.bench, event)
        except (OperationalError, InterfaceError) as error:
            self.scheduler.note(f"task fails: {error.orig}")
        finally:
            self.busy -= 1
            self.answer_doors()

    def wake(self, event: EventId, at: datetime) -> None:
        """An alarm: it may be lost."""
        if self.faults.draw((Fault.ALARM_LOST,), 0.5) is None:
            self.scheduler.at((at - BEGINNING).total_seconds(), lambda: void(self.ring(event)))

    def note_answer(self, event: EventId, reply: Reply) -> None:
        """It is written down a moment later, if the receiver lives as long."""
        self.answered.note(event, reply)
        self.scheduler.note(f"notes {reply.status} for {event}")
        self._write_answers_soon()

    def _write_answers_soon(self) -> None:
        when = self.scheduler.now + FLUSH_SECONDS
        self.scheduler.at(when, lambda: self.scheduler.spawn("receiver answers", self._write_answers))

    def _write_answers(self) -> None:
        try:
            self.answered.flush()
        except OperationalError as error:
            self.scheduler.note(f"answers are not written: {error.orig}")
            self._write_answers_soon()

    def announce(self, event: EventId) -> None:
        """An outcome is known: it may not be heard."""
        self.boundary(f"announces {event}")
        if self.faults.draw((Fault.ANNOUNCEMENT_LOST,), 0.5) is None:
            self.announced.add(event)

    def deliver(self, delivery: Delivery, again: bool = True) -> None:
        """One call of ProQuant. A call that broke is made once more, in half of the cases."""
        answer = Answer(self.scheduler.current, delivery.event, self.scheduler.now, None)
        self.answers.append(answer)
        try:
            answer.reply = receive(self.desk, _call(delivery.event, self.token))
            answer.ended = self.scheduler.now
            self.scheduler.note(f"answers {answer.reply.status} {answer.reply.body.decode()[:60]}")
        finally:
            self.undelivered -= 1
            if (answer.reply is None or answer.reply.status == 503) and again and self.pauses.random() < 0.7:
                self.expect(Delivery(self.scheduler.now + self.pauses.choice((0.5, 20.0)), delivery.event), again=False)

    def expect(self, delivery: Delivery, again: bool = True) -> None:
        """Plans a delivery."""
        self.undelivered += 1
        event = delivery.event
        self.called += 1
        name = f"receiver {self.called} {event.strategy_id} {event.type.removeprefix('SIGNAL_')}"
        self.scheduler.at(delivery.at, lambda: self.scheduler.spawn(name, lambda: self.deliver(delivery, again)))

    def run(self) -> None:
        """Runs until nothing is left to do, or until it is plain that there always will be."""
        while self.scheduler.step():
            if self.scheduler.now > LONGEST_SECONDS or self.scheduler.steps > MOST_STEPS:
                self.problems.append("I2: the world does not come to rest")
                break
            if not self.scheduler.actors and not self.bells and not self.undelivered and self.nothing_is_due():
                break
        self.scheduler.end()
        self.problems += [f"{name} raised {type(e).__name__}: {e}" for name, e in self.scheduler.failures]

    def changed(self) -> None:
        """A transaction of one of the processes is about to be committed."""
        self.resting = None

    def nothing_is_due(self) -> bool:
        """Whether every stored event waits for a person, or is finished and told. Asked again only after a commit."""
        if self.resting is None:
            with self.engine.connect() as connection:
                self.resting = connection.execute(OPEN_WORK).scalar() == 0
        return self.resting


def _weight(kind: str, label: str) -> float:
    """Faults are likelier where they hurt most: between an intent and its send, and between an order and its answer."""
    if kind != "worker":
        return 0.1
    return 1.0 if label.startswith(("hears", "sends")) else 0.4 if label == "worker committed" else 0.2


def void(_: object) -> None:
    """Drops a value."""


def _call(event: SignalEvent, token: str) -> WebhookRequest:
    return WebhookRequest(f"Bearer {token}", "application/json", "", "127.0.0.1", lambda: signal_body(event))
