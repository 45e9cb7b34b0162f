"""A chosen ticker means the chosen symbol and nothing else, and no limit of the file ever loosens one of the broker."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts.instrument import Instrument, check_quantity
from shared.accounts.instrument_choices import InstrumentChoices, InstrumentFile, QuantityLimits, choose, tightened
from shared.domain import EXACT
from tests.support.factories import ALWAYS

GOLD = Instrument("XAUUSD", "XAU_USD", Decimal(1), Decimal(1000), Decimal("0.1"), "USD", hours=ALWAYS)
INDEX = Instrument("SPX500USD", "SPX500_USD", Decimal("0.1"), None, Decimal("0.1"), "USD", shortable=False)

steps = st.decimals("0.0001", "50", places=4)
quantities = st.decimals("0.0001", "5000", places=4)


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    return replace(
        GOLD, minimum=draw(quantities), maximum=draw(st.none() | quantities), step=draw(steps)
    )  # also a broker's list may make no sense


limits = st.builds(QuantityLimits, st.none() | quantities, st.none() | quantities, st.none() | steps)


@given(instruments(), limits, st.integers(1, 100_000), quantities)
def test_what_is_allowed_within_the_limits_was_allowed_before_and_is_within_them(
    instrument: Instrument, chosen: QuantityLimits, count: int, odd: Decimal
) -> None:
    within = tightened(instrument, chosen)
    for quantity in (EXACT.multiply(within.step, Decimal(count)), within.minimum, odd):
        if check_quantity(within, quantity) is None:
            assert check_quantity(instrument, quantity) is None
            assert chosen.minimum is None or quantity >= chosen.minimum
            assert chosen.maximum is None or quantity <= chosen.maximum
            assert chosen.step is None or EXACT.remainder(quantity, chosen.step) == 0


@given(instruments(), limits, quantities, st.integers(1, 10**9))
def test_nothing_is_refused_that_both_sides_allow(
    instrument: Instrument, chosen: QuantityLimits, quantity: Decimal, count: int
) -> None:
    alone = Instrument("T", "S", chosen.minimum or Decimal(0), chosen.maximum, chosen.step or Decimal("0.0001"), "USD")
    steps_of_both = EXACT.multiply(EXACT.multiply(instrument.step, alone.step), Decimal(count))
    for each in (quantity, steps_of_both):
        if check_quantity(instrument, each) is None and check_quantity(alone, each) is None:
            assert check_quantity(tightened(instrument, chosen), each) is None


@given(st.lists(instruments(), max_size=1), st.dictionaries(st.sampled_from(["XAUUSD", "GOLD"]), limits))
def test_choosing_again_changes_nothing(listed: list[Instrument], chosen: dict[str, QuantityLimits]) -> None:
    choices = InstrumentChoices({"GOLD": "XAU_USD", "XAGUSD": "XAG_USD"}, chosen)
    once = choose(listed, choices)
    assert choose(once.instruments, choices) == once


@given(st.lists(instruments(), max_size=1))
def test_without_a_choice_the_list_is_the_brokers(listed: list[Instrument]) -> None:
    chosen = choose(listed, InstrumentChoices())
    assert (list(chosen.instruments), list(chosen.warnings)) == (listed, [])


@pytest.mark.parametrize(
    ("broker", "file", "both"), [("0.1", "0.5", "0.5"), ("0.5", "0.1", "0.5"), ("0.2", "0.3", "0.6"), ("1", "1.0", "1")]
)
def test_the_step_is_one_that_satisfies_both(broker: str, file: str, both: str) -> None:
    instrument = replace(GOLD, step=Decimal(broker))
    assert str(tightened(instrument, QuantityLimits(step=Decimal(file))).step) == both


def test_a_chosen_ticker_is_the_brokers_instrument_under_another_name() -> None:
    chosen = choose([GOLD, INDEX], InstrumentChoices({"US500": "SPX500_USD"}))
    assert list(chosen.instruments) == [GOLD, INDEX, replace(INDEX, ticker="US500")]


def test_a_chosen_ticker_takes_the_place_of_the_brokers_own() -> None:
    chosen = choose([GOLD, INDEX], InstrumentChoices({"XAUUSD": "SPX500_USD"}))
    assert list(chosen.instruments) == [INDEX, replace(INDEX, ticker="XAUUSD")]


def test_a_symbol_that_is_not_listed_leaves_its_ticker_out_and_is_told() -> None:
    chosen = choose([GOLD], InstrumentChoices({"XAUUSD": "GC"}))
    assert list(chosen.instruments) == []
    assert list(chosen.warnings) == ["XAUUSD is to be GC, which the broker does not list"]


def test_limits_of_one_ticker_hold_for_its_symbol_under_every_name() -> None:
    chosen = choose([INDEX], InstrumentChoices({"US500": "SPX500_USD"}, {"US500": QuantityLimits(maximum=Decimal(3))}))
    assert {each.ticker: each.maximum for each in chosen.instruments} == {"SPX500USD": 3, "US500": 3}


def test_limits_of_two_tickers_of_one_symbol_hold_both() -> None:
    both = {
        "US500": QuantityLimits(maximum=Decimal(3)),
        "SPX500USD": QuantityLimits(maximum=Decimal(2), minimum=Decimal(1)),
    }
    chosen = choose([INDEX], InstrumentChoices({"US500": "SPX500_USD"}, both))
    assert {(each.minimum, each.maximum) for each in chosen.instruments} == {(Decimal(1), Decimal(2))}


def test_limits_for_what_cannot_be_traded_are_told() -> None:
    assert list(choose([GOLD], InstrumentChoices(limits={"XAGUSD": QuantityLimits(Decimal(1))})).warnings) == [
        "there are limits for XAGUSD, which the account cannot trade"
    ]


@pytest.mark.parametrize(
    "limits",
    [QuantityLimits(maximum=Decimal("0.9")), QuantityLimits(minimum=Decimal(1001)), QuantityLimits(step=Decimal(1001))],
)
def test_limits_that_leave_no_quantity_are_told(limits: QuantityLimits) -> None:
    assert list(choose([GOLD], InstrumentChoices(limits={"XAUUSD": limits})).warnings) == [
        "the limits for XAUUSD leave no quantity"
    ]


def test_an_account_goes_before_its_kind_of_broker_and_another_kind_does_not_matter() -> None:
    own = InstrumentChoices({"BTCUSD": "BTCUSDC"}, {"BTCUSD": QuantityLimits(maximum=Decimal(1))})
    file = InstrumentFile({"binance": {"BTCUSD": "BTCUSDT", "ETHUSD": "ETHUSDT"}}, {"alice": own})
    assert file.of("alice", "binance") == InstrumentChoices({"BTCUSD": "BTCUSDC", "ETHUSD": "ETHUSDT"}, own.limits)
    assert file.of("bob", "binance") == InstrumentChoices({"BTCUSD": "BTCUSDT", "ETHUSD": "ETHUSDT"})
    assert file.of("bob", "oanda") == InstrumentChoices()
