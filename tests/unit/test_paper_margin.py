"""The paper broker's arithmetic: netting, profit and loss, and what margin allows."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from workers.brokers.paper.margin import Holding, Quote, affordable, equity, required_margin, trade

PRICES = st.decimals("0.01", "100000", places=2)
QUANTITIES = st.decimals("-1000", "1000", places=2)
CHANGES = QUANTITIES.filter(bool)
TRADES = st.lists(st.tuples(CHANGES, PRICES), max_size=12)
QUOTES = st.builds(
    Quote, PRICES, st.decimals("0.005", "200", places=3), st.sampled_from([Decimal("0.05"), Decimal("0.5")])
)
CASH = st.decimals("-1000", "1000000", places=2)


def after(trades: list[tuple[Decimal, Decimal]]) -> tuple[Holding, Decimal]:
    holding, realised = Holding(), Decimal(0)
    for change, price in trades:
        holding, profit = trade(holding, change, price)
        realised += profit
    return holding, realised


@given(TRADES)
def test_the_net_position_is_the_sum_of_the_trades(trades: list[tuple[Decimal, Decimal]]) -> None:
    assert after(trades)[0].quantity == sum((change for change, _ in trades), Decimal(0))


@given(TRADES, PRICES)
def test_realised_and_unrealised_profit_are_what_the_money_paid_says(
    trades: list[tuple[Decimal, Decimal]], now: Decimal
) -> None:
    holding, realised = after(trades)
    unrealised = holding.quantity * (now - holding.average_price)
    paid = sum((change * price for change, price in trades), Decimal(0))
    assert abs(realised + unrealised - (holding.quantity * now - paid)) < Decimal("0.001")


@given(TRADES, CHANGES, QUOTES, CASH)
def test_trading_at_the_market_leaves_equity_as_it_was(
    trades: list[tuple[Decimal, Decimal]], change: Decimal, quote: Quote, cash: Decimal
) -> None:
    before, _ = after(trades)
    later, profit = trade(before, change, quote.price)
    was = equity(cash, {"X": before}, {"X": quote})
    now = equity(cash + profit * quote.rate, {"X": later}, {"X": quote})
    assert abs(now - was) < Decimal("0.001")


@given(st.builds(Holding, CHANGES, PRICES), st.decimals("0", "1", places=3), QUOTES, CASH)
def test_what_reduces_exposure_is_always_affordable(held: Holding, part: Decimal, quote: Quote, cash: Decimal) -> None:
    assert affordable(cash, {"X": held}, {"X": quote}, "X", -held.quantity * part)


@given(st.builds(Holding, QUANTITIES, PRICES), CHANGES, QUOTES, CASH)
def test_what_adds_exposure_is_affordable_exactly_if_its_margin_fits_into_equity(
    held: Holding, change: Decimal, quote: Quote, cash: Decimal
) -> None:
    assume(abs(held.quantity + change) > abs(held.quantity))
    exposure = abs(held.quantity + change) * quote.price * quote.rate * quote.margin
    fits = exposure <= equity(cash, {"X": held}, {"X": quote})
    assert affordable(cash, {"X": held}, {"X": quote}, "X", change) is fits


@given(st.dictionaries(st.sampled_from("ABC"), st.builds(Holding, QUANTITIES, PRICES)), QUOTES)
def test_margin_is_the_same_for_long_and_short(holdings: dict[str, Holding], quote: Quote) -> None:
    quotes = dict.fromkeys("ABC", quote)
    mirrored = {symbol: Holding(-held.quantity, held.average_price) for symbol, held in holdings.items()}
    assert required_margin(holdings, quotes) == required_margin(mirrored, quotes) >= 0


@pytest.mark.parametrize(
    ("change", "quantity", "average", "realised"),
    [("10", "20", "150", "0"), ("-4", "6", "100", "400"), ("-10", "0", "0", "1000"), ("-15", "-5", "200", "1000")],
)
def test_adding_averages_and_reducing_realises(change: str, quantity: str, average: str, realised: str) -> None:
    later, profit = trade(Holding(Decimal(10), Decimal(100)), Decimal(change), Decimal(200))
    assert (later, profit) == (Holding(Decimal(quantity), Decimal(average)), Decimal(realised))


def test_other_positions_bind_their_margin_too() -> None:
    quotes = {
        "A": Quote(Decimal(100), Decimal(1), Decimal("0.05")),
        "B": Quote(Decimal(50), Decimal(2), Decimal("0.5")),
    }
    holdings = {"A": Holding(Decimal(100), Decimal(100))}
    assert affordable(Decimal(1000), holdings, quotes, "B", Decimal(10))
    assert not affordable(Decimal(1000), holdings, quotes, "B", Decimal(11))
