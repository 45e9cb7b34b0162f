"""The envelope around an event: the same event in every version that ProQuant speaks (guide, "Versioning")."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from shared.domain import Envelope, Event, VersionStatus
from shared.proquant import strict_json, v1
from shared.proquant.errors import MalformedBody, UnsupportedVersion
from shared.proquant.strict_json import Unusable

VERSIONS: dict[str, Callable[[object], Event]] = {"v1": v1.parse}
"""Every version that this build understands, oldest first: one module each."""

_VERSION = re.compile(r"v[1-9][0-9]{0,2}")  # at most 999 of them, so that what a sender makes us remember is bounded
_LONGEST_DATE = 40


def read(body: bytes) -> Envelope:
    """The event of a webhook's body, in the highest version that we support.

    A deprecation that is no date is not a reason to lose a trade: it is None here, and `odd` in `versions`.
    Raises MalformedBody or UnsupportedVersion, and nothing else whatever the bytes.
    """
    versions = _versions(body)
    unknown = tuple(sorted(versions.keys() - VERSIONS.keys(), key=_number))
    if len(unknown) == len(versions):
        raise UnsupportedVersion(unknown)
    version = max(versions.keys() & VERSIONS.keys(), key=_number)
    content = _object(versions[version], version)
    if "event" not in content:
        raise MalformedBody(f"{version}.event: is missing")
    event = VERSIONS[version](_object(content["event"], f"{version}.event"))
    return Envelope(version, _date(content.get("deprecation")), unknown, event, _statuses(versions))


def statuses(body: bytes) -> tuple[VersionStatus, ...]:
    """What the body says of each version in it, lowest first; the event itself is not looked at.

    Raises MalformedBody.
    """
    return _statuses(_versions(body))


def _versions(body: bytes) -> Mapping[str, object]:
    """The members that are versions. Others are ignored: the sender may grow."""
    top = _object(strict_json.parse(body), "body")
    versions = {key: content for key, content in top.items() if _VERSION.fullmatch(key)}
    if not versions:
        raise MalformedBody("body: holds no protocol version such as v1")
    return versions


def _object(value: object, place: str) -> Mapping[str, object]:
    if isinstance(value, Unusable):
        raise MalformedBody(f"{place}: {value.reason}")
    if not isinstance(value, dict):
        raise MalformedBody(f"{place}: must be an object")
    return value


def _number(version: str) -> int:
    return int(version[1:])


def _statuses(versions: Mapping[str, object]) -> tuple[VersionStatus, ...]:
    return tuple(_status(version, versions[version]) for version in sorted(versions, key=_number))


def _status(version: str, content: object) -> VersionStatus:
    said = content.get("deprecation") if isinstance(content, dict) else None
    date = _date(said)
    return VersionStatus(version, version in VERSIONS, date, odd=date is None and said is not None)


def _date(value: object) -> datetime | None:
    """An ISO 8601 date as an aware time in UTC (one without an offset is taken as UTC), or None for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST_DATE:
        return None
    try:
        date = datetime.fromisoformat(value)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError):  # no date; or one that an offset pushes out of the calendar
        return None
