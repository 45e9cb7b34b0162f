"""The bridge as a system under test: the lines of its Procfile, its own command line, its tables and its checker."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence

from cryptography.fernet import Fernet
from sqlalchemy import Engine, func, select

from shared.database.engine import make_engine, make_sessions
from shared.database.tables.accounts import InstrumentRow
from shared.database.tables.events import EventRow
from shared.domain import FINISHED, EventState, Leg, SignalEvent
from shared.keys import client_order_id, event_key
from tests.chaos import score
from tests.chaos.program import ROOT
from tests.chaos.stage import ACCOUNT, START_SECONDS, THREADS, WORKERS, Stage, await_ok, procfile
from tests.chaos.systems import Verdict
from tests.support.eventually import eventually
from tests.support.judge.observed import Exchange
from tests.support.judge.verdict import check
from tools.local import preparation

SETTINGS = {
    "BRIDGE_RESPONSE_WAIT_SECONDS": "1",
    "BRIDGE_LEASE_SECONDS": "5",
    "BRIDGE_SWEEP_INTERVAL_SECONDS": "1",
    "BRIDGE_REORDER_GRACE_SECONDS": "2",
    "BRIDGE_OPEN_MAX_AGE_SECONDS": "600",  # nothing expires here: what comes late is to be executed late
    "BRIDGE_LOG_FORMAT": "json",
    "WORKER_CONCURRENCY": str(THREADS),
}


class Bridge:
    """This project."""

    name = "proquant-bridge"
    with_postgres = True

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._secrets: list[str] = []

    def start(self, stage: Stage) -> str:
        assert stage.postgres is not None
        key = Fernet.generate_key().decode()
        urls = {"DATABASE_URL": stage.postgres.url, "REDIS_URL": stage.redis.url, "PORT": str(stage.port)}
        environment = stage.environment({**SETTINGS, **urls, "BRIDGE_SECRET_KEY": key})
        preparation.migrate(environment)
        token = _open_account(environment, stage)
        self._secrets = [key, token]
        self._engine = make_engine(stage.postgres.url)
        stage.add("receiver", procfile("receiver"), environment)
        for number in range(1, WORKERS + 1):
            stage.add(f"worker-{number}", procfile("worker"), environment)
        await_ok(f"http://127.0.0.1:{stage.port}/readyz")
        eventually(self._has_instruments, timeout=START_SECONDS, interval=0.1)
        return token

    def ids(self, event: SignalEvent) -> Mapping[str, str]:
        of = (ACCOUNT, event.strategy_id, event.proquant_position_id, event_key(event))
        return {leg: client_order_id(*of, leg, 0) for leg in _legs(event)}

    def has_settled(self, stage: Stage, answered: Sequence[SignalEvent]) -> bool:
        return not any(self._states()[state] for state in EventState if state not in {*FINISHED, EventState.PARKED})

    def verdict(
        self, stage: Stage, token: str, history: Sequence[Exchange], answered: Sequence[SignalEvent]
    ) -> Verdict:
        assert self._engine is not None
        states = self._states()
        with make_sessions(self._engine)() as session:
            rows = {row.key: row for row in session.scalars(select(EventRow))}
            violations = check(session, stage.books, history, secrets=self._secrets)
        self._engine.dispose()
        unfinished = sum(states[state] for state in EventState if state not in {*FINISHED, EventState.PARKED})
        lost = [event for event in answered if event_key(event) not in rows]
        done = [event for event in answered if event_key(event) in rows and rows[event_key(event)].state == "done"]
        return Verdict(
            lost=[*lost, *score.lost(done, stage.books.accepted(ACCOUNT), self._needed)],
            outcomes=dict(Counter(_outcome(row) for row in rows.values())),
            unfinished=unfinished,
            parked=states[EventState.PARKED],
            violations=violations,
        )

    def _needed(self, event: SignalEvent) -> Mapping[str, str]:
        """Of an event that is done. What a REOPEN closes depends on what was held: the checker's model knows that."""
        leg = Leg.CLOSE if event.type == "SIGNAL_CLOSE" else Leg.OPEN
        return {leg: self.ids(event)[leg]}

    def _states(self) -> Counter[str]:
        assert self._engine is not None
        with make_sessions(self._engine)() as session:
            found = session.execute(select(EventRow.state, func.count()).group_by(EventRow.state)).all()
        return Counter({str(state): count for state, count in found})

    def _has_instruments(self) -> None:
        assert self._engine is not None
        with make_sessions(self._engine)() as session:
            assert session.scalar(select(func.count()).select_from(InstrumentRow)), "no instruments yet"


def _legs(event: SignalEvent) -> tuple[Leg, ...]:
    legs = {"SIGNAL_OPEN": (Leg.OPEN,), "SIGNAL_CLOSE": (Leg.CLOSE,), "SIGNAL_REOPEN": (Leg.CLOSE, Leg.OPEN)}
    return legs[event.type]


def _outcome(row: EventRow) -> str:
    detail = {"refused": row.error_type, "skipped": row.reason}.get(row.state)
    return f"{row.state}: {detail}" if detail else row.state


def _open_account(environment: Mapping[str, str], stage: Stage) -> str:
    settings = ("--setting", f"url={stage.broker_url}", "--setting", f"dedupe={stage.dedupe}")
    command = (str(preparation.BRIDGE), "accounts", "create", ACCOUNT, "--broker", "tests.chaos.adapter:make")
    made = subprocess.run(
        [*command, *settings, "--json"], cwd=ROOT, env=dict(environment), check=True, stdout=subprocess.PIPE, text=True
    )
    return str(json.loads(made.stdout)["token"])
