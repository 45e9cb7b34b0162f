"""Checks of PostgreSQL and Redis: reached, current, and set so that nothing answered can be lost."""

from collections.abc import Iterator

from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database import migrate
from shared.queue.doorbell import make_redis
from tools.cli.checks.finding import Finding, fail, ok, warn
from tools.local.services import NOT_RUNNING_REDIS

OLDEST_POSTGRESQL = 14  # older ones get no more repairs from their makers
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


def database_findings(session: Session) -> Iterator[Finding]:
    """Its version, and whether what it has committed survives a loss of power. It has been reached."""
    version: str = session.execute(text("SHOW server_version")).scalar_one()
    number = int(session.execute(text("SHOW server_version_num")).scalar_one())
    if number < OLDEST_POSTGRESQL * 10_000:
        yield warn("database", f"PostgreSQL {version}", f"Move to PostgreSQL {OLDEST_POSTGRESQL} or newer.")
    else:
        yield ok("database", f"PostgreSQL {version}")
    off = [name for name in DURABLE if session.execute(text(f"SHOW {name}")).scalar_one() == "off"]
    if off:
        yield fail("durability", f"{', '.join(off)} off", "Set it to on: a loss of power loses answered events.")
    else:
        yield ok("durability", f"{', '.join(DURABLE)} on")


def schema_finding(session: Session) -> Finding:
    """Whether the database has this build's schema."""
    if migrate.is_current(session.connection()):
        return ok("migrations", "current")
    return fail("migrations", "the schema is not this build's", "Run `proquant-bridge migrate`.")


def redis_findings(redis_url: str) -> Iterator[Finding]:
    """Whether doorbells can ring. Losing Redis loses nothing but time, so what it may lose is a warning only."""
    if redis_url == NOT_RUNNING_REDIS:
        yield fail("redis", "REDIS_URL is not set, and `make run` is not running here", "Set it, or start `make run`.")
        return
    try:
        with make_redis(redis_url) as redis:
            told = redis.info()
    except RedisError as error:
        yield fail("redis", f"cannot be reached: {error}", "Start Redis, or mend REDIS_URL.")
    except ValueError:  # its message may hold a part of the password
        yield fail("redis", "REDIS_URL cannot be read as a URL", "Mend REDIS_URL.")
    else:
        yield ok("redis", f"{told.get('server_name', 'redis')} {told.get('valkey_version', told.get('redis_version'))}")
        yield _memory_finding(str(told.get("maxmemory_policy", "unknown")))
        yield _persistence_finding(told.get("aof_enabled") == 1)


def _memory_finding(policy: str) -> Finding:
    if policy == "noeviction":
        return ok("redis memory", "maxmemory-policy noeviction")
    advice = "Set maxmemory-policy to noeviction: a full Redis must say so, not forget doorbells."
    return warn("redis memory", f"maxmemory-policy {policy}", advice)


def _persistence_finding(appendonly: bool) -> Finding:
    if appendonly:
        return ok("redis persistence", "appendonly yes")
    advice = "Set appendonly to yes: after a restart of Redis, what it had is only found by the sweep."
    return warn("redis persistence", "appendonly no", advice)
