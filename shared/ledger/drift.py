"""Where the ledger and the broker hold different quantities, and why that may be. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain import EXACT, EventId

NOTHING = Decimal(0)


class Agreement(StrEnum):
    """How the ledger and the broker compare, in one symbol or in all that an account holds; the last is the worst."""

    AGREES = "agrees"
    DIFFERS = "differs"  # seen once: a moment's difference is no drift
    DRIFT = "drift"  # the same difference in two looks in a row; a person is told


@dataclass(frozen=True, slots=True)
class Question:
    """What the unsettled order of a parked event may have done: `quantity` is signed, negative where it sells."""

    event: EventId
    symbol: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Comparison:
    """One symbol of an account: net quantities in units, negative is short. `cause` is a guess, for a person."""

    symbol: str
    ledger: Decimal
    broker: Decimal
    cause: str = ""
    state: Agreement = Agreement.AGREES

    @property
    def difference(self) -> Decimal:
        """What the broker holds beyond the ledger."""
        return EXACT.subtract(self.broker, self.ledger).normalize(EXACT)


Known = Mapping[tuple[str, Decimal], Agreement]
"""What the look before this one said of a difference in a symbol."""


def compare(
    ledger: Mapping[str, Decimal], broker: Mapping[str, Decimal], questions: Sequence[Question], known: Known
) -> tuple[Comparison, ...]:
    """Every symbol that either holds, by name. The same difference as in the look before is drift."""
    return tuple(
        _compared(symbol, ledger.get(symbol, NOTHING), broker.get(symbol, NOTHING), questions, known)
        for symbol in sorted(ledger.keys() | broker.keys())
    )


def worst(comparisons: Iterable[Comparison]) -> Agreement:
    """What is to be said of the account as a whole."""
    states = {comparison.state for comparison in comparisons}
    return next((state for state in reversed(Agreement) if state in states), Agreement.AGREES)


def cause(symbol: str, ledger: Decimal, broker: Decimal, questions: Sequence[Question]) -> str:
    """What has most likely made the difference, and what to do about it."""
    asked = [question for question in questions if question.symbol == symbol]
    whole = [question for question in asked if question.quantity == EXACT.subtract(broker, ledger)]
    if whole:
        return f"Parked event {whole[0].event}: its order was most likely executed; resolve it with --filled."
    if asked:
        return f"Perhaps parked event {asked[0].event}: nobody knows what became of its order; resolve it first."
    if ledger != 0 and broker == 0:
        return "The ledger holds it, the broker does not: closed by hand at the broker, or stopped out."
    if ledger * broker > 0 and abs(broker) < abs(ledger):
        return "The broker holds less than the ledger: closed in part by hand at the broker, or stopped out."
    return "The broker holds what the ledger does not: traded by hand, or by another system on the same account."


def _compared(symbol: str, ledger: Decimal, broker: Decimal, questions: Sequence[Question], known: Known) -> Comparison:
    agreeing = Comparison(symbol, ledger, broker)
    if agreeing.difference == 0:
        return agreeing
    before = known.get((symbol, agreeing.difference), Agreement.AGREES)
    state = Agreement.DIFFERS if before is Agreement.AGREES else Agreement.DRIFT
    return Comparison(symbol, ledger, broker, cause(symbol, ledger, broker, questions), state)
