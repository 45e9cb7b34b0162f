"""Checks of the instruments file: whether it can be read, whom it names, and whether what it says is in force."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.accounts import instrument_file, instruments
from shared.accounts.instrument_choices import InstrumentFile, choose
from shared.config import Config
from shared.database.tables.accounts import Account
from shared.domain import AccountId
from shared.errors import ConfigurationError
from tools.cli.checks.finding import Finding, fail, ok, warn

FILE, NAMED, CHOICES = "instruments file", "names in the instruments file", "instrument choices"


def file_finding(config: Config) -> Finding:
    """Whether the file can be read, as workers and commands do when they start."""
    try:
        instrument_file.load(config.instruments_file)
    except ConfigurationError as error:
        return fail(FILE, str(error), "Mend the file; docs/instruments.md has an example.")
    return ok(FILE, str(config.instruments_file or "BRIDGE_INSTRUMENTS_FILE is not set: brokers' own names and limits"))


def choice_findings(session: Session, config: Config) -> Iterator[Finding]:
    """What the file says beside the accounts there are; nothing where there is no file, or a bad one."""
    try:
        file = instrument_file.load(config.instruments_file)
    except ConfigurationError:  # `file_finding` has told of it
        return
    if config.instruments_file is not None:
        accounts = session.scalars(select(Account).order_by(Account.name)).all()
        yield _names_finding(file, accounts)
        yield _choices_finding(session, file, accounts)


def _names_finding(file: InstrumentFile, accounts: Sequence[Account]) -> Finding:
    gone = sorted(f"the account {name}" for name in file.accounts.keys() - {each.name for each in accounts})
    gone += sorted(f"the broker {kind}" for kind in file.brokers.keys() - {each.broker for each in accounts})
    if gone:
        return warn(NAMED, f"nothing here is {', '.join(gone)}", "Mend the name, unless it is to come.")
    return ok(NAMED, "all are known")


def _choices_finding(session: Session, file: InstrumentFile, accounts: Sequence[Account]) -> Finding:
    """What is stored went through the file when it was stored: where that says more today, it is not in force yet."""
    vain: list[str] = []
    late: list[str] = []
    for account in accounts:
        stored = instruments.of_account(session, AccountId(account.id))
        chosen = choose(stored.values(), file.of(account.name, account.broker))
        vain += [f"{account.name}: {warning}" for warning in chosen.warnings]
        late += [account.name] if {each.ticker: each for each in chosen.instruments} != stored else []
    if vain:
        advice = "Mend the file: `proquant-bridge instruments list --account NAME` has the broker's symbols."
        return warn(CHOICES, "; ".join(vain), advice)
    if late:
        advice = "Restart the workers, and run `proquant-bridge instruments refresh --account NAME`."
        return warn(CHOICES, f"not in force yet for {', '.join(late)}", advice)
    return ok(CHOICES, "in force")
