"""The adapter for any system that answers the REST contract: one call for each method of the broker contract."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from shared.accounts.instrument import Instrument, check_quantity, sentence_about
from shared.domain import ErrorType, Leg, OrderState
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
)
from workers.brokers.http_client import BrokerReply, HttpClient
from workers.brokers.rest import translate
from workers.brokers.rest.errors import ORDER_NOT_FOUND, error_of, is_known, problem_of
from workers.brokers.rest.settings import parse

CALL_SECONDS = 5.0
LISTED_SECONDS = 300.0  # for how long a list of instruments is believed
ASK_AGAIN_SECONDS = 5.0  # after a far end did not say what it promises
UNTOLD_SETTLE_SECONDS = 60.0
_Value = TypeVar("_Value")


def make(settings: Mapping[str, str]) -> Broker:
    """The account that `token` names at `base_url`. Nothing is connected yet. Raises ValueError for an odd setting."""
    parsed = parse(settings)
    return RestBroker(parsed.base_url, parsed.token)


class RestBroker:
    """One account behind the REST contract. Thread-safe.

    What the far end promises is asked on first use. Until it has said so, nothing is believed of it: no dedupe, the
    longest settle time, and look-ups that need a mark. That is slower and never wrong.
    A submit makes at most two calls, each of which ends within `call_seconds`; a third part is for all the rest.
    """

    def __init__(self, base_url: str, token: str, call_seconds: float = CALL_SECONDS) -> None:
        self._wire = HttpClient(
            base_url, {"Authorization": f"Bearer {token}", "Accept": "application/json"}, call_seconds
        )
        self._told: Capabilities | None = None
        self._declares_marks = False
        self._asked_at = float("-inf")
        self._listing = _Listing({}, float("-inf"))
        self._untold = Capabilities(Dedupe.NONE, True, UNTOLD_SETTLE_SECONDS, 3 * call_seconds, marks=True)

    @property
    def capabilities(self) -> Capabilities:
        if self._told is None and time.monotonic() > self._asked_at + ASK_AGAIN_SECONDS:
            self._told = self._promises()
            self._asked_at = time.monotonic()
        return self._told or self._untold

    def instruments(self) -> Sequence[Instrument]:
        return self._get("/instruments", translate.instruments)

    def account(self) -> AccountSummary:
        return self._get("/account", translate.account)

    def is_open(self, symbol: str, at: datetime) -> bool:
        return self._get(
            "/market", lambda body: translate.flag(translate.mapping(body), "open"), symbol=symbol, at=at.isoformat()
        )

    def mark(self) -> str | None:
        """Asked for unless the far end has said that it has none: a contract of before `marks` says nothing of it."""
        if not self.capabilities.marks:
            return None
        mark = self._get("/mark", lambda body: translate.optional(translate.mapping(body), "mark", translate.text))
        if mark is None and self._declares_marks:
            raise BrokerUnavailable("The broker says that look-ups need a mark, and tells none.")
        return mark

    def submit(self, order: OrderRequest) -> OrderReport:
        if order.leg is Leg.OPEN:
            self._check_open(order)
        reply = self._wire.write("PUT", _path(order), json=translate.order(order))
        if is_known(reply):
            return known_to_broker(order.client_order_id, "The broker has an order under this id already.")
        if reply.status >= 300:
            raise self._refusal_of(order, reply)
        try:
            report = translate.report(reply.body, order.client_order_id)
        except ValueError as error:
            raise OutcomeUnknown(f"The report is not one of the contract: {error}.") from error
        if report.state is OrderState.REJECTED:
            rejected = OrderRejected(report.error, report.reason or "The broker gave no reason.")
            raise as_seen(order, rejected, self.positions) if self.capabilities.nets_positions else rejected
        return report

    def find(self, order: OrderRequest) -> OrderReport | None:
        reply = self._wire.read("GET", _path(order), params={} if order.mark is None else {"mark": order.mark})
        problem = problem_of(reply)
        if reply.status == 404 and problem is not None and problem[0] == ORDER_NOT_FOUND:
            return None
        return _read(reply, "the order", lambda body: translate.report(body, order.client_order_id))

    def positions(self) -> Sequence[BrokerPosition]:
        return self._get("/positions", translate.positions)

    def close(self) -> None:
        self._wire.close()

    def _promises(self) -> Capabilities | None:
        try:
            return self._get("/capabilities", self._understand)
        except BrokerUnavailable:
            return None

    def _understand(self, body: object) -> Capabilities:
        promised = translate.capabilities(body, self._untold.deadline_seconds)
        self._declares_marks = translate.mapping(body).get("marks") is True
        return promised

    def _refusal_of(self, order: OrderRequest, reply: BrokerReply) -> BrokerError:
        """A far end that nets knows no strategy's position: its word that one is gone must agree with what it holds."""
        error = error_of(reply)
        return as_seen(order, error, self.positions) if self.capabilities.nets_positions else error

    def _check_open(self, order: OrderRequest) -> None:
        """Refuses what the far end would refuse, in words that tell the three faults of a quantity apart.

        A close leg is not checked: what is held has to be closed, whatever the list says of it by now, and also where
        there is no list.
        """
        try:
            instrument = self._instrument(order.symbol)
        except _NotAllowed as error:
            raise OrderRejected(ErrorType.INVALID_CREDENTIALS, error.reason) from error
        if instrument is None:
            raise OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"The broker does not list {order.symbol}.")
        if wrong := check_quantity(instrument, order.quantity):
            raise OrderRejected(wrong, sentence_about(instrument, order.quantity))

    def _instrument(self, symbol: str) -> Instrument | None:
        """From the last list. Threads that find it old read it side by side: none waits for another's call."""
        if time.monotonic() > self._listing.read_at + LISTED_SECONDS:
            self._listing = _Listing({each.symbol: each for each in self.instruments()}, time.monotonic())
        return self._listing.by_symbol.get(symbol)

    def _get(self, path: str, translated: Callable[[object], _Value], **query: str) -> _Value:
        return _read(self._wire.read("GET", path, params=query), path, translated)


@dataclass(frozen=True, slots=True)
class _Listing:
    """The instruments as they were listed at a moment of the monotonic clock."""

    by_symbol: Mapping[str, Instrument]
    read_at: float


class _NotAllowed(BrokerUnavailable):
    """The far end does not know the token."""


def _read(reply: BrokerReply, what: str, translated: Callable[[object], _Value]) -> _Value:
    """What a 200 says. Raises BrokerUnavailable for anything else: a read that says nothing has changed nothing."""
    if reply.status == 401:
        raise _NotAllowed("The broker does not accept the account's token.", credentials=True)
    if reply.status != 200:
        raise BrokerUnavailable(f"The broker answered {reply.status} for {what}.")
    try:
        return translated(reply.body)
    except ValueError as error:
        raise BrokerUnavailable(f"The broker's answer for {what} is not one of the contract: {error}.") from error


def _path(order: OrderRequest) -> str:
    return f"/orders/{quote(order.client_order_id, safe='')}"
