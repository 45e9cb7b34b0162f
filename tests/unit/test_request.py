"""Bodies that come in pieces, too long, by halves and never; and whom that keeps waiting."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from receiver import body_reader
from receiver.body_reader import STUCK_AT_ONCE, BodyReader
from receiver.refused import Refused
from receiver.transport.asgi import environ
from receiver.transport.greenlets import run_in_greenlet
from receiver.transport.request import IS_GONE, LARGEST, Body, WebhookRequest, of_flask
from shared.domain import AccountId, GenericError
from tests.support.served_requests import serve_all

JSON = "application/json"
ALICE, BOB = AccountId(1), AccountId(2)


def part(body: bytes, more: bool = True) -> Mapping[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE: Mapping[str, Any] = {"type": "http.disconnect"}


class Connection:
    """Brings the messages that it was given; after them, nothing for ever."""

    def __init__(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self._messages = list(messages)

    async def __call__(self) -> Mapping[str, Any]:
        if not self._messages:
            await asyncio.get_running_loop().create_future()
        return self._messages.pop(0)


def body(*messages: Mapping[str, Any]) -> Body:
    return Body(Connection(messages))


def call(body: Body, media_type: str = JSON, encoding: str = "") -> WebhookRequest:
    return WebhookRequest("", media_type, encoding, "192.0.2.1", body.whole, body)


def test_it_is_read_to_its_end_however_it_comes() -> None:
    assert serve_all([body(part(b"ab"), part(b""), part(b"c", more=False)).whole]) == [b"abc"]
    assert serve_all([body(part(b"x" * LARGEST, more=False)).whole]) == [b"x" * LARGEST]


def test_as_a_stream_it_gives_so_many_bytes_until_there_are_none() -> None:
    stream = body(part(b"abc", more=False))
    assert serve_all([lambda: [stream.read(2), stream.read(), stream.read(5)]]) == [[b"ab", b"c", b""]]


def test_one_that_is_too_large_is_not_read_to_its_end() -> None:
    with pytest.raises(RequestEntityTooLarge):
        serve_all([body(part(b"x" * LARGEST), part(b"x")).whole])


@pytest.mark.parametrize("messages", [[GONE], [part(b"{}"), GONE]])
def test_one_whose_client_went_away_is_no_body(messages: Sequence[Mapping[str, Any]]) -> None:
    with pytest.raises(ClientDisconnected):
        serve_all([body(*messages).whole])
    with pytest.raises(Refused) as refused:
        serve_all([lambda: BodyReader().read(call(body(*messages)), ALICE)])
    assert refused.value.error is GenericError.MALFORMED


def test_other_than_json_is_not_read() -> None:
    with pytest.raises(Refused) as refused:
        BodyReader().read(call(body(), "text/plain"), ALICE)
    assert refused.value.error is GenericError.UNSUPPORTED_MEDIA_TYPE


@pytest.mark.parametrize(
    ("encoding", "named"), [("gzip", "gzip"), ("br", "br"), ("x" * 33, "something else"), ("\xe9", "something else")]
)
def test_a_body_that_is_packed_is_refused_by_the_name_of_its_packing(encoding: str, named: str) -> None:
    with pytest.raises(Refused) as refused:
        BodyReader().read(call(body(), encoding=encoding), ALICE)
    assert refused.value.error is GenericError.UNSUPPORTED_MEDIA_TYPE
    assert refused.value.detail == f"The body is encoded as {named}; it must be plain JSON."


def test_of_those_that_do_not_come_an_account_keeps_a_dozen_and_those_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_reader, "STUCK_SECONDS", 0.05)
    now = [0.0]
    desk = BodyReader(lambda: now[0])

    async def story() -> None:
        with ThreadPoolExecutor(1) as threads:

            def read(account: AccountId, *messages: Mapping[str, Any]) -> "asyncio.Task[bytes]":
                return asyncio.create_task(run_in_greenlet(threads, desk.read, call(body(*messages)), account))

            stuck = [read(ALICE) for _ in range(STUCK_AT_ONCE + 3)]
            of_bob = read(BOB)
            assert await read(ALICE, part(b"{}", more=False)) == b"{}"
            now[0] = 0.06
            done, waiting = await asyncio.wait([*stuck, of_bob], timeout=0.3)
            assert done == set(stuck[STUCK_AT_ONCE:])
            now[0] = body_reader.LONGEST_SECONDS
            done, _ = await asyncio.wait(waiting, timeout=1)
            assert done == waiting
            assert {_error_of(task) for task in [*stuck, of_bob]} == {GenericError.UNAVAILABLE}

    asyncio.run(story())


def _error_of(task: "asyncio.Task[bytes]") -> object:
    error = task.exception()
    return error.error if isinstance(error, Refused) else error


@pytest.mark.parametrize(
    ("headers", "authorization", "media_type"),
    [
        ([], "", ""),
        ([(b"authorization", b"Bearer x"), (b"content-type", b"Application/JSON; charset=utf-8")], "Bearer x", JSON),
        ([(b"authorization", b"Bearer x"), (b"authorization", b"Bearer y")], "Bearer x,Bearer y", ""),
        ([(b"authorization", b"Bearer \xff"), (b"content-type", b" application/json ")], "Bearer \xff", JSON),
    ],
)
def test_a_call_says_what_the_headers_say(
    headers: list[tuple[bytes, bytes]], authorization: str, media_type: str
) -> None:
    told = of_flask(request_of(headers))
    assert (told.authorization, told.media_type, told.address) == (authorization, media_type, "192.0.2.1")
    assert serve_all([told.read]) == [b"{}"]


@pytest.mark.parametrize(("said", "encoding"), [(b"GZIP ", "gzip"), (b"identity", ""), (b"", "")])
def test_a_call_says_how_its_body_is_packed(said: bytes, encoding: str) -> None:
    assert of_flask(request_of([(b"content-encoding", said)])).encoding == encoding


def test_a_call_knows_whether_its_caller_has_hung_up() -> None:
    assert [of_flask(request_of([], gone)).is_gone() for gone in (None, lambda: False, lambda: True)] == [
        False,
        False,
        True,
    ]


def test_a_body_that_is_given_up_is_no_client_that_went_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Werkzeug takes a TimeoutError for a client that went away, and who is slow would be told that he is wrong."""
    monkeypatch.setattr(body_reader, "STUCK_SECONDS", 0.01)
    monkeypatch.setattr(body_reader, "LONGEST_SECONDS", 0.01)
    told = of_flask(request_of([(b"content-type", b"application/json")], messages=[]))
    with pytest.raises(Refused) as refused:
        serve_all([lambda: BodyReader().read(told, ALICE)])
    assert refused.value.error is GenericError.UNAVAILABLE


def request_of(
    headers: list[tuple[bytes, bytes]],
    gone: Callable[[], bool] | None = None,
    messages: Sequence[Mapping[str, Any]] = (part(b"{}", more=False),),
) -> Request:
    scope: dict[str, Any] = {"headers": headers, "client": ("192.0.2.1", 1), "server": ("localhost", 80)}
    scope |= {"method": "POST", "path": "/x", "http_version": "1.1", "scheme": "http", "query_string": b""}
    scope |= {} if gone is None else {"extensions": {IS_GONE: gone}}
    request = Request(environ(scope, Connection(messages)))
    request.max_content_length = LARGEST  # as the application has it: werkzeug then reads through a stream of its own
    return request
