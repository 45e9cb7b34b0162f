"""Shows how far a long run is: by a bar on a terminal, elsewhere by a line now and then."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

LINE_SECONDS = 30.0


@contextmanager
def shown(what: str, total: int, console: Console | None = None) -> Iterator[Callable[[], None]]:
    """Yields what is called for each of `total`, from any thread. Tells it on standard error."""
    console = console or Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Lines(what, total, lambda line: console.print(line, soft_wrap=True))
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


class Lines:
    """Counts, and says so once every `LINE_SECONDS`."""

    def __init__(
        self, what: str, total: int, tell: Callable[[str], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._what, self._total, self._tell, self._monotonic = what, total, tell, monotonic
        self._lock = threading.Lock()
        self._done = 0
        self._told = monotonic()

    def __call__(self) -> None:
        """One more is done."""
        with self._lock:
            self._done += 1
            if self._monotonic() - self._told < LINE_SECONDS:
                return
            self._told = self._monotonic()
            self._tell(f"{self._what}: {self._done} of {self._total}")
