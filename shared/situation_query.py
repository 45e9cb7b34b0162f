"""The one question from which a situation is built: every row that a decision about an event looks at."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, or_, select, tuple_

from shared.db import table_of
from shared.domain import UNFINISHED, ErrorType, EventState, EventType, Leg, OrderState
from shared.integration_tables import IntegrationRow
from shared.orphans import OUR_VERSION, OrphanEvent
from shared.tables import Account, EventRow, InstrumentRow, OrderRow, PositionRow, Strategy

_ACCOUNT, _STRATEGY = table_of(Account), table_of(Strategy)
_EVENT, _ORDER, _POSITION = table_of(EventRow), table_of(OrderRow), table_of(PositionRow)
_INTEGRATION, _INSTRUMENT = table_of(IntegrationRow), table_of(InstrumentRow)
_TASK_COLUMNS = (
    "id",
    "account_id",
    "integration_id",
    "version",
    "type",
    "state",
    "timestamp_ms",
    "seq",
    "received_at",
    "key",
    "proquant_position_id",
    "direction",
    "ticker",
    "quantity",
)
_HELD_COLUMNS = ("id", "proquant_position_id", "ticker", "symbol", "direction", "quantity", "opened_by")
INSTRUMENT_COLUMNS = ("ticker", "symbol", "minimum", "maximum", "step", "currency", "shortable", "hours")
ORDER_COLUMNS = (
    "leg",
    "generation",
    "client_order_id",
    "symbol",
    "side",
    "quantity",
    "filled_quantity",
    "state",
    "attempts",
    "lookups",
    "in_flight_until",
    "mark",
    "error_type",
)


def question_about(event: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """About the event of this id, which may be what another part of the same statement says.

    Columns and no mapped classes, and only those that are looked at: the mapper's bookkeeping, and the description of
    each column that the driver reads with each answer, were most of what a decision cost.
    """
    this, held, opener = _EVENT.alias("this"), _POSITION.alias("held"), _EVENT.alias("opener")
    opening, order = _ORDER.alias("opening"), _ORDER.alias("ordered")
    wanted, kept = _INSTRUMENT.alias("wanted"), _INSTRUMENT.alias("kept")
    tables = (
        this.join(_STRATEGY, _STRATEGY.c.id == this.c.strategy)
        .join(_ACCOUNT, _ACCOUNT.c.id == this.c.account_id)
        .outerjoin(_INTEGRATION, _INTEGRATION.c.id == this.c.integration_id)
        .outerjoin(held, and_(held.c.strategy == this.c.strategy, held.c.state == "open"))
        .outerjoin(opener, opener.c.id == held.c.opened_by)
        .outerjoin(
            opening,
            and_(opening.c.event_id == held.c.opened_by, opening.c.position_id == held.c.id, opening.c.leg == Leg.OPEN),
        )
        .outerjoin(wanted, and_(wanted.c.account_id == this.c.account_id, wanted.c.ticker == this.c.ticker))
        .outerjoin(kept, _lists(kept, this, held))
        .outerjoin(order, order.c.event_id == this.c.id)
    )
    return (
        select(
            *_prefixed(this, "", _TASK_COLUMNS),
            *_prefixed(_ACCOUNT, "", ("multiplier", "paused", "integration", "integration_at_ms")),
            _ACCOUNT.c.name.label("account_name"),
            *_prefixed(_INTEGRATION, "", ("approved_at_ms", "rejected_at_ms", "deleted_at_ms")),
            *_prefixed(_STRATEGY, "", ("strategy_id", "enabled")),
            *_prefixed(held, "held_", _HELD_COLUMNS),
            *_prefixed(opener, "opened_", ("timestamp_ms", "seq")),
            *_prefixed(opening, "opening_", ("client_order_id", "broker_order_id", "trade_id")),
            *_prefixed(wanted, "wanted_", INSTRUMENT_COLUMNS),
            *_prefixed(kept, "kept_", INSTRUMENT_COLUMNS),
            order.c.id.label("order_id"),
            *_prefixed(order, "order_", ORDER_COLUMNS),
            _superseded(this).label("superseded"),
            _names_closed(this).label("names_closed"),
            _something_parked(this).label("something_parked"),
        )
        .select_from(tables)
        .where(this.c.id == event)
        .order_by(order.c.id)
    )


def rest_of(event: ColumnElement[int]) -> Sequence[ColumnElement[Any]]:
    """Columns that can be added to the question: the strategy's numbers, and whether nothing but the event is to be
    done in it.
    """
    other = _EVENT.alias("other")
    unfinished = exists().where(
        other.c.strategy == _STRATEGY.c.id, other.c.state.in_(sorted(UNFINISHED)), other.c.id != event
    )
    rests = and_(_STRATEGY.c.lease_until.is_(None), ~unfinished)
    return _STRATEGY.c.id.label("strategy_key"), _STRATEGY.c.fence, _STRATEGY.c.next_seq, rests.label("rests")


def _prefixed(table: FromClause, prefix: str, names: Sequence[str]) -> list[ColumnElement[Any]]:
    return [table.c[name].label(prefix + name) for name in names]


def _lists(kept: FromClause, this: FromClause, held: FromClause) -> ColumnElement[bool]:
    """Whether it is the instrument that is held: meanwhile its ticker may have been given to another symbol."""
    return and_(kept.c.account_id == this.c.account_id, kept.c.ticker == held.c.ticker, kept.c.symbol == held.c.symbol)


def _names_closed(this: FromClause) -> ColumnElement[bool]:
    position = _POSITION.alias()
    return exists().where(
        position.c.strategy == this.c.strategy,
        position.c.proquant_position_id == this.c.proquant_position_id,
        position.c.state == "closed",
    )


def _something_parked(this: FromClause) -> ColumnElement[bool]:
    parked = _EVENT.alias()
    return exists().where(parked.c.strategy == this.c.strategy, parked.c.state == EventState.PARKED)


def _superseded(this: FromClause) -> ColumnElement[bool]:
    """Whether a later event of the strategy has ended what this OPEN or REOPEN would begin.

    A later OPEN that was executed; a later REOPEN, which ends what was held even where it could not open, but not where
    it could not even close; a later CLOSE, which leaves its mark even when it found nothing. The last only where that
    CLOSE did not mean another position: one that we know, and that is not this event's. And a later close of our own,
    by an account's policy.
    """
    later, other = _EVENT.alias(), _POSITION.alias()
    another = exists().where(
        other.c.strategy == later.c.strategy, other.c.proquant_position_id == later.c.proquant_position_id
    )
    done = later.c.state == EventState.DONE
    refused = later.c.state == EventState.REFUSED
    heeded = and_(refused, later.c.error_type != ErrorType.INVALID_CREDENTIALS, ~_left_what_was_held(later))
    return exists().where(
        later.c.strategy == this.c.strategy,
        tuple_(later.c.timestamp_ms, later.c.seq) > tuple_(this.c.timestamp_ms, this.c.seq),
        or_(
            and_(later.c.type == EventType.SIGNAL_OPEN, done),
            and_(later.c.type == OrphanEvent.CLOSE, later.c.version == OUR_VERSION, done),
            and_(later.c.type == EventType.SIGNAL_REOPEN, or_(done, heeded)),
            and_(
                later.c.type == EventType.SIGNAL_CLOSE,
                or_(
                    done,
                    and_(
                        refused,
                        later.c.error_type == ErrorType.POSITION_NOT_FOUND,
                        or_(later.c.proquant_position_id == this.c.proquant_position_id, ~another),
                    ),
                ),
            ),
        ),
    )


def _left_what_was_held(reopen: FromClause) -> ColumnElement[bool]:
    """Whether a refused REOPEN came to nothing: its market was closed, or the broker refused its close leg."""
    order, ending = _ORDER.alias(), _ORDER.alias()
    has_ordered = exists().where(order.c.event_id == reopen.c.id)
    has_ended = exists().where(
        ending.c.event_id == reopen.c.id,
        or_(
            ending.c.leg == Leg.OPEN,
            ending.c.state == OrderState.FILLED,
            ending.c.error_type == ErrorType.POSITION_NOT_FOUND,
        ),
    )
    return and_(~has_ended, or_(has_ordered, reopen.c.error_type == ErrorType.MARKET_CLOSED))
