"""The path of an order at Alpaca once it was sent: followed, withdrawn, found again, and never said to be unsent."""

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from shared.domain import ErrorType, OrderState
from tests.brokers.alpaca_stage import Replaced, Serve, order, posted, refused, serving
from tests.simulators.alpaca import Alpaca, is_order
from tests.simulators.server import Answer, Call, Fault
from workers.brokers.base import BrokerUnavailable, OutcomeUnknown


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.mark.parametrize("status", ["pending_new", "accepted", "new", "stopped", "calculated", "done_for_day"])
def test_an_order_that_works_is_followed_sparingly_and_told_as_accepted(serve: Serve, status: str) -> None:
    broker, simulator = serve(Alpaca(status))
    report = broker.submit(order())
    assert (report.state, report.filled_quantity, report.fills) == (OrderState.ACCEPTED, Decimal(0), ())
    looks = [call for call in simulator.calls if call.method == "GET" and call.path.startswith("/v2/orders")]
    assert 1 <= len(looks) <= 5


def test_an_order_that_fills_while_it_is_followed_is_told_as_filled(serve: Serve) -> None:
    alpaca = Alpaca("pending_new")
    looks = iter(range(10))

    def filling(call: Call) -> Answer:
        if call.path.startswith("/v2/orders/") and next(looks) == 1:
            (working,) = alpaca.books.orders.values()
            alpaca.books.fill(working, working.quantity)
        return alpaca(call)

    broker, _ = serve(filling)
    report = broker.submit(order())
    assert (report.state, report.filled_quantity) == (OrderState.FILLED, Decimal(10))


def test_a_part_of_an_order_that_still_works_is_not_counted_twice(serve: Serve) -> None:
    """The bridge adds up fills by their ids; a sum that grows would be added again."""
    broker, _ = serve(Alpaca("partial_working:0.3"))
    sent = order()
    first = broker.submit(sent)
    assert (first.state, first.filled_quantity, first.fills) == (OrderState.ACCEPTED, Decimal(0), ())
    found = broker.find(sent)
    assert found is not None
    assert [fill.quantity for fill in found.fills] == [Decimal(10)]


def test_an_order_for_the_next_session_is_withdrawn_by_its_id(serve: Serve) -> None:
    alpaca = Alpaca("queued")
    broker, simulator = serve(alpaca)
    assert refused(broker, order()) is ErrorType.MARKET_CLOSED
    (left,) = alpaca.books.orders.values()
    assert left.status == "canceled"
    assert [call.path for call in simulator.calls if call.method == "DELETE"] == [f"/v2/orders/{left.id}"]


def test_an_order_that_is_filled_before_it_can_be_withdrawn_is_told_as_filled(serve: Serve) -> None:
    alpaca = Alpaca("queued")

    def late(call: Call) -> Answer:
        if call.method == "DELETE":
            (working,) = alpaca.books.orders.values()
            alpaca.books.fill(working, working.quantity)
        return alpaca(call)

    broker, _ = serve(late)
    assert broker.submit(order()).state is OrderState.FILLED


def test_an_order_that_alpaca_took_and_rejected_is_refused_and_found_so(serve: Serve) -> None:
    broker, _ = serve(Alpaca("rejected"))
    sent = order()
    assert refused(broker, sent) is None
    found = broker.find(sent)
    assert found is not None
    assert (found.state, found.error) == (OrderState.REJECTED, None)
    assert found.reason


@pytest.mark.parametrize("status", ["replaced", "a_state_of_tomorrow"])
def test_a_state_that_only_a_person_can_read_is_unknown(serve: Serve, status: str) -> None:
    broker, _ = serve(Alpaca(status))
    sent = order()
    with pytest.raises(OutcomeUnknown):
        broker.submit(sent)
    with pytest.raises(BrokerUnavailable):
        broker.find(sent)


@pytest.mark.parametrize(
    "broken", [Answer(429, {"message": "slow down"}), Answer(503, {}), Answer(200, {}), Answer(401)]
)
def test_a_look_that_fails_after_acceptance_leaves_the_order_accepted(serve: Serve, broken: Answer) -> None:
    broker, simulator = serve(Replaced(Alpaca("accepted"), "GET", "/v2/orders/", lambda _: broken))
    assert broker.submit(order()).state is OrderState.ACCEPTED
    assert len(posted(simulator)) == 1


def test_a_duplicate_is_answered_with_the_order_that_has_the_id(serve: Serve) -> None:
    broker, simulator = serve(Alpaca())
    sent = order()
    first = broker.submit(sent)
    assert broker.submit(sent) == first
    assert len(posted(simulator)) == 2


def test_a_duplicate_that_is_not_shown_yet_is_proven_to_be_there(serve: Serve) -> None:
    broker, _ = serve(Alpaca(lag=30))
    sent = order()
    broker.submit(sent)
    assert broker.submit(sent).state is OrderState.ACCEPTED


def test_a_duplicate_that_cannot_be_looked_up_is_proven_to_be_there(serve: Serve) -> None:
    broker, _ = serve(Replaced(Alpaca(), "GET", "/v2/orders:by_client_order_id", lambda _: Answer(503, {})))
    sent = order()
    broker.submit(sent)
    assert broker.submit(sent).state is OrderState.ACCEPTED


def test_an_unknown_refusal_of_an_order_that_cannot_be_looked_up_leaves_the_outcome_unknown(serve: Serve) -> None:
    def odd(call: Call) -> Answer:
        if call.path.startswith("/v2/orders:by_client_order_id"):
            return Answer(503, {})
        return Answer(422, {"message": "a new word"}) if call.method == "POST" else alpaca(call)

    alpaca = Alpaca()
    broker, _ = serve(odd)
    with pytest.raises(OutcomeUnknown, match="cannot be looked up"):
        broker.submit(order())


@pytest.mark.parametrize("body", [{}, {"id": 1}, [], "filled", {"client_order_id": "another"}])
def test_an_order_of_an_odd_shape_is_unknown(serve: Serve, body: object) -> None:
    broker, simulator = serve(Replaced(Alpaca(), "POST", "/v2/orders", lambda _: Answer(200, body)))
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())
    assert len(posted(simulator)) == 1


def test_an_answer_about_another_order_is_unknown(serve: Serve) -> None:
    def mixed_up(answer: Answer) -> Answer:
        assert isinstance(answer.body, dict)
        return Answer(200, {**answer.body, "client_order_id": "pq-another"})

    broker, _ = serve(Replaced(Alpaca(), "POST", "/v2/orders", mixed_up))
    with pytest.raises(OutcomeUnknown, match="another order"):
        broker.submit(order())


def test_a_refusal_that_nobody_knows_is_counted_and_not_believed_where_the_order_is_there(serve: Serve) -> None:
    """alpaca-trade-api-js issue 255: a 422 for an order that was executed."""
    odd = Answer(422, {"code": 42299999, "message": "something new"})
    broker, _ = serve(Replaced(Alpaca(), "POST", "/v2/orders", lambda _: odd))
    assert broker.submit(order()).state is OrderState.FILLED
    assert broker.unmapped == {"422 42299999": 1}


def test_a_refusal_that_nobody_knows_is_generic_where_no_order_is_there(serve: Serve) -> None:
    odd = Answer(422, {"code": 42299999, "message": "something new"})
    broker, _ = serve(lambda call: odd if is_order(call) else Alpaca()(call))
    assert refused(broker, order()) is None
    assert broker.unmapped == {"422 42299999": 1}


@pytest.mark.parametrize(
    "fault", [Fault.LOST_AFTER, Fault.LOST_BEFORE, Fault.ERROR_AFTER, Fault.GARBAGE_AFTER, Fault.SLOW_AFTER]
)
def test_an_answer_that_says_nothing_is_unknown_and_nothing_is_sent_twice(serve: Serve, fault: Fault) -> None:
    broker, simulator = serve(Alpaca())
    simulator.faults.append(fault)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())
    assert time.monotonic() - began < broker.capabilities.deadline_seconds
    assert len(posted(simulator)) == 1


def test_a_request_to_wait_is_handed_on(serve: Serve) -> None:
    broker, _ = serve(Alpaca("unavailable:11"))
    with pytest.raises(BrokerUnavailable) as caught:
        broker.submit(order())
    assert caught.value.retry_after == 11


def test_a_broker_that_only_drips_never_keeps_a_strategy_longer_than_declared(serve: Serve) -> None:
    """Every call as slow as a call may be: asset, clock, order, looks, and what is done about an order that waits."""
    alpaca = Alpaca("queued")

    def slow(call: Call) -> Answer:
        time.sleep(0.2)
        return alpaca(call)

    broker, _ = serve(slow)
    began = time.monotonic()
    assert refused(broker, order()) is ErrorType.MARKET_CLOSED
    assert time.monotonic() - began < broker.capabilities.deadline_seconds


def test_an_address_that_is_not_alpacas_never_says_that_an_order_is_not_there(serve: Serve) -> None:
    for answer in (Answer(404, {"code": 40410000, "message": "endpoint not found."}), Answer(404, b"<html>")):
        broker, _ = serve(lambda _, answer=answer: answer)  # type: ignore[misc]
        with pytest.raises(BrokerUnavailable):
            broker.find(order())
