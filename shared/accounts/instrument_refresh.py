"""Stores what an account can trade now: what its broker lists, with the choices of the instruments file."""

from collections.abc import Callable, Sequence

from sqlalchemy import exists, select

from shared.accounts import instruments
from shared.accounts.instrument import Instrument
from shared.accounts.instrument_choices import ChosenInstruments, InstrumentFile, choose
from shared.alerts.raising import raise_alert
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.database.tables.alerts import Alert
from shared.domain import AccountId, AlertKind

MOST_NAMED = 5  # rows, in an alert


def refresh(
    sessions: Sessions, account: AccountId, ask: Callable[[], Sequence[Instrument]], file: InstrumentFile
) -> ChosenInstruments:
    """Asks the broker (`ask`) outside of any transaction, and stores; returns what was stored, and what was in vain."""
    listed = ask()
    with sessions.begin() as session:
        row = session.get_one(Account, account)
        chosen = choose(listed, file.of(row.name, row.broker))
        instruments.replace(session, account, chosen.instruments)
    return chosen


def alert_odd_rows(sessions: Sessions, account: AccountId, odd: Sequence[str]) -> None:
    """Tells a person once which rows of the broker's list are left out: what they name cannot be opened until then."""
    listed = ", ".join(sorted(odd)[:MOST_NAMED]) + (
        f" and {len(odd) - MOST_NAMED} more" if len(odd) > MOST_NAMED else ""
    )
    detail = f"Rows of the broker's list of instruments cannot be read, and are left out: {listed}."
    told = exists().where(Alert.kind == AlertKind.ODD_LISTING, Alert.account_id == account, Alert.detail == detail)
    with sessions.begin() as session:
        if not session.execute(select(told)).scalar_one():
            raise_alert(session, AlertKind.ODD_LISTING, detail, account)
