"""The life of an integration: what follows from what ProQuant answered and from what the user said. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class IntegrationState(StrEnum):
    """Where an integration stands."""

    UNANSWERED = "unanswered"  # a request is committed; whether ProQuant has it is not known
    REQUESTED = "requested"  # ProQuant has it; the user has said nothing yet
    REFUSED = "refused"  # ProQuant did not take it; its token is revoked
    APPROVED = "approved"  # by the user, as are the next two
    REJECTED = "rejected"
    DELETED = "deleted"
    REVOKED = "revoked"  # its token was taken away by us


ENDED = frozenset({IntegrationState.REJECTED, IntegrationState.DELETED})
OURS_TO_END = frozenset({IntegrationState.REFUSED, IntegrationState.REVOKED})


@dataclass(frozen=True, slots=True)
class LifecycleTimes:
    """When the user said what last, in Unix milliseconds of ProQuant's events. None: never, as far as we know."""

    approved_ms: int | None = None
    rejected_ms: int | None = None
    deleted_ms: int | None = None

    def ended_ms(self) -> int | None:
        """From when on the integration covers no signal, or None while it is approved or undecided."""
        match state_after(IntegrationState.REQUESTED, self):
            case IntegrationState.DELETED:
                return self.deleted_ms
            case IntegrationState.REJECTED:
                return self.rejected_ms
            case _:
                return None


def state_after(before: IntegrationState, said: LifecycleTimes) -> IntegrationState:
    """Where the integration stands, in whatever order the events were delivered.

    ProQuant deletes only what was approved, and rejects only what was not. So a rejection beside an approval is about
    another copy of the same request (one whose answer was lost, so that it was sent twice), and ends nothing.
    A deletion is final: who approves anew does so for another request, with a token of its own. The token of the old
    one could otherwise bring back what the user has ended.
    """
    if before in OURS_TO_END:
        return before
    if said.deleted_ms is not None:
        return IntegrationState.DELETED
    if said.approved_ms is not None:
        return IntegrationState.APPROVED
    return IntegrationState.REJECTED if said.rejected_ms is not None else before
