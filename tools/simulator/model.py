"""What ProQuant knows, as far as the guide tells: integrations, strategies, and the calls that it has made. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain import Direction
from shared.errors import BridgeError
from tools.simulator.notification_rules import NotificationVerdict


class NotPossible(BridgeError):
    """What a person asks for on the page does not fit what there is."""


class UserDecision(StrEnum):
    """What the user has said about an integration (guide, "Creating an Integration")."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Integration:
    """An integration as it was requested. `headers` hold the receiver's own token: they are sent, and never shown."""

    id: str
    name: str
    description: str
    image_url: str
    user_email: str
    webhook_url: str
    headers: Mapping[str, str] = field(repr=False)
    standing: UserDecision = UserDecision.REQUESTED

    def echo(self, headers: Mapping[str, str]) -> dict[str, object]:
        """The member `integration` of every event (guide, "v1 Request Example"), with these headers."""
        return {
            "name": self.name,
            "description": self.description,
            "imageUrl": self.image_url,
            "webhook": {"url": self.webhook_url, "headers": dict(headers)},
        }


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a signal says of the trade. `quantity` in units of the instrument."""

    ticker: str
    direction: Direction
    quantity: Decimal

    def __str__(self) -> str:
        return f"{self.direction} {self.quantity:f} {self.ticker}"


@dataclass(frozen=True, slots=True)
class SimulatedPosition:
    """The simulated position that a strategy holds at ProQuant, whatever became of its signal elsewhere."""

    position_id: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class SimulatedStrategy:
    """A running strategy. `enabled` are the ids of its integrations, `every` the seconds between signals by itself."""

    id: str
    name: str
    usual: Ticket
    held: SimulatedPosition | None = None
    enabled: frozenset[str] = frozenset()
    every: float | None = None


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    """What came back from a webhook. `body` is cut and masked: it is for people to read."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class WebhookCall:
    """One HTTP call to a webhook, with nothing in it that is secret.

    Until it has ended, `took` (seconds) and `judgement` are None. `answer` stays None where none came: `failure` says
    why. `label` tells what is odd about the call: a duplicate, a retry, held back.
    """

    id: int
    at: datetime
    type: str
    integration: str
    strategy: str
    summary: str
    label: str
    url: str
    headers: Mapping[str, str]
    body: str
    took: float | None = None
    answer: WebhookAnswer | None = None
    failure: str = ""
    judgement: NotificationVerdict | None = None
