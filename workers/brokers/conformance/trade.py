"""CK-20 to CK-29: the promises that take an order: the smallest one of a symbol, opened, looked at, and closed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from shared.accounts.instrument import Instrument
from shared.domain import ORDER_FINAL, ClientOrderId, ErrorType, Leg, OrderState
from workers.brokers.base import (
    Broker,
    BrokerUnavailable,
    Dedupe,
    OpeningRef,
    OrderRejected,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
)
from workers.brokers.conformance.cases import Case, NotApplicable, must
from workers.brokers.conformance.reads import order

PATIENCE_SECONDS = 20.0  # beyond the settle time, for an order that is still working
LOOK_SECONDS = 0.5


@dataclass
class Trade:
    """What is traded, and how far it has come. `opened` and `closed` are set by the cases, in turn."""

    broker: Broker
    symbol: str
    now: Callable[[], datetime]
    new_id: Callable[[], ClientOrderId]
    before: Decimal = Decimal(0)
    opening: OrderRequest | None = None
    opened: OrderReport | None = None
    closing: OrderRequest | None = None
    closed: OrderReport | None = None

    @property
    def unfinished(self) -> Decimal:
        """The quantity that was opened and that no case has closed."""
        opened = self.opened.filled_quantity if self.opened else Decimal(0)
        return opened - (self.closed.filled_quantity if self.closed else Decimal(0))

    @property
    def unsettled(self) -> bool:
        """Whether something was sent of which nobody knows what became of it."""
        return (self.opening is not None and self.opened is None) or (self.closing is not None and self.closed is None)


def _unknown_symbol(trade: Trade) -> None:
    made_up = order(trade.new_id, "NO-SUCH-SYMBOL", Decimal(1), trade.broker.mark())
    must(_refusal(trade.broker, made_up) is ErrorType.UNSUPPORTED_INSTRUMENT, "it is refused with another type")


def _between_steps(trade: Trade) -> None:
    instrument = _instrument(trade)
    odd = order(trade.new_id, trade.symbol, instrument.minimum + instrument.step / 2, trade.broker.mark())
    must(_refusal(trade.broker, odd) is ErrorType.INVALID_QUANTITY_PRECISION, "it is refused with another type")


def _open(trade: Trade) -> None:
    instrument = _instrument(trade)
    if not trade.broker.is_open(trade.symbol, trade.now()):
        raise NotApplicable(f"{trade.symbol} does not trade now")
    trade.before = _held(trade)
    trade.opening = order(trade.new_id, trade.symbol, instrument.minimum, trade.broker.mark())
    trade.opened = _executed(trade.broker, trade.opening)
    must(trade.opened.state is OrderState.FILLED, f"it ended {trade.opened.state}")


def _fills(trade: Trade) -> None:
    report = _opened(trade)[1]
    if not report.fills:
        raise NotApplicable("the broker reports no single fills")
    total = sum((fill.quantity for fill in report.fills), Decimal(0))
    must(total == report.filled_quantity, f"the fills are {total:f}, the report says {report.filled_quantity:f}")
    must(all(fill.at.tzinfo is not None for fill in report.fills), "the time of a fill has no zone")


def _held_now(trade: Trade) -> None:
    expected = trade.before + _opened(trade)[1].filled_quantity
    _await(trade.broker, lambda: _held(trade) == expected)
    must(_held(trade) == expected, f"the account holds {_held(trade):f} and not {expected:f}")


def _looked_up(trade: Trade) -> None:
    sent, report = _opened(trade)
    _await(trade.broker, lambda: trade.broker.find(sent) is not None)
    found = trade.broker.find(sent)
    must(found is not None, "it is not found after the declared time")
    must(found == report, "the look-up reports something else than the submit")


def _sent_again(trade: Trade) -> None:
    sent, report = _opened(trade)
    if trade.broker.capabilities.dedupe not in {Dedupe.LIFETIME, Dedupe.WHILE_OPEN}:
        raise NotApplicable(f"dedupe is declared as {trade.broker.capabilities.dedupe}")
    again = trade.broker.submit(sent)
    must(again.broker_order_id == report.broker_order_id, "it became another order: LOOK AT THE ACCOUNT")


def _close(trade: Trade) -> None:
    sent, report = _opened(trade)
    opening = OpeningRef(sent.client_order_id, report.broker_order_id, report.trade_id)
    trade.closing = replace(
        sent, client_order_id=trade.new_id(), side=sent.side.opposite, quantity=report.filled_quantity,
        leg=Leg.CLOSE, mark=trade.broker.mark(), opening=opening,
    )  # fmt: skip
    trade.closed = _executed(trade.broker, trade.closing)
    must(trade.closed.state is OrderState.FILLED, f"it ended {trade.closed.state}")


def _flat(trade: Trade) -> None:
    if trade.closed is None:
        raise NotApplicable("nothing was closed")
    _await(trade.broker, lambda: _held(trade) == trade.before)
    must(_held(trade) == trade.before, f"the account holds {_held(trade):f} and not {trade.before:f}")


TRADES: Sequence[Case[Trade]] = (
    Case("CK-20", "an unknown symbol is refused as UnsupportedInstrument", _unknown_symbol),
    Case("CK-21", "a quantity between two steps is refused as InvalidQuantityPrecision", _between_steps),
    Case("CK-22", "the smallest order is filled", _open),
    Case("CK-23", "the fills of its report add up", _fills),
    Case("CK-24", "its quantity is held", _held_now),
    Case("CK-25", "it is looked up as it was reported", _looked_up),
    Case("CK-26", "it is not executed twice when it is sent twice", _sent_again),
    Case("CK-27", "it is closed", _close),
    Case("CK-28", "the account holds what it held before", _flat),
)


def _executed(broker: Broker, sent: OrderRequest) -> OrderReport:
    """The final report; an unknown outcome and a working order are looked up, and nothing is ever sent twice."""
    try:
        report: OrderReport | None = broker.submit(sent)
    except OutcomeUnknown:
        report = None
    if report is not None and report.state in ORDER_FINAL:
        return report
    ended: list[OrderReport] = []
    _await(broker, lambda: _ended(broker, sent, ended))
    must(bool(ended), "the broker does not say what became of the order: LOOK AT THE ACCOUNT")
    return ended[0]


def _ended(broker: Broker, sent: OrderRequest, ended: list[OrderReport]) -> bool:
    """Whether a look-up shows the order's end, which is then in `ended`. One that cannot be made shows nothing."""
    try:
        report = broker.find(sent)
    except BrokerUnavailable:
        return False
    if report is not None and report.state in ORDER_FINAL:
        ended.append(report)
    return bool(ended)


def _await(broker: Broker, holds: Callable[[], bool]) -> None:
    """Returns when it holds, or when the broker has had its time. There is nothing to await but the next look."""
    ends = time.monotonic() + broker.capabilities.settle_seconds + PATIENCE_SECONDS
    while not holds() and time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)


def _refusal(broker: Broker, sent: OrderRequest) -> ErrorType | None:
    try:
        broker.submit(sent)
    except OrderRejected as refused:
        return refused.type
    must(False, "it was not refused: LOOK AT THE ACCOUNT")
    return None


def _instrument(trade: Trade) -> Instrument:
    for each in trade.broker.instruments():
        if each.symbol == trade.symbol:
            return each
    raise NotApplicable(f"{trade.symbol} is not listed")


def _held(trade: Trade) -> Decimal:
    return sum((each.quantity for each in trade.broker.positions() if each.symbol == trade.symbol), Decimal(0))


def _opened(trade: Trade) -> tuple[OrderRequest, OrderReport]:
    if trade.opening is None or trade.opened is None or trade.opened.filled_quantity == 0:
        raise NotApplicable("nothing was opened")
    return trade.opening, trade.opened
