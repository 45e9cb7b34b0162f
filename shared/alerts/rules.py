"""Which alert goes to which channel, what is told once only, and how much a day. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from shared.domain import AccountId, AlertKind, StrategyKey


class DeliveryState(StrEnum):
    """How far an alert has come on its way to one channel."""

    PENDING = "pending"  # to be sent, or to be sent again
    SENT = "sent"  # the channel took it; once, or twice where a worker died before it could note that
    SUPPRESSED = "suppressed"  # never sent; the reason is a `SuppressedBy`
    FAILED = "failed"  # given up after every attempt


class SuppressedBy(StrEnum):
    """Why an alert is not sent to a channel that its rules name. It stands in `alerts list` all the same."""

    DUPLICATE = "duplicate"  # the same was told there a short while ago
    DAILY_CAP = "daily_cap"  # the channel has had its messages of the day


@dataclass(frozen=True, slots=True)
class Channel:
    """Where messages go: `url` is Apprise's, and a secret. `daily_cap`: messages a day (UTC)."""

    name: str
    url: str = field(repr=False)
    daily_cap: int


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """An alert of one of these kinds and accounts goes to these channels; None stands for all of them."""

    kinds: frozenset[AlertKind] | None
    accounts: frozenset[str] | None
    channels: tuple[str, ...]

    def covers(self, kind: AlertKind, account: str | None) -> bool:
        """Whether the rule applies to this alert. One of no account is of no use to a rule that names accounts."""
        return (self.kinds is None or kind in self.kinds) and (self.accounts is None or account in self.accounts)


@dataclass(frozen=True, slots=True)
class Rules:
    """The whole notifications file. `dedupe`: for how long the same is not told again on one channel."""

    dedupe: timedelta
    channels: Mapping[str, Channel]
    rules: Sequence[RoutingRule]

    def channels_for(self, kind: AlertKind, account: str | None) -> tuple[Channel, ...]:
        """The channels that an alert goes to, each once, in the order of the rules."""
        named = (name for rule in self.rules if rule.covers(kind, account) for name in rule.channels)
        return tuple(self.channels[name] for name in dict.fromkeys(named))


NOBODY = Rules(timedelta(), {}, ())
"""What holds where there is no file: alerts are listed, and sent to no one."""


def topic(kind: AlertKind, account: AccountId | None, strategy: StrategyKey | None, detail: str) -> str:
    """What counts as the same: kind, account and strategy; where there is no strategy, also what is said."""
    where = f"{kind}:{account or ''}:{strategy or ''}"
    return where if strategy is not None else f"{where}:{detail}"


def suppressed_by(told_lately: bool, sent_today: int, cap: int) -> SuppressedBy | None:
    """Whether an alert is held back. A duplicate is one before it counts against the cap."""
    if told_lately:
        return SuppressedBy.DUPLICATE
    return SuppressedBy.DAILY_CAP if sent_today >= cap else None
