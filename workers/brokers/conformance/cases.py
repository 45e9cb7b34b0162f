"""What a case is, how cases are run, and what becomes of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from workers.brokers.base import BrokerError


class CaseOutcome(StrEnum):
    """What became of a case."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


class Broken(Exception):
    """The far end or its adapter does not do what the contract says."""


class NotApplicable(Exception):
    """The case does not apply to this broker, or cannot be tried now; the message says why."""


_Subject = TypeVar("_Subject")


@dataclass(frozen=True, slots=True)
class Case(Generic[_Subject]):
    """One numbered promise of the contract. `attempt` raises Broken or NotApplicable, or returns."""

    number: str
    promise: str
    attempt: Callable[[_Subject], None]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One line of the table; `reason` is empty where the case passed."""

    number: str
    promise: str
    outcome: CaseOutcome
    reason: str = ""


def run(cases: Iterable[Case[_Subject]], subject: _Subject) -> Iterator[CaseResult]:
    """Each case in turn, whatever became of the ones before it."""
    for case in cases:
        outcome, reason = _attempt(case, subject)
        yield CaseResult(case.number, case.promise, outcome, reason)


def must(holds: bool, otherwise: str) -> None:
    """Raises Broken with these words where it does not hold."""
    if not holds:
        raise Broken(otherwise)


def _attempt(case: Case[_Subject], subject: _Subject) -> tuple[CaseOutcome, str]:
    try:
        case.attempt(subject)
    except NotApplicable as skipped:
        return CaseOutcome.SKIPPED, str(skipped)
    except Broken as broken:
        return CaseOutcome.FAILED, str(broken)
    except BrokerError as error:
        return CaseOutcome.FAILED, f"{type(error).__name__}: {getattr(error, 'reason', error)}"
    except Exception as error:  # noqa: BLE001 - an adapter that raises anything else is what this looks for
        return CaseOutcome.FAILED, f"it raised {type(error).__name__}, which is no error of the contract"
    return CaseOutcome.PASSED, ""
