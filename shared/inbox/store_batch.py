"""Stores the new signals of several requests in one transaction: what is not plain is left to `store.add`."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import column, text

from shared.database.prepared import Link, Statement
from shared.domain import AccountId, EventId, IntegrationId, SignalEvent
from shared.keys import content_hash, event_key


@dataclass(frozen=True, slots=True)
class SignalDelivery:
    """One signal as it came in. `answered`: nobody will wait for its outcome. `account_name`: for the log."""

    account: AccountId
    account_name: str
    integration: IntegrationId | None
    version: str
    event: SignalEvent
    body_hash: str
    answered: bool


_Name = tuple[AccountId, str]

# One statement with two texts for arguments, whatever the number of events: of lists, Python makes SQL value by value.
# A strategy's row is locked until the commit, as in `store.add`; always in the same order, so that no two wait for
# each other. `next_seq` is the last number given: of a strategy that is new, the number of its events here.
_STORE = Statement(
    text("""
    WITH taken AS (
        INSERT INTO strategies (account_id, strategy_id, name, next_seq)
        SELECT account, strategy, name, count
        FROM json_to_recordset(CAST(:strategies AS json)) AS given (
            account bigint, strategy text, name text, count bigint
        )
        ORDER BY account, strategy
        ON CONFLICT (account_id, strategy_id)
        DO UPDATE SET next_seq = strategies.next_seq + EXCLUDED.next_seq, name = EXCLUDED.name
        RETURNING account_id, strategy_id, id, next_seq
    )
    INSERT INTO events (
        account_id, strategy, seq, key, content_hash, version, type, timestamp_ms, body_hash,
        proquant_position_id, direction, ticker, quantity, integration_id, accepted_at
    )
    SELECT account, taken.id, taken.next_seq - later, key, content_hash, version, type, timestamp_ms, body_hash,
        position, direction, ticker, quantity, integration, CASE WHEN answered THEN now() END
    FROM json_to_recordset(CAST(:events AS json)) AS given (
        account bigint, strategy text, place bigint, later bigint, key text, content_hash text, version text, type text,
        timestamp_ms bigint, body_hash text, position text, direction text, ticker text, quantity numeric,
        integration bigint, answered boolean
    )
    JOIN taken ON taken.account_id = account AND taken.strategy_id = strategy
    ORDER BY place
    ON CONFLICT (account_id, key) DO NOTHING
    RETURNING id, account_id, key
""").columns(column("id"), column("account_id"), column("key"))
)


def store_new(link: Link, deliveries: Sequence[SignalDelivery]) -> list[EventId | None]:
    """The new rows, in the order of the deliveries; None where the event's key is known already.

    What is known needs a look at what it was, and perhaps an alert: that is `store.add`'s. The gap that it leaves in
    its strategy's sequence means nothing.
    """
    counts = Counter(_name(delivery) for delivery in deliveries)
    strategies, events = _strategies(deliveries, counts), _events(deliveries, counts)
    rows = _STORE.rows(link, {"strategies": json.dumps(strategies), "events": json.dumps(events)})
    stored = {(account, key): EventId(event) for event, account, key in rows}
    return [stored.pop((event["account"], event["key"]), None) for event in events]


def _strategies(deliveries: Sequence[SignalDelivery], counts: Counter[_Name]) -> list[dict[str, object]]:
    """Each strategy once, by the name that came last, with the number of its events."""
    names = {_name(delivery): delivery.event.strategy_name for delivery in deliveries}
    return [
        {"account": account, "strategy": strategy, "name": name, "count": counts[account, strategy]}
        for (account, strategy), name in names.items()
    ]


def _events(deliveries: Sequence[SignalDelivery], counts: Counter[_Name]) -> list[dict[str, object]]:
    """The rows: `later` is how many events of the same strategy come after it here, in the order in which they came."""
    left = counts.copy()
    rows = []
    for place, delivery in enumerate(deliveries):
        left[_name(delivery)] -= 1
        rows.append(_row(delivery, place, left[_name(delivery)]))
    return rows


def _name(delivery: SignalDelivery) -> _Name:
    return delivery.account, delivery.event.strategy_id


def _row(delivery: SignalDelivery, place: int, later: int) -> dict[str, object]:
    event = delivery.event
    return {
        "account": delivery.account,
        "strategy": event.strategy_id,
        "place": place,
        "later": later,
        "key": event_key(event),
        "content_hash": content_hash(event),
        "version": delivery.version,
        "type": event.type,
        "timestamp_ms": event.timestamp_ms,
        "body_hash": delivery.body_hash,
        "position": event.proquant_position_id,
        "direction": event.direction,
        "ticker": event.ticker,
        "quantity": str(event.quantity),  # a number of JSON would be read exactly too, but Python writes it as a float
        "integration": delivery.integration,
        "answered": delivery.answered,
    }
