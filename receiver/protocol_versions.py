"""Which protocol versions ProQuant sends, and until when: written down and alerted when new, and when changed."""

from collections.abc import Iterator

import structlog
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from receiver.transport.greenlets import in_thread
from shared.alerts.raising import raise_alert
from shared.database.engine import Sessions
from shared.database.tables.events import ProtocolVersion
from shared.domain import AccountId, AlertKind, Envelope, VersionStatus

log = structlog.get_logger()

News = tuple[AlertKind, str]


class VersionLog:
    """Keeps what it has seen in memory, so that only a new version costs a query. Thread-safe.

    It never stands in the way of a trade: what could not be written down now is, with the next event.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._seen: dict[str, VersionStatus] = {}

    def note(self, envelope: Envelope) -> None:
        """What this body says of each version in it: those that this build reads, and those that it does not know."""
        said = [status for status in envelope.versions if self._seen.get(status.version) != status]
        if said:
            in_thread(self._write_down, said)

    def _write_down(self, said: list[VersionStatus]) -> None:
        try:
            with self._sessions.begin() as session:
                _write_all(session, said)
        except SQLAlchemyError as error:
            log.error("A protocol version could not be noted.", action="version_failed", error=type(error).__name__)
            return
        self._seen |= {status.version: status for status in said}

    def only_unknown(self, account: AccountId, detail: str) -> None:
        """A body came in none of our versions: a signal was lost, and a person must know."""
        try:
            with self._sessions.begin() as session:
                raise_alert(session, AlertKind.UNKNOWN_VERSION, detail, account)
        except SQLAlchemyError as error:
            log.error("An unknown version could not be alerted.", action="version_failed", error=type(error).__name__)


def news_of(before: VersionStatus | None, now: VersionStatus, first_ever: bool) -> Iterator[News]:
    """The alerts about a version's status, after its status before; None: never received before. Pure.

    The versions of the very first body are no news: the bridge was installed for them.
    """
    name = now.version
    if before is None and not now.supported:
        yield AlertKind.UNKNOWN_VERSION, f"ProQuant sends {name}, which this build does not know yet."
    elif before is None and not first_ever:
        yield AlertKind.NEW_VERSION, f"ProQuant sends {name} for the first time; this build reads it."
    if now.odd and not (before is not None and before.odd):
        yield AlertKind.DEPRECATION, f"ProQuant says of {name} that it ends, but not on a date that can be read."
    elif now.deprecation is not None and (before is None or before.deprecation != now.deprecation):
        moved = f" (not on {before.deprecation:%Y-%m-%d})" if before is not None and before.deprecation else ""
        yield (
            AlertKind.DEPRECATION,
            (f"ProQuant stops sending {name} on {now.deprecation:%Y-%m-%d}{moved}; upgrade before that day."),
        )
    elif now.deprecation is None and not now.odd and before is not None and (before.deprecation or before.odd):
        yield AlertKind.DEPRECATION, f"ProQuant no longer says that {name} ends."


def _write_all(session: Session, said: list[VersionStatus]) -> None:
    known = {row.version: row for row in session.scalars(select(ProtocolVersion))}
    for status in said:
        row = known.get(status.version)
        before = None if row is None else VersionStatus(row.version, row.supported, row.deprecation, row.odd)
        if before == status:
            continue
        news = list(news_of(before, status, first_ever=not known))
        _write(session, status, warned=any(kind is AlertKind.DEPRECATION for kind, _ in news))
        for kind, detail in news:
            raise_alert(session, kind, detail)


def _write(session: Session, status: VersionStatus, warned: bool) -> None:
    """`warned`: an alert is raised now, so that the daily reminder is not due before tomorrow."""
    values = {"supported": status.supported, "deprecation": status.deprecation, "odd": status.odd}
    at = {"warned_at": func.clock_timestamp()} if warned else {}
    session.execute(
        insert(ProtocolVersion)
        .values(version=status.version, **values, **at)
        .on_conflict_do_update(index_elements=["version"], set_={**values, **at})
    )
