"""What is particular to Binance: its codes, its clock, its bans, its modes, and orders that must not be sent."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain import Direction, ErrorType, Leg, OrderState
from tests.contract.bench import order as plain_order
from tests.contract.binance_bench import BinanceBench, is_order, settings_of
from tests.simulators.binance.exchange import Exchange
from tests.simulators.binance.words import refusal
from tests.simulators.server import Answer, Fault, Simulator
from workers.brokers.base import BrokerUnavailable, OrderRejected, OrderRequest, OutcomeUnknown
from workers.brokers.binance import broker as adapter
from workers.brokers.binance.broker import BinanceBroker
from workers.brokers.binance.errors import CODES, Verdict
from workers.brokers.binance.gate import Gate
from workers.brokers.binance.settings import parse
from workers.brokers.unmapped import counted

UNKNOWN_503 = "Unknown error, please check your request or try again later."
THROTTLED = "Request throttled by system-level protection. Reduce-only/close-position orders are exempt."


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def simulator(exchange: Exchange) -> Iterator[Simulator]:
    with Simulator(exchange.answer, is_order).running() as ready:
        yield ready


@pytest.fixture
def broker(exchange: Exchange, simulator: Simulator) -> Iterator[BinanceBroker]:
    made = BinanceBroker(parse(settings_of(exchange, simulator.url)), read_seconds=5.0, order_seconds=0.7)
    yield made
    made.close()


def order(**changes: object) -> OrderRequest:
    return plain_order(BinanceBench(), **changes)  # type: ignore[arg-type]  # a test names fields that exist


def posts(simulator: Simulator) -> list[dict[str, str]]:
    """The forms of all orders that were sent."""
    return [
        dict(part.split("=") for part in call.raw.decode().split("&")) for call in simulator.calls if is_order(call)
    ]


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if isinstance(meaning, ErrorType | None)])
def test_each_listed_refusal_has_the_type_of_the_table(simulator: Simulator, broker: BinanceBroker, code: int) -> None:
    simulator.faults.append(refusal(code, "words of Binance"))
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order())
    assert caught.value.type is CODES[code]
    assert str(code) in caught.value.reason
    assert ("binance", str(code)) not in counted()


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if meaning is Verdict.NOT_ACCEPTED])
def test_what_was_not_looked_at_may_be_sent_again(simulator: Simulator, broker: BinanceBroker, code: int) -> None:
    simulator.faults.append(refusal(code, "words of Binance"))
    with pytest.raises(BrokerUnavailable):
        broker.submit(order())


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if meaning is Verdict.UNKNOWN])
def test_what_may_have_been_executed_is_unknown(simulator: Simulator, broker: BinanceBroker, code: int) -> None:
    simulator.faults.append(refusal(code, "words of Binance"))
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())


def test_a_code_of_no_table_is_a_refusal_that_is_counted(simulator: Simulator, broker: BinanceBroker) -> None:
    simulator.faults.append(refusal(-9999, "Something new."))
    before = counted().get(("binance", "-9999"), 0)
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order())
    assert caught.value.type is None
    assert counted()["binance", "-9999"] == before + 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal(-1000, UNKNOWN_503, 503),
        refusal(-1001, "Internal error; unable to process your request. Please try again.", 500),
        refusal(-1007, "Timeout waiting for response from backend server.", 408),
        Answer(408, {"message": "timeout"}),
        Answer(400, {"message": "no code"}),
        Answer(403, b"<html>blocked</html>"),
        Answer(504, b"<html>Gateway Time-out</html>"),
        Answer(200, {"code": 200}),
        Answer(200, []),
    ],
    ids=lambda answer: f"{answer.status} {str(answer.body)[:40]}",
)
def test_an_answer_that_settles_nothing_leaves_the_outcome_unknown(
    simulator: Simulator, broker: BinanceBroker, answer: Answer
) -> None:
    simulator.faults.append(answer)
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())


@pytest.mark.parametrize(
    "answer",
    [
        refusal(-1008, THROTTLED, 503),
        refusal(-1001, "Internal error; unable to process your request. Please try again.", 503),
        refusal(0, "Service Unavailable.", 503),
        Answer(503, b"Service Unavailable."),
    ],
    ids=["throttled", "unable to process", "unavailable", "unavailable, no JSON"],
)
def test_a_503_that_binance_calls_a_failure_proves_that_nothing_was_done(
    simulator: Simulator, broker: BinanceBroker, answer: Answer
) -> None:
    simulator.faults.append(answer)
    with pytest.raises(BrokerUnavailable):
        broker.submit(order())


@pytest.mark.parametrize("body", [{}, [], {"orderId": 1}, {"symbol": "XAUUSDT", "clientOrderId": "another"}])
def test_a_read_that_is_not_understood_is_no_answer(simulator: Simulator, broker: BinanceBroker, body: object) -> None:
    simulator._is_order = lambda call: call.path == "/fapi/v1/order"
    simulator.faults.append(Answer(200, body))
    with pytest.raises(BrokerUnavailable):
        broker.find(order())


def test_a_close_is_reduce_only_and_an_open_is_not(simulator: Simulator, broker: BinanceBroker) -> None:
    broker.submit(order())
    broker.submit(order(leg=Leg.CLOSE, side=Direction.SELL))
    assert [form.get("reduceOnly") for form in posts(simulator)] == [None, "true"]
    assert [(form["quantity"], form["newOrderRespType"]) for form in posts(simulator)] == [("10", "RESULT")] * 2


def test_a_quantity_goes_out_in_plain_digits(simulator: Simulator, broker: BinanceBroker) -> None:
    broker.submit(order(quantity=Decimal("1E+1")))
    broker.submit(order(quantity=Decimal("0.010")))
    assert [form["quantity"] for form in posts(simulator)] == ["10", "0.010"]


def test_a_close_of_more_than_is_held_closes_what_is_held(exchange: Exchange, broker: BinanceBroker) -> None:
    broker.submit(order())
    exchange.books.net["XAUUSDT"] = Decimal(4)
    report = broker.submit(order(leg=Leg.CLOSE, side=Direction.SELL))
    assert (report.state, report.filled_quantity) == (OrderState.PARTIALLY_FILLED, Decimal(4))
    assert exchange.books.net["XAUUSDT"] == 0


def test_an_account_in_hedge_mode_is_refused_and_says_what_to_do(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    exchange.hedge = True
    for call in (lambda: broker.submit(order()), broker.instruments, broker.account):
        with pytest.raises(BrokerUnavailable, match="one-way mode"):
            call()
    assert posts(simulator) == []
    exchange.hedge = False
    assert broker.submit(order()).state is OrderState.FILLED


def test_a_switch_to_hedge_mode_is_noticed_by_the_next_order(exchange: Exchange, broker: BinanceBroker) -> None:
    broker.submit(order())
    exchange.hedge = True
    with pytest.raises(OrderRejected, match="-4061"):
        broker.submit(order())
    with pytest.raises(BrokerUnavailable, match="one-way mode"):
        broker.submit(order())


def test_a_strategy_may_not_open_against_what_the_account_holds(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    exchange.books.net["XAUUSDT"] = Decimal(3)
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order(side=Direction.SELL))
    assert caught.value.type is None
    assert posts(simulator) == []


def test_right_after_an_order_the_old_position_may_still_be_read_and_refuses_nothing_for_good(
    broker: BinanceBroker,
) -> None:
    broker.submit(order())
    with pytest.raises(BrokerUnavailable) as caught:
        broker.submit(order(side=Direction.SELL))
    assert caught.value.retry_after == 1.0


@pytest.mark.parametrize("ahead_ms", [-60_000, 60_000])
def test_a_clock_that_is_wrong_from_the_start_does_no_harm(
    exchange: Exchange, broker: BinanceBroker, ahead_ms: int
) -> None:
    exchange.ahead_ms = ahead_ms
    assert broker.submit(order()).state is OrderState.FILLED


def test_a_clock_that_goes_wrong_refuses_one_order_and_is_set_anew(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    broker.submit(order())
    sent = order(leg=Leg.CLOSE, side=Direction.SELL)
    exchange.ahead_ms = 60_000
    with pytest.raises(BrokerUnavailable, match="clock"):
        broker.submit(sent)
    assert len(posts(simulator)) == 2
    assert broker.submit(sent).state is OrderState.FILLED


def test_a_read_at_the_wrong_time_is_read_again(exchange: Exchange, broker: BinanceBroker) -> None:
    broker.account()
    exchange.ahead_ms = -60_000
    assert broker.account().balance == 100_000


def test_nothing_is_sent_while_the_address_is_banned(simulator: Simulator, broker: BinanceBroker) -> None:
    words = "Way too many requests; IP banned until 1600000000000."
    simulator.faults.append(Answer(418, {"code": -1003, "msg": words}, {"Retry-After": "120"}))
    with pytest.raises(BrokerUnavailable) as caught:
        broker.submit(order())
    assert caught.value.retry_after == 120
    calls = len(simulator.calls)
    for ask in (lambda: broker.submit(order()), lambda: broker.find(order()), broker.account, broker.positions):
        with pytest.raises(BrokerUnavailable, match="banned"):
            ask()
    assert len(simulator.calls) == calls


def test_a_ban_ends_when_it_was_said_to_end() -> None:
    clock = [1000.0]
    gate = Gate(monotonic=lambda: clock[0])
    assert gate.ban(7.0).retry_after == 7
    gate.ban(2.0)
    with pytest.raises(BrokerUnavailable) as caught:
        gate.admit(urgent=True)
    assert caught.value.retry_after == 7
    clock[0] += 7
    gate.admit(urgent=True)


def test_a_ban_without_json_is_a_ban(simulator: Simulator, broker: BinanceBroker) -> None:
    simulator.faults.append(Answer(418, b"<html>banned</html>", {"Retry-After": "60"}))
    with pytest.raises(BrokerUnavailable):
        broker.submit(order())
    calls = len(simulator.calls)
    with pytest.raises(BrokerUnavailable, match="banned"):
        broker.submit(order())
    assert len(simulator.calls) == calls


def test_the_last_fifth_of_the_weight_is_kept_for_orders(exchange: Exchange, broker: BinanceBroker) -> None:
    sent = order()
    broker.submit(sent)
    exchange.used_weight = 2000
    broker.find(sent)
    with pytest.raises(BrokerUnavailable) as caught:
        broker.account()
    assert 0 < (caught.value.retry_after or 0) <= 60
    assert broker.find(sent) is not None
    assert broker.submit(order()).state is OrderState.FILLED


def test_an_id_that_is_taken_is_answered_with_the_order_that_has_it(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    sent = order()
    simulator.faults.append(Fault.LOST_AFTER)
    with pytest.raises(OutcomeUnknown):
        broker.submit(sent)
    simulator.faults.append(refusal(-4116, "ClientOrderId is duplicated."))
    assert broker.submit(sent).state is OrderState.FILLED
    assert len(exchange.books.orders) == 1


def test_an_id_that_is_taken_by_an_order_that_is_not_shown_yet_leaves_the_outcome_unknown(
    simulator: Simulator, broker: BinanceBroker
) -> None:
    simulator.faults.append(refusal(-4116, "ClientOrderId is duplicated."))
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())


def test_what_is_far_below_the_least_notional_is_not_sent(simulator: Simulator, broker: BinanceBroker) -> None:
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order(symbol="ETHUSDT", quantity=Decimal("0.003")))
    assert caught.value.type is ErrorType.QUANTITY_TOO_LOW
    assert posts(simulator) == []


def test_what_is_nearly_the_least_notional_is_judged_by_the_exchange(
    simulator: Simulator, broker: BinanceBroker
) -> None:
    with pytest.raises(OrderRejected, match="-4164") as caught:
        broker.submit(order(symbol="ETHUSDT", quantity=Decimal("0.007")))
    assert caught.value.type is ErrorType.QUANTITY_TOO_LOW
    assert len(posts(simulator)) == 1


def test_a_wrong_secret_is_refused_as_credentials(exchange: Exchange, simulator: Simulator) -> None:
    settings = replace(parse(settings_of(exchange, simulator.url)), api_secret="another")
    broker = BinanceBroker(settings, 5.0, 0.7)
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order())
    assert caught.value.type is ErrorType.INVALID_CREDENTIALS
    broker.close()


def test_the_secret_and_the_signature_are_in_no_error(simulator: Simulator, broker: BinanceBroker) -> None:
    broker.submit(order())
    simulator.faults.append(Fault.LOST_AFTER)
    with pytest.raises(OutcomeUnknown) as caught:
        broker.submit(order())
    assert "signature" not in repr(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in repr(parse({"api_key": "k", "api_secret": "secret"}))


def test_tickers_are_the_symbols_and_what_the_account_has_chosen(exchange: Exchange, simulator: Simulator) -> None:
    plain = BinanceBroker(parse(settings_of(exchange, simulator.url)))
    chosen = BinanceBroker(parse(settings_of(exchange, simulator.url, quotes="USD:USDT")))
    assert {each.ticker for each in plain.instruments()} == {"XAUUSDT", "BTCUSDT", "ETHUSDT"}
    tickers = {each.ticker: each for each in chosen.instruments()}
    assert {tickers[name].symbol for name in ("XAUUSD", "XAUUSDT")} == {"XAUUSDT"}
    assert (tickers["XAUUSD"].minimum, tickers["XAUUSD"].maximum) == (Decimal("0.002"), Decimal(5000))
    assert tickers["XAUUSD"].currency == "USDT"
    plain.close()
    chosen.close()


def test_a_submit_is_declared_to_take_as_long_as_all_of_its_calls(broker: BinanceBroker) -> None:
    assert broker.capabilities.deadline_seconds == pytest.approx(6 * 5.0 + 0.7)
    assert adapter.READS_OF_A_SUBMIT * adapter.READ_SECONDS + adapter.ORDER_SECONDS <= 30
