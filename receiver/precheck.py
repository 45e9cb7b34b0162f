"""What can be said about a signal from what this process already knows: no broker, no waiting."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from receiver.refreshing_cache import Remembered
from shared.accounts import instruments
from shared.accounts.accounts import AccountState
from shared.accounts.instrument import Instrument, check_quantity, sentence_about
from shared.database.engine import Sessions
from shared.domain import EXACT, AccountId, ErrorType, EventType, GenericError, Refusal, SignalEvent

FRESH_SECONDS = 5.0
SKEW = timedelta(hours=1)


class Instruments:
    """The instruments of the accounts that have called lately; read again from the database when they are old."""

    def __init__(self, sessions: Sessions, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._known: Remembered[AccountId, dict[str, Instrument]] = Remembered(
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
    return Refusal(ErrorType.INVALID_CREDENTIALS, "The integration is no longer approved by the user.")


def from_the_future(event: SignalEvent, now: datetime) -> Refusal | None:
    """A time that is still to come would make every later signal of the strategy look like an earlier one."""
    if event.timestamp_ms <= (now + SKEW).timestamp() * 1000:
        return None
    return Refusal(GenericError.MALFORMED, "v1.event.timestamp: lies more than an hour in the future")


def denial_of_open(
    account: AccountState, event: SignalEvent, listed: dict[str, Instrument], now: datetime
) -> Refusal | None:
    """Why this SIGNAL_OPEN cannot be executed, or None; the worker decides with what is so when its turn comes.

    A SIGNAL_REOPEN is not denied here, since its close leg must be executed even where its open leg cannot be; nor is
    a SIGNAL_CLOSE, which closes what is held, whatever ticker and quantity it names.
    """
    if event.type is not EventType.SIGNAL_OPEN or not listed:
        return None
    if account.paused:
        return Refusal(GenericError.ACCOUNT_PAUSED, "Trading on this account is paused; it opens no positions.")
    instrument = listed.get(event.ticker)
    if instrument is None:
        return Refusal(ErrorType.UNSUPPORTED_INSTRUMENT, f"{event.ticker} cannot be traded on this account.")
    quantity = EXACT.multiply(event.quantity, account.multiplier)
    wrong = check_quantity(instrument, quantity)
    if wrong is not None:
        return Refusal(wrong, sentence_about(instrument, quantity))
    if instrument.hours is not None and not instrument.hours.is_open(now):
        return Refusal(ErrorType.MARKET_CLOSED, f"The market for {event.ticker} is closed.")
    return None
