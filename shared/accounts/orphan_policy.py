"""What becomes of a position whose integration was ended or strategy disabled: an account's policies. Pure."""

from enum import StrEnum

from shared.domain import SIGNALS, EventType

OUR_VERSION = "bridge"
"""The version of the events that we put into the inbox ourselves. ProQuant's are called v1, v2 and so on."""


class Policy(StrEnum):
    """What an account wants done about such a position."""

    KEEP = "keep"  # leave it, list it as orphaned and tell somebody
    CLOSE = "close"  # at the broker, by the path of every signal


class OrphanEvent(StrEnum):
    """An event of our own: what a lifecycle event means for one strategy, executed in its turn like any other."""

    CLOSE = "ORPHAN_CLOSE"
    REPORT = "ORPHAN_REPORT"


TRADING = SIGNALS | {OrphanEvent.CLOSE}
"""Events that are executed at a broker."""

ENDS_INTEGRATION = frozenset({EventType.INTEGRATION_DELETED, EventType.INTEGRATION_REJECTED})
ORPHANING = ENDS_INTEGRATION | {EventType.STRATEGY_DISABLED}

_UNDER = {Policy.KEEP: OrphanEvent.REPORT, Policy.CLOSE: OrphanEvent.CLOSE}


def orphan_event(type_: EventType, on_deleted: Policy, on_disabled: Policy) -> OrphanEvent:
    """What a lifecycle event of `ORPHANING` asks for under these policies."""
    return _UNDER[on_deleted if type_ in ENDS_INTEGRATION else on_disabled]
