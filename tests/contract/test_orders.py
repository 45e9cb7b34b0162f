"""BC-001 to BC-019: orders are filled, reported and netted as the contract says."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from shared.domain import Direction, OrderState
from tests.contract.bench import SETUPS, VARIANTS, Bench, closing, listed, order
from workers.brokers.base import Broker, Fill, OrderReport

Staged = Callable[..., Broker]


def held(broker: Broker) -> dict[str, Decimal]:
    return {position.symbol: position.quantity for position in broker.positions() if position.quantity}


def filled_by(fills: tuple[Fill, ...]) -> Decimal:
    return sum((fill.quantity for fill in fills), Decimal(0))


def needs_shorts(bench: Bench, broker: Broker, side: Direction = Direction.SELL) -> None:
    """Skips a case that sells to open where the instrument says that this cannot be."""
    if side is Direction.SELL and not listed(bench, broker).shortable:
        pytest.skip(f"{bench.symbol} is declared as not shortable")


def needs_opposite_sides(bench: Bench, broker: Broker) -> None:
    """Skips a case that opens short what is held long where the broker is declared to refuse that."""
    needs_shorts(bench, broker)
    broker.account()  # until it was asked, a broker that may hedge or net is declared with care
    if not broker.capabilities.opposite_sides:
        pytest.skip("opposite_sides is not declared")


@pytest.mark.parametrize("side", Direction)
def test_bc_001_an_open_order_is_filled_and_held(bench: Bench, broker: Broker, side: Direction) -> None:
    needs_shorts(bench, broker, side)
    report = broker.submit(order(bench, side=side))
    assert report.state is OrderState.FILLED
    assert held(broker) == {bench.symbol: bench.quantity if side is Direction.BUY else -bench.quantity}


@pytest.mark.parametrize("side", Direction)
def test_bc_002_a_close_order_leaves_the_account_flat(bench: Bench, broker: Broker, side: Direction) -> None:
    needs_shorts(bench, broker, side)
    opening = order(bench, side=side)
    closed = broker.submit(closing(bench, broker, opening, broker.submit(opening)))
    assert closed.state is OrderState.FILLED
    assert held(broker) == {}


def test_bc_003_a_report_is_about_the_order_that_was_sent(bench: Bench, broker: Broker) -> None:
    sent = order(bench)
    report = broker.submit(sent)
    assert report.client_order_id == sent.client_order_id
    assert report.broker_order_id
    assert report.error is None


def test_bc_004_the_fills_of_a_report_add_up(bench: Bench, broker: Broker) -> None:
    report = broker.submit(order(bench))
    assert filled_by(report.fills) == report.filled_quantity == bench.quantity
    worth = sum((fill.quantity * fill.price for fill in report.fills), Decimal(0))
    assert report.average_price == worth / report.filled_quantity


def test_bc_005_every_number_of_a_report_is_a_decimal(bench: Bench, broker: Broker) -> None:
    report = broker.submit(order(bench))
    numbers = [report.filled_quantity, report.average_price, *(fill.price for fill in report.fills)]
    assert {type(number) for number in numbers} == {Decimal}
    assert {type(position.quantity) for position in broker.positions()} == {Decimal}


def test_bc_006_fill_ids_are_unique_and_fill_times_know_their_zone(bench: Bench, broker: Broker) -> None:
    sent = [order(bench, strategy_id=f"strategy-{number}") for number in range(3)]
    fills = [fill for each in sent for fill in broker.submit(each).fills]
    assert len({fill.fill_id for fill in fills}) == len(fills)
    assert all(fill.at.tzinfo is not None for fill in fills)


def test_bc_007_two_strategies_on_one_symbol_net(bench: Bench, broker: Broker) -> None:
    if not broker.capabilities.nets_positions:
        pytest.skip("nets_positions is not declared")
    needs_opposite_sides(bench, broker)
    first = order(bench, strategy_id="strategy-a")
    report = broker.submit(first)
    broker.submit(order(bench, side=Direction.SELL, strategy_id="strategy-b", quantity=bench.quantity * 3))
    assert held(broker) == {bench.symbol: -2 * bench.quantity}
    broker.submit(closing(bench, broker, first, report))
    assert held(broker) == {bench.symbol: -3 * bench.quantity}


def test_bc_008_positions_are_the_sum_of_fills(bench: Bench, broker: Broker) -> None:
    needs_opposite_sides(bench, broker)
    total = Decimal(0)
    for number in range(1, 6):
        side = Direction.BUY if number % 2 else Direction.SELL
        strategy = f"strategy-{number}"
        report = broker.submit(order(bench, side=side, quantity=bench.quantity * number, strategy_id=strategy))
        total += filled_by(report.fills) * (1 if side is Direction.BUY else -1)
    assert held(broker) == {bench.symbol: total}


def test_bc_009_a_partial_fill_is_final_and_only_the_filled_part_is_held(bench: Bench, staged: Staged) -> None:
    broker = staged("partial:0.3")
    sent = order(bench)
    report = broker.submit(sent)
    assert report.state is OrderState.PARTIALLY_FILLED
    assert Decimal(0) < report.filled_quantity < sent.quantity
    assert filled_by(report.fills) == report.filled_quantity == held(broker)[bench.symbol]


def test_bc_010_a_cancelled_order_has_filled_nothing(bench: Bench, staged: Staged) -> None:
    broker = staged("cancelled")
    report = broker.submit(order(bench))
    assert (report.state, report.filled_quantity, report.fills) == (OrderState.CANCELLED, Decimal(0), ())
    assert held(broker) == {}


def test_bc_011_a_working_order_holds_nothing_until_a_look_up_finds_it_filled(bench: Bench, staged: Staged) -> None:
    broker = staged("accepted")
    sent = order(bench, mark=broker.mark())
    report = broker.submit(sent)
    assert (report.state, report.filled_quantity) == (OrderState.ACCEPTED, Decimal(0))
    assert held(broker) == {}
    found = broker.find(sent)
    assert found is not None
    assert (found.state, found.broker_order_id) == (OrderState.FILLED, report.broker_order_id)
    assert held(broker) == {bench.symbol: bench.quantity}


def test_bc_012_money_and_instruments_are_told_in_decimals(bench: Bench, broker: Broker) -> None:
    account, instruments = broker.account(), {each.symbol: each for each in broker.instruments()}
    assert type(account.balance) is Decimal
    assert type(account.available) is Decimal
    for symbol in (bench.symbol, bench.other_symbol):
        listed = instruments[symbol]
        assert 0 < listed.step <= listed.minimum < (listed.maximum or Decimal("inf"))


def test_bc_013_an_order_binds_margin_and_its_close_frees_it(bench: Bench, broker: Broker) -> None:
    before = broker.account().available
    sent = order(bench)
    report = broker.submit(sent)
    assert broker.account().available < before
    broker.submit(closing(bench, broker, sent, report))
    freed = broker.account()
    assert freed.available == freed.balance


@pytest.mark.parametrize("bench", [*SETUPS, *VARIANTS], indirect=True)
@pytest.mark.parametrize("situation", ["working", "open", "closed again"])
def test_bc_014_a_repeated_client_order_id_is_executed_again_only_where_declared(
    bench: Bench, staged: Staged, situation: str
) -> None:
    broker = staged("accepted" if situation == "working" else "ok")
    known = {"lifetime": 3, "while_open": 2, "while_pending": 1, "none": 0}[broker.capabilities.dedupe]
    sent = order(bench)
    first = broker.submit(sent)
    if situation == "closed again":
        broker.submit(closing(bench, broker, sent, first))
    again = broker.submit(sent)
    expected_known = ["working", "open", "closed again"].index(situation) < known
    assert (again.broker_order_id == first.broker_order_id) is expected_known
    assert held(broker) == _expected(bench, situation, expected_known)


def _expected(bench: Bench, situation: str, known: bool) -> dict[str, Decimal]:
    executed = (situation == "open") + (not known)
    return {bench.symbol: bench.quantity * executed} if executed else {}


def test_bc_015_the_mark_moves_with_every_accepted_order(bench: Bench, broker: Broker) -> None:
    before = broker.mark()
    if before is None:
        pytest.skip("this adapter looks orders up without a mark")
    assert broker.capabilities.marks, "nobody would ask for it"
    broker.submit(order(bench))
    after = broker.mark()
    assert after not in {before, None}
    assert broker.mark() == after


def test_bc_016_the_order_is_not_changed_by_what_it_says_of_the_strategy(bench: Bench, broker: Broker) -> None:
    long_names = order(bench, strategy_id="s" * 500, proquant_position_id="ünïcode ✓", mark=broker.mark())
    assert broker.submit(long_names).state is OrderState.FILLED
    assert broker.find(long_names) is not None


def test_bc_017_fractions_stay_exact(bench: Bench, broker: Broker) -> None:
    step = {each.symbol: each.step for each in broker.instruments()}[bench.symbol]
    quantity = bench.quantity + step
    sent = [order(bench, quantity=quantity, strategy_id=f"strategy-{number}") for number in range(3)]
    reports: list[OrderReport] = [broker.submit(each) for each in sent]
    assert [report.filled_quantity for report in reports] == [quantity] * 3
    assert held(broker) == {bench.symbol: quantity * 3}
