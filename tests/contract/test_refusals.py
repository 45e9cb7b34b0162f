"""BC-020 to BC-039: what a broker refuses, and that an adapter raises nothing but the three errors of the contract."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from shared.domain import ErrorType, Leg
from tests.contract.bench import Bench, closing, listed, order
from workers.brokers.base import Broker, BrokerError, BrokerUnavailable, OrderRejected, OrderReport, OrderRequest

Staged = Callable[..., Broker]


def refusal_of(broker: Broker, sent: OrderRequest) -> ErrorType | None:
    with pytest.raises(OrderRejected) as caught:
        broker.submit(sent)
    assert caught.value.reason
    return caught.value.type


def test_bc_020_an_unknown_symbol_is_an_unsupported_instrument(bench: Bench, broker: Broker) -> None:
    assert refusal_of(broker, order(bench, symbol="NOSUCH")) is ErrorType.UNSUPPORTED_INSTRUMENT


def test_bc_021_a_quantity_between_two_steps_has_an_invalid_precision(bench: Bench, broker: Broker) -> None:
    odd = listed(bench, broker).step / 100
    assert refusal_of(broker, order(bench, quantity=odd)) is ErrorType.INVALID_QUANTITY_PRECISION
    assert refusal_of(broker, order(bench, quantity=bench.quantity + odd)) is ErrorType.INVALID_QUANTITY_PRECISION


def test_bc_022_a_quantity_below_the_minimum_is_too_low(bench: Bench, broker: Broker) -> None:
    instrument = listed(bench, broker)
    if instrument.minimum == instrument.step:
        pytest.skip("this instrument has nothing between zero and its minimum")
    low = instrument.minimum - instrument.step
    assert refusal_of(broker, order(bench, quantity=low)) is ErrorType.QUANTITY_TOO_LOW


@pytest.mark.parametrize("factor", ["1", "10", "1e30"])
def test_bc_023_a_quantity_above_the_maximum_is_too_high(bench: Bench, broker: Broker, factor: str) -> None:
    instrument = listed(bench, broker)
    if instrument.maximum is None:
        pytest.skip("this instrument has no maximum")
    high = (instrument.maximum + instrument.step) * Decimal(factor)
    assert refusal_of(broker, order(bench, quantity=high)) is ErrorType.QUANTITY_TOO_HIGH


def test_bc_024_what_the_account_cannot_pay_for_is_insufficient_funds(bench: Bench, broker: Broker) -> None:
    assert refusal_of(broker, order(bench, quantity=bench.unaffordable)) is ErrorType.INSUFFICIENT_FUNDS
    assert broker.positions() == []


def test_bc_025_a_close_is_affordable_when_funds_are_used_up(bench: Bench, broker: Broker) -> None:
    parts = [order(bench, quantity=bench.unaffordable / 8, strategy_id=f"strategy-{number}") for number in range(8)]
    bought = [(part, report) for part in parts if (report := _bought(broker, part))]
    assert 0 < len(bought) < 8, "the account was meant to run out of funds"
    for part, report in bought:
        broker.submit(closing(bench, broker, part, report))
    assert [position for position in broker.positions() if position.quantity] == []


def _bought(broker: Broker, sent: OrderRequest) -> OrderReport | None:
    try:
        return broker.submit(sent)
    except OrderRejected as refused:
        if refused.type is not ErrorType.INSUFFICIENT_FUNDS:
            raise
        return None


@pytest.mark.parametrize("leg", Leg)
def test_bc_026_a_closed_market_refuses_both_legs(bench: Bench, leg: Leg) -> None:
    broker = bench.closed_market_broker()
    assert refusal_of(broker, order(bench, leg)) is ErrorType.MARKET_CLOSED


@pytest.mark.parametrize("word", [*ErrorType, "other"])
def test_bc_027_each_refusal_keeps_its_type_and_executes_nothing(bench: Bench, staged: Staged, word: str) -> None:
    broker = staged(f"reject:{word}")
    sent = order(bench)
    assert refusal_of(broker, sent) == (None if word == "other" else ErrorType(word))
    assert broker.positions() == []


def test_bc_028_a_refused_order_is_looked_up_as_absent_or_refused(bench: Bench, staged: Staged) -> None:
    broker = staged("reject:InsufficientFunds")
    sent = order(bench, mark=broker.mark())
    refusal_of(broker, sent)
    found = broker.find(sent)
    assert found is None or found.error is ErrorType.INSUFFICIENT_FUNDS


def test_bc_029_a_refused_order_may_be_sent_again(bench: Bench, staged: Staged) -> None:
    broker = staged("reject:MarketClosed", "ok")
    sent = order(bench)
    refusal_of(broker, sent)
    assert broker.submit(sent).filled_quantity == bench.quantity


def test_bc_030_unavailable_means_that_nothing_was_sent(bench: Bench, staged: Staged) -> None:
    broker = staged("unavailable:7", "ok")
    sent = order(bench, mark=broker.mark())
    with pytest.raises(BrokerUnavailable) as caught:
        broker.submit(sent)
    assert caught.value.retry_after == 7
    assert broker.find(sent) is None
    assert broker.submit(sent).filled_quantity == bench.quantity
    assert [position.quantity for position in broker.positions()] == [bench.quantity]


@pytest.mark.parametrize("call", ["account", "mark", "positions", "find", "submit"])
def test_bc_031_a_broker_out_of_reach_raises_only_errors_of_the_contract(bench: Bench, call: str) -> None:
    broker, sent = bench.unreachable_broker(), order(bench)
    if call == "mark" and bench.broker().mark() is None:
        pytest.skip("this adapter looks orders up without a mark")
    arguments = (sent,) if call in {"find", "submit"} else ()
    with pytest.raises(BrokerError) as caught:
        getattr(broker, call)(*arguments)
    assert isinstance(caught.value, BrokerUnavailable)


@pytest.mark.parametrize("quantity", ["0", "-1", "1e-30", "1e100"])
def test_bc_032_a_nonsensical_quantity_is_refused(bench: Bench, broker: Broker, quantity: str) -> None:
    assert refusal_of(broker, order(bench, quantity=Decimal(quantity))) in {
        ErrorType.QUANTITY_TOO_LOW,
        ErrorType.QUANTITY_TOO_HIGH,
        ErrorType.INVALID_QUANTITY_PRECISION,
    }


def test_bc_033_closing_a_broker_twice_does_no_harm(broker: Broker) -> None:
    broker.account()
    broker.close()
    broker.close()
