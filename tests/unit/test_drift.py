"""What counts as a difference between ledger and broker, when it is drift, and what is said of its cause."""

from decimal import Decimal

import pytest

from shared.domain import EventId
from shared.ledger.drift import Agreement, Comparison, Known, Question, cause, compare, worst

NONE, TEN = Decimal(0), Decimal(10)
GOLD = "XAUUSD"


def compared(ledger: str, broker: str, known: Known | None = None) -> Comparison:
    (only,) = compare({GOLD: Decimal(ledger)}, {GOLD: Decimal(broker)}, [], known or {})
    return only


def test_equal_holdings_agree_however_they_are_written() -> None:
    agreeing = compared("10.00", "1E+1")
    assert (agreeing.state, agreeing.difference, agreeing.cause) == (Agreement.AGREES, Decimal(0), "")


def test_every_symbol_of_either_side_is_compared_by_name() -> None:
    found = compare({"B": TEN, "C": TEN}, {"A": TEN, "B": TEN}, [], {})
    assert [(each.symbol, each.ledger, each.broker) for each in found] == [
        ("A", NONE, TEN),
        ("B", TEN, TEN),
        ("C", TEN, NONE),
    ]
    assert worst(found) is Agreement.DIFFERS


def test_a_difference_is_drift_only_when_it_was_the_same_in_the_look_before() -> None:
    first = compared("10", "7")
    assert (first.state, first.difference) == (Agreement.DIFFERS, Decimal(-3))
    known = {(GOLD, Decimal("-3.0")): Agreement.DIFFERS}
    assert compared("10", "7", known).state is Agreement.DRIFT
    assert compared("10", "6", known).state is Agreement.DIFFERS
    assert compared("20", "17", {(GOLD, Decimal(-3)): Agreement.DRIFT}).state is Agreement.DRIFT


def test_differences_past_28_digits_are_seen() -> None:
    assert compared("10", "10.000000000000000000000000000000001").state is Agreement.DIFFERS


def test_the_worst_symbol_speaks_for_the_account() -> None:
    states = [Agreement.DIFFERS, Agreement.DRIFT, Agreement.AGREES]
    assert worst(Comparison(GOLD, TEN, TEN, state=state) for state in states) is Agreement.DRIFT
    assert worst([]) is Agreement.AGREES


@pytest.mark.parametrize(
    ("ledger", "broker", "words"),
    [
        (10, 0, "closed by hand at the broker, or stopped out"),
        (-10, 0, "closed by hand at the broker, or stopped out"),
        (10, 4, "closed in part by hand"),
        (-10, -4, "closed in part by hand"),
        (10, 15, "traded by hand, or by another system"),
        (0, 5, "traded by hand, or by another system"),
        (10, -10, "traded by hand, or by another system"),
    ],
)
def test_the_cause_is_guessed_from_the_two_quantities(ledger: int, broker: int, words: str) -> None:
    assert words in cause(GOLD, Decimal(ledger), Decimal(broker), [])


def test_a_parked_order_that_explains_the_difference_is_named() -> None:
    sold = Question(EventId(7), GOLD, -TEN)
    assert "Parked event 7" in cause(GOLD, TEN, Decimal(0), [sold])
    assert "--filled" in cause(GOLD, TEN, Decimal(0), [sold])
    assert "Perhaps parked event 7" in cause(GOLD, TEN, Decimal(3), [sold])
    assert "stopped out" in cause("EURUSD", TEN, Decimal(0), [sold])
