"""B6: the same measurements with finished events in the tables, beside a bridge whose tables are empty."""

from collections.abc import Sequence

import psycopg

from tests.benchmarks import measures
from tests.benchmarks.limits import Row, sized
from tests.benchmarks.measures import FIRST, STRATEGIES, Field, Past
from tests.benchmarks.samples import Sample, ratio, sample
from tests.benchmarks.sides import THREADS, Bridge

EVENTS_OF_A_STRATEGY = 20
STATEMENTS = (
    # Foreign keys are not checked row by row: what is written here refers to what is written here.
    "SET session_replication_role = replica",
    """INSERT INTO strategies (account_id, strategy_id, name, next_seq)
    SELECT (SELECT min(id) FROM accounts), %(past)s || n, 'Past ' || n, %(each)s
    FROM generate_series(1, %(strategies)s) AS n""",
    """INSERT INTO events (account_id, strategy, seq, key, content_hash, body_hash, version, type, timestamp_ms,
        proquant_position_id, direction, ticker, quantity, received_at, accepted_at, state, attempts, started_at,
        finished_at)
    SELECT s.account_id, s.id, n, md5(s.id || '-' || n) || md5(n || '-' || s.id),
        md5('c' || n || s.id) || md5('d' || n),
        md5('e' || n || s.id) || md5('f' || n), 'v1', CASE WHEN n %% 2 = 1 THEN 'SIGNAL_OPEN' ELSE 'SIGNAL_CLOSE' END,
        1700000000000 + n * 1000, s.strategy_id || '-' || (n + 1) / 2, 'BUY', 'BTCUSD', 1,
        at, at, 'done', 1, at, at
    FROM generate_series(1, %(each)s) AS n, strategies AS s,
        LATERAL (SELECT now() - interval '1 hour' * (%(each)s - n + 1) AS at) AS past
    WHERE starts_with(s.strategy_id, %(past)s)""",
    """INSERT INTO orders (event_id, leg, generation, client_order_id, symbol, side, quantity, state, attempts,
        broker_order_id, filled_quantity, average_price)
    SELECT id, CASE type WHEN 'SIGNAL_OPEN' THEN 'open' ELSE 'close' END, 0, 'pq-' || md5(id::text), ticker,
        CASE type WHEN 'SIGNAL_OPEN' THEN 'BUY' ELSE 'SELL' END, quantity, 'filled', 1, 'b-' || id, quantity, 100
    FROM events WHERE starts_with(proquant_position_id, %(past)s)""",
    """INSERT INTO fills (order_id, fill_id, quantity, price, at)
    SELECT o.id, o.client_order_id || '-1', o.quantity, 100, o.created_at
    FROM orders AS o JOIN events AS e ON e.id = o.event_id WHERE starts_with(e.proquant_position_id, %(past)s)""",
    """INSERT INTO positions (strategy, proquant_position_id, ticker, symbol, direction, quantity, state, opened_by,
        opened_at, closed_by, closed_at)
    SELECT o.strategy, o.proquant_position_id, o.ticker, o.ticker, o.direction, 0, 'closed', o.id, o.received_at, c.id,
        c.received_at
    FROM events AS o JOIN events AS c ON c.strategy = o.strategy AND c.seq = o.seq + 1
    WHERE o.type = 'SIGNAL_OPEN' AND starts_with(o.proquant_position_id, %(past)s)""",
    "SET session_replication_role = origin",
)


def b6(ground: Field) -> Row:
    """Two bridges beside each other on one server, one with a past; the worse of accepting and draining counts.

    On its way to the whole past it is measured at each of the smaller ones, for the plot.
    """
    full = Bridge(ground.bridge.site, "past", redis_number=3)
    full.start()
    full.stop_workers()
    ground.bridge.stop_workers()
    ground.bridge.forget()
    ground.tell("sizing")
    first = measures.backlog(ground.bridge, "instant", min(FIRST, ground.scale.drained), THREADS).rate
    events = sized(ground.scale.drained, first, ground.scale.seconds, FIRST)
    ground.pasts.extend(_growing(ground, full, events))
    accepted, drained = _compared(ground, full, events)
    full.end()
    accepting, draining = ratio(*accepted), ratio(*drained)
    both = f"accepting {accepting:.2f}, draining {draining:.2f}"
    note = f"{ground.scale.history[-1]} finished events; {both}; {events} events"
    with_past, without = accepted if accepting <= draining else drained
    return Row("B6", min(accepting, draining), with_past, without, "a second", note)


def fill(bridge: Bridge, events: int, past: str = "past-") -> None:
    """Adds events that ended long ago, with their orders, fills and positions. `STRATEGIES` are the least.

    `past`: what the names of their strategies begin with.
    """
    strategies = max(STRATEGIES, events // EVENTS_OF_A_STRATEGY)
    each = max(2, events // strategies // 2 * 2)
    values = {"strategies": strategies, "each": each, "past": past}
    with psycopg.connect(bridge.url, autocommit=True) as connection:
        for statement in STATEMENTS:
            connection.execute(statement, values if "%(" in statement else None)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")  # else the measurements wait for the disk that writes what was filled in


def _growing(ground: Field, full: Bridge, events: int) -> Sequence[Past]:
    """Fills the tables step by step, and measures once at each but the last, which is compared."""
    found, filled = [], 0
    for number, size in enumerate(ground.scale.history):
        ground.tell(f"{size} finished events")
        if size > filled:
            fill(full, size - filled, f"past-{number}-")
            filled = size
        if size < ground.scale.history[-1]:
            found.append(Past(size, *measures.accept_and_drain(full, events)))
    return found


def _compared(ground: Field, full: Bridge, events: int) -> tuple[tuple[Sample, Sample], tuple[Sample, Sample]]:
    """Accepting and draining, each with the past and without it."""
    found: dict[str, list[tuple[float, float]]] = {full.label: [], ground.bridge.label: []}
    for number in range(ground.scale.rounds):
        for bridge in (full, ground.bridge) if number % 2 else (ground.bridge, full):
            ground.tell(f"round {number + 1}, {bridge.label}")
            found[bridge.label].append(measures.accept_and_drain(bridge, events))
    with_past, without = ([*zip(*found[bridge.label], strict=True)] for bridge in (full, ground.bridge))
    accepted, drained = ((sample(ours), sample(theirs)) for ours, theirs in zip(with_past, without, strict=True))
    ground.pasts.append(Past(ground.scale.history[-1], accepted[0].median, drained[0].median))
    return accepted, drained
