"""What the environment does not give, for as long as it is needed: PostgreSQL, Redis, the key; and where they are."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cryptography.fernet import Fernet

from shared.errors import ConfigurationError
from tools.local import lock, postgres, redis

ANNOUNCEMENT = "services.json"
NOT_RUNNING_REDIS = "redis://127.0.0.1:1/0"  # refused at once; a doorbell that cannot ring changes no answer
PATIENCE_SECONDS = 20.0  # another command may have the data for a moment

Entries = dict[str, str]


@contextmanager
def running(var: Path, environment: Mapping[str, str] = os.environ) -> Iterator[Entries]:
    """Hold `var` and run what `environment` does not name; yields DATABASE_URL, REDIS_URL, BRIDGE_SECRET_KEY and PORT.

    What comes from `environment` is among them as it stands there (NAME or NAME_FILE). While it lasts, `find` sees the
    entries. Raises ConfigurationError (FolderInUse if another process has `var`).
    """
    with ExitStack() as stack:
        stack.enter_context(lock.held(var, lock.PATIENCE_SECONDS if find(var) else PATIENCE_SECONDS))
        (var / ANNOUNCEMENT).unlink(missing_ok=True)  # of a process that was killed
        entries = _given(environment, "PORT") or {"PORT": "8000"}
        entries |= _given(environment, "BRIDGE_SECRET_KEY") or {"BRIDGE_SECRET_KEY": secret_key(var)}
        entries |= _given(environment, "DATABASE_URL") or {"DATABASE_URL": stack.enter_context(postgres.running(var))}
        entries |= _given(environment, "REDIS_URL") or {"REDIS_URL": stack.enter_context(redis.running(var))}
        _write_secret(var / ANNOUNCEMENT, json.dumps(entries))
        stack.callback((var / ANNOUNCEMENT).unlink)
        yield entries


def find(var: Path) -> Entries | None:
    """The entries that a living `running` on `var` has announced; None if there is none."""
    if not lock.is_held(var):
        return None
    try:
        entries: Entries = json.loads((var / ANNOUNCEMENT).read_text())
    except FileNotFoundError:  # it is starting, or stopping
        return None
    except PermissionError as error:
        raise ConfigurationError(f"{var} is in use by another user: run this as that user") from error
    return entries


@contextmanager
def for_cli(var: Path, need_redis: bool) -> Iterator[Entries]:
    """Put what is missing into `os.environ` for one command; yields what was put there.

    The environment comes first, then a running `make run`, then PostgreSQL alone on the data that it left. Raises
    ConfigurationError where none of them can serve.
    """
    with ExitStack() as stack:
        missing = {
            name: value
            for name, value in _services_for_cli(var, need_redis, stack).items()
            if not _given(os.environ, name.removesuffix("_FILE"))
        }
        os.environ.update(missing)
        stack.callback(lambda: [os.environ.pop(name, None) for name in missing])
        yield missing


def _services_for_cli(var: Path, need_redis: bool, stack: ExitStack) -> Entries:
    if found := find(var):
        return found
    if _given(os.environ, "DATABASE_URL"):
        return {"BRIDGE_SECRET_KEY": secret_key(var)} if (var / "secret.key").exists() else {}
    if need_redis:
        raise ConfigurationError("This needs Redis: set DATABASE_URL and REDIS_URL, or start `make run` first")
    if not (var / "postgres").exists():
        raise ConfigurationError(
            "There is no DATABASE_URL and no data in this folder: set it, or start `make run` first"
        )
    if found := _wait_for(var, stack):
        return found
    url = stack.enter_context(postgres.running(var))
    return {"DATABASE_URL": url, "REDIS_URL": NOT_RUNNING_REDIS, "BRIDGE_SECRET_KEY": secret_key(var)}


def _wait_for(var: Path, stack: ExitStack) -> Entries | None:
    """Hold `var`, or see a `make run` come up that has it: then its entries."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            stack.enter_context(lock.held(var))
            return None
        except lock.FolderInUse:
            if found := find(var):
                return found
            if time.monotonic() > deadline:
                raise


def secret_key(var: Path) -> str:
    """The key that encrypts broker settings at rest: made once, kept in `var`/secret.key."""
    return kept_secret(var / "secret.key", lambda: Fernet.generate_key().decode())


def flower_password(var: Path) -> str:
    """Flower's password: made once, kept in `var`/flower.password."""
    return kept_secret(var / "flower.password", lambda: secrets.token_urlsafe(12))


def management_key(var: Path) -> str:
    """The key of the management API of `make manage`: made once, kept in `var`/management.key."""
    return kept_secret(var / "management.key", lambda: secrets.token_urlsafe(32))


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The content of `path`, which only we may read; written from `make` if it is not there."""
    if not path.exists():
        _write_secret(path, make())
    return path.read_text().strip()


def _write_secret(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")  # renamed into place: nobody reads half of it
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def _given(environment: Mapping[str, str], name: str) -> Entries:
    """The entry of `environment` that says `name`: itself, or the file that holds it. Empty if there is none."""
    return {key: environment[key] for key in (name, f"{name}_FILE") if environment.get(key)}
