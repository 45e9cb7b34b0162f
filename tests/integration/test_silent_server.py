"""A server that says nothing any more: whoever waits for it is told within seconds."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.database.engine import DEAD_NETWORK, make_engine, make_sessions

OPTIONS = {"tcp_user_timeout": "TCP_USER_TIMEOUT", "keepalives_idle": "TCP_KEEPIDLE", "keepalives_count": "TCP_KEEPCNT"}
PATIENCE = 0.3
LONGEST = 5.0  # seconds, on a busy machine
STORE = text("INSERT INTO protocol_versions (version, supported) VALUES ('v7', true)")


@dataclass
class Line:
    """The same database over TCP; while `talks` is not set, what it says stays on its way."""

    url: str
    talks: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    """The tests' own server only has a Unix socket."""
    unix = make_url(database_url)
    path = f"{unix.query['host']}/.s.PGSQL.{unix.query.get('port', unix.port or 5432)}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        tcp = unix.set(host="127.0.0.1", port=server.getsockname()[1], query={})
        made = Line(tcp.render_as_string(hide_password=False))
        made.talks.set()
        accepting = threading.Thread(target=_accept, args=(server, path, made.talks))
        accepting.start()
        yield made
        made.talks.set()
        server.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(server: socket.socket, path: str, talks: threading.Event) -> None:
    carrying = []
    with suppress(OSError):  # which is how it ends
        while True:
            carrying.append(threading.Thread(target=_carry_both, args=(server.accept()[0], path, talks)))
            carrying[-1].start()
    for thread in carrying:
        thread.join()


def _carry_both(client: socket.socket, path: str, talks: threading.Event) -> None:
    always = threading.Event()
    always.set()
    with client, socket.socket(socket.AF_UNIX) as database:
        database.connect(path)
        back = threading.Thread(target=_carry, args=(database, client, talks))
        back.start()
        _carry(client, database, always)
        back.join()


def _carry(source: socket.socket, sink: socket.socket, may: threading.Event) -> None:
    with suppress(OSError):  # the other side has gone
        while data := source.recv(65536):
            may.wait()
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def an_engine(line: Line, patience: float | None = PATIENCE) -> Iterator[Engine]:
    engine = make_engine(line.url, pool_size=1, patience=patience)
    yield engine
    engine.dispose()


def silent(line: Line) -> None:
    line.talks.clear()


@contextmanager
def told_in_time() -> Iterator[None]:
    began = time.monotonic()
    with pytest.raises(OperationalError, match=f"has not answered within {PATIENCE} seconds"):
        yield
    assert PATIENCE <= time.monotonic() - began < LONGEST


def still_works(engine: Engine, line: Line) -> None:
    """With the next connection; the one that was given up is not used again."""
    line.talks.set()
    with make_sessions(engine)() as session:
        assert session.execute(text("SELECT 7")).scalar_one() == 7


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="This system has no such limit to set.")
def test_the_system_is_told_when_to_give_up_a_server_whose_network_is_gone(line: Line) -> None:
    with an_engine(line) as engine, engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as ours:
            found = {
                name: ours.getsockopt(socket.IPPROTO_TCP, getattr(socket, option)) for name, option in OPTIONS.items()
            }
    assert found == {name: DEAD_NETWORK[name] for name in OPTIONS}


def test_a_statement_that_is_not_answered_raises(line: Line) -> None:
    with an_engine(line) as engine:
        with make_sessions(engine)() as session:
            session.execute(text("SELECT 1"))
            silent(line)
            with told_in_time():
                session.execute(text("SELECT 2"))
        still_works(engine, line)


def test_a_commit_that_is_not_answered_raises_and_may_have_been_applied(line: Line, sessions: object) -> None:
    with an_engine(line) as engine:
        with told_in_time(), make_sessions(engine).begin() as session:
            session.execute(STORE)
            silent(line)
        still_works(engine, line)
        with Session(engine) as session:
            assert session.execute(text("SELECT version FROM protocol_versions")).scalars().all() == ["v7"]


def test_a_rollback_that_is_not_answered_ends_and_its_connection_with_it(line: Line, sessions: object) -> None:
    with an_engine(line) as engine:
        with told_in_time(), make_sessions(engine)() as session:
            session.execute(STORE)
            silent(line)
        still_works(engine, line)
        with Session(engine) as session:
            assert session.execute(text("SELECT version FROM protocol_versions")).scalars().all() == []


def test_without_a_patience_it_is_waited_for(line: Line) -> None:
    with an_engine(line, patience=None) as engine, engine.connect() as connection:
        assert connection.execute(text(f"SELECT pg_sleep({2 * PATIENCE}), 7")).one()[1] == 7


def test_what_the_server_itself_refuses_costs_no_connection(line: Line) -> None:
    with an_engine(line) as engine, engine.connect() as connection:
        before = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        connection.execute(text("SET statement_timeout = '50ms'"))
        connection.commit()
        with pytest.raises(OperationalError, match="statement timeout"):
            connection.execute(text("SELECT pg_sleep(10)"))
        connection.rollback()
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == before
