"""Runs the duties of the sweeping worker one after another, each whatever became of those before it."""

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.errors import BridgeError

log = structlog.get_logger()

Duty = Callable[[], None]


class DutiesFailed(BridgeError):
    """Some duties of a sweep failed; each is in the log already."""


def run_duties(duties: Sequence[Duty]) -> None:
    """Does all of them, in transactions of their own. Raises DutiesFailed, at the end, with the names of the failed."""
    failed = [_name(duty) for duty in duties if not _done(duty)]
    if failed:
        raise DutiesFailed(", ".join(failed))


def _done(duty: Duty) -> bool:
    try:
        duty()
    except SQLAlchemyError as error:
        log.error("A duty found no database.", action="duty_failed", duty=_name(duty), error=type(error).__name__)
        return False
    except Exception:  # one that always fails must not keep people from being told of everything else
        log.exception("A duty failed.", action="duty_failed", duty=_name(duty))
        return False
    return True


def _name(duty: Duty) -> str:
    return str(getattr(duty, "__name__", duty))
