"""What a strategy does next, and what it holds afterwards in ProQuant's own simulation. Pure."""

from dataclasses import replace
from random import Random

from shared.domain import Direction, EventType, SignalEvent
from tools.simulator.model import SimulatedPosition, SimulatedStrategy, Ticket


def signal(
    strategy: SimulatedStrategy, type_: EventType, ticket: Ticket, position_id: str, timestamp_ms: int
) -> tuple[SimulatedStrategy, SignalEvent]:
    """The strategy after the signal, and the signal.

    SIGNAL_CLOSE names the position that is held, and `ticket` only where none is. SIGNAL_REOPEN turns what is held
    round. A new position has the id `position_id`. ProQuant's simulation goes on whatever a receiver answers; so a
    strategy may open twice here, since only that shows how a receiver takes it.
    """
    held = strategy.held
    match type_:
        case EventType.SIGNAL_CLOSE:
            named, after = held or SimulatedPosition(position_id, ticket), None
        case EventType.SIGNAL_REOPEN:
            turned = replace(ticket, direction=held.ticket.direction.opposite) if held else ticket
            named = after = SimulatedPosition(position_id, turned)
        case EventType.SIGNAL_OPEN:
            named = after = SimulatedPosition(position_id, ticket)
        case _:
            raise ValueError(f"{type_} is no signal")
    return replace(strategy, held=after), _event(strategy, type_, named, timestamp_ms)


def next_type(strategy: SimulatedStrategy, dice: Random) -> tuple[EventType, Ticket]:
    """What the strategy does when its time has come: opens either way, or closes or reopens what it holds."""
    if strategy.held is None:
        return EventType.SIGNAL_OPEN, replace(strategy.usual, direction=dice.choice(list(Direction)))
    return dice.choice([EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN]), strategy.held.ticket


def _event(strategy: SimulatedStrategy, type_: EventType, named: SimulatedPosition, timestamp_ms: int) -> SignalEvent:
    return SignalEvent(
        type=type_,
        timestamp_ms=timestamp_ms,
        strategy_id=strategy.id,
        strategy_name=strategy.name,
        proquant_position_id=named.position_id,
        direction=named.ticket.direction,
        ticker=named.ticket.ticker,
        quantity=named.ticket.quantity,
    )
