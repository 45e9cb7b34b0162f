"""Asks for stale instruments with exponential back-off: the longer a broker is away, the seldomer."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.domain import AccountId

SHORTEST_SECONDS = 30.0
LONGEST_SECONDS = 600.0  # as often as the instruments of an account whose broker answers


@dataclass(frozen=True, slots=True)
class _RefreshState:
    """For how long the last request is waited for, and until when by this process's steady clock."""

    seconds: float
    until: float


class InstrumentRefresh:
    """Asks for what is stale, with a back-off for each account. Used by the sweeping thread alone.

    `send`: puts a request for an account into the queue that lives for so many seconds, which is until the next one
    may follow: so an account never has two of them waiting. Whether it could. What was asked for is known to this
    process only: a worker that takes the sweep over asks once more.
    """

    def __init__(
        self, send: Callable[[AccountId, float], bool], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._send = send
        self._monotonic = monotonic
        self._asked: dict[AccountId, _RefreshState] = {}

    def ask(self, stale: Sequence[AccountId]) -> None:
        """Asks for those whose turn it is. `stale`: every account that is; one that no longer is begins anew."""
        self._asked = {account: self._asked[account] for account in stale if account in self._asked}
        for account in stale:
            self._ask(account, self._asked.get(account), self._monotonic())

    def _ask(self, account: AccountId, before: _RefreshState | None, now: float) -> None:
        if before is not None and now < before.until:
            return
        seconds = SHORTEST_SECONDS if before is None else min(2 * before.seconds, LONGEST_SECONDS)
        if self._send(account, seconds):
            self._asked[account] = _RefreshState(seconds, now + seconds)
