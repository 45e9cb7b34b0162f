"""The log of the answers to ProQuant, written behind the requests, a batch a second: no answer waits for its row."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.domain import EventId
from shared.inbox import refusals
from shared.proquant.answers import Reply

log = structlog.get_logger()

FLUSH_SECONDS = 1.0  # one transaction a second and process, however many events come
MOST_REMEMBERED = 20_000  # while the database is away; more would be lost, and is said to be
AT_ONCE = 1_000
REFUSED = 400  # from this status on an answer says how the event ended: what is not stored is not noted here
STOP_SECONDS = 3.0  # for the answers of the last second, when the process is told to stop

_Key = tuple[EventId, int, str]

# One text however many rows, as one argument: to compile an INSERT for each number of them, and to dump each of their
# values, took a third of the receiver's time under load. `first` and `last`: seconds before `now`. Of an event that was
# deleted since, nothing is written: it would be refused, and with it all that came after it, for ever. They
# come in one order, so that no two who write of the same events wait for each other.
_MERGE = text("""
    INSERT INTO answers (event_id, status, body, first_at, last_at, times)
    SELECT event, status, body,
        CAST(:now AS timestamptz) - make_interval(secs => first),
        CAST(:now AS timestamptz) - make_interval(secs => last), times
    FROM json_to_recordset(CAST(:answers AS json)) AS given (
        event bigint, status smallint, body text, first double precision, last double precision, times integer
    )
    WHERE EXISTS (SELECT FROM events WHERE events.id = event)
    ORDER BY event, status, body
    ON CONFLICT (event_id, status, body) DO UPDATE SET
        first_at = least(answers.first_at, EXCLUDED.first_at),
        last_at = greatest(answers.last_at, EXCLUDED.last_at),
        times = answers.times + EXCLUDED.times
""")


@dataclass(slots=True)
class _Occurrences:
    """When an answer was given, by the monotonic clock, and how often."""

    first: float
    last: float
    times: int = 1


class AnswerLog:
    """The answers of this process that are not written down yet. Thread-safe.

    An answer with the refusal is what proves that ProQuant was told of it; where none is written down, a person is told
    (`workers/sweep/untold_refusals.py`). A process that is killed loses the answers of its last second, one that is
    told to stop does not.
    """

    def __init__(self, sessions: Sessions, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._heard: dict[_Key, _Occurrences] = {}
        self._lost = 0

    def start(self) -> None:
        """Begins to write, in a thread that ends with the process."""
        threading.Thread(target=self._write_for_ever, name="answers", daemon=True).start()

    def note(self, event: EventId, reply: Reply) -> None:
        """This is being answered now. Touches memory only."""
        now = self._monotonic()
        key = (event, reply.status, reply.body.decode())
        with self._lock:
            heard = self._heard.get(key)
            if heard is not None:
                heard.last, heard.times = now, heard.times + 1
            elif len(self._heard) < MOST_REMEMBERED:
                self._heard[key] = _Occurrences(now, now)
            else:
                self._lost += 1

    def flush(self) -> None:
        """Writes down what is remembered. Raises SQLAlchemyError; then it is remembered still."""
        while batch := self._take():
            try:
                self._write(batch)
            except SQLAlchemyError:
                self._put_back(batch)
                raise

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Writes down what is remembered, if that takes no longer: a database that is away must not keep a process."""
        writing = threading.Thread(target=self._write_or_say, name="last answers", daemon=True)
        writing.start()
        writing.join(seconds)

    def _take(self) -> dict[_Key, _Occurrences]:
        with self._lock:
            if self._lost:
                log.error("Answers were lost: too many wait for the database.", action="answers_lost", count=self._lost)
                self._lost = 0
            keys = list(self._heard)[:AT_ONCE]
            return {key: self._heard.pop(key) for key in keys}

    def _put_back(self, batch: dict[_Key, _Occurrences]) -> None:
        with self._lock:
            for key, heard in batch.items():
                newer = self._heard.get(key)
                if newer is not None:
                    heard.last, heard.times = newer.last, heard.times + newer.times
                self._heard[key] = heard

    def _write(self, batch: dict[_Key, _Occurrences]) -> None:
        """Times are by the database's clock: its present time, less the age of the answer in this process."""
        with self._sessions.begin() as session:
            now, ours = database_clock(session), self._monotonic()
            rows = [
                {
                    "event": event,
                    "status": status,
                    "body": body,
                    "first": ours - heard.first,
                    "last": ours - heard.last,
                    "times": heard.times,
                }
                for (event, status, body), heard in batch.items()
            ]
            session.execute(_MERGE, {"now": now, "answers": json.dumps(rows)})
            if told := {event for event, status, _ in batch if status >= REFUSED}:
                refusals.mark_told(session, sorted(told))

    def _write_for_ever(self) -> None:
        while True:
            time.sleep(FLUSH_SECONDS)  # there is nothing to await: the pause is what makes batches
            self._write_or_say()

    def _write_or_say(self) -> None:
        try:
            self.flush()
        except SQLAlchemyError as error:
            log.error("Answers could not be written.", action="answers_failed", error=type(error).__name__)
        except Exception:  # the thread must go on: the next answers can be written
            log.exception("Answers could not be written.", action="answers_failed")
