"""`proquant-bridge doctor`: checks every dependency and setting, and says what to mend."""

from contextlib import ExitStack
from dataclasses import asdict

import click

from shared.config import Config
from shared.database.clock import database_clock
from shared.errors import ConfigurationError
from tools.cli.checks.accounts import account_findings
from tools.cli.checks.events import event_findings
from tools.cli.checks.finding import CheckResult, Finding, fail
from tools.cli.checks.instruments import choice_findings
from tools.cli.checks.ledger import ledger_findings
from tools.cli.checks.notifications import notification_findings
from tools.cli.checks.servers import database_findings, redis_findings, schema_finding
from tools.cli.checks.settings import settings_findings
from tools.cli.checks.work import work_findings
from tools.cli.environment import DatabaseFault, sessions_of, settings
from tools.cli.output import json_option, print_listing

FIELDS = ("check", "result", "seen", "advice")


@click.command("doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check every dependency and setting, and say what to mend. Exit code 1 when anything fails."""
    findings = _examine()
    print_listing([asdict(finding) for finding in findings], FIELDS, as_json)
    ctx.exit(1 if any(finding.result is CheckResult.FAIL for finding in findings) else 0)


def _examine() -> list[Finding]:
    """Everything that can be looked at: without settings nothing can, without the database its content cannot."""
    with ExitStack() as stack:
        try:
            config = stack.enter_context(settings())
        except ConfigurationError as error:
            return [fail("settings", str(error), "Mend the settings; docs/reference/settings.md lists them all.")]
        findings = [*settings_findings(config), *redis_findings(config.redis_url)]
        try:
            _examine_database(config, findings)
        except DatabaseFault as error:
            findings.append(fail("database", str(error), "Start PostgreSQL, or mend DATABASE_URL."))
        return findings


def _examine_database(config: Config, findings: list[Finding]) -> None:
    """Adds what is found, one by one: what was seen before the database went away is kept. Raises DatabaseFault."""
    with sessions_of(config) as sessions, sessions.begin() as session:
        findings.extend(database_findings(session))
        schema = schema_finding(session)
        findings.append(schema)
        if schema.result is CheckResult.FAIL:
            return
        findings.extend(account_findings(session, config.secret_key))
        findings.extend(choice_findings(session, config))
        findings.extend(work_findings(session, database_clock(session), config.sweep_interval))
        findings.extend(ledger_findings(session))
        findings.extend(event_findings(session))
        findings.extend(notification_findings(session, config))
