"""The settings of every process: read once from the environment, frozen, an odd value refused with name and reason."""

import base64
import binascii
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environs import EnvError, EnvValidationError, FileAwareEnv
from marshmallow import ValidationError, validate
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from shared import redaction
from shared.errors import ConfigurationError
from shared.urls import UnsafeUrl, check_url

SHORTEST_KEY, LONGEST_KEY = 24, 512  # characters of the management key: a password that can be guessed is none
DAY_SECONDS = 86_400
LEAST_RETENTION, MOST_RETENTION = 7, 36_500  # days
KEY_BYTES = 32
PROQUANT_API = "https://www.proquant.com/api/integrations/v1/integrations"


@dataclass(frozen=True, slots=True)
class Config:
    """What the environment says, a field a variable. Times in seconds. `repr` shows no secret."""

    database_url: str
    """PostgreSQL. Its rows are the truth about everything."""
    redis_url: str
    """Redis: the queue of doorbells, and announcements of outcomes."""
    port: int
    """Where the receiver listens."""
    worker_threads: int
    """Events that a worker executes at once: its threads. The Procfile gives it to Celery, too."""
    response_wait: float
    """How long a request waits for its outcome before it is answered 200, accepted; 0 = never."""
    open_max_age: float
    """An OPEN older than this when it would be sent is expired."""
    reorder_grace: float
    """How long an event that came too early waits for what should have come before it."""
    sweep_interval: float
    """How often unattended events are rung."""
    lease: float
    """Who works on a strategy has it for this long, and renews it before every order."""
    public_url: str | None
    """Where ProQuant reaches the receiver; `integrations create` needs it."""
    proquant_api_url: str
    """Where integrations are requested at ProQuant."""
    secret_key: str | None
    """Encrypts broker settings at rest."""
    instruments_file: Path | None
    """Tickers that cannot be derived, and tighter limits per account (docs/instruments.md)."""
    notifications_file: Path | None
    """Which alerts go to which channels (docs/notifications.md); without it they are listed only."""
    deprecation_warning_days: int
    """From then on before a version of the protocol ends, a person is told every day."""
    retention_days: int
    """Finished events older than this are deleted; 0 = never."""
    metrics: bool
    """Whether the receiver answers GET /metrics."""
    management_key: str | None
    """Opens the management API (docs/management.md); without it there is none."""
    management_port: int
    """Where the management API listens."""

    def __repr__(self) -> str:
        return f"Config(port={self.port}, response_wait={self.response_wait}, lease={self.lease}, ...)"


def load() -> Config:
    """The settings in the process's environment. Each may also come from the file that NAME_FILE names.

    Every process reads all of them at its start, also those that it does not use. Where one is missing or odd, it
    does not start: it ends with one line that names every such setting and says why. An odd value is never replaced by
    a default, and a secret is never shown.

    Raises ConfigurationError.
    """
    env = FileAwareEnv(eager=False, strip_whitespace=True)
    try:
        values = ask_for_all(env)
        env.seal()
    except (EnvError, ValueError) as error:
        raise ConfigurationError(f"The environment cannot be used: {_said(error)}") from error
    config = Config(**values)  # type: ignore[arg-type]  # seal() has just proven that every value is of its field's type
    _let_no_secret_be_echoed(config)
    if config.retention_days:
        check_retention(config, config.retention_days, "BRIDGE_RETENTION_DAYS")
    return config


def _let_no_secret_be_echoed(config: Config) -> None:
    for url in (config.database_url, config.redis_url):
        redaction.add_url(url)
    redaction.KNOWN.add(*filter(None, (config.secret_key, config.management_key)))


@contextmanager
def refused_plainly() -> Iterator[None]:
    """Ends a process whose settings cannot be used with one line that says why, in place of a traceback."""
    try:
        yield
    except ConfigurationError as error:
        sys.exit(f"Error: {error}")


def check_retention(config: Config, days: int, name: str) -> None:
    """Raises ConfigurationError where an event could be forgotten while an OPEN of its age would still be executed."""
    if config.open_max_age > days * DAY_SECONDS:
        raise ConfigurationError(
            f"{name}={days} is less than BRIDGE_OPEN_MAX_AGE_SECONDS={config.open_max_age:g}: an OPEN that is "
            "forgotten and delivered again would be executed twice."
        )


def ask_for_all(env: FileAwareEnv) -> dict[str, object]:
    """The variable of each field, with its default and what it must be."""
    values: dict[str, object] = {
        "database_url": env.str("DATABASE_URL", validate=_postgresql),
        "redis_url": env.str("REDIS_URL", validate=_redis),
        "port": env.int("PORT", 8000, validate=validate.Range(1, 65535)),
        "worker_threads": env.int("WORKER_CONCURRENCY", 16, validate=validate.Range(1, 1024)),
    }
    with env.prefixed("BRIDGE_"):
        values |= {
            "response_wait": env.float("RESPONSE_WAIT_SECONDS", 5.0, validate=validate.Range(0, 60)),
            "open_max_age": env.float("OPEN_MAX_AGE_SECONDS", 300.0, validate=validate.Range(1, 1e9)),
            "reorder_grace": env.float("REORDER_GRACE_SECONDS", 2.0, validate=validate.Range(0, 60)),
            "sweep_interval": env.float("SWEEP_INTERVAL_SECONDS", 5.0, validate=validate.Range(0.05, 300)),
            "lease": env.float("LEASE_SECONDS", 60.0, validate=validate.Range(1, 3600)),
            "public_url": env.str("PUBLIC_URL", None, validate=_safe_url),
            "proquant_api_url": env.str("PROQUANT_API_URL", PROQUANT_API, validate=_safe_url),
            "secret_key": env.str("SECRET_KEY", None, validate=_fernet_key),
            "instruments_file": env.path("INSTRUMENTS_FILE", None),
            "notifications_file": env.path("NOTIFICATIONS_FILE", None),
            "deprecation_warning_days": env.int("DEPRECATION_WARNING_DAYS", 30, validate=validate.Range(0, 3650)),
            "retention_days": env.int("RETENTION_DAYS", 0, validate=_retention),
            "metrics": env.bool("METRICS", False),
            "management_key": env.str("MANAGEMENT_KEY", None, validate=validate.Length(SHORTEST_KEY, LONGEST_KEY)),
            "management_port": env.int("MANAGEMENT_PORT", 8001, validate=validate.Range(1, 65535)),
        }
    return values


def _said(error: Exception) -> str:
    """Every setting that is odd, and why, in words."""
    if not isinstance(error, EnvValidationError) or not isinstance(error.error_messages, dict):
        return str(error)
    return "; ".join(f"{name}: {' '.join(why)}" for name, why in error.error_messages.items())


def _safe_url(url: str) -> None:
    """A URL with https, or with http to this machine; empty is not set."""
    try:
        if url:
            check_url(url)
    except UnsafeUrl as error:
        raise ValidationError(str(error)) from error


def _fernet_key(key: str) -> None:
    """A Fernet key: 32 bytes in URL-safe base64; empty is not set.

    What is odd is found here, or else at the first trade; it may be a secret, and is not shown.
    """
    try:
        right = not key or len(base64.urlsafe_b64decode(key)) == KEY_BYTES
    except (binascii.Error, ValueError):
        right = False
    if not right:
        raise ValidationError("is not a Fernet key: 32 bytes in URL-safe base64")


def _retention(days: int) -> None:
    """0, or 7 to 36500, and never less than `BRIDGE_OPEN_MAX_AGE_SECONDS`."""
    if days != 0 and not LEAST_RETENTION <= days <= MOST_RETENTION:
        raise ValidationError(
            f"must be 0, to keep events for ever, or {LEAST_RETENTION} to {MOST_RETENTION}: an event is known again, "
            "when it is delivered once more, only for as long as it is kept"
        )


def _postgresql(url: str) -> None:
    """A postgresql:// URL."""
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise ValidationError("is not a URL such as postgresql://user:password@host:5432/name") from error
    if backend not in {"postgresql", "postgres"}:
        raise ValidationError(
            f"must be a postgresql:// URL, not {backend}://; it is the only database that is supported"
        )


def _redis(url: str) -> None:
    """A redis://, rediss:// or unix:// URL; no Redis Cluster."""
    if not url.startswith(("redis://", "rediss://", "unix://", "redis+socket://")):
        raise ValidationError("must be a redis://, rediss:// or unix:// URL; Redis Cluster is not supported by Celery")
