"""The OANDA adapter: the contract's methods over the v20 REST API (developer.oanda.com)."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from shared.accounts.instrument import Instrument, check_quantity, sentence_about
from shared.domain import Direction, ErrorType, Leg
from shared.ledger.reports import known_to_broker
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
from workers.brokers.oanda import history, translate
from workers.brokers.oanda.api import Api, OrderExists, ReadRefused, TradeExists
from workers.brokers.oanda.closing import Closing, closing_of
from workers.brokers.oanda.errors import RejectionMeaning
from workers.brokers.oanda.identity import closing_body, opening_body, trade_client_id
from workers.brokers.oanda.settings import OandaSettings, parse
from workers.brokers.oanda.translate import BAD_JSON, Json, number
from workers.brokers.odd_rows import readable

DEADLINE_SECONDS = 15.0
CALLS = 5  # that fit into the deadline: all that is asked before a send gets one part of it, the send and the rest four
SETTLE_SECONDS = 3.0  # reads were seen to lag half a second behind (hootnot/oanda-api-v20, issue 204)
MT4 = RejectionMeaning(None, "This OANDA account is linked to MetaTrader 4, whose orders can carry no ids of ours.")
FIFO = "This account closes the oldest trade first (FIFO), and there is one in {symbol}: a second one could get stuck."
_Answer = TypeVar("_Answer")

RATE_LIMIT = RateLimit(requests=100, seconds=1, submit=3)
"""OANDA refuses more than 120 a second; its guide recommends 100."""


def make(settings: Mapping[str, str]) -> Broker:
    """The adapter for the account that `settings` names; `settings.py` lists them. Nothing is connected yet.

    Raises ValueError that names an odd setting.
    """
    return OandaBroker(parse(settings))


class OandaBroker:
    """One v20 account, hedging or netting. Thread-safe.

    What never changes about the account (whether it hedges, whether it is linked to MetaTrader 4) is asked once, when
    it is first needed: a broker that is away when the adapter is made is no fault of the settings.
    """

    def __init__(self, settings: OandaSettings, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._settings = settings
        self._deadline = deadline_seconds
        self._api = Api(settings, deadline_seconds / CALLS)
        self._instruments: Mapping[str, Instrument] = {}
        self._hedges: bool | None = None
        self._usable = False

    @property
    def capabilities(self) -> Capabilities:
        """That the account nets is the careful answer until OANDA was asked; `account` and `mark` ask it."""
        return Capabilities(
            dedupe=Dedupe.WHILE_OPEN,
            nets_positions=not self._hedges,
            settle_seconds=SETTLE_SECONDS,
            deadline_seconds=self._deadline,
            opposite_sides=bool(self._hedges),
            rate_limit=RATE_LIMIT,
            marks=True,
        )

    def instruments(self) -> Sequence[Instrument]:
        self._check_usable()
        listed = self._api.instruments(
            lambda body: readable(body["instruments"], translate.instrument, lambda row: row["name"])
        )
        self._instruments = {each.symbol: each for each in listed}
        return listed

    def account(self) -> AccountSummary:
        self._check_usable()
        return self._summary(lambda body: translate.summary(body["account"]))

    def is_open(self, symbol: str, at: datetime) -> bool:
        """What OANDA says of now: it publishes no hours, and `at` is now wherever the bridge asks.

        An instrument that the account does not know has no market, and so none that is open.
        """
        try:
            return self._is_open_now(symbol)
        except ReadRefused as refused:
            if refused.meaning.type is ErrorType.UNSUPPORTED_INSTRUMENT:
                return False
            raise

    def mark(self) -> str | None:
        """The number of the account's last transaction."""
        return self._summary(lambda body: str(int(body["lastTransactionID"])))

    def submit(self, order: OrderRequest) -> OrderReport:
        """At most four reads and one write, and the log where OANDA says that the strategy has a trade already."""
        ends = time.monotonic() + self._deadline
        try:
            closing = self._to_close(order) if order.leg is Leg.CLOSE else None
            if closing is None:
                self._check_open(order)
        except ReadRefused as refused:
            if refused.forbidden:
                raise OrderRejected(refused.meaning.type, refused.reason) from refused
            raise
        if time.monotonic() > ends - self._deadline * (CALLS - 1) / CALLS:
            raise BrokerUnavailable("OANDA is too slow to be sent an order within the time that there is.")
        try:
            return self._send(order, closing)
        except TradeExists as refused:
            return self._existing(order, refused, ends)
        except OrderExists as refused:
            return known_to_broker(order.client_order_id, refused.reason)
        except BAD_JSON as error:
            raise OutcomeUnknown(f"OANDA's answer to the order cannot be read: {type(error).__name__}.") from error

    def find(self, order: OrderRequest) -> OrderReport | None:
        """Reads the transaction log from the order's mark to its end."""
        log, _ = self._api.log_since(order.mark)
        return self._in_log(order, log)

    def positions(self) -> Sequence[BrokerPosition]:
        return self._api.open_positions(lambda body: translate.positions(body["positions"]))

    def close(self) -> None:
        self._api.close()

    def _check_open(self, order: OrderRequest) -> None:
        """Refuses before sending what OANDA would refuse, and what would reduce another strategy's position."""
        self._check_usable()
        if order.symbol not in self._instruments:
            self.instruments()
        instrument = self._instruments.get(order.symbol)
        if instrument is None:
            raise OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"This account does not trade {order.symbol}.")
        if wrong := check_quantity(instrument, order.quantity):
            raise OrderRejected(wrong, sentence_about(instrument, order.quantity))
        if not self._nets() and not self._settings.fifo:
            return
        trades = self._api.open_trades(order.symbol, lambda body: [_is_long(trade) for trade in body["trades"]])
        if any(is_long is not (order.side is Direction.BUY) for is_long in trades):
            raise OrderRejected(None, f"This account nets, and another strategy holds {order.symbol} the other way.")
        if self._settings.fifo and trades and not self._api.trade(f"@{self._trade_client_id(order)}"):
            raise OrderRejected(None, FIFO.format(symbol=order.symbol))

    def _to_close(self, order: OrderRequest) -> Closing:
        self._check_usable()
        trade = order.opening.trade_id if order.opening else None
        client_id = self._trade_client_id(order)
        row = self._api.trade(trade or f"@{client_id}")
        if row is None and trade is None and not self._is_open_now(order.symbol):
            raise OrderRejected(ErrorType.MARKET_CLOSED, f"The market for {order.symbol} is closed.")
        try:
            return closing_of(order, client_id, row)
        except BAD_JSON as error:
            raise BrokerUnavailable(
                f"OANDA's answer about the trade cannot be read: {type(error).__name__}."
            ) from error

    def _send(self, order: OrderRequest, closing: Closing | None) -> OrderReport:
        if closing is None:
            return translate.filled(order, self._api.create_order(opening_body(order, self._settings.account)))
        return translate.filled(order, self._api.close_trade(closing.trade_id, closing_body(closing.quantity)))

    def _existing(self, order: OrderRequest, refused: TradeExists, ends: float) -> OrderReport:
        """The strategy has an open trade. If this order has opened it, then it had been sent before and is filled.

        The log up to the refusal is the proof, one way or the other.
        """
        if time.monotonic() > ends - self._deadline / CALLS:
            raise OutcomeUnknown("The strategy has a trade at OANDA; there is no time left to ask whose it is.")
        try:
            log, last = self._api.log_since(order.mark)
            report = self._in_log(order, log)
        except BrokerUnavailable as unavailable:
            raise OutcomeUnknown(f"The strategy has a trade at OANDA; whose? {unavailable.reason}") from unavailable
        if last < refused.transaction:
            raise OutcomeUnknown("The strategy has a trade at OANDA, whose log does not show yet whose.")
        if report is None or not report.filled_quantity:
            raise refused
        return report

    def _in_log(self, order: OrderRequest, log: Sequence[Json]) -> OrderReport | None:
        try:
            return history.report_of(order, log, self._trade_client_id(order))
        except BAD_JSON as error:
            raise BrokerUnavailable(f"OANDA's transactions cannot be read: {type(error).__name__}.") from error

    def _check_usable(self) -> None:
        """Once: the token reaches the account, and the account is not one whose trades can carry no ids of ours."""
        if not self._usable:
            if self._api.is_mt4_account():
                raise ReadRefused(403, MT4)
            self._usable = True

    def _nets(self) -> bool:
        if self._hedges is None:
            self._summary(lambda body: body["account"])
        return not self._hedges

    def _summary(self, read: Callable[[Json], _Answer]) -> _Answer:
        def read_all(body: Json) -> tuple[bool, _Answer]:
            return bool(body["account"]["hedgingEnabled"]), read(body)

        self._hedges, answer = self._api.summary(read_all)
        return answer

    def _is_open_now(self, symbol: str) -> bool:
        return self._api.pricing(symbol, lambda body: translate.is_tradeable(body["prices"]))

    def _trade_client_id(self, order: OrderRequest) -> str:
        return trade_client_id(self._settings.account, order.strategy_id)


def _is_long(trade: Json) -> bool:
    return number(trade["currentUnits"]) > 0
