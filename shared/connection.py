"""A database connection that plans each statement of ours once, for as long as it lasts."""

from typing import Any

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus

UNPREPARED_TIMES = 1  # the second time that a connection sees a statement it is prepared; psycopg's own is the fifth


class LastingConnection(psycopg.Connection[Any]):
    """Forgets nothing that is prepared when a transaction is rolled back. Planning takes longer than executing.

    psycopg does, since a statement may have been prepared for a table that the rollback takes away. Ours never are:
    only migrations change the schema, and each session that only reads ends with a rollback. An idle bridge, whose few
    events came by one connection or another, planned nearly everything anew.
    """

    def rollback(self) -> None:
        """Rolls back as psycopg does. Raises psycopg.OperationalError where the server does not answer."""
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            return
        result = self.pgconn.exec_(b"ROLLBACK")
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())
