"""The query from which a situation is built: every row that a decision about an event looks at."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, func, literal_column, or_, select, true, tuple_

from shared.accounts.orphan_policy import OUR_VERSION, OrphanEvent
from shared.database.engine import table_of
from shared.database.tables.accounts import Account, InstrumentRow, IntegrationRow
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import OrderRow, PositionRow
from shared.domain import ErrorType, EventState, EventType, Leg, OrderState, SkipReason
from shared.inbox.unfinished import parked

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
_HELD_COLUMNS = ("id", "proquant_position_id", "ticker", "symbol", "direction", "quantity", "opened_by", "confirmed_by")
_ACCOUNT_COLUMNS = ("name", "multiplier", "paused", "integration", "integration_at_ms")
_SAID_COLUMNS = ("approved_at_ms", "rejected_at_ms", "deleted_at_ms")
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
    "absences",
    "in_flight_until",
    "mark",
    "error_type",
)


def situation_query(event: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    """About the event of this id, which may be what another part of the same statement says.

    Columns and no mapped classes, and only those that are looked at: the mapper's bookkeeping, and the description of
    each column that the driver reads with each answer, were most of what a decision cost.
    """
    this, believed = _EVENT.alias("this"), _EVENT.alias("believed")
    account, held, said = _account_of(this), _held_by(this), _said_by_integration_of(this)
    opening, order = _ORDER.alias("opening"), _ORDER.alias("ordered")
    wanted, kept = _INSTRUMENT.alias("wanted"), _INSTRUMENT.alias("kept")
    tables = (
        this.join(_STRATEGY, _STRATEGY.c.id == this.c.strategy)
        .join(account, true())
        .outerjoin(said, true())
        .outerjoin(held, true())
        .outerjoin(believed, believed.c.id == func.coalesce(held.c.confirmed_by, held.c.opened_by))
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
            *_prefixed(account, "", _ACCOUNT_COLUMNS[1:]),
            account.c.name.label("account_name"),
            *_prefixed(said, "", _SAID_COLUMNS),
            *_prefixed(_STRATEGY, "", ("strategy_id", "enabled")),
            *_prefixed(held, "held_", _HELD_COLUMNS),
            *_prefixed(believed, "believed_", ("timestamp_ms", "seq", "quantity")),
            *_prefixed(opening, "opening_", ("client_order_id", "broker_order_id", "trade_id", "filled_quantity")),
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


def _prefixed(table: FromClause, prefix: str, names: Sequence[str]) -> list[ColumnElement[Any]]:
    return [table.c[name].label(prefix + name) for name in names]


def _account_of(this: FromClause) -> FromClause:
    account = _ACCOUNT.alias()
    return _only(account, _ACCOUNT_COLUMNS, account.c.id == this.c.account_id).lateral("account")


def _held_by(this: FromClause) -> FromClause:
    """The open position of the event's strategy, of which there is one at most."""
    position = _POSITION.alias()
    mine = and_(position.c.strategy == this.c.strategy, position.c.state == "open")
    return _only(position, _HELD_COLUMNS, mine).lateral("held")


def _said_by_integration_of(this: FromClause) -> FromClause:
    """What ProQuant has said of the integration whose token the event came with."""
    integration = _INTEGRATION.alias()
    return _only(integration, _SAID_COLUMNS, integration.c.id == this.c.integration_id).lateral("said")


def _only(table: FromClause, names: Sequence[str], condition: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The only row, asked for on its own and with a limit, so that it is found by what the condition names.

    Joined like the other tables, the open position was looked for among all that were open, where they had been few
    when the plan was made.
    """
    return select(*(table.c[name] for name in names)).where(condition).limit(1)


def _lists(kept: FromClause, this: FromClause, held: FromClause) -> ColumnElement[bool]:
    """Whether it is the instrument that is held: its ticker may have been given to another symbol since."""
    return and_(kept.c.account_id == this.c.account_id, kept.c.ticker == held.c.ticker, kept.c.symbol == held.c.symbol)


def _names_closed(this: FromClause) -> ColumnElement[bool]:
    position = _POSITION.alias()
    return _is_there(
        position.c.strategy == this.c.strategy,
        position.c.proquant_position_id == this.c.proquant_position_id,
        position.c.state == "closed",
    )


def _something_parked(this: FromClause) -> ColumnElement[bool]:
    other = _EVENT.alias()
    return _is_there(other.c.strategy == this.c.strategy, parked(other))


def _superseded(this: FromClause) -> ColumnElement[bool]:
    """Whether a later event of the strategy has ended what this OPEN or REOPEN would begin.

    A later OPEN that was executed; a later REOPEN, which ends what was held even where it could not open, but not where
    it could not even close, or which asked for what was held already; a later CLOSE, which stays as a tombstone even
    where it found nothing. The last only where that CLOSE did not mean another position: one that we know, and that is
    not this event's. And a later close of our own, by an account's policy.
    """
    later, other = _EVENT.alias(), _POSITION.alias()
    another = _is_there(
        other.c.strategy == later.c.strategy, other.c.proquant_position_id == later.c.proquant_position_id
    )
    done = later.c.state == EventState.DONE
    refused = later.c.state == EventState.REFUSED
    confirming = and_(later.c.state == EventState.SKIPPED, later.c.reason == SkipReason.DUPLICATE)
    heeded = and_(refused, later.c.error_type != ErrorType.INVALID_CREDENTIALS, ~_left_what_was_held(later))
    return _is_there(
        later.c.strategy == this.c.strategy,
        tuple_(later.c.timestamp_ms, later.c.seq) > tuple_(this.c.timestamp_ms, this.c.seq),
        or_(
            and_(later.c.type == EventType.SIGNAL_OPEN, done),
            and_(later.c.type == OrphanEvent.CLOSE, later.c.version == OUR_VERSION, done),
            and_(later.c.type == EventType.SIGNAL_REOPEN, or_(done, heeded, confirming)),
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
    has_ordered = _is_there(order.c.event_id == reopen.c.id)
    has_ended = _is_there(
        ending.c.event_id == reopen.c.id,
        or_(
            ending.c.leg == Leg.OPEN,
            ending.c.state == OrderState.FILLED,
            ending.c.error_type == ErrorType.POSITION_NOT_FOUND,
        ),
    )
    return and_(~has_ended, or_(has_ordered, reopen.c.error_type == ErrorType.MARKET_CLOSED))


def _is_there(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Asked row by row: without an offset, PostgreSQL may gather all rows of the table first to look among them."""
    return exists(select(literal_column("1")).where(*conditions).offset(literal_column("0")))
