"""Structured logs: one line a step, readable on a terminal, JSON otherwise. Bodies, headers and secrets stay out."""

import contextlib
import logging
import os
import sys
from typing import Any

import structlog
from structlog.typing import Processor

from shared.redaction import redact

QUIET = dict.fromkeys(
    ("sqlalchemy.engine", "kombu", "httpx", "alembic", "celery.worker.strategy", "celery.app.trace", "uvicorn.error"),
    logging.WARNING,
)


class _Lines(structlog.WriteLogger):
    """Writes our own lines, each by one call. A log that cannot be written stops nobody, as with `logging`."""

    def msg(self, message: str) -> None:
        """Writes the line, or loses it."""
        with contextlib.suppress(OSError, ValueError):  # a full disk, a pipe that nobody reads; a closed stream
            super().msg(message)

    debug = info = warning = error = critical = msg


def configure(level: int = logging.INFO) -> None:
    """Sends our own lines and the libraries' to standard error in one format. Call once, when a process starts.

    Ours do not go through the standard library: of what accepting an event costs here, that was a tenth.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering = _rendering(_is_for_people())
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=lambda *_: _Lines(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quiet in QUIET.items():
        logging.getLogger(name).setLevel(quiet)


def _is_for_people() -> bool:
    """On a terminal, or where whoever started us shows our lines on one and says so."""
    return os.environ.get("BRIDGE_LOG_FORMAT", "text" if sys.stderr.isatty() else "json") == "text"


def _rendering(terminal: bool) -> list[Processor]:
    if terminal:
        # Tracebacks without local variables: those could hold a token or a broker's key.
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback), _without_secrets]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
        _without_secrets,
    ]


def _without_secrets(_: object, method: str, line: Any) -> Any:
    """Of lines that may hold words of a remote end, or a traceback; plain steps are told in our own words."""
    return line if method in {"debug", "info"} else redact(line)
