"""The paper broker's adapter: the contract's methods, each one transaction in its books."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared import config
from shared.accounts.instrument import Instrument
from shared.database.clock import Clock, database_clock
from workers.brokers.base import (
    AccountSummary,
    Broker,
    BrokerError,
    BrokerPosition,
    BrokerUnavailable,
    Capabilities,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
)
from workers.brokers.paper import accounts, books, execution
from workers.brokers.paper.catalogue import LISTINGS, trading_hours
from workers.brokers.paper.checks import quotes_for
from workers.brokers.paper.engines import engine_for, release
from workers.brokers.paper.margin import equity, required_margin
from workers.brokers.paper.settings import PaperSettings, parse

DATABASE_SECONDS = 15.0  # pool, connection and lock each give up by themselves well before
_CENT = Decimal("0.01")
_Answer = TypeVar("_Answer")


def make(settings: Mapping[str, str]) -> Broker:
    """The paper broker for the account that `settings` names; `settings.py` lists the others.

    Its books are in the bridge's own database unless `database_url` says otherwise. Nothing is connected yet.
    Raises ValueError that names an odd setting, ConfigurationError where the environment names no database.
    """
    parsed = parse(settings)
    return PaperBroker(parsed, parsed.database_url or config.load().database_url, database_clock)


class PaperBroker:
    """One paper account. It nets, as most brokers do; several threads and processes may use its books at once.

    A client order id that is already known, for as long as the setting `dedupe` says, is not executed again: `submit`
    returns the report of the order that has it.
    """

    def __init__(self, settings: PaperSettings, database_url: str, clock: Clock) -> None:
        self._settings = settings
        self._database_url = database_url
        self._clock = clock
        self._closed = threading.Event()
        self.capabilities = Capabilities(
            dedupe=settings.dedupe,
            nets_positions=True,
            settle_seconds=settings.settle_seconds,
            deadline_seconds=settings.latency + DATABASE_SECONDS,
        )

    def instruments(self) -> Sequence[Instrument]:
        return [listing.instrument(self._settings.hours) for listing in LISTINGS.values()]

    def account(self) -> AccountSummary:
        return self._read(self._summary)

    def is_open(self, symbol: str, at: datetime) -> bool:
        listing = LISTINGS.get(symbol)
        return listing is not None and trading_hours(listing.market, self._settings.hours).is_open(at)

    def mark(self) -> str | None:
        """None: orders are looked up by their client order id."""
        return None

    def submit(self, order: OrderRequest) -> OrderReport:
        if self._closed.wait(self._settings.latency):
            raise BrokerUnavailable("the paper broker was closed before the order was sent")
        answer = self._attempt(lambda session: execution.submit(session, self._settings, order, self._clock))
        if isinstance(answer, BrokerError):
            raise answer
        return answer

    def find(self, order: OrderRequest) -> OrderReport | None:
        return self._read(lambda session: execution.look_up(session, self._settings, order, self._clock))

    def positions(self) -> Sequence[BrokerPosition]:
        net = self._read(lambda session: books.net_positions(session, self._settings.account))
        return [BrokerPosition(symbol, quantity) for symbol, quantity in net.items()]

    def close(self) -> None:
        self._closed.set()
        release(self._database_url, self)

    def _summary(self, session: Session) -> AccountSummary:
        account = accounts.lock(session, self._settings)
        held = books.holdings(session, account)
        quotes = quotes_for(set(held), account.currency, self._clock(session), self._settings.seed)
        available = equity(account.cash, held, quotes) - required_margin(held, quotes)
        return AccountSummary(account.currency, account.cash, max(Decimal(0), available).quantize(_CENT))

    def _attempt(self, work: Callable[[Session], _Answer]) -> _Answer:
        """One transaction that may execute an order. Only a commit can: what fails before it has executed nothing."""
        with Session(engine_for(self._database_url, self), expire_on_commit=False) as session:
            try:
                answer = work(session)
                session.flush()
            except SQLAlchemyError as error:
                raise BrokerUnavailable(f"the paper broker's books cannot be used: {type(error).__name__}") from error
            except Exception as error:
                raise OutcomeUnknown(f"the paper broker failed: {type(error).__name__}") from error
            try:
                session.commit()
            except SQLAlchemyError as error:
                raise OutcomeUnknown(f"the paper broker's answer was lost: {type(error).__name__}") from error
        return answer

    def _read(self, work: Callable[[Session], _Answer]) -> _Answer:
        """One transaction that executes no new order: whatever fails in it, the caller could not look."""
        try:
            with Session(engine_for(self._database_url, self), expire_on_commit=False) as session, session.begin():
                return work(session)
        except SQLAlchemyError as error:
            raise BrokerUnavailable(f"the paper broker's books cannot be read: {type(error).__name__}") from error
