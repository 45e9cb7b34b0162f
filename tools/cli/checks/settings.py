"""Checks of the settings that only some commands or processes use, so that none is found wrong when it is needed."""

from collections.abc import Iterator

from shared.config import Config
from tools.cli.checks.finding import Finding, ok, warn
from tools.cli.checks.instruments import file_finding


def settings_findings(config: Config) -> Iterator[Finding]:
    """The settings as a whole, which could be read; and those that name a place."""
    yield ok("settings", f"read; leases of {config.lease:g} s, a sweep every {config.sweep_interval:g} s")
    yield _public_url(config)
    yield file_finding(config)


def _public_url(config: Config) -> Finding:
    check = "public URL"
    if not config.public_url:
        return warn(
            check, "BRIDGE_PUBLIC_URL is not set", "Set it before `integrations create`, to where ProQuant reaches us."
        )
    return ok(check, config.public_url)
