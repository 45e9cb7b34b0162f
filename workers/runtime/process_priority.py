"""Lowers the priority of worker processes below the receiver's: what waits to be executed is stored already."""

import os
from pathlib import Path

import structlog

log = structlog.get_logger()

# A tenth of what a receiver gets where there is too little for both; all of it where there is not. Not more, for it is
# also a tenth of what anything else on the machine gets: with 19, answers that wait for an outcome came a second late
# beside a test run that kept both processors busy.
NICE = 10

AUTOGROUP = Path("/proc/self/autogroup")


def lower_priority(autogroup: Path = AUTOGROUP) -> None:
    """For this thread and all that it starts. A machine that knows no such thing, or forbids it, is left as it is.

    Linux may share processors between sessions first, and looks at this figure only within each (`sched(7)`, "The
    autogroup feature"): where the session is ours alone, it gives way as a whole.
    """
    os.nice(NICE)
    if os.getsid(0) != os.getpid() or not autogroup.exists():
        return
    try:
        autogroup.write_text(str(NICE))
    except OSError as error:  # without privileges, one session in a tenth of a second may say so
        log.info("This worker does not give way to receivers.", action="no_autogroup", error=type(error).__name__)
