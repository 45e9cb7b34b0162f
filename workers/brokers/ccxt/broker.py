"""The ccxt adapter: perpetual contracts of the exchanges in venues.py, for one account in one-way mode."""

import importlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from shared.accounts.instrument import Instrument, check_quantity, sentence_about
from shared.domain import ErrorType, Leg
from shared.ledger.reports import known_to_broker
from workers.brokers.absent_position import as_seen
from workers.brokers.base import (
    AccountSummary,
    Broker,
    BrokerError,
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
from workers.brokers.binance.checks import LARGEST, wrong_direction
from workers.brokers.binance.errors import OrderProof
from workers.brokers.ccxt import markets
from workers.brokers.ccxt.errors import meaning_of
from workers.brokers.ccxt.fair_lock import FairLock
from workers.brokers.ccxt.http_session import HttpSession, Sending, WireMismatch
from workers.brokers.ccxt.settings import CcxtSettings, parse
from workers.brokers.ccxt.venues import Practice

READ_SECONDS = 4.0
ORDER_SECONDS = 8.0
TURN_SECONDS = 8.0  # how long a call waits for those of other threads
READS_OF_A_SUBMIT = 4  # the list, two for the position, and the order that a duplicate names
FRESH_SECONDS = 60.0
USABLE_SECONDS = 3600.0
CURRENCY = "USDT"
_Answer = TypeVar("_Answer")

RATE_LIMIT = RateLimit(requests=10, seconds=1, submit=3)
"""What the slowest of the usual exchanges bear; ccxt itself paces each process."""


def make(settings: Mapping[str, str]) -> Broker:
    """The adapter for the account that `settings` describe; `settings.py` lists them. Nothing is connected yet.

    Raises ValueError for an odd setting, for an exchange that is refused, and where ccxt is not installed.
    """
    return CcxtBroker(parse(settings))


class CcxtBroker:
    """One account. ccxt's exchange objects are not made for threads: one call at a time."""

    def __init__(
        self, settings: CcxtSettings, read_seconds: float = READ_SECONDS, order_seconds: float = ORDER_SECONDS
    ) -> None:
        self._settings = settings
        self._pipe = HttpSession(read_seconds, order_seconds)
        self._exchange = _exchange(settings, self._pipe)
        self._turns = FairLock(TURN_SECONDS)  # a submit holds it through all of its calls
        self._listed: tuple[float, dict[str, markets.Market]] | None = None
        self._traded: dict[str, float] = {}
        self.capabilities = Capabilities(
            dedupe=Dedupe.WHILE_PENDING,
            nets_positions=True,
            opposite_sides=False,
            settle_seconds=settings.venue.settle_seconds,
            deadline_seconds=TURN_SECONDS + READS_OF_A_SUBMIT * read_seconds + order_seconds,
            rate_limit=RATE_LIMIT,
        )

    def instruments(self) -> Sequence[Instrument]:
        self.account()  # the list is public: that the account may trade it, only the account says
        return markets.instruments_of(self._markets(FRESH_SECONDS), self._settings.quotes)

    def account(self) -> AccountSummary:
        return self._read(lambda: markets.summary_of(self._exchange.fetch_balance(), CURRENCY))

    def is_open(self, symbol: str, at: datetime) -> bool:
        """By the market's state now: perpetual contracts have no hours.

        A symbol that is not listed is not closed: an order in it is refused for what it is, and a close is sent.
        """
        market = self._latest_markets(FRESH_SECONDS).get(symbol)
        return market is None or market.active

    def mark(self) -> str | None:
        """None: orders are looked up by their client order id."""
        return None

    def submit(self, order: OrderRequest) -> OrderReport:
        """Checks, then sends once: never a price, never without our id, never another quantity than ours."""
        with self._turns.taken():
            return self._submit(order)

    def find(self, order: OrderRequest) -> OrderReport | None:
        """By client order id."""
        market = self._markets(USABLE_SECONDS).get(order.symbol)
        parameters = {self._settings.venue.lookup: order.client_order_id}

        def look_up() -> OrderReport | None:
            try:
                body = self._exchange.fetch_order(None, order.symbol, parameters)
            except Exception as error:
                if type(error).__name__ == "OrderNotFound":
                    return None
                raise
            return markets.report_of(order, body, market.size if market else Decimal(1))

        return self._read(look_up)

    def positions(self) -> Sequence[BrokerPosition]:
        return self._read(lambda: markets.positions_of(self._exchange.fetch_positions()))

    def close(self) -> None:
        self._pipe.close()

    def _submit(self, order: OrderRequest) -> OrderReport:
        market = self._checked(order)
        with self._pipe.sending(market.contracts(order.quantity), order.client_order_id) as sending:
            try:
                return self._send(order, market, sending)
            except BrokerError as error:
                raise _as_it_stands(error, sending) from error
            except WireMismatch as error:
                raise _mismatch(error, sending) from error
            except Exception as error:
                failure = _failed(error, sending, self._settings)
                if failure is not None:
                    raise as_seen(order, failure, self.positions) from error
            finally:
                self._traded[order.symbol] = time.monotonic()
        return self._known(order)

    def _send(self, order: OrderRequest, market: markets.Market, sending: Sending) -> OrderReport:
        """The one call of ccxt that writes."""
        parameters = {"clientOrderId": order.client_order_id} | ({"reduceOnly": True} if order.leg is Leg.CLOSE else {})
        quantity = f"{sending.quantity:f}"
        body = self._exchange.create_order(order.symbol, "market", order.side.lower(), quantity, None, parameters)
        if sending.status is None or sending.status >= 400:
            raise OutcomeUnknown(f"{self._settings.exchange} answered {sending.status} without a reason.")
        return markets.report_of(order, body, market.size)

    def _checked(self, order: OrderRequest) -> markets.Market:
        """The order's market. ccxt rounds silently, so that a quantity must fit before ccxt sees it.

        The limits are for an open leg: what is held has to be closed, whatever could be opened by now.
        """
        market = self._latest_markets().get(order.symbol)
        if market is None:
            unlisted = OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"{order.symbol} is not listed")
            raise as_seen(order, unlisted, self.positions)
        if order.leg is Leg.CLOSE:
            return market
        instrument = market.instrument(order.symbol)
        if order.quantity > LARGEST:
            raise OrderRejected(ErrorType.QUANTITY_TOO_HIGH, sentence_about(instrument, order.quantity))
        if wrong := check_quantity(instrument, order.quantity):
            raise OrderRejected(wrong, sentence_about(instrument, order.quantity))
        self._check_direction(order)
        return market

    def _check_direction(self, order: OrderRequest) -> None:
        try:
            rows = self._called(lambda: markets.positions_of(self._exchange.fetch_positions([order.symbol])))
        except _Refused as refused:
            if meaning_of(refused.error, self._settings.venue.codes) is ErrorType.INVALID_CREDENTIALS:
                raise OrderRejected(ErrorType.INVALID_CREDENTIALS, str(refused)) from refused
            raise BrokerUnavailable(str(refused)) from refused
        held = sum((each.quantity for each in rows if each.symbol == order.symbol), Decimal(0))
        since = time.monotonic() - self._traded.get(order.symbol, float("-inf"))
        if refusal := wrong_direction(order, held, since):
            raise refusal

    def _known(self, order: OrderRequest) -> OrderReport:
        """The order that has our id already: ours, sent before."""
        try:
            report = self.find(order)
        except BrokerUnavailable as unavailable:
            return known_to_broker(
                order.client_order_id, f"The order is there, and cannot be read: {unavailable.reason}"
            )
        return report or known_to_broker(
            order.client_order_id, "The exchange knows the client order id, and does not show the order yet."
        )

    def _markets(self, max_age: float) -> dict[str, markets.Market]:
        listed = self._listed
        if listed is None or time.monotonic() - listed[0] > max_age:
            rows = self._read(lambda: self._exchange.load_markets(True).values())
            mode = self._exchange.precisionMode
            listed = (time.monotonic(), self._read(lambda: markets.markets_of(rows, mode)))
            self._listed = listed
        return listed[1]

    def _latest_markets(self, max_age: float = USABLE_SECONDS) -> dict[str, markets.Market]:
        """The list, or where it cannot be read now, the last that was."""
        try:
            return self._markets(max_age)
        except BrokerUnavailable:
            if self._listed is None:
                raise
            return self._listed[1]

    def _read(self, work: Callable[[], _Answer]) -> _Answer:
        """A read changes nothing: whatever fails in it, the caller could not look."""
        try:
            return self._called(work)
        except _Refused as refused:
            of_key = meaning_of(refused.error, self._settings.venue.codes) is ErrorType.INVALID_CREDENTIALS
            raise BrokerUnavailable(str(refused), credentials=of_key) from refused

    def _called(self, work: Callable[[], _Answer]) -> _Answer:
        with self._turns.taken():
            try:
                return work()
            except BrokerError:
                raise
            except Exception as error:  # ccxt raises whatever it likes; nothing was written
                raise _Refused(error) from error


class _Refused(Exception):
    """ccxt has raised something in place of an answer."""

    def __init__(self, error: Exception) -> None:
        super().__init__(_without_address(error))
        self.error = error


def _exchange(settings: CcxtSettings, pipe: HttpSession) -> Any:
    """ccxt's object for the exchange, with exact numbers, our wire, and no tries of its own."""
    try:
        library = importlib.import_module("ccxt")
    except ImportError as error:
        raise ValueError("exchange: ccxt is not installed; install proquant-bridge[ccxt]") from error
    keys = {"apiKey": settings.api_key, "secret": settings.secret, "password": settings.password}
    made = getattr(library, settings.exchange)({**keys, "options": {"maxRetriesOnFailure": 0, "defaultType": "swap"}})
    made.has["fetchCurrencies"] = False  # it asks for wallets, which a key for trading alone may not see
    made.number = Decimal
    made.session = pipe
    made.amount_to_precision = lambda _, amount: str(amount)  # opens are checked here, closes are sent as they are
    if settings.base_url is not None:
        made.urls["api"] = _moved(made.urls["api"], settings.base_url)
    elif settings.sandbox and settings.venue.practice is Practice.DEMO:
        made.enable_demo_trading(True)
    elif settings.sandbox:
        made.set_sandbox_mode(True)
    return made


def _moved(urls: Any, base_url: str) -> Any:
    """All of the exchange's addresses, with scheme and host replaced."""
    if isinstance(urls, str):
        return re.sub(r"^https?://[^/]+", base_url, urls)
    return {name: _moved(each, base_url) for name, each in urls.items()}


def _as_it_stands(error: BrokerError, sending: Sending) -> BrokerError:
    """What the wire has said; a read that fails after the order was written says nothing of the order."""
    if isinstance(error, BrokerUnavailable) and sending.written:
        return OutcomeUnknown(error.reason)
    return error


def _mismatch(error: WireMismatch, sending: Sending) -> BrokerError:
    """ccxt would have sent something else."""
    if sending.written:
        return OutcomeUnknown(str(error))
    return OrderRejected(ErrorType.INVALID_QUANTITY_PRECISION, f"{error}; nothing was sent.")


def _failed(error: Exception, sending: Sending, settings: CcxtSettings) -> BrokerError | None:
    """What ccxt's exception proves; None: the client order id is taken."""
    words = _without_address(error)
    if not sending.written:
        return BrokerUnavailable(f"ccxt did not send the order: {words}")
    match meaning_of(error, settings.venue.codes):
        case OrderProof.DUPLICATE:
            return None
        case OrderProof.NOT_ACCEPTED | OrderProof.WRONG_TIME:
            return BrokerUnavailable(words)
        case OrderProof.UNKNOWN:
            return OutcomeUnknown(words)
        case ErrorType() | None as type_:
            return OrderRejected(type_, words)


def _without_address(error: Exception) -> str:
    """The error in words, without a query, which carries the signature."""
    return re.sub(r"\?\S*", "", f"{type(error).__name__}: {error}")[:300]
