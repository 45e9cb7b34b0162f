"""Which protocol versions ProQuant sends, and until when: written down and alerted when new, and when changed."""

from datetime import UTC, datetime

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.alerts import raise_alert
from shared.db import Sessions
from shared.domain import AccountId, AlertKind, Envelope
from shared.tables import ProtocolVersion

log = structlog.get_logger()


class Versions:
    """Remembers what it has seen, so that a request pays only for what is new. Thread-safe.

    It never stands in the way of a trade: what could not be written down now is, with the next event.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._seen: dict[str, datetime | None] = {}

    def note(self, envelope: Envelope) -> None:
        """What this body says of versions: the one that was used, and those that this build does not know."""
        said: dict[str, datetime | None] = dict.fromkeys(envelope.unknown_versions)
        said[envelope.version] = envelope.deprecation
        news = {name: end for name, end in said.items() if self._seen.get(name, _NEVER) != end}
        if not news:
            return
        try:
            with self._sessions.begin() as session:
                for name, deprecation in news.items():
                    _write(session, name, deprecation, supported=name == envelope.version)
        except SQLAlchemyError as error:
            log.error("A protocol version could not be noted.", action="version_failed", error=type(error).__name__)
            return
        self._seen |= news

    def only_unknown(self, account: AccountId, detail: str) -> None:
        """A body came in none of our versions: a signal was lost, and a person must know."""
        try:
            with self._sessions.begin() as session:
                raise_alert(session, AlertKind.UNKNOWN_VERSION, detail, account)
        except SQLAlchemyError as error:
            log.error("An unknown version could not be alerted.", action="version_failed", error=type(error).__name__)


_NEVER = datetime.min.replace(tzinfo=UTC)


def _write(session: Session, name: str, deprecation: datetime | None, supported: bool) -> None:
    known = session.scalar(select(ProtocolVersion).where(ProtocolVersion.version == name))
    if known is not None and known.deprecation == deprecation:
        return
    session.execute(
        insert(ProtocolVersion)
        .values(version=name, supported=supported, deprecation=deprecation)
        .on_conflict_do_update(index_elements=["version"], set_={"deprecation": deprecation, "supported": supported})
    )
    if not supported and known is None:
        raise_alert(session, AlertKind.UNKNOWN_VERSION, f"ProQuant sends {name}, which this build does not know yet.")
    if deprecation is not None:
        detail = f"ProQuant stops sending {name} on {deprecation:%Y-%m-%d}; upgrade before that day."
        raise_alert(session, AlertKind.DEPRECATION, detail)
