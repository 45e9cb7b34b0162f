"""A database whose network is gone: its connections are given up within seconds, and not after a quarter of an hour."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine import make_url

from shared.db import DEAD_NETWORK, make_engine

OPTIONS = {"tcp_user_timeout": "TCP_USER_TIMEOUT", "keepalives_idle": "TCP_KEEPIDLE", "keepalives_count": "TCP_KEEPCNT"}


@contextmanager
def over_tcp(database_url: str) -> Iterator[str]:
    """The URL of the same database over TCP, for one connection: the tests' own server only has a Unix socket."""
    url = make_url(database_url)
    path = f"{url.query['host']}/.s.PGSQL.{url.query.get('port', url.port or 5432)}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        carrying = threading.Thread(target=_carry_one, args=(server, path))
        carrying.start()
        yield str(url.set(host="127.0.0.1", port=server.getsockname()[1], query={}).render_as_string(False))
        carrying.join()


def _carry_one(server: socket.socket, path: str) -> None:
    with server.accept()[0] as client, socket.socket(socket.AF_UNIX) as database:
        database.connect(path)
        back = threading.Thread(target=_carry, args=(database, client))
        back.start()
        _carry(client, database)
        back.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="This system has no such limit to set.")
def test_the_system_is_told_when_to_give_a_silent_server_up(database_url: str) -> None:
    with over_tcp(database_url) as url:
        engine = make_engine(url)
        with engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            with socket.socket(fileno=os.dup(driver.fileno())) as ours:
                found = {
                    name: ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, option))
                    for name, option in OPTIONS.items()
                }
        engine.dispose()
    assert found == {name: DEAD_NETWORK[name] for name in OPTIONS}
