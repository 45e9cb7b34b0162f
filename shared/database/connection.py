"""A database connection that plans each statement of ours once, and waits for its server no longer than it may."""

from typing import Any, TypeVar

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.pq import ExecStatus, TransactionStatus

UNPREPARED_TIMES = 1  # the second time that a connection sees a statement it is prepared; psycopg's own is the fifth
LOOK_SECONDS = 0.1  # psycopg's own: how often a wait looks whether it was interrupted

Result = TypeVar("Result")


class PatientConnection(psycopg.Connection[Any]):
    """Forgets nothing that is prepared when a transaction is rolled back. Planning takes longer than executing.

    psycopg does, since a statement may have been prepared for a table that the rollback takes away. Ours never are:
    only migrations change the schema, and each session that only reads ends with a rollback. An idle bridge, whose few
    events came by one connection or another, planned nearly everything anew.
    `patience`: for so many seconds an answer is waited for; None: for ever. A server that is frozen, or whose disk is,
    keeps to no timeout of its own.
    """

    patience: float | None = None

    def wait(self, gen: PQGen[Result], interval: float = LOOK_SECONDS, timeout: float | None = None) -> Result:
        """As psycopg does. Raises psycopg.OperationalError where the server does not answer, and then it is closed."""
        bounded = self.patience if timeout is None else timeout
        try:
            return super().wait(gen, interval, bounded)
        except psycopg.OperationalError as error:
            if timeout is not None or self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise  # it has answered, or is gone
            self.pgconn.finish()  # what it may still say must not be taken for an answer to something else
            raise psycopg.OperationalError(f"The server has not answered within {bounded} seconds.") from error

    def rollback(self) -> None:
        """Rolls back as psycopg does. Raises psycopg.OperationalError where the server does not answer."""
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            return
        self.pgconn.send_query(b"ROLLBACK")
        for result in self.wait(generators.execute(self.pgconn)):
            if result.status != ExecStatus.COMMAND_OK:
                raise psycopg.OperationalError(result.get_error_message())
