"""Who may use a data folder: one process at a time, by a lock that the kernel frees when that process ends."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from shared.errors import ConfigurationError

NAME = "lock"
PATIENCE_SECONDS = 1.0  # longer than `is_held` looks, so that a look never refuses a start


class FolderInUse(ConfigurationError):
    """Another process uses the data folder."""


@contextmanager
def held(folder: Path, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold `folder` alone, after waiting `patience` seconds at most. Raises FolderInUse that names the holder."""
    with _open(folder / NAME) as file:
        deadline = time.monotonic() + patience
        while not _try(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise FolderInUse(f"{folder} is in use by process {_holder(file)}: is `make run` running already?")
            time.sleep(0.1)  # a file lock cannot be awaited for a limited time
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def is_held(folder: Path) -> bool:
    """Whether a living process holds `folder`."""
    try:
        file = (folder / NAME).open()
    except FileNotFoundError:
        return False
    with file:
        return not _try(file, fcntl.LOCK_SH)


def _open(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a+")
    except PermissionError as error:
        raise ConfigurationError(
            f"{path} belongs to another user: run as that user, or remove {path.parent}"
        ) from error


def _try(file: TextIO, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: TextIO) -> str:
    file.seek(0)
    return file.read() or "(unknown)"
