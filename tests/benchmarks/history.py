"""B6: the same measurements with finished events in the tables, beside a bridge whose tables are empty."""

import psycopg

from tests.benchmarks import measures
from tests.benchmarks.limits import Row, sized
from tests.benchmarks.measures import FIRST, STRATEGIES, Field
from tests.benchmarks.samples import ratio, sample
from tests.benchmarks.sides import THREADS, Bridge

EVENTS_OF_A_STRATEGY = 20
STATEMENTS = (
    # Foreign keys are not checked row by row: what is written here refers to what is written here.
    "SET session_replication_role = replica",
    """INSERT INTO strategies (account_id, strategy_id, name, next_seq)
    SELECT (SELECT min(id) FROM accounts), 'past-' || n, 'Past ' || n, %(each)s
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
    WHERE s.strategy_id LIKE 'past-%%'""",
    """INSERT INTO orders (event_id, leg, generation, client_order_id, symbol, side, quantity, state, attempts,
        broker_order_id, filled_quantity, average_price)
    SELECT id, CASE type WHEN 'SIGNAL_OPEN' THEN 'open' ELSE 'close' END, 0, 'pq-' || md5(id::text), ticker,
        CASE type WHEN 'SIGNAL_OPEN' THEN 'BUY' ELSE 'SELL' END, quantity, 'filled', 1, 'b-' || id, quantity, 100
    FROM events""",
    """INSERT INTO fills (order_id, fill_id, quantity, price, at)
    SELECT id, client_order_id || '-1', quantity, 100, created_at FROM orders""",
    """INSERT INTO positions (strategy, proquant_position_id, ticker, symbol, direction, quantity, state, opened_by,
        opened_at, closed_by, closed_at)
    SELECT o.strategy, o.proquant_position_id, o.ticker, o.ticker, o.direction, 0, 'closed', o.id, o.received_at, c.id,
        c.received_at
    FROM events AS o JOIN events AS c ON c.strategy = o.strategy AND c.seq = o.seq + 1
    WHERE o.type = 'SIGNAL_OPEN'""",
    "SET session_replication_role = origin",
)


def b6(ground: Field) -> Row:
    """Two bridges beside each other on one server, one with a past; the worse of accepting and draining counts."""
    full = Bridge(ground.bridge.site, "past", redis_number=3)
    full.start()
    full.stop_workers()
    ground.bridge.stop_workers()
    ground.bridge.forget()
    ground.tell("filling tables")
    fill(full, ground.scale.history)
    ground.tell("sizing")
    first = measures.backlog(ground.bridge, "instant", min(FIRST, ground.scale.drained), THREADS).rate
    events = sized(ground.scale.drained, first, ground.scale.seconds, FIRST)
    found: dict[str, list[float]] = {f"{bridge.label} {what}": [] for bridge in (full, ground.bridge) for what in "ad"}
    for number in range(ground.scale.rounds):
        pair = (full, ground.bridge) if number % 2 else (ground.bridge, full)
        for bridge in pair:
            ground.tell(f"round {number + 1}, {bridge.label}")
            accepted, drained = measures.accept_and_drain(bridge, events)
            found[f"{bridge.label} a"].append(accepted)
            found[f"{bridge.label} d"].append(drained)
    full.end()
    samples = {name: sample(values) for name, values in found.items()}
    accepting = ratio(samples["past a"], samples["bridge a"])
    draining = ratio(samples["past d"], samples["bridge d"])
    what = "a" if accepting <= draining else "d"
    note = (
        f"{ground.scale.history} finished events; accepting {accepting:.2f}, draining {draining:.2f}; {events} events"
    )
    return Row("B6", min(accepting, draining), samples[f"past {what}"], samples[f"bridge {what}"], "a second", note)


def fill(bridge: Bridge, events: int) -> None:
    """Writes events that ended long ago, with their orders, fills and positions. `STRATEGIES` are the least."""
    strategies = max(STRATEGIES, events // EVENTS_OF_A_STRATEGY)
    each = max(2, events // strategies // 2 * 2)
    with psycopg.connect(bridge.url, autocommit=True) as connection:
        for statement in STATEMENTS:
            connection.execute(statement, {"strategies": strategies, "each": each} if "%(" in statement else None)
        connection.execute("VACUUM ANALYZE")
