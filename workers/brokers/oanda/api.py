"""The calls that the adapter makes to OANDA's v20 REST API, each with one meaning for each kind of answer.

Source: developer.oanda.com, endpoints of accounts, orders, trades, positions, pricing and transactions.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from shared.domain import ErrorType
from workers.brokers.base import BrokerUnavailable, OrderRejected, OutcomeUnknown
from workers.brokers.http_client import BrokerReply, HttpClient, UnclearAnswer
from workers.brokers.oanda.errors import (
    ORDER_EXISTS,
    TRADE_EXISTS,
    RejectionMeaning,
    meaning_of_answer,
    meaning_of_reason,
)
from workers.brokers.oanda.settings import OandaSettings
from workers.brokers.oanda.translate import BAD_JSON, Json
from workers.brokers.unmapped_errors import unmapped

FIRST = "1"  # the transaction that created the account: nothing of ours is before it
DEFINITIVE = frozenset({400, 401, 403, 404, 405, 415})  # answers that say: this order will never be
_Value = TypeVar("_Value")


class ReadRefused(BrokerUnavailable):
    """A read that OANDA refused: what was asked is not known. With 401 and 403 no order can get through either."""

    def __init__(self, status: int, meaning: RejectionMeaning) -> None:
        self.forbidden = status in {401, 403}
        super().__init__(meaning.reason, credentials=self.forbidden)
        self.status = status
        self.meaning = meaning


class TradeExists(OrderRejected):
    """Refused since the strategy has an open trade, which may be that of this very order.

    `transaction` is the number of the refusal: a log that reaches it shows every order before it.
    """

    def __init__(self, meaning: RejectionMeaning, transaction: int) -> None:
        super().__init__(meaning.type, meaning.reason)
        self.transaction = transaction


class OrderExists(OrderRejected):
    """Refused since a pending order has our client order id: it is ours, and was sent before."""


class Api:
    """One account's calls. Reads raise BrokerUnavailable or Refused; writes what `HttpClient.write` raises."""

    def __init__(self, settings: OandaSettings, call_seconds: float) -> None:
        headers = {"Authorization": f"Bearer {settings.token}", "Accept-Datetime-Format": "RFC3339"}
        self._wire = HttpClient(settings.base_url, headers, call_seconds)
        self._account = f"/v3/accounts/{settings.account_id}"
        self._account_id = settings.account_id

    def close(self) -> None:
        """Frees the connections."""
        self._wire.close()

    def is_mt4_account(self) -> bool:
        """Whether the account is linked to MetaTrader 4; a token that does not reach the account is refused."""

        def linked(body: Json) -> bool | None:
            own = [row for row in body["accounts"] if row["id"] == self._account_id]
            return bool(own[0].get("mt4AccountID")) if own else None

        answer = self._read("/v3/accounts", linked)
        if answer is None:
            reason = "The token does not reach this account at OANDA."
            raise ReadRefused(403, RejectionMeaning(ErrorType.INVALID_CREDENTIALS, reason))
        return answer

    def summary(self, read: Callable[[Json], _Value]) -> _Value:
        """`read` is given the whole answer: the account and `lastTransactionID`."""
        return self._read(f"{self._account}/summary", read)

    def instruments(self, read: Callable[[Json], _Value]) -> _Value:
        """Whatever this account may trade."""
        return self._read(f"{self._account}/instruments", read)

    def pricing(self, symbol: str, read: Callable[[Json], _Value]) -> _Value:
        """The price of one instrument now."""
        return self._read(f"{self._account}/pricing", read, {"instruments": symbol})

    def open_positions(self, read: Callable[[Json], _Value]) -> _Value:
        """What the account holds, by instrument."""
        return self._read(f"{self._account}/openPositions", read)

    def open_trades(self, symbol: str, read: Callable[[Json], _Value]) -> _Value:
        """The open trades in one instrument."""
        return self._read(f"{self._account}/trades", read, {"instrument": symbol, "state": "OPEN", "count": "500"})

    def trade(self, specifier: str) -> Json | None:
        """One trade by its number, or by `@` and its client id; None where OANDA does not show it."""
        try:
            return self._read(f"{self._account}/trades/{specifier}", lambda body: _mapping(body["trade"]))
        except ReadRefused as refused:
            if refused.status == 404:
                return None
            raise

    def log_since(self, mark: str | None) -> tuple[Sequence[Json], int]:
        """Every transaction after `mark`, and the number of the last one that there is.

        OANDA does not say how many it sends at once, so we ask until the last is there; a part would prove nothing.
        Raises BrokerUnavailable also where its last is before our mark: it then answers from an old copy.
        """
        log: list[Json] = []
        at = int(mark or FIRST)
        while True:
            page, last = self._read(f"{self._account}/transactions/sinceid", _page, {"id": str(at)})
            if last < at or (last > at and not page):
                raise BrokerUnavailable(f"OANDA shows its transactions only to {last}, and we know of {at}.")
            log += page
            if not page or int(page[-1]["id"]) >= last:
                return log, last
            at = int(page[-1]["id"])

    def create_order(self, body: Json) -> Json:
        """Sends an order; returns the transaction that filled it.

        Raises OrderRejected where it was refused or cancelled, what `HttpClient.write` raises, OutcomeUnknown for the
        rest, and one of BAD_JSON for an answer that is not as documented.
        """
        return _written(lambda: self._wire.write("POST", f"{self._account}/orders", json=body))

    def close_trade(self, trade: str, body: Json) -> Json:
        """Closes units of a trade, named by its number. Returns and raises as `create_order` does."""
        path = f"{self._account}/trades/{trade}/close"
        return _written(lambda: self._wire.write("PUT", path, json=body))

    def _read(self, path: str, read: Callable[[Json], _Value], params: Mapping[str, str] | None = None) -> _Value:
        reply = self._wire.read("GET", path, params=params)
        if reply.status != 200:
            raise ReadRefused(reply.status, meaning_of_answer(reply.status, _object(reply)))
        try:
            return read(_mapping(reply.body))
        except BAD_JSON as error:
            raise BrokerUnavailable(f"OANDA's answer to GET {path} cannot be read: {type(error).__name__}.") from error


def outcome(body: Json) -> Json:
    """The transaction that filled the order. An answer of 201 says only that OANDA has taken it, and may cancel it.

    Raises OrderRejected where it was cancelled, OutcomeUnknown where neither is said.
    """
    if fill := body.get("orderFillTransaction"):
        return _mapping(fill)
    if cancel := body.get("orderCancelTransaction"):
        raise _refusal(meaning_of_reason(str(cancel["reason"])), cancel)
    raise OutcomeUnknown("OANDA has taken the order, and does not say whether it was filled.")


def _written(write: Callable[[], BrokerReply]) -> Json:
    try:
        reply = write()
    except UnclearAnswer as unclear:
        if unclear.reply.status not in {401, 403}:
            raise
        reply = unclear.reply
    body = _object(reply)
    if reply.status in {200, 201}:
        return outcome(body)
    if reply.status in DEFINITIVE:
        raise _refusal(meaning_of_answer(reply.status, body), body.get("orderRejectTransaction"))
    raise OutcomeUnknown(f"OANDA's answer {reply.status} does not say what became of the order.")


def _refusal(meaning: RejectionMeaning, transaction: object) -> OrderRejected:
    if not meaning.mapped:
        unmapped("oanda", meaning.code, meaning.reason)
    if meaning.code == TRADE_EXISTS:
        return TradeExists(meaning, int(_mapping(transaction)["id"]))
    if meaning.code == ORDER_EXISTS:
        return OrderExists(meaning.type, meaning.reason)
    return OrderRejected(meaning.type, meaning.reason)


def _page(body: Json) -> tuple[list[Json], int]:
    rows = [_mapping(row) for row in body["transactions"]]
    return sorted(rows, key=lambda row: int(row["id"])), int(body["lastTransactionID"])


def _object(reply: BrokerReply) -> Mapping[str, object]:
    return reply.body if isinstance(reply.body, dict) else {}


def _mapping(value: Any) -> Json:
    if not isinstance(value, dict):
        raise TypeError("not a JSON object")
    return value
