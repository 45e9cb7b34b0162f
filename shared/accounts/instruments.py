"""The instruments of an account as it may trade them. The only writer of their table."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from shared.accounts.instrument import Instrument, TradingHours
from shared.database.tables.accounts import Account, InstrumentRow
from shared.domain import AccountId


def replace(session: Session, account: AccountId, instruments: Iterable[Instrument]) -> None:
    """Stores what can be traded now in place of what could be before.

    The account's row is locked first: of two that replace at once, the second would insert what the first has.
    """
    session.execute(update(Account).where(Account.id == account).values(instruments_at=func.now()))
    session.execute(delete(InstrumentRow).where(InstrumentRow.account_id == account))
    rows = [_row(account, instrument) for instrument in instruments]
    if rows:
        session.execute(insert(InstrumentRow), rows)


def stale(session: Session, before: datetime) -> list[AccountId]:
    """Accounts whose instruments were never stored, or not since `before`."""
    old = or_(Account.instruments_at.is_(None), Account.instruments_at < before)
    return [AccountId(account) for account in session.scalars(select(Account.id).where(old))]


def of_account(session: Session, account: AccountId) -> dict[str, Instrument]:
    """The account's instruments by ticker."""
    rows = session.scalars(select(InstrumentRow).where(InstrumentRow.account_id == account))
    return {row.ticker: instrument_of(row) for row in rows}


def instrument_of(row: InstrumentRow) -> Instrument:
    """The instrument that the row describes."""
    return Instrument(
        row.ticker,
        row.symbol,
        row.minimum,
        row.maximum,
        row.step,
        row.currency,
        row.shortable,
        hours_of(row.hours),
    )


def hours_of(stored: Sequence[Sequence[int]] | None) -> TradingHours | None:
    """The weekly hours as they stand in the column; None where the broker publishes none."""
    return None if stored is None else TradingHours(tuple((start, end) for start, end in stored))


def _row(account: AccountId, instrument: Instrument) -> dict[str, object]:
    hours = instrument.hours
    return {
        "account_id": account,
        "ticker": instrument.ticker,
        "symbol": instrument.symbol,
        "minimum": instrument.minimum,
        "maximum": instrument.maximum,
        "step": instrument.step,
        "currency": instrument.currency,
        "shortable": instrument.shortable,
        "hours": None if hours is None else [list(session) for session in hours.sessions],
    }
