"""What is particular to ccxt: which exchanges are refused, exact numbers, and one write of exactly what was meant."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction, ErrorType, Leg, OrderState
from tests.contract.bench import order as plain_order
from tests.contract.binance_bench import BinanceBench, is_order
from tests.simulators.binance.exchange import Exchange
from tests.simulators.binance.words import refusal
from tests.simulators.server import Answer, Call, Fault, Simulator
from tests.support.in_process_bridge import running, signal
from workers.brokers.base import BrokerUnavailable, OrderRejected, OrderRequest, OutcomeUnknown
from workers.brokers.binance.errors import CODES, OrderProof
from workers.brokers.ccxt.errors import CLASSES, meaning_of
from workers.brokers.ccxt.http_session import HttpSession, WireMismatch
from workers.brokers.ccxt.markets import markets_of, number, report_of
from workers.brokers.ccxt.settings import parse
from workers.brokers.ccxt.venues import REFUSED, VENUES

KEYS = {"exchange": "binanceusdm", "api_key": "k", "secret": "s"}
EXAMPLE = Path(__file__).parent.parent / "payloads" / "guide-example.json"
NOT_INSTALLED = "ccxt is an extra that is not installed: pip install -e .[ccxt]"
ID = "pq-0123456789abcdef0123456789abcdef"


def order(**changes: object) -> OrderRequest:
    return plain_order(BinanceBench(), **({"symbol": "XAU/USDT:USDT"} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*REFUSED, "kraken", "nowhere"])
def test_an_exchange_without_a_look_up_by_our_id_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ValueError, match=f"^exchange: '{name}' is refused: "):
        parse({**KEYS, "exchange": name})
    assert name not in VENUES


@pytest.mark.parametrize(
    ("setting", "text"),
    [("sandbox", "yes"), ("api_key", ""), ("secret", " "), ("base_url", "x"), ("quotes", "USD"), ("uid", "1")],
)
def test_an_odd_setting_is_refused_by_its_name(setting: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{setting}"):
        parse({**KEYS, setting: text})


def test_play_money_is_the_default_and_an_exchange_without_it_must_be_named_live() -> None:
    assert parse(KEYS).sandbox
    with pytest.raises(ValueError, match=r"^sandbox"):
        parse({**KEYS, "exchange": "kucoinfutures"})
    assert not parse({**KEYS, "exchange": "kucoinfutures", "sandbox": "false"}).sandbox


def test_a_contract_of_many_units_has_limits_in_units() -> None:
    market = _market(size="0.001", step="1", least="1", most="1000000")
    instrument = market.instrument("BTCUSDT")
    assert (instrument.minimum, instrument.maximum, instrument.step) == (Decimal("0.001"), 1000, Decimal("0.001"))
    assert market.contracts(Decimal("0.25")) == 250


def test_a_precision_that_counts_places_is_a_step_too() -> None:
    rows = [_row(size="1", step="3", least="0.001", most="100")]
    (market,) = markets_of(rows, precision_mode=2).values()
    assert market.step == Decimal("0.001")


@pytest.mark.parametrize("value", [0.1, None, [], float("nan")])
def test_a_number_that_is_not_exact_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        number(value)


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("closed", "10", OrderState.FILLED),
        ("closed", "4", OrderState.PARTIALLY_FILLED),
        ("canceled", "4", OrderState.PARTIALLY_FILLED),
        ("expired", "0", OrderState.CANCELLED),
        ("rejected", "0", OrderState.REJECTED),
        ("open", "4", OrderState.ACCEPTED),
        (None, None, OrderState.ACCEPTED),
    ],
)
def test_each_status_of_an_order_has_its_state(status: str | None, filled: str | None, state: OrderState) -> None:
    sent = order(quantity=Decimal(10))
    body = {"id": "7", "status": status, "filled": filled, "average": "2000", "timestamp": 1}
    report = report_of(sent, body, Decimal(1))
    assert report.state is state
    assert report.filled_quantity == (0 if state is OrderState.ACCEPTED else Decimal(filled or 0))


def test_an_answer_about_another_order_is_none() -> None:
    with pytest.raises(ValueError, match="another order"):
        report_of(order(), {"id": "7", "clientOrderId": "another"}, Decimal(1))


def test_the_venues_own_code_goes_before_ccxts_class() -> None:
    class InvalidOrder(Exception):
        pass

    error = InvalidOrder('binanceusdm {"code":-4005,"msg":"Quantity greater than max quantity."}')
    assert meaning_of(error, CODES) is ErrorType.QUANTITY_TOO_HIGH
    assert meaning_of(error, {}) is None
    assert meaning_of(KeyError("id"), {}) is OrderProof.UNKNOWN


@pytest.fixture
def mirror() -> Iterator[Simulator]:
    """A server that takes everything."""

    def take(_: Call) -> Answer:
        return Answer(200, {})

    with Simulator(take, lambda _: False).running() as ready:
        yield ready


@pytest.fixture
def pipe() -> Iterator[HttpSession]:
    made = HttpSession(5.0, 5.0)
    yield made
    made.close()


@pytest.mark.parametrize(
    "body",
    [
        f"quantity=0.29&newClientOrderId={ID}",
        f"quantity=0.3000000001&newClientOrderId={ID}",
        "quantity=0.3&newClientOrderId=x-cvBPrNm9invented",
        f"quantity=30&newClientOrderId={ID}",
        "",
    ],
)
def test_what_is_not_the_order_that_was_meant_is_not_sent(mirror: Simulator, pipe: HttpSession, body: str) -> None:
    with pipe.sending(Decimal("0.3"), ID) as sending, pytest.raises(WireMismatch):
        pipe.request("POST", f"{mirror.url}/order", data=body)
    assert mirror.calls == []
    assert not sending.written


def test_a_second_write_for_one_order_is_not_sent(mirror: Simulator, pipe: HttpSession) -> None:
    body = json.dumps({"qty": "0.30", "clientOid": ID})
    with pipe.sending(Decimal("0.3"), ID) as sending:
        pipe.request("POST", f"{mirror.url}/order", data=body)
        with pytest.raises(WireMismatch):
            pipe.request("POST", f"{mirror.url}/order", data=body)
    assert (len(mirror.calls), sending.status) == (1, 200)


def test_a_signature_is_in_no_error(pipe: HttpSession) -> None:
    with pytest.raises(BrokerUnavailable) as caught:
        pipe.request("GET", "http://127.0.0.1:1/x?signature=abc")
    assert "signature" not in caught.value.reason
    assert caught.value.__cause__ is None


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def simulator(exchange: Exchange) -> Iterator[Simulator]:
    with Simulator(exchange.answer, is_order).running() as ready:
        yield ready


@pytest.fixture
def broker(exchange: Exchange, simulator: Simulator) -> Iterator[Any]:
    """ccxt itself, in front of the simulated Binance."""
    pytest.importorskip("ccxt", reason=NOT_INSTALLED)
    from workers.brokers.ccxt.broker import CcxtBroker

    settings = {**KEYS, "api_key": exchange.key, "secret": exchange.secret, "base_url": simulator.url}
    made = CcxtBroker(parse(settings), 5.0, 0.7)
    yield made
    made.close()


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if isinstance(meaning, ErrorType | None)])
def test_each_code_of_binance_keeps_its_type_through_ccxt(simulator: Simulator, broker: Any, code: int) -> None:
    simulator.faults.append(refusal(code, "words of Binance"))
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order())
    assert caught.value.type is CODES[code]


@pytest.mark.parametrize(
    "answer", [Answer(400, b"<html>"), Answer(200, {}), Answer(200, {"code": "7"}), Answer(503, {})]
)
def test_an_answer_that_settles_nothing_leaves_the_outcome_unknown(
    simulator: Simulator, broker: Any, answer: Answer
) -> None:
    simulator.faults.append(answer)
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())


def test_no_price_goes_out_and_a_close_is_reduce_only(simulator: Simulator, broker: Any) -> None:
    broker.submit(order())
    broker.submit(order(leg=Leg.CLOSE, side=Direction.SELL))
    forms = [
        dict(part.split("=") for part in call.raw.decode().split("&")) for call in simulator.calls if is_order(call)
    ]
    assert [form.get("reduceOnly") for form in forms] == [None, "true"]
    assert not any({"price", "quoteOrderQty"} & form.keys() for form in forms)
    assert {form["newClientOrderId"][:3] for form in forms} == {"pq-"}


@pytest.mark.parametrize("lost", ["close", "open"])
def test_a_flip_whose_answer_is_lost_is_one_order_a_leg_behind_the_whole_bridge(
    sessions: Sessions, database_url: str, exchange: Exchange, simulator: Simulator, lost: str
) -> None:
    pytest.importorskip("ccxt", reason=NOT_INSTALLED)
    keys = {"exchange": "binanceusdm", "api_key": exchange.key, "secret": exchange.secret, "quotes": "USD:USDT"}
    with running(sessions, database_url, lease=6.0) as bridge:
        bridge.open_account(kind="ccxt", **keys, base_url=simulator.url)
        assert bridge.post(EXAMPLE.read_bytes()).status_code == 200
        simulator.faults.extend([Fault.LOST_AFTER] if lost == "close" else [None, Fault.LOST_AFTER])
        same = json.loads(EXAMPLE.read_text())["v1"]["event"]["data"]["strategy"]["id"]
        bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, quantity=Decimal(4), strategy_id=same))
        bridge.settled()
    filled = [(each.side, each.filled, each.reduce_only) for each in exchange.books.orders]
    assert filled == [("BUY", Decimal(10), False), ("SELL", Decimal(10), True), ("SELL", Decimal(4), False)]


def test_every_class_of_the_table_is_one_of_ccxts() -> None:
    errors = pytest.importorskip("ccxt", reason=NOT_INSTALLED)
    assert [name for name in CLASSES if not hasattr(errors, name)] == []


def _row(size: str, step: str, least: str, most: str) -> dict[str, Any]:
    amount = {"min": Decimal(least), "max": Decimal(most)}
    return {
        "symbol": "BTC/USDT:USDT", "base": "BTC", "quote": "USDT", "swap": True, "linear": True, "active": True,
        "contractSize": Decimal(size), "precision": {"amount": Decimal(step)},
        "limits": {"amount": amount, "market": {"min": None, "max": None}},
    }  # fmt: skip


def _market(**numbers: str) -> Any:
    (market,) = markets_of([_row(**numbers)], precision_mode=4).values()
    return market
