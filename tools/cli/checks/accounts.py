"""Checks of the accounts: settings that can be read, a broker that can be made, instruments that are known."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from shared.accounts import vault
from shared.database.tables.accounts import Account, InstrumentRow
from shared.errors import ConfigurationError
from tools.cli.checks.finding import Finding, fail, ok, warn


def account_findings(session: Session, secret_key: str | None) -> Iterator[Finding]:
    """The key, the brokers and the instruments of every account. No setting of a broker is shown."""
    accounts = session.scalars(select(Account).order_by(Account.name)).all()
    yield _key_finding(secret_key, {account.name: account.broker_settings for account in accounts})
    if not accounts:
        yield warn("accounts", "none", "Create one: `proquant-bridge accounts create NAME --broker KIND`.")
        return
    paused = [account.name for account in accounts if account.paused]
    yield ok("accounts", f"{len(accounts)}" + (f"; paused: {', '.join(paused)}" if paused else ""))
    yield _brokers_finding(secret_key, accounts)
    yield _instruments_finding(session)


def _key_finding(secret_key: str | None, settings: Mapping[str, str]) -> Finding:
    check = "secret key"
    try:
        vault.encrypt(secret_key, {})
    except ConfigurationError as error:
        return fail(check, str(error), "Set BRIDGE_SECRET_KEY.")
    unreadable = [name for name, text in settings.items() if not _opens(secret_key, text)]
    if unreadable:
        advice = "Set BRIDGE_SECRET_KEY to the key that they were created with."
        return fail(check, f"does not open the settings of {', '.join(unreadable)}", advice)
    return ok(check, f"opens the settings of every account ({len(settings)})")


def _opens(secret_key: str | None, text: str) -> bool:
    try:
        vault.decrypt(secret_key, text)
    except ConfigurationError:
        return False
    return True


def _brokers_finding(secret_key: str | None, accounts: Sequence[Account]) -> Finding:
    problems = [problem for account in accounts if (problem := _problem(secret_key, account))]
    if problems:
        return fail("brokers", "; ".join(problems), "Install the adapter, or create the account anew.")
    return ok("brokers", "each can be made from its settings")


def _problem(secret_key: str | None, account: Account) -> str | None:
    """What stands in the way of making the account's broker. Says nothing where the key is the problem."""
    from workers.brokers.registry import make_broker

    if not _opens(secret_key, account.broker_settings):
        return None
    try:
        make_broker(account.broker, vault.decrypt(secret_key, account.broker_settings), account.name).close()
    except ConfigurationError as error:
        refused = isinstance(error.__cause__, ValueError)  # its words may quote a setting
        return f"{account.name}: {'the adapter refuses the stored settings' if refused else error}"
    return None


def _instruments_finding(session: Session) -> Finding:
    has_some = exists().where(InstrumentRow.account_id == Account.id)
    without = session.scalars(select(Account.name).where(~has_some).order_by(Account.name)).all()
    if without:
        advice = "A worker refreshes them: see its log for what the broker says. Until then every signal is refused."
        return fail("instruments", f"none for {', '.join(without)}", advice)
    return ok("instruments", "known for every account")
