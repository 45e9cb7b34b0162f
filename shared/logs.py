"""Structured logs: one line a step, readable on a terminal, JSON otherwise. Bodies, headers and secrets stay out."""

import logging
import os
import sys

import structlog
from structlog.typing import Processor

QUIET = dict.fromkeys(
    ("sqlalchemy.engine", "kombu", "httpx", "alembic", "celery.worker.strategy", "celery.app.trace"), logging.WARNING
)


def configure(level: int = logging.INFO) -> None:
    """Sends our own lines and the libraries' to standard error in one format. Call once, when a process starts."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(_is_for_people())],
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
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]
