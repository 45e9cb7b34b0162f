"""Slowing down those who guess tokens, and never anybody else."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from flask import Flask, Request, request
from sqlalchemy.exc import OperationalError

from receiver.authentication import SLOWED_AT_ONCE, AccountCache, Throttle, authenticate
from receiver.refused import Refused
from receiver.transport.request import of_flask
from shared.accounts.accounts import AccountState
from shared.domain import AccountId, ErrorType, GenericError

ALICE = AccountState(AccountId(1), "alice", Decimal(1), False, None)


@dataclass
class OneToken(AccountCache):
    """Knows one token; or has no database."""

    token: str = "right"
    away: bool = False

    def find(self, token: str) -> AccountState | None:
        if self.away:
            raise OperationalError("SELECT", {}, Exception("refused"))
        return ALICE if token == self.token else None


@dataclass
class Counting(Throttle):
    """Counts whom it was asked for."""

    asked: list[str] = field(default_factory=list)

    def wrong(self, address: str) -> None:
        self.asked.append(address)


def call(header: str | None, directory: AccountCache, throttle: Throttle) -> AccountState:
    headers = {} if header is None else {"Authorization": header}
    with Flask("test").test_request_context("/", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.1"}):
        real: Request = request._get_current_object()  # type: ignore[attr-defined]
        return authenticate(of_flask(real), directory, throttle)


@pytest.mark.parametrize("header", ["Bearer right", "bearer right", "BEARER   right ", "Bearer right  "])
def test_a_right_token_is_never_held_up(header: str) -> None:
    throttle = Counting()
    assert call(header, OneToken(), throttle) is ALICE
    assert throttle.asked == []


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Basic right",
        "right",
        "Bearer" + " x" * 300,
        "Bearer " + "x" * 513,
    ],
)
def test_every_wrong_token_is_refused_in_the_same_words(header: str | None) -> None:
    throttle = Counting()
    with pytest.raises(Refused) as refused:
        call(header, OneToken(), throttle)
    assert (refused.value.error, refused.value.detail) == (ErrorType.INVALID_CREDENTIALS, "The token is not known.")
    assert throttle.asked == ["192.0.2.1"]


def test_without_a_database_nobody_is_called_wrong() -> None:
    throttle = Counting()
    with pytest.raises(Refused) as refused:
        call("Bearer right", OneToken(away=True), throttle)
    assert refused.value.error is GenericError.UNAVAILABLE
    assert throttle.asked == []


def throttle_with(pause: Callable[[float], None]) -> Throttle:
    return Throttle(pause)


def test_the_first_wrong_tokens_of_an_address_are_answered_at_once_and_the_next_slowly() -> None:
    paused: list[float] = []
    throttle = throttle_with(paused.append)
    for _ in range(20):
        throttle.wrong("192.0.2.1")
    assert paused == []
    throttle.wrong("192.0.2.1")
    assert paused == [0.5]
    throttle.wrong("192.0.2.2")
    assert paused == [0.5]


def test_guesses_from_everywhere_are_slowed_down_in_total() -> None:
    paused: list[float] = []
    throttle = throttle_with(paused.append)
    for number in range(201):
        throttle.wrong(f"192.0.2.{number}")
    assert len(paused) == 1


def test_those_who_guess_hold_no_more_than_a_few_threads() -> None:
    release, entered = threading.Event(), threading.Semaphore(0)

    def pause(_: float) -> None:
        entered.release()
        assert release.wait(10)

    throttle = throttle_with(pause)
    for _ in range(20):
        throttle.wrong("192.0.2.1")
    threads = [threading.Thread(target=throttle.wrong, args=["192.0.2.1"]) for _ in range(SLOWED_AT_ONCE)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert entered.acquire(timeout=10)
    with pytest.raises(Refused) as refused:
        throttle.wrong("192.0.2.1")
    assert refused.value.error is GenericError.TOO_MANY_ATTEMPTS
    release.set()
    for thread in threads:
        thread.join()
    throttle.wrong("192.0.2.1")  # the places were given back: it does not raise
