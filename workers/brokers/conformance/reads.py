"""CK-01 to CK-12: the promises of the contract that can be tried without an order."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.accounts.instrument import Instrument, check_quantity
from shared.domain import ClientOrderId, Direction, Leg
from workers.brokers.base import Broker, OrderRequest
from workers.brokers.conformance.cases import Case, NotApplicable, must

LEASE_SECONDS = 60.0  # the default of BRIDGE_LEASE_SECONDS: a submit must end well before it
THREADS = 4


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What is tried: the account's broker, the time in UTC, and a source of client order ids that were never sent."""

    broker: Broker
    now: Callable[[], datetime]
    new_id: Callable[[], ClientOrderId]


def order(new_id: Callable[[], ClientOrderId], symbol: str, quantity: Decimal, mark: str | None) -> OrderRequest:
    """A market order to buy, as the bridge makes one, of a strategy that no signal can name."""
    return OrderRequest(new_id(), symbol, Direction.BUY, quantity, Leg.OPEN, "conformance", "conformance", mark)


def _capabilities(subject: ReadContext) -> None:
    promised = subject.broker.capabilities
    must(promised.settle_seconds >= 0, "settle_seconds is below zero")
    must(
        0 < promised.deadline_seconds < LEASE_SECONDS,
        f"a submit may take {promised.deadline_seconds:g} seconds, and a lease lasts {LEASE_SECONDS:g}",
    )


def _account(subject: ReadContext) -> None:
    account = subject.broker.account()
    must(bool(account.currency), "the account has no currency")
    must(_exact(account.balance, account.available), "money is not told in finite Decimals")


def _listed(subject: ReadContext) -> Sequence[Instrument]:
    listed = subject.broker.instruments()
    if not listed:
        raise NotApplicable("the broker lists no instrument")
    return listed


def _instruments(subject: ReadContext) -> None:
    listed = subject.broker.instruments()
    must(bool(listed), "the broker lists no instrument")
    must(all(each.ticker and each.symbol and each.currency for each in listed), "a name is empty")


def _names(subject: ReadContext) -> None:
    listed = _listed(subject)
    for name in ("ticker", "symbol"):
        must(len({getattr(each, name) for each in listed}) == len(listed), f"a {name} is listed twice")


def _limits(subject: ReadContext) -> None:
    for each in _listed(subject):
        must(_exact(each.minimum, each.step) and each.step > 0, f"{each.symbol} has no exact step")
        must(each.minimum > 0, f"{each.symbol} has no minimum above zero")
        must(each.maximum is None or each.maximum >= each.minimum, f"{each.symbol} allows no quantity at all")


def _smallest(subject: ReadContext) -> None:
    for each in _listed(subject):
        wrong = check_quantity(each, each.minimum)
        must(wrong is None, f"the minimum of {each.symbol} is itself refused: {wrong}")


def _hours(subject: ReadContext) -> None:
    symbol = _listed(subject)[0].symbol
    must(isinstance(subject.broker.is_open(symbol, subject.now()), bool), "is_open says neither yes nor no")


def _nowhere(subject: ReadContext) -> None:
    must(not subject.broker.is_open("NO-SUCH-SYMBOL", subject.now()), "a symbol that does not exist is open")


def _mark(subject: ReadContext) -> None:
    mark = subject.broker.mark()
    declared = subject.broker.capabilities.marks
    if declared and mark is None:
        raise NotApplicable("this adapter may have a mark, and has none now")
    must(declared or mark is None, "there is a mark that is not declared: nobody would ask for it")
    must(mark != "", "the mark is empty")


def _positions(subject: ReadContext) -> None:
    held = subject.broker.positions()
    must(len({each.symbol for each in held}) == len(held), "a symbol is held twice")
    must(_exact(*(each.quantity for each in held)), "a quantity is no finite Decimal")


def _absent(subject: ReadContext) -> None:
    listed = _listed(subject)[0]
    never_sent = order(subject.new_id, listed.symbol, listed.minimum, subject.broker.mark())
    must(subject.broker.find(never_sent) is None, "an order that was never sent is found")
    must(subject.broker.find(never_sent) is None, "an order that was never sent is found on the second look")


def _threads(subject: ReadContext) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        said = list(threads.map(lambda _: subject.broker.account().currency, range(THREADS)))
    must(len(set(said)) == 1, "threads that ask at once are answered differently")


def _exact(*numbers: object) -> bool:
    return all(isinstance(number, Decimal) and number.is_finite() for number in numbers)


READS: Sequence[Case[ReadContext]] = (
    Case("CK-01", "a submit ends well before a lease does", _capabilities),
    Case("CK-02", "the account's cash is told exactly", _account),
    Case("CK-03", "instruments are listed with their names", _instruments),
    Case("CK-04", "each ticker and each symbol is listed once", _names),
    Case("CK-05", "minimum, maximum and step of each instrument leave something to trade", _limits),
    Case("CK-06", "the minimum of each instrument is a legal quantity", _smallest),
    Case("CK-07", "the broker says whether a market is open", _hours),
    Case("CK-08", "a market that does not exist is not open", _nowhere),
    Case("CK-09", "the mark is a text, and there is none that is not declared", _mark),
    Case("CK-10", "positions are net and exact", _positions),
    Case("CK-11", "an order that was never sent is not found", _absent),
    Case("CK-12", "several threads are served at once", _threads),
)
