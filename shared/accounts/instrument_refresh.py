"""Stores what an account can trade now: what its broker lists, with the choices of the instruments file."""

from collections.abc import Callable, Sequence

from shared.accounts import instruments
from shared.accounts.instrument import Instrument
from shared.accounts.instrument_choices import ChosenInstruments, InstrumentFile, choose
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.domain import AccountId


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
