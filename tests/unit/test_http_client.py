"""What a failure of the wire means: nothing was sent, or nobody knows."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.simulators.server import Answer, Call, Fault, Simulator
from workers.brokers.base import BrokerUnavailable, OutcomeUnknown
from workers.brokers.http_client import HttpClient


def _echo(call: Call) -> Answer:
    if call.path == "/marked":
        return Answer(200, b'\xef\xbb\xbf{"price": 1}')
    status = int(call.query.get("status", "200"))
    return Answer(status, {"price": 0.1, "method": call.method})


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(_echo, lambda _: True).running() as ready:
        yield ready


@pytest.fixture
def fault(request: pytest.FixtureRequest) -> Fault | None:
    """The fault that a test is about; none for the tests that name none."""
    return getattr(request, "param", None)


@pytest.fixture
def wire(simulator: Simulator, fault: Fault | None) -> Iterator[HttpClient]:
    """Patient, but where the slowness is what is tried: half a second has been too short on a busy machine."""
    made = HttpClient(simulator.url, deadline_seconds=0.5 if fault is Fault.SLOW_AFTER else 10)
    yield made
    made.close()


def test_numbers_are_exact(wire: HttpClient) -> None:
    assert wire.read("GET", "/x").body == {"price": Decimal("0.1"), "method": "GET"}


def test_a_byte_order_mark_is_no_reason_to_doubt_an_answer(wire: HttpClient) -> None:
    assert wire.write("POST", "/marked", json={}).body == {"price": 1}


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 409, 418, 422])
def test_an_answer_is_handed_on_whatever_it_says(wire: HttpClient, status: int) -> None:
    assert wire.write("POST", "/x", params={"status": status}, json={}).status == status
    assert wire.read("GET", "/x", params={"status": status}).status == status


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.REFUSED_BEFORE], indirect=True)
def test_a_write_without_a_clear_answer_is_unknown(simulator: Simulator, wire: HttpClient, fault: Fault) -> None:
    simulator.faults.append(fault)
    with pytest.raises(OutcomeUnknown):
        wire.write("POST", "/x", json={})
    assert len(simulator.calls) == 1


@pytest.mark.parametrize("fault", Fault, indirect=True)
def test_a_read_without_a_clear_answer_is_unavailable(simulator: Simulator, wire: HttpClient, fault: Fault) -> None:
    simulator.faults.append(fault)
    with pytest.raises(BrokerUnavailable):
        wire.read("GET", "/x")
    assert len(simulator.calls) == 1


def test_a_write_that_was_asked_to_wait_was_not_looked_at(simulator: Simulator, wire: HttpClient) -> None:
    simulator.faults.append(Fault.REFUSED_BEFORE)
    with pytest.raises(BrokerUnavailable) as caught:
        wire.write("POST", "/x", json={})
    assert caught.value.retry_after == 1


def test_a_write_that_found_nobody_was_never_sent() -> None:
    wire = HttpClient("http://127.0.0.1:1", deadline_seconds=0.5)
    with pytest.raises(BrokerUnavailable):
        wire.write("POST", "/x", json={})
    wire.close()


def test_a_connection_that_the_broker_has_dropped_does_not_repeat_a_write(
    simulator: Simulator, wire: HttpClient
) -> None:
    wire.read("GET", "/x")
    simulator.faults.append(Fault.LOST_AFTER)
    with pytest.raises(OutcomeUnknown):
        wire.write("POST", "/x", json={})
    assert [call.method for call in simulator.calls] == ["GET", "POST"]
