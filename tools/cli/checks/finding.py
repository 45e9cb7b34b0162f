"""What a check found, and what to do about it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

SHOWN = 10  # ids or names at most


class CheckResult(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"  # works, and will not for ever, or not as well as it could
    FAIL = "fail"  # does not work, or promises are at risk


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `doctor`. `advice` is empty where there is nothing to do."""

    check: str
    result: CheckResult
    seen: str
    advice: str = ""


def ok(check: str, seen: str) -> Finding:
    """All is well."""
    return Finding(check, CheckResult.OK, seen)


def warn(check: str, seen: str, advice: str) -> Finding:
    """Works for now."""
    return Finding(check, CheckResult.WARN, seen, advice)


def fail(check: str, seen: str, advice: str) -> Finding:
    """Must be mended."""
    return Finding(check, CheckResult.FAIL, seen, advice)


def listed(found: Sequence[object]) -> str:
    """The first ids or names, and whether there are more."""
    return ", ".join(map(str, found[:SHOWN])) + (", ..." if len(found) > SHOWN else "")
