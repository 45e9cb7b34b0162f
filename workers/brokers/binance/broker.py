"""The Binance USD-M futures adapter: the contract's methods for one account in one-way mode."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NoReturn, TypeVar

from shared.accounts.instrument import Instrument
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
from workers.brokers.binance import checks, listings, translate
from workers.brokers.binance.catalogue import FRESH_SECONDS, USABLE_SECONDS, Catalogue
from workers.brokers.binance.errors import CODES, NO_SUCH_ORDER, POSITION_SIDE_NOT_MATCH, OrderProof, listed
from workers.brokers.binance.session import BinanceError, Session
from workers.brokers.binance.settings import BinanceSettings, parse
from workers.brokers.unmapped_errors import unmapped

READ_SECONDS = 3.0
ORDER_SECONDS = 8.0
READS_OF_A_SUBMIT = 6  # time, list, prices, mode, position, and the order that a duplicate names
SETTLE_SECONDS = 15.0
"""A request that is under way for longer than its window of 5 s is refused, and the matching engine answers within 10 s
or never (-1007): what is not there after both was not accepted."""
RESTRICTED = 451
PLACE = "Binance does not serve the place where this machine stands (HTTP 451): run the worker elsewhere."
HEDGE_MODE = "The account is in hedge mode; switch it to one-way mode at Binance (position mode)."
_Answer = TypeVar("_Answer")

RATE_LIMIT = RateLimit(requests=300, seconds=10, submit=3)
"""Orders, by exchangeInfo; the weight of 2,400 a minute is reached later."""


def make(settings: Mapping[str, str]) -> Broker:
    """The adapter for the account that `settings` describe; `settings.py` lists them. Nothing is connected yet.

    Raises ValueError that names an odd setting.
    """
    return BinanceBroker(parse(settings))


class BinanceBroker:
    """One account. It nets in each symbol, so all that it holds in a symbol points one way (checks.py says why)."""

    def __init__(
        self, settings: BinanceSettings, read_seconds: float = READ_SECONDS, order_seconds: float = ORDER_SECONDS
    ) -> None:
        self._settings = settings
        self._session = Session(settings, read_seconds, order_seconds)
        self._catalogue = Catalogue(self._session)
        self._one_way = threading.Event()  # set once the account's mode was read
        self._traded: dict[str, float] = {}  # when an order in a symbol was sent last
        self.capabilities = Capabilities(
            dedupe=Dedupe.WHILE_PENDING,
            nets_positions=True,
            opposite_sides=False,
            settle_seconds=SETTLE_SECONDS,
            deadline_seconds=READS_OF_A_SUBMIT * read_seconds + order_seconds,
            rate_limit=RATE_LIMIT,
        )

    def instruments(self) -> Sequence[Instrument]:
        """The account's list is the exchange's. Asks for the mode too: an account that cannot trade has none."""
        self._read(self._check_mode)
        return listings.instruments_of(self._catalogue.current(FRESH_SECONDS).listings, self._settings.quotes)

    def account(self) -> AccountSummary:
        self._read(self._check_mode)
        return self._read(lambda: translate.account_of(self._session.read("/fapi/v3/account")))

    def is_open(self, symbol: str, at: datetime) -> bool:
        """By the symbol's status now: perpetual contracts have no hours.

        A symbol that is not listed is not closed: an order in it is refused for what it is, and a close is sent. So is
        one whose list cannot be had.
        """
        listing = self._catalogue.latest(FRESH_SECONDS).listings.get(symbol)
        return listing is None or listing.status == listings.OPEN_STATUS

    def mark(self) -> str | None:
        """None: orders are looked up by their client order id."""
        return None

    def submit(self, order: OrderRequest) -> OrderReport:
        """Checks, then sends once. A client order id that is taken is answered with the order that has it."""
        self._check(order)
        try:
            return translate.report_of(order, self._session.order(**_parameters(order)))
        except BinanceError as refused:
            return self._refused(order, refused)
        except BrokerError:
            raise
        except Exception as error:  # whatever it is, the order may have been executed
            raise OutcomeUnknown(f"Binance's answer is not understood: {type(error).__name__}.") from error
        finally:
            self._traded[order.symbol] = time.monotonic()

    def find(self, order: OrderRequest) -> OrderReport | None:
        """By client order id. An order that ended unfilled is forgotten after 3 days, any order after 90."""
        return self._read(lambda: self._look_up(order))

    def positions(self) -> Sequence[BrokerPosition]:
        return self._read(lambda: translate.positions_of(self._session.read("/fapi/v3/positionRisk")))

    def close(self) -> None:
        self._session.close()

    def _check(self, order: OrderRequest) -> None:
        """What Binance would refuse, or misunderstand. Nothing is sent before all of it has been asked.

        The filters are looked at for an open leg alone: what is held has to be closed, whatever the list says of its
        symbol by now, and also where there is no list.
        """
        if order.leg is Leg.OPEN and (refusal := checks.refusal(order, self._catalogue.current(USABLE_SECONDS))):
            raise refusal
        try:
            if not self._one_way.is_set():
                _understood(self._check_mode)
            if order.leg is Leg.OPEN:
                _understood(lambda: self._check_direction(order))
        except BinanceError as refused:
            _reject_credentials(refused)

    def _check_mode(self) -> None:
        """Raises BrokerUnavailable for hedge mode: it ends when the account's owner switches."""
        if self._session.read("/fapi/v1/positionSide/dual")["dualSidePosition"] is not False:
            self._one_way.clear()
            raise BrokerUnavailable(HEDGE_MODE)
        self._one_way.set()

    def _check_direction(self, order: OrderRequest) -> None:
        rows = self._session.read("/fapi/v3/positionRisk", urgent=True, symbol=order.symbol)
        held = sum((each.quantity for each in translate.positions_of(rows)), Decimal(0))
        since = time.monotonic() - self._traded.get(order.symbol, float("-inf"))
        if refusal := checks.wrong_direction(order, held, since):
            raise refusal

    def _refused(self, order: OrderRequest, refused: BinanceError) -> OrderReport:
        if refused.status == RESTRICTED:
            raise OrderRejected(None, f"{PLACE} ({refused.words})") from refused
        if not listed(refused.code):
            unmapped("binance", str(refused.code), refused.words)
        if refused.code == POSITION_SIDE_NOT_MATCH:
            self._one_way.clear()
        match CODES.get(refused.code):
            case OrderProof.DUPLICATE:
                return self._known(order)
            case OrderProof.WRONG_TIME:
                self._session.synchronise()
                raise BrokerUnavailable("The order was late by Binance's clock; ours is set anew.") from refused
            case OrderProof.NOT_ACCEPTED:
                raise BrokerUnavailable(str(refused)) from refused
            case OrderProof.UNKNOWN:
                raise OutcomeUnknown(str(refused)) from refused
            case ErrorType() | None as error:
                raise as_seen(order, OrderRejected(error, str(refused)), self.positions) from refused

    def _known(self, order: OrderRequest) -> OrderReport:
        """The order that has our id already: ours, sent before."""
        try:
            report = self.find(order)
        except BrokerUnavailable as unavailable:
            return known_to_broker(
                order.client_order_id, f"The order is there, and cannot be read: {unavailable.reason}"
            )
        return report or known_to_broker(
            order.client_order_id, "Binance knows the client order id, and does not show the order yet."
        )

    def _look_up(self, order: OrderRequest) -> OrderReport | None:
        sought = {"symbol": order.symbol, "origClientOrderId": order.client_order_id}
        try:
            return translate.report_of(order, self._session.read("/fapi/v1/order", urgent=True, **sought))
        except BinanceError as refused:
            if refused.code == NO_SUCH_ORDER:
                return None
            raise

    def _read(self, work: Callable[[], _Answer]) -> _Answer:
        """A read changes nothing: whatever fails in it, the caller could not look."""
        try:
            return _understood(work)
        except BinanceError as refused:
            of_key = CODES.get(refused.code) is ErrorType.INVALID_CREDENTIALS
            raise BrokerUnavailable(str(refused), credentials=of_key) from refused


def _understood(work: Callable[[], _Answer]) -> _Answer:
    """A read, where an odd body counts as none."""
    try:
        return work()
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise BrokerUnavailable(f"Binance's answer is not understood: {type(error).__name__}.") from error


def _parameters(order: OrderRequest) -> dict[str, str]:
    """A market order. RESULT lets Binance answer with what became of it; reduceOnly keeps a close from opening."""
    parameters: dict[str, Any] = {
        "symbol": order.symbol,
        "side": order.side,
        "type": "MARKET",
        "quantity": f"{order.quantity:f}",
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "RESULT",
    }
    return parameters | ({"reduceOnly": "true"} if order.leg is Leg.CLOSE else {})


def _reject_credentials(refused: BinanceError) -> NoReturn:
    """A question before the order was refused: for the key's sake that settles the order, else it is asked again."""
    if CODES.get(refused.code) is ErrorType.INVALID_CREDENTIALS:
        raise OrderRejected(ErrorType.INVALID_CREDENTIALS, str(refused)) from refused
    raise BrokerUnavailable(str(refused)) from refused
