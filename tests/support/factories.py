"""Makes the values that decisions are made from: each with defaults, each field to be named by the test that cares."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.accounts.instrument import Instrument, TradingHours
from shared.domain import (
    AccountId,
    BrokerOrderId,
    ClientOrderId,
    Direction,
    EventId,
    EventState,
    EventType,
    Leg,
    OrderId,
    OrderState,
)
from shared.ledger.reports import OrderReport
from shared.situation.model import HeldPosition, Order, Situation, Task
from workers.decision.open_checks import Limits

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
LIMITS = Limits(open_max_age=300, reorder_grace=2, settle=5)
ALWAYS = TradingHours(((0, 10080),))
NEVER = TradingHours(())
GOLD = Instrument("XAUUSD", "XAU_USD", Decimal(1), Decimal(1000), Decimal("0.1"), "USD", hours=ALWAYS)


def task(type_: EventType | None = EventType.SIGNAL_OPEN, **values: object) -> Task:
    """An event that came just now: ten units of gold, to be bought, for the position p1."""
    made = Task(
        id=EventId(1),
        type=type_,
        state=EventState.EXECUTING,
        moment=(NOW_MS, 2),
        received_at=NOW,
        key="key",
        strategy_id="s1",
        proquant_position_id="p1",
        direction=Direction.BUY,
        ticker="XAUUSD",
        quantity=Decimal(10),
    )
    return replace(made, **values)  # type: ignore[arg-type]  # a test names fields that exist


def held(**values: object) -> HeldPosition:
    """Seven units of gold, bought a minute ago for the position p0."""
    made = HeldPosition(
        id=5,
        proquant_position_id="p0",
        ticker="XAUUSD",
        symbol="XAU_USD",
        direction=Direction.BUY,
        quantity=Decimal(7),
        signalled=Decimal(7),
        opened=Decimal(7),
        as_of=(NOW_MS - 60_000, 1),
        opened_by=EventId(9),
        open_client_order_id=ClientOrderId("pq-opened"),
        open_broker_order_id=BrokerOrderId("b-1"),
        trade_id=None,
    )
    return replace(made, **values)  # type: ignore[arg-type]  # a test names fields that exist


def order(leg: Leg = Leg.OPEN, state: OrderState = OrderState.SUBMITTING, **values: object) -> Order:
    """An order whose one send could still reach the broker for fifteen seconds."""
    made = Order(
        id=OrderId(3),
        leg=leg,
        generation=0,
        client_order_id=ClientOrderId("pq-1"),
        symbol="XAU_USD",
        side=Direction.BUY if leg is Leg.OPEN else Direction.SELL,
        quantity=Decimal(10) if leg is Leg.OPEN else Decimal(7),
        filled=Decimal(0),
        state=state,
        attempts=1,
        lookups=0,
        absences=0,
        in_flight_until=NOW + timedelta(seconds=15),
        mark=None,
        error=None,
    )
    return replace(made, **values)  # type: ignore[arg-type]  # a test names fields that exist


def situation(type_: EventType | None = EventType.SIGNAL_OPEN, **values: object) -> Situation:
    """Nothing held, nothing ordered, and nothing in the way."""
    made = Situation(
        task=task(type_),
        account="alice",
        account_id=AccountId(1),
        multiplier=Decimal(1),
        approved=True,
        ended=False,
        paused=False,
        enabled=True,
        held=None,
        orders=(),
        superseded=False,
        names_closed=False,
        something_parked=False,
        instrument=GOLD,
        held_instrument=GOLD,
    )
    return replace(made, **values)  # type: ignore[arg-type]  # a test names fields that exist


def report(of: Order, state: OrderState = OrderState.FILLED, **values: object) -> OrderReport:
    """What a broker says of this order: all of it is filled."""
    filled = of.quantity if state is OrderState.FILLED else Decimal(0)
    made = OrderReport(of.client_order_id, BrokerOrderId("b-2"), state, filled, Decimal(2000))
    return replace(made, **values)  # type: ignore[arg-type]  # a test names fields that exist
