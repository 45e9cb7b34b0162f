"""What the receiver refuses at once, and what it leaves to the worker."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from receiver.precheck import denial_of_open, from_the_future, not_covered
from shared.accounts.accounts import AccountState
from shared.domain import AccountId, Direction, ErrorType, EventType, GenericError, SignalEvent
from tests.support.factories import GOLD, NEVER, NOW, NOW_MS

ALICE = AccountState(AccountId(1), "alice", Decimal(1), False, None)
OPEN = SignalEvent(EventType.SIGNAL_OPEN, NOW_MS, "s1", "Gold", "p1", Direction.BUY, "XAUUSD", Decimal(10))
LISTED = {"XAUUSD": GOLD}


def error_of(event: SignalEvent = OPEN, account: AccountState = ALICE, hours: object = GOLD.hours) -> object:
    listed = {"XAUUSD": replace(GOLD, hours=hours)}  # type: ignore[arg-type]
    denial = denial_of_open(account, event, listed, NOW)
    return None if denial is None else denial.error


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (OPEN, None),
        (replace(OPEN, ticker="NOPE"), ErrorType.UNSUPPORTED_INSTRUMENT),
        (replace(OPEN, quantity=Decimal("0.9")), ErrorType.QUANTITY_TOO_LOW),
        (replace(OPEN, quantity=Decimal("1000.1")), ErrorType.QUANTITY_TOO_HIGH),
        (replace(OPEN, quantity=Decimal("1.01")), ErrorType.INVALID_QUANTITY_PRECISION),
    ],
)
def test_an_open_is_checked_against_the_instruments(event: SignalEvent, error: object) -> None:
    assert error_of(event) is error


def test_the_quantity_that_counts_is_the_accounts() -> None:
    assert error_of(account=replace(ALICE, multiplier=Decimal("0.01"))) is ErrorType.QUANTITY_TOO_LOW
    assert error_of(account=replace(ALICE, multiplier=Decimal(101))) is ErrorType.QUANTITY_TOO_HIGH


def test_a_closed_market_is_known_where_the_hours_are() -> None:
    assert error_of(hours=NEVER) is ErrorType.MARKET_CLOSED
    assert error_of(hours=None) is None


def test_a_paused_account_opens_nothing() -> None:
    assert error_of(account=replace(ALICE, paused=True)) is GenericError.ACCOUNT_PAUSED


@pytest.mark.parametrize("type_", [EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN])
def test_what_closes_something_is_left_to_the_worker(type_: EventType) -> None:
    event = replace(OPEN, type=type_, ticker="NOPE", quantity=Decimal("0.001"))
    assert error_of(event, replace(ALICE, paused=True), NEVER) is None


def test_nothing_is_denied_while_no_instruments_are_known() -> None:
    assert denial_of_open(ALICE, replace(OPEN, ticker="NOPE"), {}, NOW) is None


@pytest.mark.parametrize(("ended", "covered"), [(None, True), (NOW_MS, False), (NOW_MS - 1, False), (NOW_MS + 1, True)])
def test_a_signal_from_after_the_end_of_the_approval_is_not_covered(ended: int | None, covered: bool) -> None:
    refusal = not_covered(replace(ALICE, ended_at_ms=ended), OPEN)
    assert (refusal is None) is covered
    assert refusal is None or refusal.error is ErrorType.INVALID_CREDENTIALS


@pytest.mark.parametrize(("ahead", "refused"), [(timedelta(minutes=60), False), (timedelta(minutes=61), True)])
def test_a_signal_from_the_future_is_malformed(ahead: timedelta, refused: bool) -> None:
    event = replace(OPEN, timestamp_ms=NOW_MS + int(ahead.total_seconds() * 1000))
    refusal = from_the_future(event, NOW)
    assert (refusal is not None) is refused
    assert refusal is None or refusal.error is GenericError.MALFORMED
