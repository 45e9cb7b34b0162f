"""One submit and one look-up in the paper broker's books, each within the caller's transaction."""

from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import assert_never

from sqlalchemy.orm import Session

from shared.database.clock import Clock
from shared.domain import Direction, OrderState
from workers.brokers.base import (
    BrokerError,
    BrokerUnavailable,
    Dedupe,
    OrderRejected,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
)
from workers.brokers.paper import accounts, books
from workers.brokers.paper.catalogue import LISTINGS
from workers.brokers.paper.checks import Book, quotes_for, refusal, signed
from workers.brokers.paper.margin import Holding, trade
from workers.brokers.paper.script import Action, Entry, entry_at
from workers.brokers.paper.settings import PaperSettings
from workers.brokers.paper.tables import PaperAccount, PaperFill, PaperOrder, PaperPosition

_CENT = Decimal("0.01")
_WITHDRAWN = "cancelled by the broker (scripted)"
_LOST = "the connection was lost before the answer came (scripted)"


def submit(session: Session, settings: PaperSettings, order: OrderRequest, clock: Clock) -> OrderReport | BrokerError:
    """What the broker answers to this order. An error is returned, not raised: the place in the script is committed.

    1. Lock the account's books and take the script's next entry.
    2. What never arrives changes nothing.
    3. A client order id that counts as known gets the report of the order it names, and nothing is executed.
    4. Refuse, or accept under the next acceptance number and fill.
    5. Lose the answer where the script says so.
    """
    account = accounts.lock(session, settings)
    entry = _next_entry(account, settings)
    now = clock(session)  # read under the lock, so that the times in the books stand in the order of acceptance
    if entry.action is Action.UNAVAILABLE:
        return BrokerUnavailable("the broker is down for now (scripted)", entry.retry_after)
    if entry.action is Action.TIMEOUT_LOST:
        return OutcomeUnknown(_LOST)
    answer = _known(session, account, order, settings.dedupe) or _judge(session, account, settings, order, entry, now)
    if entry.action not in {Action.TIMEOUT_ACCEPTED, Action.TIMEOUT_REJECTED}:
        return answer
    if isinstance(answer, OrderRejected):
        _record_refusal(session, account, order, answer, now)
    return OutcomeUnknown(_LOST)


def look_up(session: Session, settings: PaperSettings, order: OrderRequest, clock: Clock) -> OrderReport | None:
    """The report of this order, or None where the books do not show it (yet). A working order ends now."""
    account = accounts.lock(session, settings)
    row = books.latest_order(session, account, order.client_order_id)
    now = clock(session)
    if row is None or now < row.accepted_at + timedelta(seconds=settings.settle_seconds):
        return None
    if row.state == OrderState.ACCEPTED and row.reason is not None:
        row.state, row.finished_at = OrderState.CANCELLED, now
    elif row.state == OrderState.ACCEPTED:
        _fill(session, account, row, row.quantity, now, settings.seed)
    return books.report(session, row)


def _next_entry(account: PaperAccount, settings: PaperSettings) -> Entry:
    entry = entry_at(settings.script, account.submits)
    account.submits += 1
    return entry


def _known(session: Session, account: PaperAccount, order: OrderRequest, dedupe: Dedupe) -> OrderReport | None:
    """The report of an earlier order with this client order id, for as long as the setting `dedupe` remembers it."""
    row = books.latest_order(session, account, order.client_order_id)
    if row is None or row.state == OrderState.REJECTED:
        return None
    match dedupe:
        case Dedupe.LIFETIME:
            remembered = True
        case Dedupe.WHILE_OPEN:
            remembered = row.state == OrderState.ACCEPTED or _still_open(session, account, row)
        case Dedupe.WHILE_PENDING:
            remembered = row.state == OrderState.ACCEPTED
        case Dedupe.NONE:
            remembered = False
        case _:
            assert_never(dedupe)
    return books.report(session, row) if remembered else None


def _still_open(session: Session, account: PaperAccount, row: PaperOrder) -> bool:
    """Whether the account still holds something on the side that the order traded."""
    held = books.holdings(session, account).get(row.symbol, Holding())
    return held.quantity * signed(Direction(row.side), row.filled_quantity) > 0


def _judge(
    session: Session, account: PaperAccount, settings: PaperSettings, order: OrderRequest, entry: Entry, now: datetime
) -> OrderReport | OrderRejected:
    if entry.action in {Action.REJECT, Action.TIMEOUT_REJECTED}:
        return OrderRejected(entry.error, "refused (scripted)")
    book = Book(account.currency, account.cash, books.holdings(session, account))
    if refused := refusal(order, book, settings.hours, now, settings.seed):
        return refused
    row = _accept(session, account, order, now)
    match entry.action:
        case Action.ACCEPTED:
            pass
        case Action.CANCELLED_LATER:
            row.reason = _WITHDRAWN
        case Action.CANCELLED:
            row.state, row.finished_at = OrderState.CANCELLED, now
        case Action.PARTIAL:
            _fill(session, account, row, _part(row, entry.fraction), now, settings.seed)
        case _:
            _fill(session, account, row, row.quantity, now, settings.seed)
    return books.report(session, row)


def _accept(session: Session, account: PaperAccount, order: OrderRequest, now: datetime) -> PaperOrder:
    account.accepted += 1
    row = _row(account, order, now)
    row.acceptance, row.state = account.accepted, OrderState.ACCEPTED
    session.add(row)
    session.flush()  # gives it its id, which its fill and its report carry
    return row


def _record_refusal(
    session: Session, account: PaperAccount, order: OrderRequest, refused: OrderRejected, now: datetime
) -> None:
    row = _row(account, order, now)
    row.state, row.finished_at = OrderState.REJECTED, now
    row.error_type, row.reason = refused.type, refused.reason
    session.add(row)


def _row(account: PaperAccount, order: OrderRequest, now: datetime) -> PaperOrder:
    return PaperOrder(
        account_id=account.id,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        leg=order.leg,
        strategy_id=order.strategy_id,
        proquant_position_id=order.proquant_position_id,
        filled_quantity=Decimal(0),
        accepted_at=now,
    )


def _part(row: PaperOrder, fraction: Decimal) -> Decimal:
    """The scripted fraction of the order, in whole steps and at least one of them."""
    step = LISTINGS[row.symbol].step
    exact = row.quantity * fraction
    return max(step, (exact / step).to_integral_value(ROUND_DOWN) * step)


def _fill(
    session: Session, account: PaperAccount, row: PaperOrder, quantity: Decimal, now: datetime, seed: int
) -> None:
    """Trades `quantity` at the price of `now`: position, cash, fill and order change as one; the rest is cancelled."""
    quote = quotes_for({row.symbol}, account.currency, now, seed)[row.symbol]
    position = _position(session, account, row.symbol)
    held = Holding(position.quantity, position.average_price)
    after, realised = trade(held, signed(Direction(row.side), quantity), quote.price)
    position.quantity, position.average_price = after.quantity, after.average_price
    account.cash += (realised * quote.rate).quantize(_CENT)
    row.filled_quantity, row.average_price, row.finished_at = quantity, quote.price, now
    row.state = OrderState.FILLED if quantity == row.quantity else OrderState.PARTIALLY_FILLED
    session.add(
        PaperFill(account_id=account.id, order_id=row.id, fill_id=f"P{row.id}-1", quantity=quantity,
                  price=quote.price, at=now)
    )  # fmt: skip
    session.flush()


def _position(session: Session, account: PaperAccount, symbol: str) -> PaperPosition:
    position = session.get(PaperPosition, (account.id, symbol))
    if position is None:
        position = PaperPosition(account_id=account.id, symbol=symbol, quantity=Decimal(0), average_price=Decimal(0))
        session.add(position)
    return position
