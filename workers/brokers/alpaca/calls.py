"""The calls of Alpaca's Trading API that the adapter makes, each one attempt, read into our values."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from workers.brokers.alpaca import errors, translate
from workers.brokers.alpaca.assets import Asset, Permissions, asset_of, assets_of, permissions_of
from workers.brokers.alpaca.settings import AlpacaSettings
from workers.brokers.base import AccountSummary, BrokerUnavailable, OrderReport, OrderRequest, OutcomeUnknown
from workers.brokers.http_client import BrokerReply, HttpClient

_Value = TypeVar("_Value")


class KeysRefused(BrokerUnavailable):
    """A read was refused for the keys: it proves nothing about orders, and nothing was sent."""


class Calls:
    """One account's address, keys and connections. A read that is not understood raises BrokerUnavailable."""

    def __init__(self, settings: AlpacaSettings, call_seconds: float) -> None:
        headers = {"APCA-API-KEY-ID": settings.key_id, "APCA-API-SECRET-KEY": settings.secret_key}
        self._wire = HttpClient(settings.base_url, headers, call_seconds)

    def account(self) -> AccountSummary:
        return self._get("/v2/account", translate.summary)

    def permissions(self) -> Permissions:
        return self._get("/v2/account", permissions_of)

    def clock(self) -> translate.MarketClock:
        return self._get("/v2/clock", translate.market_clock)

    def assets(self, asset_class: str) -> list[Asset]:
        return self._get("/v2/assets", assets_of, {"status": "active", "asset_class": asset_class})

    def asset(self, symbol_or_id: str) -> Asset | None:
        """None where Alpaca does not list it."""
        return self._find(f"/v2/assets/{quote(symbol_or_id, safe='')}", asset_of)

    def positions(self) -> list[Mapping[str, Any]]:
        """As they come: a pair has no slash in them, so that its symbol must be asked for by the asset's id."""
        return self._get("/v2/positions", translate.rows)

    def position(self, asset_id: str) -> Mapping[str, Any] | None:
        """None where nothing is held."""
        return self._find(f"/v2/positions/{quote(asset_id, safe='')}", dict)

    def find(self, order: OrderRequest) -> OrderReport | None:
        """By our id, in whatever state it is; None where Alpaca says that it has no such order."""
        return self._find(
            "/v2/orders:by_client_order_id",
            lambda body: translate.report(body, order),
            {"client_order_id": order.client_order_id},
        )

    def follow(self, order: OrderRequest, broker_order_id: str) -> OrderReport:
        """An order that Alpaca has reported once, by Alpaca's own id."""
        return self._get(f"/v2/orders/{quote(broker_order_id, safe='')}", lambda body: translate.report(body, order))

    def place(self, body: Mapping[str, str]) -> BrokerReply:
        """Sends an order. Raises BrokerUnavailable where it did not arrive, OutcomeUnknown where it may have."""
        return self._wire.write("POST", "/v2/orders", json=body)

    def cancel(self, broker_order_id: str) -> None:
        """Asks for an order to be cancelled. What became of it, only a look-up tells: it may just have been filled."""
        try:
            self._wire.write("DELETE", f"/v2/orders/{quote(broker_order_id, safe='')}")
        except OutcomeUnknown:
            return  # the answer to a cancellation that is accepted has no body

    def close(self) -> None:
        self._wire.close()

    def _get(self, path: str, read: Callable[[Any], _Value], query: Mapping[str, str] | None = None) -> _Value:
        value = self._find(path, read, query)
        if value is None:
            raise BrokerUnavailable(f"Alpaca says that there is nothing at {path}.")
        return value

    def _find(self, path: str, read: Callable[[Any], _Value], query: Mapping[str, str] | None = None) -> _Value | None:
        reply = self._wire.read("GET", path, params=query)
        if errors.is_credentials(reply):
            words = errors.message_of(reply) or reply.status
            raise KeysRefused(f"Alpaca refused the keys: {words}", credentials=True)
        if errors.is_absent(reply):
            return None
        if reply.status != 200:
            raise BrokerUnavailable(f"Alpaca answered {reply.status} to GET {path}: {errors.message_of(reply)}")
        try:
            return read(reply.body)
        except translate.ODD as error:
            raise BrokerUnavailable(f"Alpaca's answer to GET {path} cannot be read: {error!r}") from error
