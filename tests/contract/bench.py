"""Where an adapter is put to the test: the set-ups of all adapters, and the words in which the cases stage a broker.

To put a new adapter under the suite, write its bench and add it to SETUPS. Nothing else changes.
"""

import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from decimal import Decimal
from importlib.util import find_spec
from types import TracebackType
from typing import Protocol, Self

from shared.accounts.instrument import Instrument
from shared.domain import ClientOrderId, Direction, Leg
from workers.brokers.base import Broker, Dedupe, OpeningRef, OrderReport, OrderRequest
from workers.brokers.registry import make_broker

_numbers = itertools.count(1)


class Bench(Protocol):
    """One adapter, ready to be tried. Every broker that it makes has a fresh account of its own.

    `staged` says what happens to the account's submits in order, in the words of the paper broker's script: ok,
    reject:<type or other>, unavailable:<seconds> (over HTTP: 429 with Retry-After), timeout_accepted, timeout_lost,
    timeout_rejected:<type>, partial:<fraction>, accepted, cancelled, cancelled_later. After the last one all is ok.
    Words that the paper broker's script does not have:

    | word | what the far end does |
    |---|---|
    | error_after | it executes the order, and the answer is a 502 of something in between |
    | garbage | it executes the order, and answers 200 with something that is no JSON |
    | slow | it executes the order, and the answer drips in for longer than `capabilities.deadline_seconds` |
    | queued | it takes the order for the next session, since the market is closed |
    | gone | it is ok, but what this close leg would close is no longer there, as is right after a close |
    | expired_credentials | from the first call on, it answers every call as it does where a key was revoked |

    `cannot` names what this adapter's far end cannot be made to do (a staged word, whole or up to its colon), and why.
    `again` is the same account through another instance of the adapter, as after the death of a process.
    A bench of an adapter over HTTP gives its adapters a short deadline, or `slow` takes long.
    """

    symbol: str
    other_symbol: str
    quantity: Decimal  # can be bought at least fifty times over
    unaffordable: Decimal  # a legal quantity that the account has no funds for
    lookup_lag: float  # seconds; the lag that `slow_broker` has
    cannot: Mapping[str, str]

    def broker(self, *staged: str) -> Broker: ...
    def slow_broker(self, *staged: str) -> Broker: ...
    def closed_market_broker(self) -> Broker: ...
    def unreachable_broker(self) -> Broker: ...
    def again(self, broker: Broker) -> Broker: ...


class PaperBench:
    """The paper broker, on a fresh database, with one of the four rules for repeated client order ids."""

    symbol = "XAUUSD"
    other_symbol = "EURUSD"
    quantity = Decimal(10)
    unaffordable = Decimal(4000)
    lookup_lag = 1.0  # a busy machine once took longer than 0.3 from the order to the look-up
    cannot: Mapping[str, str] = {
        **dict.fromkeys(("error_after", "garbage", "slow"), "there is no HTTP to it; timeout_accepted is the same"),
        "queued": "it refuses orders while the market is closed",
        "gone": "it nets the strategies, and cannot know what a close leg means to close",
        "expired_credentials": "it has none",
    }

    def __init__(self, database_url: str, dedupe: Dedupe) -> None:
        self._settings = {"database_url": database_url, "hours": "always", "dedupe": str(dedupe)}
        self._brokers = ExitStack()
        self._made: dict[Broker, tuple[str, Mapping[str, str]]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._brokers.close()

    def broker(self, *staged: str) -> Broker:
        return self._make(script=",".join(staged))

    def slow_broker(self, *staged: str) -> Broker:
        return self._make(script=",".join(staged), settle_seconds=str(self.lookup_lag))

    def closed_market_broker(self) -> Broker:
        return self._make(hours="closed")

    def unreachable_broker(self) -> Broker:
        return self._make(database_url="postgresql://nobody@127.0.0.1:1/nowhere")

    def again(self, broker: Broker) -> Broker:
        account, settings = self._made[broker]
        return self._open(account, settings)

    def _make(self, **settings: str) -> Broker:
        return self._open(f"account-{next(_numbers)}", {**self._settings, **settings})

    def _open(self, account: str, settings: Mapping[str, str]) -> Broker:
        broker = make_broker("paper", settings, account)
        self._made[broker] = account, settings
        self._brokers.callback(broker.close)
        return broker


Setup = Callable[[str], AbstractContextManager[Bench]]
"""Takes the URL of a fresh database; it is empty for adapters that conftest.py does not list in ON_POSTGRESQL."""


def _paper(dedupe: Dedupe) -> Setup:
    return lambda database_url: PaperBench(database_url, dedupe)


def _rest(dedupe: Dedupe) -> Setup:
    def make(database_url: str) -> AbstractContextManager[Bench]:
        from tests.contract.rest_bench import RestBench

        return RestBench(database_url, dedupe)

    return make


def _alpaca(_: str) -> AbstractContextManager[Bench]:
    from tests.contract.alpaca_bench import AlpacaBench

    return AlpacaBench()


def _oanda(_: str) -> AbstractContextManager[Bench]:
    from tests.contract.oanda_bench import OandaBench

    return OandaBench()


def _oanda_netting(_: str) -> AbstractContextManager[Bench]:
    from tests.contract.oanda_bench import OandaBench

    return OandaBench(hedging=False)


def _binance(_: str) -> AbstractContextManager[Bench]:
    from tests.contract.binance_bench import BinanceBench

    return BinanceBench()


def _ccxt(_: str) -> AbstractContextManager[Bench]:
    from tests.contract.ccxt_bench import CcxtBench

    return CcxtBench()


SETUPS: dict[str, Setup] = {
    "paper": _paper(Dedupe.LIFETIME),
    "alpaca": _alpaca,
    "binance": _binance,
    "http": _rest(Dedupe.LIFETIME),
    "oanda": _oanda,
}
"""Every adapter, by name: each case runs on each of them."""
if find_spec("ccxt"):  # an extra that is not in the lock file (docs/brokers/ccxt.md says why)
    SETUPS["ccxt"] = _ccxt
VARIANTS: dict[str, Setup] = {f"paper-{dedupe}": _paper(dedupe) for dedupe in Dedupe if dedupe is not Dedupe.LIFETIME}
VARIANTS["http-while_open"] = _rest(Dedupe.WHILE_OPEN)
VARIANTS["oanda-netting"] = _oanda_netting
"""The same adapters in another form: only the cases about repeated client order ids run on them."""


def order(bench: Bench, leg: Leg = Leg.OPEN, side: Direction = Direction.BUY, **changes: object) -> OrderRequest:
    """A new order for the bench's symbol and quantity, with whatever `changes` says differently."""
    number = next(_numbers)
    fields: dict[str, object] = {
        "client_order_id": ClientOrderId(f"pq-{number:032x}"),
        "symbol": bench.symbol,
        "side": side,
        "quantity": bench.quantity,
        "leg": leg,
        "strategy_id": "strategy-a",
        "proquant_position_id": "position-1",
    }
    return OrderRequest(**(fields | changes))  # type: ignore[arg-type]


def closing(bench: Bench, broker: Broker, opened: OrderRequest, report: OrderReport, **changes: object) -> OrderRequest:
    """A new close leg for what `opened` opened, with the reference and the mark that the bridge would send."""
    fields: dict[str, object] = {
        "symbol": opened.symbol,
        "quantity": report.filled_quantity,
        "strategy_id": opened.strategy_id,
        "proquant_position_id": opened.proquant_position_id,
        "mark": broker.mark(),
        "opening": OpeningRef(opened.client_order_id, report.broker_order_id, report.trade_id),
    }
    return order(bench, Leg.CLOSE, opened.side.opposite, **(fields | changes))


def listed(bench: Bench, broker: Broker) -> Instrument:
    """The bench's instrument, as the broker lists it."""
    return {each.symbol: each for each in broker.instruments()}[bench.symbol]
