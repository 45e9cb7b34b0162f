"""BC-040 to BC-059: a look-up tells the truth about every order, and only after the declared time."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain import ClientOrderId, ErrorType, OrderState
from tests.contract.bench import Bench, order
from tests.support.eventually import eventually
from workers.brokers.base import Broker, OrderReport, OrderRequest, OutcomeUnknown

Staged = Callable[..., Broker]


def settled(broker: Broker, sent: OrderRequest) -> OrderReport:
    """The look-up's answer once it is there."""

    def found() -> OrderReport:
        report = broker.find(sent)
        assert report is not None
        return report

    return eventually(found, timeout=broker.capabilities.settle_seconds + 5)


def test_bc_040_a_look_up_reports_what_the_submit_reported(bench: Bench, broker: Broker) -> None:
    sent = order(bench, mark=broker.mark())
    report = broker.submit(sent)
    assert settled(broker, sent) == report


def test_bc_041_an_order_that_was_never_sent_is_not_found(bench: Bench, broker: Broker) -> None:
    broker.submit(order(bench))
    assert broker.find(order(bench)) is None


@pytest.mark.parametrize("word", ["partial:0.5", "cancelled"])
def test_bc_042_a_look_up_reports_how_an_order_ended(bench: Bench, staged: Staged, word: str) -> None:
    broker = staged(word)
    sent = order(bench, mark=broker.mark())
    report = broker.submit(sent)
    assert settled(broker, sent) == report


def test_bc_043_an_order_whose_answer_was_lost_is_found(bench: Bench, staged: Staged) -> None:
    broker = staged("timeout_accepted")
    sent = order(bench, mark=broker.mark())
    with pytest.raises(OutcomeUnknown):
        broker.submit(sent)
    found = settled(broker, sent)
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, bench.quantity)
    assert [position.quantity for position in broker.positions()] == [bench.quantity]


def test_bc_044_an_order_that_was_lost_on_the_way_is_never_found(bench: Bench, staged: Staged) -> None:
    broker = staged("timeout_lost")
    sent = order(bench, mark=broker.mark())
    with pytest.raises(OutcomeUnknown):
        broker.submit(sent)
    assert broker.find(sent) is None
    assert broker.positions() == []
    assert broker.submit(sent).state is OrderState.FILLED


def test_bc_045_a_refusal_whose_answer_was_lost_is_found_with_its_type(bench: Bench, staged: Staged) -> None:
    broker = staged("timeout_rejected:InsufficientFunds")
    sent = order(bench, mark=broker.mark())
    with pytest.raises(OutcomeUnknown):
        broker.submit(sent)
    found = settled(broker, sent)
    assert (found.state, found.error) == (OrderState.REJECTED, ErrorType.INSUFFICIENT_FUNDS)
    assert found.reason
    assert broker.positions() == []


def test_bc_046_a_look_up_may_miss_an_order_only_for_the_declared_time(bench: Bench, staged: Staged) -> None:
    broker = staged("timeout_accepted", slow=True)
    sent = order(bench, mark=broker.mark())
    with pytest.raises(OutcomeUnknown):
        broker.submit(sent)
    assert broker.capabilities.settle_seconds >= bench.lookup_lag
    assert broker.find(sent) is None
    assert settled(broker, sent).state is OrderState.FILLED


def test_bc_047_an_order_is_found_by_its_id_and_not_by_its_content(bench: Bench, broker: Broker) -> None:
    sent = order(bench, mark=broker.mark())
    broker.submit(sent)
    assert broker.find(replace(sent, client_order_id=ClientOrderId("pq-another"))) is None


def test_bc_048_looking_up_changes_nothing(bench: Bench, broker: Broker) -> None:
    sent = order(bench, mark=broker.mark())
    broker.submit(sent)
    before = (broker.positions(), broker.mark(), broker.account().balance)
    assert broker.find(sent) == broker.find(sent)
    assert (broker.positions(), broker.mark(), broker.account().balance) == before
