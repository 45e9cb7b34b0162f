"""All that a decision about one event needs to know, loaded in one transaction. Values only: no I/O."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.accounts.instrument import Instrument
from shared.accounts.orphan_policy import OrphanEvent
from shared.domain import (
    AccountId,
    BrokerOrderId,
    ClientOrderId,
    Direction,
    ErrorType,
    EventId,
    EventState,
    EventType,
    Leg,
    OrderId,
    OrderState,
)

Moment = tuple[int, int]
"""When an event happened within its strategy: (ProQuant's timestamp in ms, arrival sequence). Greater is later."""


@dataclass(frozen=True, slots=True)
class Task:
    """The event to be executed. `type` is None for one that this build does not know; signals have the last four."""

    id: EventId
    type: EventType | OrphanEvent | None
    state: EventState
    moment: Moment
    received_at: datetime
    key: str
    strategy_id: str
    proquant_position_id: str
    direction: Direction | None
    ticker: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """The position that the strategy holds.

    `signalled`: the quantity of the signal that it stands for, as ProQuant sent it; what is held may be less, or more.
    `opened`: what its opening order has filled; less is held when a part was closed.
    `as_of`: the moment of the event that opened it, or of the last REOPEN that asked for the very same.
    """

    id: int
    proquant_position_id: str
    ticker: str
    symbol: str
    direction: Direction
    quantity: Decimal
    signalled: Decimal
    opened: Decimal
    as_of: Moment
    opened_by: EventId
    open_client_order_id: ClientOrderId
    open_broker_order_id: BrokerOrderId | None
    trade_id: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order of the event as the ledger has it. Quantities in units of the instrument."""

    id: OrderId
    leg: Leg
    generation: int
    client_order_id: ClientOrderId
    symbol: str
    side: Direction
    quantity: Decimal
    filled: Decimal
    state: OrderState
    attempts: int
    lookups: int
    absences: int
    in_flight_until: datetime | None
    mark: str | None
    error: ErrorType | None


@dataclass(frozen=True, slots=True)
class Situation:
    """What a decision about one event is made from, read while its strategy is leased.

    `approved`: the user's approval covers this event; `ended`: the integration is rejected or deleted by now.
    `superseded`: a later event of the strategy has already closed or flipped what this one would open.
    `names_closed`: the event names a position that is known to be closed.
    `something_parked`: another event of the strategy waits for a person.
    """

    task: Task
    account: str
    account_id: AccountId
    multiplier: Decimal
    approved: bool
    ended: bool
    paused: bool
    enabled: bool
    held: HeldPosition | None
    orders: tuple[Order, ...]
    superseded: bool
    names_closed: bool
    something_parked: bool
    instrument: Instrument | None
    held_instrument: Instrument | None

    def last(self, leg: Leg) -> Order | None:
        """The newest order of a leg."""
        return max(
            (order for order in self.orders if order.leg is leg),
            key=lambda o: o.generation,
            default=None,
        )
