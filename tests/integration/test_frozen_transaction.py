"""A process that freezes in the middle of a transaction must not lock others out for long."""

import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.database.engine import LOCK_TIMEOUT_MS, Sessions
from workers.execution.run import DATABASE_ERRORS

TABLE = "CREATE TABLE locked AS SELECT 1 AS id"
LOCK = "UPDATE locked SET id = id"


def test_a_lock_is_free_again_before_those_who_wait_for_it_give_up(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text(TABLE))
    frozen, waiting = sessions(), sessions()
    with frozen, waiting:
        frozen.execute(text(LOCK))  # and then nothing more is heard of it
        began = time.monotonic()
        waiting.execute(text(LOCK))
        assert time.monotonic() - began < LOCK_TIMEOUT_MS / 1000
        waiting.commit()
        with pytest.raises(SQLAlchemyError) as raised:
            frozen.execute(text(LOCK))
    assert isinstance(raised.value, DATABASE_ERRORS), "a worker that thaws takes this for a fault of the event"
