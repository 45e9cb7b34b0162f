"""Alpaca's reply bodies, with the fields and the number-as-string habits of its documentation."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.simulators.alpaca_books import ASSETS, NOW, Asset, Books, Order, today


def account(books: Books) -> dict[str, Any]:
    """GET /v2/account."""
    equity = str(books.equity())
    return {
        "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98",
        "account_number": "PA0000000001",
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "cash": str(books.cash),
        "equity": equity,
        "last_equity": equity,
        "portfolio_value": equity,
        "multiplier": "2",
        "buying_power": str(books.buying_power()),
        "regt_buying_power": str(books.buying_power()),
        "daytrading_buying_power": "0",
        "initial_margin": "0",
        "maintenance_margin": "0",
        "long_market_value": "0",
        "short_market_value": "0",
        "shorting_enabled": True,
        "pattern_day_trader": False,
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "created_at": "2019-06-12T22:47:07.99658Z",
        "daytrade_count": 0,
        "sma": "0",
    }


def clock(is_open: bool, changes_in: timedelta) -> dict[str, Any]:
    """GET /v2/clock: the one of `next_open` and `next_close` that comes first is `changes_in` away."""
    now = today()
    first, then = now + changes_in, now + changes_in + timedelta(hours=8)
    return {
        "timestamp": now.isoformat(),
        "is_open": is_open,
        "next_open": (then if is_open else first).isoformat(),
        "next_close": (first if is_open else then).isoformat(),
    }


def asset(of: Asset) -> dict[str, Any]:
    """One of GET /v2/assets; only pairs have limits."""
    body: dict[str, Any] = {
        "id": of.id,
        "class": of.kind,
        "exchange": "CRYPTO" if of.kind == "crypto" else "NASDAQ",
        "symbol": of.symbol,
        "name": f"{of.symbol} of the simulator",
        "status": "active",
        "tradable": of.tradable,
        "marginable": of.kind != "crypto",
        "shortable": of.shortable,
        "easy_to_borrow": of.shortable,
        "fractionable": of.fractionable,
        "attributes": [],
    }
    if of.kind == "crypto":
        body |= {"min_order_size": "0.0001", "min_trade_increment": "0.0001", "price_increment": "1"}
    return body


def positions(books: Books) -> list[dict[str, Any]]:
    """GET /v2/positions: one row a symbol; a pair is written without its slash, a short one has negative numbers."""
    return [_position(books, ASSETS[symbol], held) for symbol, held in books.positions.items()]


def _position(books: Books, of: Asset, held: Decimal) -> dict[str, Any]:
    free = abs(held) - books.held_for_orders(of.symbol)
    return {
        "asset_id": of.id,
        "symbol": of.symbol.replace("/", ""),
        "exchange": "CRYPTO" if of.kind == "crypto" else "NASDAQ",
        "asset_class": of.kind,
        "asset_marginable": of.kind != "crypto",
        "qty": f"{held:f}",
        "qty_available": f"{free if held > 0 else -free:f}",
        "avg_entry_price": str(of.price),
        "side": "long" if held > 0 else "short",
        "market_value": str(held * of.price),
        "cost_basis": str(held * of.price),
        "unrealized_pl": "0",
        "unrealized_plpc": "0",
        "unrealized_intraday_pl": "0",
        "unrealized_intraday_plpc": "0",
        "current_price": str(of.price),
        "lastday_price": str(of.price),
        "change_today": "0",
    }


def order(of: Order) -> dict[str, Any]:
    """GET and POST of an order."""
    return {
        "id": of.id,
        "client_order_id": of.body["client_order_id"],
        "created_at": NOW,
        "updated_at": NOW,
        "submitted_at": NOW,
        "filled_at": NOW if of.status == "filled" else None,
        "expired_at": None,
        "canceled_at": NOW if of.status == "canceled" else None,
        "failed_at": None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": of.asset.id,
        "symbol": of.asset.symbol,
        "asset_class": of.asset.kind,
        "notional": None,
        "qty": of.body["qty"],
        "filled_qty": f"{of.filled:f}",
        "filled_avg_price": str(of.asset.price) if of.filled else None,
        "order_class": "",
        "order_type": "market",
        "type": "market",
        "side": of.body["side"],
        "position_intent": of.body["position_intent"],
        "time_in_force": of.body["time_in_force"],
        "limit_price": None,
        "stop_price": None,
        "status": of.status,
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
    }
