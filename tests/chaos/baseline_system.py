"""The baseline as a system under test: two Celery workers behind Flask, served as the bridge is."""

import time
from collections.abc import Mapping, Sequence

from redis import Redis

from shared.domain import SignalEvent
from tests.chaos import score
from tests.chaos.stage import ACCOUNT, START_SECONDS, THREADS, WORKERS, Stage, await_ok, procfile
from tests.chaos.systems import Verdict
from tests.support.eventually import eventually
from tests.support.judge.observed import Exchange

LEGS = {"SIGNAL_OPEN": ("open",), "SIGNAL_CLOSE": ("close",), "SIGNAL_REOPEN": ("close", "open")}
QUIET_SECONDS = 75.0  # what Redis still has comes back after 30 seconds, what a task still tries after 8


class Baseline:
    """See `baseline.py`, which is the whole of it."""

    name = "Flask + Celery"
    with_postgres = False

    def __init__(self) -> None:
        self._orders = 0
        self._changed = 0.0

    def start(self, stage: Stage) -> str:
        urls = {"CHAOS_BROKER_URL": stage.broker_url, "REDIS_URL": stage.redis.url, "PORT": str(stage.port)}
        environment = stage.environment({**urls, "WORKER_CONCURRENCY": str(THREADS)})
        receiver = procfile("receiver").replace(
            "-m receiver", "-m tests.support.baseline_server tests.chaos.baseline:served"
        )
        stage.add("receiver", receiver, environment)
        for number in range(1, WORKERS + 1):
            worker = procfile("worker").replace("workers.main:app", "tests.chaos.baseline:queue")
            stage.add(f"worker-{number}", worker, environment)
        await_ok(f"http://127.0.0.1:{stage.port}/readyz")
        eventually(lambda: _workers_listen(stage.redis.url), timeout=START_SECONDS, interval=0.1)
        return "-"

    def ids(self, event: SignalEvent) -> Mapping[str, str]:
        return {leg: f"{event.proquant_position_id}-{event.type}-{leg}" for leg in LEGS[event.type]}

    def has_settled(self, stage: Stage, answered: Sequence[SignalEvent]) -> bool:
        """All is there, or nothing has come for so long that nothing is on its way."""
        books = stage.books.accepted(ACCOUNT)
        if len(books) != self._orders:
            self._orders, self._changed = len(books), time.monotonic()
        return not score.lost(answered, books, self.ids) or time.monotonic() - self._changed > QUIET_SECONDS

    def verdict(
        self, stage: Stage, token: str, history: Sequence[Exchange], answered: Sequence[SignalEvent]
    ) -> Verdict:
        return Verdict(lost=score.lost(answered, stage.books.accepted(ACCOUNT), self.ids))


def _workers_listen(redis_url: str) -> None:
    with Redis.from_url(redis_url, socket_timeout=1) as client:
        listening = [one for one in client.client_list() if one["cmd"] == "brpop"]
    assert len(listening) >= WORKERS, f"{len(listening)} workers listen"
