"""Alpaca's adapter: the contract's methods, and the path of an order from its checks to its end."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog

from shared.accounts.instrument import Instrument
from shared.domain import Direction, ErrorType, Leg, OrderState
from shared.ledger.reports import known_to_broker
from workers.brokers.absent_position import as_seen
from workers.brokers.alpaca import errors, translate
from workers.brokers.alpaca.assets import Asset, openable
from workers.brokers.alpaca.calls import Calls, KeysRefused
from workers.brokers.alpaca.checks import quantity_to_send
from workers.brokers.alpaca.listing import AssetCache
from workers.brokers.alpaca.settings import AlpacaSettings, parse
from workers.brokers.base import (
    AccountSummary,
    Broker,
    BrokerPosition,
    BrokerUnavailable,
    Capabilities,
    Dedupe,
    OrderRejected,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
    RateLimit,
)
from workers.brokers.http_client import BrokerReply
from workers.brokers.odd_rows import readable

log = structlog.get_logger()

DEADLINE_SECONDS = 15.0
CALLS_IN_A_ROW = 7  # asset, clock or position, order, and then: a last poll, clock, cancellation, look-up
CALLS_AFTER_A_POLL = 4
POLL_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)  # seconds; 200 calls a minute are allowed, and a market order fills at once
SETTLE_SECONDS = 3.0  # Alpaca publishes no delay between an order and its look-up; a guess on the safe side

RATE_LIMIT = RateLimit(requests=200, seconds=60, submit=6)
"""200 a minute and key; a submit reads the asset and the clock, and looks until it is filled."""


def make(settings: Mapping[str, str]) -> Broker:
    """The Alpaca account that `settings` names; `settings.py` lists them. Nothing is connected yet.

    Raises ValueError that names an odd setting.
    """
    return AlpacaBroker(parse(settings))


class AlpacaBroker:
    """One Alpaca account. It nets, and refuses an order that would bring a symbol from long to short or back.

    A client order id is taken for the account's lifetime: sending it again is answered with the order that has it.
    `unmapped` counts refusals that no row of the table knows, by code and message.
    """

    def __init__(self, settings: AlpacaSettings, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._deadline = deadline_seconds
        self._call_seconds = deadline_seconds / (CALLS_IN_A_ROW + 1)
        self._calls = Calls(settings, self._call_seconds)
        self._listing = AssetCache(self._calls, time.monotonic)
        self._closed = threading.Event()
        self.unmapped: Counter[str] = Counter()
        self.capabilities = Capabilities(
            dedupe=Dedupe.LIFETIME,
            nets_positions=True,
            settle_seconds=SETTLE_SECONDS,
            deadline_seconds=deadline_seconds,
            opposite_sides=False,
            rate_limit=RATE_LIMIT,
        )

    def instruments(self) -> Sequence[Instrument]:
        may = self._calls.permissions()
        listed = [*self._calls.assets("us_equity"), *(self._calls.assets("crypto") if may.crypto else [])]
        return openable(listed, may)

    def account(self) -> AccountSummary:
        return self._calls.account()

    def is_open(self, symbol: str, at: datetime) -> bool:
        asset = self._listing.asset(symbol)
        return asset is not None and (asset.crypto or self._listing.stocks_trade())

    def mark(self) -> str | None:
        """Orders are looked up by our id, for as long as the account lives."""
        return None

    def submit(self, order: OrderRequest) -> OrderReport:
        """Checks, sends once, follows the order until it has ended or the time is up.

        Once the order was sent, nothing may say any more that it was not.
        """
        ends = time.monotonic() + self._deadline
        asset, body = self._prepared(order)
        reply = self._calls.place(body)
        try:
            return self._outcome(order, asset, reply, ends)
        except (OrderRejected, OutcomeUnknown):
            raise
        except Exception as error:  # whatever it is, the order may be at the broker
            raise OutcomeUnknown(f"The order was sent, and then: {error!r}") from error

    def find(self, order: OrderRequest) -> OrderReport | None:
        return self._calls.find(order)

    def positions(self) -> Sequence[BrokerPosition]:
        rows = self._calls.positions()
        try:
            return readable(rows, self._position, lambda row: row["symbol"])
        except ValueError as error:
            raise BrokerUnavailable(f"Alpaca's positions cannot be read: {error}") from error

    def close(self) -> None:
        self._closed.set()
        self._calls.close()

    def _position(self, row: Mapping[str, Any]) -> BrokerPosition:
        return translate.position(row, self._listing.symbol_of(row["asset_id"], row["symbol"]))

    def _prepared(self, order: OrderRequest) -> tuple[Asset, dict[str, str]]:
        """The order as it will be sent. Nothing is sent yet: keys that are refused here are a definitive refusal."""
        try:
            asset = self._listing.asset(order.symbol)
            if asset is None:
                raise OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"Alpaca does not list {order.symbol}.")
            quantity = quantity_to_send(order, asset, self._calls.position)
            if not asset.crypto and not self._listing.stocks_trade():
                raise OrderRejected(ErrorType.MARKET_CLOSED, "The US stock market is closed.")
        except KeysRefused as error:
            raise OrderRejected(ErrorType.INVALID_CREDENTIALS, error.reason) from error
        return asset, translate.order_body(order, quantity, asset.crypto)

    def _outcome(self, order: OrderRequest, asset: Asset, reply: BrokerReply, ends: float) -> OrderReport:
        if reply.status < 300:
            report = translate.report(reply.body, order)
            return _ended(self._followed(order, asset, report, ends))
        if errors.is_duplicate(reply):
            return self._known(order, reply)
        if order.leg is Leg.CLOSE and errors.is_less_there(reply) and (there := self._what_is_there(order, asset)):
            smaller = self._calls.place(translate.order_body(order, there, asset.crypto))
            if smaller.status < 300:
                return _ended(self._followed(order, asset, translate.report(smaller.body, order), ends))
            return self._refused(order, asset, smaller)
        return self._refused(order, asset, reply)

    def _followed(self, order: OrderRequest, asset: Asset, report: OrderReport, ends: float) -> OrderReport:
        """The order when it has ended, or as it is when the time is up; the bridge looks it up then."""
        for pause in POLL_PAUSES:
            if report.state is not OrderState.ACCEPTED:
                return report
            if time.monotonic() + pause + CALLS_AFTER_A_POLL * self._call_seconds > ends or self._closed.wait(pause):
                break
            report = self._seen_again(order, report)
        return report if report.state is not OrderState.ACCEPTED else self._unless_queued(order, asset, report)

    def _unless_queued(self, order: OrderRequest, asset: Asset, report: OrderReport) -> OrderReport:
        """Withdraws an order that Alpaca keeps for the next session: it would be executed at tomorrow's price.

        The market can close between our look at the clock and the order (docs.alpaca.markets, "Orders at Alpaca").
        """
        try:
            if asset.crypto or self._calls.clock().is_open:
                return report
            self._calls.cancel(str(report.broker_order_id))
        except BrokerUnavailable:
            return report
        after = self._seen_again(order, report)
        if after.state is OrderState.CANCELLED:
            raise OrderRejected(ErrorType.MARKET_CLOSED, "Queued for the next session, and withdrawn.")
        return after

    def _seen_again(self, order: OrderRequest, report: OrderReport) -> OrderReport:
        """A look that fails proves nothing about an order that is known to be there."""
        try:
            return self._calls.follow(order, str(report.broker_order_id))
        except BrokerUnavailable:
            return report

    def _known(self, order: OrderRequest, reply: BrokerReply) -> OrderReport:
        """Alpaca has an order with this id already: what became of that one is what became of ours."""
        try:
            found = self._calls.find(order)
        except BrokerUnavailable as unavailable:
            return known_to_broker(
                order.client_order_id, f"The order is there, and cannot be read: {unavailable.reason}"
            )
        if found is None:
            words = f"Alpaca knows the order, and does not show it yet: {errors.message_of(reply)}"
            return known_to_broker(order.client_order_id, words)
        return _ended(found)

    def _what_is_there(self, order: OrderRequest, asset: Asset) -> Decimal | None:
        """How much of a close can be closed where less is held than was bought; None where that is not the reason.

        Alpaca refuses the whole order then, each time (403, "insufficient qty available"). What another order holds is
        there all the same, and is left to it.
        """
        row = self._calls.position(asset.id)
        if row is None or translate.position(row, order.symbol).quantity * _sign(order) >= 0:
            return None
        held, free = abs(translate.number(row["qty"])), translate.available(row)
        return free if 0 < free < order.quantity and held < order.quantity else None

    def _refused(self, order: OrderRequest, asset: Asset, reply: BrokerReply) -> OrderReport:
        """Raises the refusal. One that nobody has thought about is believed only when there is no such order.

        A 422 was once reported for an order that was executed (alpaca-trade-api-js issue 255).
        """
        verdict = errors.verdict(reply, order.leg)
        if not verdict.listed:
            self.unmapped[f"{reply.status} {errors.code_of(reply)}"] += 1
            log.warning("Alpaca refused an order for an unknown reason.", action="unmapped", reason=verdict.reason)
            if (found := self._found_after(order, verdict)) is not None:
                return _ended(found)
        meant = as_seen(order, OrderRejected(verdict.type, verdict.reason), lambda: self._held(asset))
        raise meant if isinstance(meant, OrderRejected) else OrderRejected(None, str(meant))

    def _held(self, asset: Asset) -> Sequence[BrokerPosition]:
        row = self._calls.position(asset.id)
        return [] if row is None else [translate.position(row, asset.instrument.symbol)]

    def _found_after(self, order: OrderRequest, refusal: errors.RefusalMeaning) -> OrderReport | None:
        """The order has been sent: a look that fails says nothing of it."""
        try:
            return self._calls.find(order)
        except BrokerUnavailable as unavailable:
            raise OutcomeUnknown(f"{refusal.reason}; and the order cannot be looked up.") from unavailable


def _sign(order: OrderRequest) -> int:
    return 1 if order.side is Direction.BUY else -1


def _ended(report: OrderReport) -> OrderReport:
    """Raises OrderRejected for an order that Alpaca took and then rejected."""
    if report.state is OrderState.REJECTED:
        raise OrderRejected(report.error, report.reason or "Alpaca rejected the order.")
    return report
