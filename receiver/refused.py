"""A request that gets an error for an answer: raised by any step, answered in one place."""

from shared.domain import AnyError, Refusal


class Refused(Exception):
    """Ends the handling of a request. `detail` is one sentence that is safe to show; empty for the error's own one."""

    def __init__(self, error: AnyError, detail: str = "") -> None:
        super().__init__(f"{error}: {detail}")
        self.error = error
        self.detail = detail

    @classmethod
    def because(cls, refusal: Refusal) -> "Refused":
        return cls(refusal.error, refusal.detail)
