"""Builds the world of a seed: the real desk and workbench over virtual time, and the sweeps of its workers."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError

from receiver.answer_log import AnswerLog
from receiver.authentication import AccountCache, Throttle
from receiver.precheck import InstrumentCache
from receiver.protocol_versions import VersionLog
from receiver.webhook import ReceiverContext
from shared.accounts import accounts, instruments
from shared.accounts.instrument import TradingHours
from shared.database.engine import Sessions, make_sessions
from shared.domain import EventId
from tests.simulation import database, stories
from tests.simulation.books import Books
from tests.simulation.broker import SimulatedBroker
from tests.simulation.database import WatchedSessions
from tests.simulation.faults import Faults
from tests.simulation.scheduler import Scheduler
from tests.simulation.world import SECRET_KEY, Rules, World, void
from workers.brokers.base import Dedupe
from workers.execution.context import WorkerContext
from workers.sweep import untold_refusals
from workers.sweep.duties import DutiesFailed
from workers.sweep.sweeper import Sweeper

RETRY_SECONDS = 0.5  # in place of the jittered wait of the retries, which would not replay


class VirtualWaiting:
    """Stands for `receiver.outcome_waiter.OutcomeWaiter`, in virtual time."""

    def __init__(self, world: World) -> None:
        self._world = world

    @contextmanager
    def place(self, event: EventId) -> Iterator[EventId]:
        yield event

    def until(self, event: EventId, seconds: float) -> Iterator[None]:
        scheduler = self._world.scheduler
        deadline = scheduler.now + seconds
        while scheduler.now < deadline:
            self._world.boundary("waits", min(1.0, deadline - scheduler.now))
            yield None
            if event in self._world.announced:
                return


class VirtualDoorbell:
    """Stands for `shared.queue.doorbell.Doorbell`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def ring(self, *events: EventId) -> bool:
        heard = [self._heard(event) for event in events]
        return all(heard)

    def _heard(self, event: EventId) -> bool:
        self._world.boundary(f"is about to ring {event}")
        return self._world.ring(event)


def build(seed: int, engine: Engine) -> World:
    """The world of this seed, with its account, about to begin."""
    rng = random.Random(seed)
    rules = _rules(rng)
    scheduler = Scheduler(random.Random(rng.random()), rules.stickiness)
    faults = Faults(random.Random(rng.random()), rules.likelihood, rules.budget)
    count = rng.choice((1, 1, 1, 1, 2, 3))
    told = [stories.tell(rng, f"s{number}", rules.lateness) for number in range(count)]
    plain = make_sessions(engine)
    database.wipe(engine)
    with plain.begin() as session:
        account, token = accounts.create(session, f"world-{seed}", "simulated", {}, Decimal(1), SECRET_KEY)
    world = World(seed, rules, told, scheduler, faults, Books(rules.dedupe), account, token, engine)
    world.pauses = random.Random(rng.random())
    _furnish(world, plain, random.Random(rng.random()))
    return world


def _rules(rng: random.Random) -> Rules:
    return Rules(
        dedupe=rng.choice(list(Dedupe)),
        settle=rng.choice((0.0, 2.0, 10.0, 10.0)),
        grace=rng.choice((0.0, 2.0, 10.0)),
        max_age=rng.choice((300.0, 300.0, 30.0)),
        wait=rng.choice((0.0, 5.0)),
        sweep=rng.choice((3.0, 10.0, 30.0)),
        lease=60.0,
        lateness=rng.choice((0.0, 0.0, 1.5, 30.0, 400.0)),
        likelihood=rng.choice((0.0, 0.02, 0.06, 0.15)),
        budget=rng.choice((1, 3, 8, 20)),
        stickiness=rng.choice((0.0, 0.5, 0.9)),
        fixed_hours=rng.random() < 0.6,
        marks=rng.random() < 0.4,
        refuses_known=rng.random() < 0.4,
    )


def _furnish(world: World, plain: Sessions, rng: random.Random) -> None:
    rules, scheduler = world.rules, world.scheduler
    world.broker = SimulatedBroker(rng, scheduler, world.faults, world.books, rules.settle, rules.marks, world.boundary)
    world.broker.refuses_known = rules.refuses_known
    world.broker.hours = TradingHours(((0, 7 * 24 * 60),)) if rules.fixed_hours else None
    with plain.begin() as session:
        instruments.replace(session, world.account, world.broker.instruments())
    worker_sessions: Sessions = WatchedSessions(world.engine, world, "worker")  # type: ignore[assignment]
    world.bench = WorkerContext(
        sessions=worker_sessions,
        owner=lambda: scheduler.current,
        broker=lambda _: world.broker,
        announce=world.announce,
        wake=world.wake,
        stopping=lambda: False,
        lease=rules.lease,
        open_max_age=rules.max_age,
        reorder_grace=rules.grace,
        clock=lambda _: world.now(),
        monotonic=lambda: scheduler.now,
        jitter=rng.random,
        pause=lambda _: scheduler.pause(RETRY_SECONDS),
    )
    receiver_sessions: Sessions = WatchedSessions(world.engine, world, "receiver")  # type: ignore[assignment]
    world.answered = AnswerLog(receiver_sessions, lambda: scheduler.now)
    world.desk = ReceiverContext(
        sessions=receiver_sessions,
        directory=AccountCache(plain, lambda: scheduler.now),
        throttle=Throttle(pause=void),
        instruments=InstrumentCache(plain, lambda: scheduler.now),
        versions=VersionLog(plain),
        doorbell=VirtualDoorbell(world),  # type: ignore[arg-type]
        waiting=VirtualWaiting(world),  # type: ignore[arg-type]
        wait=rules.wait,
        now=world.now,
        answered=world.note_answer,
    )
    for story in world.stories:
        for delivery in story.deliveries:
            world.expect(delivery)
    _begin_sweeps(world)


def _begin_sweeps(world: World) -> None:
    sessions: Sessions = WatchedSessions(world.engine, world, "sweep")  # type: ignore[assignment]

    def tell_untold_refusals() -> None:
        untold_refusals.alert_due(sessions, lambda _: world.now())

    sweepers = [
        Sweeper(
            sessions,
            world.ring,
            void,
            f"process {n}",
            world.rules.sweep,
            lambda _: world.now(),
            duties=(tell_untold_refusals,),
        )
        for n in (1, 2)
    ]

    def sweep(number: int) -> Callable[[], None]:
        def work() -> None:
            try:
                sweepers[number % 2].sweep()
            except (OperationalError, InterfaceError) as error:
                world.scheduler.note(f"sweep fails: {error.orig}")
            except DutiesFailed as failed:
                world.scheduler.note(f"sweep fails in part: {failed}")

        def begin() -> None:
            if not world.nothing_is_due():  # a sweep that can find nothing would only cost time
                world.scheduler.spawn(f"sweep {number}", work)
            world.scheduler.at(world.scheduler.now + world.rules.sweep, sweep(number + 1))

        return begin

    world.scheduler.at(world.rules.sweep, sweep(1))
