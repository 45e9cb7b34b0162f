"""Which idle connections are asked whether they live, before they are used: the same for every way to keep them."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Dialect

UNASKED_SECONDS = 1.0  # a connection that was in use a moment ago is taken to live


class IdleCheck:
    """Asks only a connection that has been idle for a while, or was last used before another one failed.

    SQLAlchemy's own pre-ping asks before every transaction: of a worker's time that was a twelfth. Who meets a dead
    connection all the same gets an error, all others that were given back before that are asked first, and whoever
    writes tries again.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.now = monotonic
        self._suspected = float("-inf")

    def suspect(self) -> None:
        """A connection has failed: the server may have ended all that were used before this moment."""
        self._suspected = self.now()

    def is_due(self, used: float) -> bool:
        """Whether a connection that was last used then has to be asked."""
        return used <= self._suspected or self.now() - used > UNASKED_SECONDS


def death_of(dialect: Dialect, connection: Any) -> Exception | None:
    """Asks the server. The error where it does not answer on this connection of the driver's; None where it does."""
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        return error
    return None
