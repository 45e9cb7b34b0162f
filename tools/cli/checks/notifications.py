"""Checks of the notifications file: whether it can be read, whether Apprise knows its channels, and what got stuck."""

import os
from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.alerts import channel, file
from shared.alerts.channel import MessageNotSent
from shared.alerts.rules import DeliveryState, Rules
from shared.config import Config
from shared.database.tables.accounts import Account
from shared.database.tables.alerts import DeliveryRow
from shared.errors import ConfigurationError
from tools.cli.checks.finding import Finding, fail, ok, warn

CHECK = "notifications"


def notification_findings(session: Session, config: Config) -> Iterator[Finding]:
    """The file, its channels and accounts, and deliveries that failed. No URL is shown."""
    try:
        rules = file.load(config.notifications_file, os.environ)
    except ConfigurationError as error:
        yield fail(CHECK, str(error), "Mend the file; docs/notifications.md has an example.")
        return
    yield _rules_finding(session, rules)
    yield _deliveries_finding(session, rules)


def _rules_finding(session: Session, rules: Rules) -> Finding:
    if not rules.channels:
        return ok(CHECK, "BRIDGE_NOTIFICATIONS_FILE is not set: alerts are listed, and sent to no one")
    unknown = [name for name, known in rules.channels.items() if not _is_known(known.url)]
    if unknown:
        advice = "Mend their URLs: see Apprise's documentation of the service."
        return fail(CHECK, f"Apprise cannot use the URL of {', '.join(unknown)}", advice)
    named = frozenset[str]().union(*(rule.accounts or () for rule in rules.rules))
    gone = sorted(named - set(session.scalars(select(Account.name))))
    if gone:
        return warn(CHECK, f"a rule names {', '.join(gone)}, and there is no such account", "Mend the rule.")
    return ok(CHECK, f"channels: {', '.join(rules.channels)}")


def _is_known(url: str) -> bool:
    try:
        channel.check(url)
    except MessageNotSent:
        return False
    return True


def _deliveries_finding(session: Session, rules: Rules) -> Finding:
    check = "deliveries"
    counted = select(DeliveryRow.channel, DeliveryRow.state, func.count())
    stuck = counted.where(DeliveryRow.state.in_([DeliveryState.PENDING, DeliveryState.FAILED]))
    found = session.execute(stuck.group_by(DeliveryRow.channel, DeliveryRow.state)).all()
    failed = [f"{count} to {name}" for name, state, count in found if state == DeliveryState.FAILED]
    gone = sorted({name for name, state, _ in found if state == DeliveryState.PENDING} - rules.channels.keys())
    if gone:
        advice = "Name the channel in the file again: its alerts wait for that."
        return warn(check, f"some wait for {', '.join(gone)}, which the file does not name", advice)
    if failed:
        advice = "See `alerts list` for what was not told, and try `alerts test --channel NAME`."
        return warn(check, f"given up: {', '.join(failed)}", advice)
    waiting = sum(count for _, _, count in found)
    return ok(check, f"{waiting} on their way" if waiting else "none is waiting")
