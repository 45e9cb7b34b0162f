"""How a sender can misbehave, and what that means for one event: a pure function of the seed and the event's number."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from random import Random

from shared.domain import Event, SignalEvent
from shared.proquant.request import encoded, v1_event
from tools.simulator.model import Integration

LONGEST_DELAY = 30.0


class SentVersions(StrEnum):
    """In which protocol versions an event is sent (guide, "Versioning")."""

    V1 = "v1"
    BOTH = "v1+v2"
    V2 = "v2"


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """What the sender does wrong; by default nothing. Changed by a person on the page, as a whole.

    `duplicates` and `reordering` are the share of events, 0 to 1. `delay` is in seconds, on average. `deprecated` is
    the date that is sent with v1. `wrong_token` spoils the headers, `after_deletion` goes on sending signals after the
    user has deleted the integration, `lose_answers` takes integration requests and answers 504.
    """

    duplicates: float = 0.0
    reordering: float = 0.0
    retries: bool = False
    delay: float = 0.0
    versions: SentVersions = SentVersions.V1
    deprecated: date | None = None
    wrong_token: bool = False
    after_deletion: bool = False
    lose_answers: bool = False


WELL_BEHAVED = Misbehaviour()


@dataclass(frozen=True, slots=True)
class Plan:
    """How one event is delivered: how often at once, after the next one or in its turn, after how many seconds."""

    copies: int = 1
    held_back: bool = False
    delay: float = 0.0


def plan(behaviour: Misbehaviour, seed: int, number: int) -> Plan:
    """The plan for the event of this number: the same for the same seed, whatever came before."""
    dice = Random(f"{seed}:{number}")  # noqa: S311  # to be repeated, not to be secret
    doubled, held_back, pace = dice.random(), dice.random(), dice.random()
    return Plan(
        copies=2 if doubled < behaviour.duplicates else 1,
        held_back=held_back < behaviour.reordering,
        delay=min(LONGEST_DELAY, behaviour.delay * (0.5 + pace)),
    )


def body(event: Event, integration: Integration, headers: dict[str, str], behaviour: Misbehaviour) -> bytes:
    """The event as it is sent: in one version or in two, with the integration's echo and these headers in it."""
    echo = integration.echo(headers)
    versions: dict[str, object] = {}
    if behaviour.versions is not SentVersions.V2:
        versions["v1"] = {"deprecation": _deprecation(behaviour.deprecated), "event": v1_event(event, echo)}
    if behaviour.versions is not SentVersions.V1:
        versions["v2"] = {"deprecation": None, "event": _v2_event(event, echo)}
    return encoded(versions)


def _deprecation(day: date | None) -> str | None:
    return None if day is None else f"{day.isoformat()}T00:00:00.000Z"


def _v2_event(event: Event, echo: dict[str, object]) -> dict[str, object]:
    """Nobody knows version 2. This shape is made up, so that nobody can take it for version 1 either."""
    at = datetime.fromtimestamp(event.timestamp_ms / 1000, UTC).isoformat(timespec="milliseconds")
    position = event.proquant_position_id if isinstance(event, SignalEvent) else None
    return {"kind": event.type.lower(), "at": at, "source": event.strategy_id, "position": position, "target": echo}
