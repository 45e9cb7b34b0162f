"""Stores the new signals of several requests in one transaction: what is not plain is left to `inbox.store`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.domain import AccountId, EventId, IntegrationId, SignalEvent, StrategyKey
from shared.keys import content_hash, event_key


@dataclass(frozen=True, slots=True)
class Delivery:
    """One signal as it came in. `answered`: nobody will wait for its outcome."""

    account: AccountId
    integration: IntegrationId | None
    version: str
    event: SignalEvent
    body_hash: str
    answered: bool


_Name = tuple[AccountId, str]
_Places = Mapping[_Name, tuple[StrategyKey, int]]

# A strategy's row is locked until the commit, as in `inbox.store`; always in the same order, so that no two wait for
# each other. `next_seq` is the last number given: of a strategy that is new, the number of its events here.
_TAKE_SEQUENCES = text("""
    INSERT INTO strategies (account_id, strategy_id, name, next_seq)
    SELECT * FROM unnest(
        CAST(:accounts AS bigint[]), CAST(:strategies AS text[]), CAST(:names AS text[]), CAST(:counts AS bigint[])
    )
    ON CONFLICT (account_id, strategy_id)
    DO UPDATE SET next_seq = strategies.next_seq + EXCLUDED.next_seq, name = EXCLUDED.name
    RETURNING account_id, strategy_id, id, next_seq
""")
_STORE = text("""
    INSERT INTO events (
        account_id, strategy, seq, key, content_hash, version, type, timestamp_ms, body_hash,
        proquant_position_id, direction, ticker, quantity, integration_id, accepted_at
    )
    SELECT account, strategy, seq, key, content_hash, version, type, timestamp_ms, body_hash,
        position, direction, ticker, quantity, integration, CASE WHEN answered THEN now() END
    FROM unnest(
        CAST(:account AS bigint[]), CAST(:strategy AS bigint[]), CAST(:seq AS bigint[]), CAST(:key AS text[]),
        CAST(:content_hash AS text[]), CAST(:version AS text[]), CAST(:type AS text[]),
        CAST(:timestamp_ms AS bigint[]), CAST(:body_hash AS text[]), CAST(:position AS text[]),
        CAST(:direction AS text[]), CAST(:ticker AS text[]), CAST(:quantity AS numeric[]),
        CAST(:integration AS bigint[]), CAST(:answered AS boolean[])
    ) AS given (
        account, strategy, seq, key, content_hash, version, type, timestamp_ms, body_hash,
        position, direction, ticker, quantity, integration, answered
    )
    ON CONFLICT (account_id, key) DO NOTHING
    RETURNING id, account_id, key
""")


def store_new(session: Session, deliveries: Sequence[Delivery]) -> list[EventId | None]:
    """The new rows, in the order of the deliveries; None where the event's key is known already.

    What is known needs a look at what it was, and perhaps an alert: that is `inbox.store`'s. The gap that it leaves in
    its strategy's sequence means nothing.
    """
    places = _take_sequences(session, deliveries)
    rows = [_row(delivery, place) for delivery, place in zip(deliveries, _seats(deliveries, places), strict=True)]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    stored = {(row.account_id, row.key): EventId(row.id) for row in session.execute(_STORE, columns)}
    return [stored.pop((row["account"], row["key"]), None) for row in rows]


def _take_sequences(session: Session, deliveries: Sequence[Delivery]) -> _Places:
    """For each strategy its key, and the number before the first of those that it gives to this batch."""
    counts = Counter(_name(delivery) for delivery in deliveries)
    names = {_name(delivery): delivery.event.strategy_name for delivery in deliveries}
    ordered = sorted(counts)
    taken = session.execute(
        _TAKE_SEQUENCES,
        {
            "accounts": [account for account, _ in ordered],
            "strategies": [strategy for _, strategy in ordered],
            "names": [names[name] for name in ordered],
            "counts": [counts[name] for name in ordered],
        },
    )
    return {
        (row.account_id, row.strategy_id): (
            StrategyKey(row.id),
            row.next_seq - counts[AccountId(row.account_id), row.strategy_id],
        )
        for row in taken
    }


def _seats(deliveries: Sequence[Delivery], places: _Places) -> list[tuple[StrategyKey, int]]:
    """Strategy and sequence number of each delivery: within a strategy in the order in which they came."""
    given: Counter[_Name] = Counter()
    seats = []
    for delivery in deliveries:
        name = _name(delivery)
        given[name] += 1
        strategy, before = places[name]
        seats.append((strategy, before + given[name]))
    return seats


def _name(delivery: Delivery) -> _Name:
    return delivery.account, delivery.event.strategy_id


def _row(delivery: Delivery, seat: tuple[StrategyKey, int]) -> dict[str, object]:
    event = delivery.event
    strategy, seq = seat
    return {
        "account": delivery.account,
        "strategy": strategy,
        "seq": seq,
        "key": event_key(event),
        "content_hash": content_hash(event),
        "version": delivery.version,
        "type": str(event.type),
        "timestamp_ms": event.timestamp_ms,
        "body_hash": delivery.body_hash,
        "position": event.proquant_position_id,
        "direction": str(event.direction),
        "ticker": event.ticker,
        "quantity": event.quantity,
        "integration": delivery.integration,
        "answered": delivery.answered,
    }
