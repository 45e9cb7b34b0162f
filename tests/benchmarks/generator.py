"""The load, in a process of its own: reads a plan from stdin, sends it, writes what it measured to stdout.

Keep-alive connections over bare sockets, requests made before the clock starts: what the client costs, the server
cannot have, as both share the machine. An answer's latency counts from the moment at which its request was due,
also where no connection was free then: a server that stalls is charged for everybody that it kept waiting.
"""

import asyncio
import json
import selectors
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import uvloop

from tests.benchmarks.traffic import Traffic, event, message

ANSWER_SECONDS = 60.0


@dataclass(slots=True)
class Record:
    """Seconds of the machine's monotonic clock, by event number. `due`: when it was to be sent."""

    due: list[float]
    sent: list[float]
    ended: list[float]
    status: list[int]  # 0: not answered
    cpu: float = field(default=0.0)


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = b""

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's says of itself that it is none

    async def ask(self, request: bytes) -> int:
        """The status of the answer, 0 if the connection was lost before it."""
        assert self._transport is not None
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        status = answered(self._received)
        if status is not None and self._answer is not None and not self._answer.done():
            self._answer.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(0)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


def answered(received: bytes) -> int | None:
    """The status of a response that has been received whole; None while it has not."""
    head, found, body = received.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = head.lower().split(b"\r\n")
    status = int(lines[0].split()[1])
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), None)
    if length is None:
        chunked = b"transfer-encoding: chunked" in lines
        return status if not chunked or body.endswith(b"0\r\n\r\n") else None
    return status if len(body) >= length else None


async def send(traffic: Traffic, requests: list[bytes], port: int) -> Record:
    """Sends everything over `traffic.connections` connections, each of which takes the next request when it is free."""
    loop = asyncio.get_running_loop()
    pool = [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(traffic.connections)]
    size = len(requests)
    record = Record([0.0] * size, [0.0] * size, [0.0] * size, [0] * size)
    numbers, began, cpu = iter(range(size)), time.monotonic(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for connection in pool:
            group.create_task(_work(traffic, connection, requests, numbers, began, record, port))
    record.cpu = time.process_time() - cpu
    return record


async def _work(
    traffic: Traffic,
    connection: Connection,
    requests: list[bytes],
    numbers: Iterator[int],
    began: float,
    record: Record,
    port: int,
) -> None:
    for number in numbers:
        due = traffic.due(number)
        if due is not None:
            await asyncio.sleep(began + due - time.monotonic())
        if not connection.is_open:
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
        record.sent[number] = time.monotonic()
        record.due[number] = record.sent[number] if due is None else began + due
        record.status[number] = await connection.ask(requests[number])
        record.ended[number] = time.monotonic()
    connection.close()


def main() -> None:
    """Reads the plan, sends, writes the record."""
    plan = json.load(sys.stdin)
    traffic = Traffic(**plan["traffic"])
    requests = [message(event(traffic, number), plan["path"], plan["headers"]) for number in range(traffic.events)]
    with asyncio.Runner(loop_factory=lambda: _loop(traffic)) as runner:
        record = runner.run(send(traffic, requests, plan["port"]))
    json.dump({name: getattr(record, name) for name in ("due", "sent", "ended", "status", "cpu")}, sys.stdout)


def _loop(traffic: Traffic) -> asyncio.AbstractEventLoop:
    """Where something is due at a time, one whose timeouts are exact: those of others are whole milliseconds.

    Else the one that costs least, however many connections there are.
    """
    if traffic.rate is None:
        return uvloop.new_event_loop()
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


if __name__ == "__main__":
    main()
