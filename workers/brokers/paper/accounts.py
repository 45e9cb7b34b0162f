"""Opens and locks a paper account's books."""

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workers.brokers.paper.settings import PaperSettings
from workers.brokers.paper.tables import PaperAccount


def lock(session: Session, settings: PaperSettings) -> PaperAccount:
    """The account, its row locked until the transaction ends; opened with the settings' cash on first use.

    Everything that changes the books waits here, so that orders of several threads and processes take turns.
    """
    account = session.scalar(_locked(settings.account))
    if account is None:
        _open(session, settings)
        account = session.scalars(_locked(settings.account)).one()
    return account


def _locked(name: str) -> Select[PaperAccount]:
    return (
        select(PaperAccount)
        .where(PaperAccount.name == name)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _open(session: Session, settings: PaperSettings) -> None:
    row = {"name": settings.account, "currency": settings.currency, "cash": settings.balance}
    session.execute(insert(PaperAccount).values(row).on_conflict_do_nothing(index_elements=["name"]))
