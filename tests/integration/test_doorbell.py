"""The doorbell and the announcement: what they say through a real Redis, and how little they wait for a broken one."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis

from receiver.outcome_waiter import OutcomeWaiter
from shared.domain import EventId
from shared.queue.celery_app import QUEUE
from shared.queue.doorbell import (
    EXECUTE_TASK,
    OUTCOMES_CHANNEL,
    PAUSE_AFTER_FAILURE_SECONDS,
    REPLY_SECONDS,
    Doorbell,
    announce,
    make_celery,
    make_redis,
)
from tests.support.eventually import eventually
from tests.support.manual_clock import Ticking

PATIENCE = 1.5  # seconds; a doorbell is bounded by about one
EVENT = EventId(7)


@contextmanager
def hung() -> Iterator[str]:
    """A Redis that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


@contextmanager
def refused() -> Iterator[str]:
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def full(url: str) -> Iterator[str]:
    """A Redis that has no memory left."""
    with Redis.from_url(url) as client:
        client.config_set("maxmemory", "1")
        try:
            yield url
        finally:
            client.config_set("maxmemory", "0")


def bounded_ring(doorbell: Doorbell) -> bool:
    began = time.monotonic()
    heard = doorbell.ring(EVENT)
    assert time.monotonic() - began < PATIENCE
    return heard


def test_a_ring_puts_the_events_id_into_the_queue_and_nothing_else_of_it(redis_url: str) -> None:
    assert Doorbell(make_celery(redis_url)).ring(EVENT)
    with make_redis(redis_url) as client:
        (text,) = client.lrange(QUEUE, 0, -1)
    message = json.loads(text)
    assert message["headers"]["task"] == EXECUTE_TASK
    assert message["headers"]["argsrepr"] == "(7,)"
    assert message["headers"]["kwargsrepr"] == "{}"


def test_a_ring_for_several_is_one_command_and_the_first_is_taken_first(redis_url: str) -> None:
    events = [EventId(number) for number in (9, 7, 8)]
    with make_redis(redis_url) as client:
        pushes = commands(client)
        assert Doorbell(make_celery(redis_url)).ring(*events)
        assert commands(client) == pushes + 1
        taken = [json.loads(client.rpop(QUEUE))["headers"]["argsrepr"] for _ in events]
    assert taken == ["(9,)", "(7,)", "(8,)"]


@pytest.mark.parametrize("broken", [hung, refused], ids=["hung", "refused"])
def test_a_broken_redis_costs_about_a_second_and_then_nothing_for_a_while(broken: object) -> None:
    with broken() as url:  # type: ignore[operator]
        clock = Ticking()
        doorbell = Doorbell(make_celery(url), clock)
        assert bounded_ring(doorbell) is False
        clock.at += PAUSE_AFTER_FAILURE_SECONDS - 0.01
        began = time.monotonic()
        assert [doorbell.ring(EVENT) for _ in range(100)] == [False] * 100
        assert time.monotonic() - began < 0.1


def test_a_full_redis_is_told_by_a_false_and_not_by_an_exception(redis_url: str) -> None:
    with full(redis_url):
        assert bounded_ring(Doorbell(make_celery(redis_url))) is False


def test_a_connection_is_kept_from_ring_to_ring(redis_url: str) -> None:
    doorbell = Doorbell(make_celery(redis_url))
    with Redis.from_url(redis_url) as client:
        assert doorbell.ring(EVENT)
        made = connections_made(client)
        assert [doorbell.ring(EVENT) for _ in range(5)] == [True] * 5
        assert connections_made(client) == made


def test_a_connection_that_redis_has_ended_costs_no_ring(redis_url: str) -> None:
    doorbell = Doorbell(make_celery(redis_url))
    with Redis.from_url(redis_url) as client:
        assert doorbell.ring(EVENT)
        client.execute_command("CLIENT", "KILL", "SKIPME", "yes")
        assert doorbell.ring(EVENT)
        assert client.llen(QUEUE) == 2


def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(redis_url: str) -> None:
    clock = Ticking()
    doorbell = Doorbell(make_celery(redis_url), clock)
    with Redis.from_url(redis_url) as client:
        assert doorbell.ring(EVENT)
        client.execute_command("CLIENT", "PAUSE", int(REPLY_SECONDS * 1000) + 300, "WRITE")
        assert doorbell.ring(EVENT) is False
        client.execute_command("CLIENT", "UNPAUSE")
        clock.at += PAUSE_AFTER_FAILURE_SECONDS
        with full(redis_url):
            assert doorbell.ring(EVENT) is False  # and not the late answer, by which it was heard
        clock.at += PAUSE_AFTER_FAILURE_SECONDS
        assert doorbell.ring(EVENT)


def connections_made(client: "Redis") -> int:
    return int(client.info("stats")["total_connections_received"])


def test_it_rings_again_when_redis_is_back(redis_url: str) -> None:
    clock = Ticking()
    doorbell = Doorbell(make_celery(redis_url), clock)
    with full(redis_url):
        assert doorbell.ring(EVENT) is False
    assert doorbell.ring(EVENT) is False
    clock.at += PAUSE_AFTER_FAILURE_SECONDS
    assert doorbell.ring(EVENT) is True


def test_many_that_ring_at_once_at_a_hung_redis_all_return_soon() -> None:
    with hung() as url:
        doorbell = Doorbell(make_celery(url))
        heard: list[bool] = []
        threads = [threading.Thread(target=lambda: heard.append(doorbell.ring(EVENT))) for _ in range(24)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert time.monotonic() - began < 2 * PATIENCE  # some wait for a place in the pool, and then for Redis
        assert heard == [False] * 24


@pytest.mark.parametrize("broken", [hung, refused], ids=["hung", "refused"])
def test_an_announcement_to_a_broken_redis_is_lost_soon_and_silently(broken: object) -> None:
    with broken() as url, make_redis(url) as client:  # type: ignore[operator]
        began = time.monotonic()
        announce(client, EVENT)
        assert time.monotonic() - began < PATIENCE


def test_an_announcement_wakes_the_request_that_waits_for_it(redis_url: str) -> None:
    with make_redis(redis_url) as client, listening(redis_url, client) as waiting, waiting.place(EVENT) as announced:
        assert announced is not None
        announce(client, EventId(8))
        announce(client, EVENT)
        assert announced.wait(5)
        assert len(list(waiting.until(announced, 5))) == 1


def test_outcomes_are_heard_again_after_redis_cut_the_connection(redis_url: str) -> None:
    with make_redis(redis_url) as client, listening(redis_url, client) as waiting, waiting.place(EVENT) as announced:
        assert client.execute_command("CLIENT KILL TYPE pubsub") >= 1

        def heard() -> None:
            announce(client, EVENT)
            assert announced is not None
            assert announced.is_set()

        eventually(heard)


@contextmanager
def listening(url: str, client: Redis) -> Iterator[OutcomeWaiter]:
    """One that has begun to listen; others may still listen to the same Redis, since they do for as long as we live."""
    before = listeners(client)
    waiting = OutcomeWaiter(Redis.from_url(url), places=2)
    waiting.start()

    def subscribed() -> None:
        assert listeners(client) == before + 1

    eventually(subscribed)
    yield waiting


def listeners(client: Redis) -> int:
    ((_, count),) = client.pubsub_numsub(OUTCOMES_CHANNEL)
    return int(count)


def commands(client: Redis) -> int:
    """How often something was pushed."""
    counted = client.info("commandstats").get("cmdstat_lpush", {"calls": 0})
    return int(counted["calls"])
