"""A call to a broker ends within its deadline, wherever its time goes; and says whether it may have been sent."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import httpcore
import pytest

from workers.brokers.base import BrokerUnavailable, OutcomeUnknown
from workers.brokers.deadline import BoundedBackend, Deadline
from workers.brokers.http_client import HttpClient

DEADLINE = 1.0
AT_MOST = 1.6  # a busy machine is late; without a bound, the quickest of these takes 1.9
LARGE = b"x" * (64 * 1024 * 1024)  # more than any buffer between two sockets takes
HEAD = b"HTTP/1.1 200 OK\r\n"
Server = Callable[[socket.socket, threading.Event], None]


def drips_its_head(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(HEAD)
    while not over.wait(0.1):
        connection.sendall(b"x-a: 1\r\n")


def drips_its_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(HEAD + b"content-length: 100000\r\n\r\n")
    while not over.wait(0.1):
        connection.sendall(b" ")


def falls_silent_at_the_end(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(HEAD + b"content-length: 100000\r\n\r\n")
    if not over.wait(DEADLINE * 0.9):
        connection.sendall(b" ")
        over.wait(30)


def takes_nothing(connection: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def takes_a_little_now_and_then(connection: socket.socket, over: threading.Event) -> None:
    while not over.wait(0.1):
        connection.recv(1024 * 1024)


@contextmanager
def serving(server: Server) -> Iterator[str]:
    """One connection, answered by `server` on a free loopback port."""
    over = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                try:
                    server(connection, over)
                except OSError:
                    return  # the client has gone, which is what it is here for

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize("server", [drips_its_head, drips_its_body, falls_silent_at_the_end, takes_nothing])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_answer_that_does_not_come_whole_is_not_waited_for(server: Server, method: str) -> None:
    with serving(server) as url, closing(HttpClient(url, deadline_seconds=DEADLINE)) as wire:
        began = time.monotonic()
        if method == "GET":
            with pytest.raises(BrokerUnavailable):
                wire.read("GET", "/x")
        else:
            with pytest.raises(OutcomeUnknown):
                wire.write("POST", "/x", json={})
        assert time.monotonic() - began < AT_MOST


@pytest.mark.parametrize("server", [takes_nothing, takes_a_little_now_and_then])
def test_a_request_that_is_not_taken_is_broken_off_and_may_have_been_read(server: Server) -> None:
    with serving(server) as url, closing(HttpClient(url, deadline_seconds=DEADLINE)) as wire:
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            wire.write("POST", "/x", content=LARGE)
        assert time.monotonic() - began < AT_MOST


def test_a_deadline_that_is_over_lets_nothing_out() -> None:
    """The name of the host took all the time there was: then it is proven that nothing was sent."""
    deadline = Deadline()
    with deadline.within(0), pytest.raises(httpcore.ConnectTimeout):
        BoundedBackend(httpcore.NetworkBackend(), deadline).connect_tcp("127.0.0.1", 1)


def test_the_addresses_of_a_host_share_what_time_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Deaf()
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", 1)) for n in (1, 2, 3)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    deadline = Deadline()
    with deadline.within(0.3), pytest.raises(httpcore.ConnectTimeout):
        BoundedBackend(network, deadline).connect_tcp("broker", 1, timeout=0.2)
    assert [host for host, _ in network.asked] == ["127.0.0.1", "127.0.0.2"]
    assert network.asked[0][1] == pytest.approx(0.2)
    assert 0 < (network.asked[1][1] or 0) <= 0.1


class Deaf(httpcore.NetworkBackend):
    """Nobody answers: each attempt takes all the time that it is given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float | None]] = []

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, *_: object) -> httpcore.NetworkStream:
        self.asked.append((host, timeout))
        threading.Event().wait(timeout)
        raise httpcore.ConnectTimeout("nobody answers")
