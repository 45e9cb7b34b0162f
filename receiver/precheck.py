"""Refuses a signal early, from cached accounts and instruments alone: no broker is asked."""

import threading
import time
from collections.abc import Callable
from datetime import datetime

from receiver.refreshing_cache import RefreshAheadCache
from shared.accounts import instruments, open_rules
from shared.accounts.accounts import AccountState
from shared.accounts.instrument import Instrument
from shared.accounts.open_rules import OpenRequest
from shared.database.engine import Sessions
from shared.domain import AccountId, EventType, GenericError, Refusal, SignalEvent
from shared.signal_rules import CLOCK_SKEW

FRESH_SECONDS = 5.0


class InstrumentCache:
    """A refresh-ahead cache of the instruments of the accounts that have called lately."""

    def __init__(self, sessions: Sessions, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._known: RefreshAheadCache[AccountId, dict[str, Instrument]] = RefreshAheadCache(
            self._read, FRESH_SECONDS, monotonic, alone=threading.Lock()
        )

    def of(self, account: AccountId) -> dict[str, Instrument]:
        """By ticker; empty while no worker has stored any. Raises SQLAlchemyError without a database."""
        return self._known.of(account) or {}

    def _read(self, account: AccountId) -> dict[str, Instrument]:
        with self._sessions() as session:
            return instruments.of_account(session, account)


def not_covered(account: AccountState, event: SignalEvent) -> Refusal | None:
    """Whether the user's approval has ended before this signal. It holds for every type of signal."""
    if account.accepts(event.timestamp_ms):
        return None
    return open_rules.not_approved()


def from_the_future(event: SignalEvent, now: datetime) -> Refusal | None:
    """A time that is still to come would make every later signal of the strategy look like an earlier one.

    A CLOSE is taken all the same: it may be our clock that is behind, and what is held has to be closed.
    """
    if event.type is EventType.SIGNAL_CLOSE or event.timestamp_ms <= (now + CLOCK_SKEW).timestamp() * 1000:
        return None
    return Refusal(GenericError.MALFORMED, "v1.event.timestamp: lies more than an hour in the future")


def denial_of_open(
    account: AccountState, event: SignalEvent, listed: dict[str, Instrument], now: datetime
) -> Refusal | None:
    """Why this SIGNAL_OPEN cannot be executed, or None; the worker checks again when it executes the event.

    A SIGNAL_REOPEN is not denied here, since its close leg must be executed even where its open leg cannot be; nor is
    a SIGNAL_CLOSE, which closes what is held, whatever ticker and quantity it names. While no instruments are known,
    nothing is denied.
    """
    if event.type is not EventType.SIGNAL_OPEN or not listed:
        return None
    request = request_of_signal(account, event, listed)
    instrument = request.instrument
    denial = open_rules.first_denial(request)
    if denial is None and instrument is not None and instrument.hours is not None and not instrument.hours.is_open(now):
        return open_rules.market_closed(event.ticker)
    return denial


def request_of_signal(account: AccountState, event: SignalEvent, listed: dict[str, Instrument]) -> OpenRequest:
    """What a SIGNAL_OPEN asks for, with as much as is known before it is stored: nothing of its strategy."""
    return OpenRequest(
        event.direction,
        event.ticker,
        event.quantity,
        account.multiplier,
        listed.get(event.ticker),
        approved=account.accepts(event.timestamp_ms),
        paused=account.paused,
    )
