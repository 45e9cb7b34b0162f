"""Checks of the work itself: workers that live, events that move, versions that ProQuant will go on sending."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from shared.database.tables.events import EventRow, ProtocolVersion, Strategy
from shared.database.tables.workers import Worker
from shared.domain import OPENING
from shared.inbox.delays import OLDEST_UNFINISHED, dead_after
from shared.inbox.unfinished import parked, runnable
from shared.queue import canary
from tools.cli.checks.finding import CheckResult, Finding, fail, listed, ok, warn


def work_findings(session: Session, now: datetime, sweep_interval: float) -> Iterator[Finding]:
    """Workers, unfinished and parked events, leases, and protocol versions, at `now` (the database's clock)."""
    beat = dead_after(sweep_interval)
    workers = _workers_finding(session, now, beat)
    yield workers
    if workers.result is CheckResult.OK:
        yield _queue_finding(session, now, sweep_interval)
    yield _unfinished_finding(session, now)
    yield _parked_finding(session)
    yield _leases_finding(session, now - beat)
    yield from _version_findings(session, now)


def _workers_finding(session: Session, now: datetime, beat: timedelta) -> Finding:
    seen = session.scalars(select(Worker.seen_at).order_by(Worker.seen_at.desc())).all()
    alive = sum(at >= now - beat for at in seen)
    if alive:
        return ok("workers", f"{alive} alive")
    last = f"the last was seen {_age(now - seen[0])} ago" if seen else "none was ever seen"
    return fail("workers", last, "Start a worker: until then events are stored, and nobody executes them.")


def _queue_finding(session: Session, now: datetime, sweep_interval: float) -> Finding:
    since = canary.deaf(session, now, sweep_interval)
    if since is None:
        return ok("queue", "heard")
    advice = "Restart the workers. Until then one of them executes what is due by itself, at every sweep."
    return fail("queue", f"no worker has heard it for {_age(now - since)}", advice)


def _unfinished_finding(session: Session, now: datetime) -> Finding:
    """OPEN and REOPEN events that wait behind a parked one are left out: the parked one is its own finding."""
    other = aliased(EventRow)
    blocked = select(other.id).where(other.strategy == EventRow.strategy, parked(other)).exists()
    query = select(func.min(EventRow.received_at), func.count()).where(
        runnable(EventRow), ~(EventRow.type.in_(OPENING) & blocked)
    )
    oldest, count = session.execute(query).one()
    if oldest is None:
        return ok("unfinished events", "none")
    seen = f"{count}, the oldest for {_age(now - oldest)}"
    if now - oldest <= OLDEST_UNFINISHED:
        return ok("unfinished events", seen)
    return fail("unfinished events", seen, "See `events list` and `events show ID` for what they wait for.")


def _parked_finding(session: Session) -> Finding:
    found = session.scalars(select(EventRow.id).where(parked(EventRow)).order_by(EventRow.id)).all()
    if not found:
        return ok("parked events", "none")
    advice = "Compare `events show ID` with the broker's books: only a person can settle these."
    return fail("parked events", f"{len(found)}: {listed(found)}", advice)


def _leases_finding(session: Session, before: datetime) -> Finding:
    """A lease that ran out while there is work: the sweep should have given the strategy to another worker."""
    work = select(EventRow.id).where(
        EventRow.strategy == Strategy.id,
        runnable(EventRow),
        EventRow.next_attempt_at.is_(None) | (EventRow.next_attempt_at < before),
    )
    stale = session.scalars(
        select(Strategy.strategy_id).where(Strategy.lease_until < before, work.exists()).order_by(Strategy.id)
    ).all()
    if stale:
        seen = f"{len(stale)} ran out with work left: {listed(stale)}"
        return warn("leases", seen, "See that a worker is alive: its sweep takes them over.")
    return ok("leases", "none is stale")


def _version_findings(session: Session, now: datetime) -> Iterator[Finding]:
    check = "protocol versions"
    versions = session.scalars(select(ProtocolVersion).order_by(ProtocolVersion.version)).all()
    findings = [_version_finding(version, now) for version in versions]
    yield from (finding for finding in findings if finding is not None)
    if not any(findings):
        yield ok(check, ", ".join(version.version for version in versions) or "none seen yet")


def _version_finding(version: ProtocolVersion, now: datetime) -> Finding | None:
    check = f"protocol {version.version}"
    if not version.supported:
        return warn(check, "ProQuant sends it, and this build does not know it", "Look for a newer release.")
    advice = "Look for a newer release, which knows the version that comes after it."
    if version.odd:
        return warn(check, "ProQuant says that it ends, but not on a date that can be read", advice)
    if version.deprecation is None:
        return None
    days = (version.deprecation - now).days
    if version.deprecation <= now:
        return fail(check, f"ProQuant may no longer send it, since {version.deprecation:%Y-%m-%d}", advice)
    return warn(check, f"ProQuant sends it until {version.deprecation:%Y-%m-%d}: {days} days left", advice)


def _age(age: timedelta) -> str:
    return str(timedelta(seconds=round(age.total_seconds())))
