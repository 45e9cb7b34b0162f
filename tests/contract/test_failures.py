"""BC-070 to BC-089: what fails between an adapter and its broker, and what the death of a process leaves behind."""

import time
from collections.abc import Callable
from decimal import Decimal

import pytest

from shared.domain import Direction, ErrorType, Leg, OrderState
from tests.contract.bench import Bench, closing, listed, order
from tests.support.eventually import eventually
from workers.brokers.base import (
    Broker,
    BrokerUnavailable,
    Dedupe,
    OrderRejected,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
)

Staged = Callable[..., Broker]
LOST_ANSWERS = ["timeout_accepted", "error_after", "garbage", "slow"]


def held(broker: Broker) -> dict[str, Decimal]:
    return {position.symbol: position.quantity for position in broker.positions() if position.quantity}


def settled(broker: Broker, sent: OrderRequest) -> OrderReport:
    """The look-up's answer once it is there."""

    def found() -> OrderReport:
        report = broker.find(sent)
        assert report is not None
        return report

    return eventually(found, timeout=broker.capabilities.settle_seconds + 5)


def lose(broker: Broker, sent: OrderRequest) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        broker.submit(sent)
    assert caught.value.reason


@pytest.mark.parametrize("word", LOST_ANSWERS)
def test_bc_070_an_answer_that_is_lost_leaves_one_order_that_is_found(bench: Bench, staged: Staged, word: str) -> None:
    broker = staged(word)
    sent = order(bench, mark=broker.mark())
    lose(broker, sent)
    found = settled(broker, sent)
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, bench.quantity)
    assert held(broker) == {bench.symbol: bench.quantity}


def test_bc_071_a_submit_ends_within_the_declared_deadline(bench: Bench, staged: Staged) -> None:
    broker = staged("slow")
    began = time.monotonic()
    lose(broker, order(bench))
    assert time.monotonic() - began < broker.capabilities.deadline_seconds


@pytest.mark.parametrize("word", LOST_ANSWERS)
def test_bc_072_an_order_whose_answer_was_lost_is_not_doubled_by_sending_it_again(
    bench: Bench, staged: Staged, word: str
) -> None:
    broker = staged(word)
    if broker.capabilities.dedupe is not Dedupe.LIFETIME:
        pytest.skip(f"dedupe is declared as {broker.capabilities.dedupe}")
    sent = order(bench)
    lose(broker, sent)
    assert broker.submit(sent).broker_order_id == settled(broker, sent).broker_order_id
    assert held(broker) == {bench.symbol: bench.quantity}


def test_bc_073_expired_credentials_refuse_an_order_by_their_type(bench: Bench, staged: Staged) -> None:
    broker = staged("expired_credentials")
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order(bench))
    assert caught.value.type is ErrorType.INVALID_CREDENTIALS
    assert caught.value.reason


@pytest.mark.parametrize("call", ["account", "instruments", "mark", "positions", "find"])
def test_bc_074_expired_credentials_never_pass_for_an_answer(bench: Bench, staged: Staged, call: str) -> None:
    broker = staged("expired_credentials")
    if call == "mark" and bench.broker().mark() is None:
        pytest.skip("this adapter looks orders up without a mark")
    with pytest.raises(BrokerUnavailable) as caught:
        getattr(broker, call)(*([order(bench)] if call == "find" else []))
    assert caught.value.credentials


def test_bc_075_an_order_queued_for_the_next_session_is_withdrawn(bench: Bench, staged: Staged) -> None:
    broker = staged("queued")
    sent = order(bench)
    with pytest.raises(OrderRejected) as caught:
        broker.submit(sent)
    assert caught.value.type is ErrorType.MARKET_CLOSED
    found = broker.find(sent)
    assert found is None or (found.state, found.filled_quantity) in {
        (OrderState.CANCELLED, Decimal(0)),
        (OrderState.REJECTED, Decimal(0)),
    }
    assert held(broker) == {}


def test_bc_076_a_working_order_that_the_broker_cancels_is_found_cancelled(bench: Bench, staged: Staged) -> None:
    broker = staged("cancelled_later")
    sent = order(bench, mark=broker.mark())
    report = broker.submit(sent)
    assert (report.state, report.filled_quantity) == (OrderState.ACCEPTED, Decimal(0))
    found = settled(broker, sent)
    assert (found.state, found.filled_quantity, found.fills) == (OrderState.CANCELLED, Decimal(0), ())
    assert found.broker_order_id == report.broker_order_id
    assert held(broker) == {}


def test_bc_077_a_close_of_what_is_gone_is_refused_and_opens_nothing(bench: Bench, staged: Staged) -> None:
    broker = staged("ok", "ok", "gone")
    opened = order(bench)
    report = broker.submit(opened)
    broker.submit(closing(bench, broker, opened, report))
    with pytest.raises(OrderRejected) as caught:
        broker.submit(closing(bench, broker, opened, report))
    assert caught.value.type is ErrorType.POSITION_NOT_FOUND
    assert held(broker) == {}


@pytest.mark.parametrize("word", ["ok", "timeout_accepted"])
def test_bc_078_after_a_crash_between_the_legs_of_a_flip_each_leg_is_executed_once(
    bench: Bench, staged: Staged, word: str
) -> None:
    """REOPEN: long, then short; the process that sent the close dies, whether or not it had heard the answer."""
    dying = staged("ok", word)
    if not listed(bench, dying).shortable:
        pytest.skip(f"{bench.symbol} is declared as not shortable")
    opened = order(bench)
    leg = closing(bench, dying, opened, dying.submit(opened))
    dying.submit(leg) if word == "ok" else lose(dying, leg)
    heir = bench.again(dying)
    assert settled(heir, leg).state is OrderState.FILLED
    assert held(heir) == {}
    heir.submit(order(bench, side=Direction.SELL, mark=heir.mark()))
    assert held(heir) == {bench.symbol: -bench.quantity}


def test_bc_079_after_a_crash_a_new_instance_finds_what_the_old_one_has_sent(bench: Bench, staged: Staged) -> None:
    dying = staged("timeout_accepted")
    sent = order(bench, mark=dying.mark())
    lose(dying, sent)
    heir = bench.again(dying)
    assert settled(heir, sent).filled_quantity == bench.quantity
    assert heir.find(order(bench, mark=sent.mark)) is None
    assert held(heir) == {bench.symbol: bench.quantity}


def test_bc_080_strategies_on_one_symbol_close_their_own(bench: Bench, broker: Broker) -> None:
    """Both long, so that it holds where accounts net and where they do not."""
    sent = [order(bench, strategy_id=f"strategy-{name}", proquant_position_id=name) for name in "ab"]
    reports = [broker.submit(each) for each in sent]
    for rest, each, report in zip((1, 0), sent, reports, strict=True):
        closed = broker.submit(closing(bench, broker, each, report))
        assert (closed.state, closed.filled_quantity) == (OrderState.FILLED, bench.quantity)
        assert held(broker) == ({bench.symbol: bench.quantity} if rest else {})


def test_bc_081_a_close_leg_is_looked_up_like_any_other(bench: Bench, staged: Staged) -> None:
    broker = staged("ok", "timeout_accepted")
    opened = order(bench)
    leg = closing(bench, broker, opened, broker.submit(opened))
    assert leg.leg is Leg.CLOSE
    assert broker.find(leg) is None
    lose(broker, leg)
    assert settled(broker, leg).filled_quantity == bench.quantity
    assert held(broker) == {}
