"""What the load sends, when it is due, and how its latency is counted: from the intended moment."""

import asyncio
import json
from dataclasses import replace

from shared.domain import EventType
from shared.proquant import envelope
from tests.benchmarks.generator import Record, answered, send
from tests.benchmarks.load import Answers
from tests.benchmarks.traffic import Traffic, event, message

TRAFFIC = Traffic("t", 6, 2, 2, 1_700_000_000_000)
STALL_SECONDS = 0.2
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def test_every_strategy_opens_closes_and_opens_anew() -> None:
    first = [event(TRAFFIC, number) for number in (0, 2, 4)]
    assert [one.type for one in first] == [EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_OPEN]
    assert [one.proquant_position_id for one in first] == ["t-0-0", "t-0-0", "t-0-1"]
    assert len({event(TRAFFIC, number).strategy_id for number in range(6)}) == 2


def test_the_request_is_one_that_the_bridge_reads() -> None:
    head, _, body = message(event(TRAFFIC, 0), "/webhooks/proquant", {"authorization": "Bearer x"}).partition(
        b"\r\n\r\n"
    )
    assert f"content-length: {len(body)}".encode() in head
    assert envelope.read(body).event == event(TRAFFIC, 0)
    assert json.loads(body)["v1"]["event"]["integration"]["webhook"]["headers"] == {"authorization": "Bearer x"}


def test_an_open_loop_goes_by_the_clock_a_burst_at_once_and_a_closed_loop_by_its_answers() -> None:
    assert [replace(TRAFFIC, rate=4.0).due(number) for number in (0, 1, 8)] == [0.0, 0.25, 2.0]
    assert replace(TRAFFIC, rate=4.0, burst=True).due(8) == 0.0
    assert TRAFFIC.due(8) is None


def test_a_response_counts_when_it_is_whole() -> None:
    assert answered(OK) == 200
    assert answered(OK[:-1]) is None
    assert answered(b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{") is None
    assert answered(b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}") == 409


def test_latency_and_lateness_count_from_the_moment_that_was_intended() -> None:
    answers = Answers(Record(due=[1.0, 2.0], sent=[1.0, 3.0], ended=[1.5, 3.5], status=[200, 200], cpu=0.25))
    assert answers.latencies == [0.5, 1.5]
    assert answers.lateness == [0.0, 1.0]
    assert (answers.rate, answers.client_cpu) == (0.8, 0.1)


def test_a_server_that_stalls_is_charged_for_all_that_it_kept_waiting() -> None:
    traffic = Traffic("stall", 4, 4, 1, 0, rate=1000.0)

    async def measure() -> Record:
        server = await asyncio.start_server(_stall_once, "127.0.0.1", 0)
        async with server:
            return await send(traffic, [b"x"] * traffic.events, server.sockets[0].getsockname()[1])

    latencies = Answers(asyncio.run(measure())).latencies
    assert min(latencies) > STALL_SECONDS / 2


async def _stall_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    await asyncio.sleep(STALL_SECONDS)  # the stall is what is simulated
    writer.write(OK)
    while await reader.read(1):
        writer.write(OK)
    writer.close()
