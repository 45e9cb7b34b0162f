"""Orders for the account of the tests, and what was sent of them."""

from tests.contract.bench import order as plain_order
from tests.contract.binance_bench import BinanceBench, is_order
from tests.simulators.server import Simulator
from workers.brokers.base import OrderRequest


def order(**changes: object) -> OrderRequest:
    """Ten ounces of gold, to be bought; `changes` says what differs."""
    return plain_order(BinanceBench(), **changes)  # type: ignore[arg-type]  # a test names fields that exist


def posts(simulator: Simulator) -> list[dict[str, str]]:
    """The forms of all orders that were sent."""
    forms = [call.raw.decode() for call in simulator.calls if is_order(call)]
    return [dict(part.split("=") for part in form.split("&")) for form in forms]
