"""Which strategies hold something, or may be about to: whom the end of an integration or of a strategy concerns."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, exists, func, or_, select, true
from sqlalchemy.orm import Session, aliased

from shared.accounts.accounts import ManualIntegration
from shared.accounts.integration_states import ENDED
from shared.database.tables.accounts import Account, IntegrationRow
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import PositionRow
from shared.domain import OPENING, AccountId, IntegrationId, StrategyKey
from shared.inbox.unfinished import unfinished


@dataclass(frozen=True, slots=True)
class AffectedStrategy:
    """A strategy with a position, or with an event that may still open one. `strategy_id` is ProQuant's.

    `opened_ms`: the timestamp of that signal, or of the last that asked for the same (Unix milliseconds); of the latest
    where there are several.
    """

    strategy: StrategyKey
    strategy_id: str
    opened_ms: int


def lock_account(session: Session, account: AccountId) -> None:
    """Locks the account: until the caller commits, no signal of it is stored and no worker takes one up.

    It waits for signals that are being stored. Call it before the end of an integration is written.

    Every strategy is locked, in the order in which a shared commit takes them, so that no two wait for each other. The
    very first signal of a strategy makes a row that cannot be seen yet, but it refers to the account's: without the
    second lock it once slipped through between the look at who is exposed and the commit of the end.
    """
    every = select(Strategy.id).where(Strategy.account_id == account, Strategy.strategy_id != "")
    session.execute(every.order_by(Strategy.strategy_id).with_for_update(key_share=True))
    session.execute(select(Account.id).where(Account.id == account).with_for_update())


def of_integration(
    session: Session, account: AccountId, integration: IntegrationId | None
) -> Sequence[AffectedStrategy]:
    """Those of the account that trade through this integration; None: through a token of no integration.

    The account must be locked, so that nothing is missed.
    """
    return _exposed(session, Strategy.account_id == account, EventRow.integration_id.is_not_distinct_from(integration))


def of_strategy(session: Session, strategy: StrategyKey) -> Sequence[AffectedStrategy]:
    """The strategy itself, if it is exposed. The caller holds its row lock."""
    return _exposed(session, Strategy.id == strategy)


def orphaned() -> ColumnElement[bool]:
    """Of PositionRow joined with Strategy and Account: whether nobody is going to close this open position.

    Its integration is ended, or its strategy disabled.
    """
    opened, integration = aliased(EventRow), aliased(IntegrationRow)
    ended_by_account = Account.integration.in_((ManualIntegration.REJECTED, ManualIntegration.DELETED))
    ended = exists().where(
        opened.id == func.coalesce(PositionRow.confirmed_by, PositionRow.opened_by),
        case(
            (opened.integration_id.is_(None), ended_by_account),
            else_=exists().where(integration.id == opened.integration_id, integration.state.in_(ENDED)),
        ),
    )
    return and_(PositionRow.state == "open", or_(ended, Strategy.enabled.is_(False)))


def _exposed(
    session: Session, strategies: ColumnElement[bool], events: ColumnElement[bool] | None = None
) -> Sequence[AffectedStrategy]:
    through = true() if events is None else events
    holds = select(EventRow.timestamp_ms).where(
        PositionRow.strategy == Strategy.id,
        PositionRow.state == "open",  # a strategy has one at most
        EventRow.id == func.coalesce(PositionRow.confirmed_by, PositionRow.opened_by),
        through,
    )
    may_hold = select(func.max(EventRow.timestamp_ms)).where(
        EventRow.strategy == Strategy.id, EventRow.type.in_(OPENING), unfinished(EventRow), through
    )
    latest = func.greatest(_of_each(holds), _of_each(may_hold))  # ignores nulls
    query = select(Strategy.id, Strategy.strategy_id, latest.label("opened_ms")).where(strategies, latest.is_not(None))
    rows = session.execute(query.order_by(Strategy.id))
    return [AffectedStrategy(StrategyKey(row.id), row.strategy_id, row.opened_ms) for row in rows]


def _of_each(timestamps: Select[int]) -> ScalarSelect[int]:
    return timestamps.correlate(Strategy).scalar_subquery()
