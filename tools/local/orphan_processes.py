"""What a predecessor that was killed outright has left running: found by program and folder, and ended."""

import contextlib
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psutil import Process


def end_orphans(folder: Path, program: str, stop_signal: signal.Signals, grace: float = 20.0) -> None:
    """End the processes of `program` that work in `folder`. Its lock must be held: then nobody else can own them.

    Only the main process is asked; its helpers bear other titles and end by themselves. Who does not is killed.
    """
    import psutil  # a development extra, and this module must load without it

    orphans = [process for process in psutil.process_iter() if _works_in(process, folder, program)]
    for process in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            if Path(process.cmdline()[0]).name == program:
                process.send_signal(stop_signal)
    _, stubborn = psutil.wait_procs(orphans, timeout=grace)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn)


def _works_in(process: "Process", folder: Path, program: str) -> bool:
    import psutil

    try:
        return bool(process.name() == program and Path(process.cwd()) == folder)
    except psutil.Error:  # ended meanwhile, or another user's
        return False
