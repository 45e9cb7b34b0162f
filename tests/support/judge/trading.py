"""The invariants about what the broker did: I3, I4, I5, I6 and I8."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby, pairwise

from tests.support.judge.answers import Wrong
from tests.support.judge.facts import FINISHED, EventFact, Facts, OrderFact
from tests.support.judge.model import Trade, replay
from tests.support.judge.observed import Accepted, Books, BrokerCall

DRIFT = ("gone_at_broker", "parked")
SIGN = {"BUY": 1, "SELL": -1}


def judge(facts: Facts, books: Books, accounts: Sequence[str], calls: Sequence[BrokerCall]) -> list[Wrong]:
    """What is wrong between the broker's books and our tables."""
    orders = {order.client_order_id: order for order in facts.orders}
    events = {event.id: event for event in facts.events}
    wrong: list[Wrong] = []
    for account in accounts:
        accepted = books.accepted(account)
        wrong += _once(accepted, orders)
        wrong += _in_order(accepted, orders, events)
        wrong += _close_before_open(accepted, orders, events)
        wrong += _as_reported(accepted, orders)
        wrong += _net(account, accepted, books.net(account), facts)
        wrong += _stories(account, accepted, orders, facts)
    return wrong + _rows(facts) + _looked_up(calls)


def _once(accepted: Sequence[Accepted], orders: Mapping[str, OrderFact]) -> Iterable[Wrong]:
    """I3: an order is accepted once, under an intent of ours; a leg has one, or a close one for each rest."""
    seen: set[str] = set()
    legs: dict[tuple[int, str], list[Accepted]] = {}
    for order in accepted:
        if order.client_order_id in seen:
            yield Wrong("I3", order.client_order_id, f"{order.leg} {order.quantity} was accepted again")
        seen.add(order.client_order_id)
        ours = orders.get(order.client_order_id)
        if ours is None:
            yield Wrong("I3", order.client_order_id, "the broker has an order that we have not written down")
        else:
            legs.setdefault((ours.event, ours.leg), []).append(order)
    for (event, leg), members in legs.items():
        whole = any(order.filled_quantity == order.quantity for order in members[:-1])
        if len(members) > 1 and (leg == "open" or whole):
            yield Wrong("I3", f"{leg} leg of event {event}", f"{len(members)} accepted orders")


def _in_order(
    accepted: Sequence[Accepted], orders: Mapping[str, OrderFact], events: Mapping[int, EventFact]
) -> Iterable[Wrong]:
    """I4: by ProQuant's timestamp, then by arrival. An order that never filled anything has no place in it."""
    ours = [(order, orders.get(order.client_order_id)) for order in accepted if order.filled_quantity > 0]
    known = [(order, events[row.event]) for order, row in ours if row is not None]
    for _, group in groupby(sorted(known, key=lambda pair: pair[1].strategy), key=lambda pair: pair[1].strategy):
        for (_, before), (order, after) in pairwise(group):
            if after.moment < before.moment:
                yield Wrong("I4", str(after), f"its {order.leg} was accepted after that of the later {before}")


def _close_before_open(
    accepted: Sequence[Accepted], orders: Mapping[str, OrderFact], events: Mapping[int, EventFact]
) -> Iterable[Wrong]:
    """I5: when a REOPEN opens, its own closes are final, and nothing is left of what they closed."""
    by_event: dict[int, list[Accepted]] = {}
    for order in accepted:
        ours = orders.get(order.client_order_id)
        if ours is None or events[ours.event].type != "SIGNAL_REOPEN":
            continue
        earlier = by_event.setdefault(ours.event, [])
        if order.leg == "open" and any(close.finished_at is None for close in earlier):
            yield Wrong("I5", str(events[ours.event]), "opened before its close was final")
        if order.leg == "open" and any(c.finished_at and c.finished_at > order.accepted_at for c in earlier):
            yield Wrong("I5", str(events[ours.event]), "opened before its close was final")
        if order.leg == "close" and any(other.leg == "open" for other in earlier):
            yield Wrong("I5", str(events[ours.event]), "closed after it had opened")
        earlier.append(order)


def _as_reported(accepted: Sequence[Accepted], orders: Mapping[str, OrderFact]) -> Iterable[Wrong]:
    """I6: our row of an order says what the broker's does."""
    for order in accepted:
        ours = orders.get(order.client_order_id)
        if ours is None:
            continue
        here = (ours.symbol, ours.side, ours.quantity, ours.leg, ours.filled, ours.state)
        there = (order.symbol, order.side, order.quantity, order.leg, order.filled_quantity, order.state)
        if here != there and ours.state in {"filled", "partially_filled", "cancelled", "rejected", "planned"}:
            yield Wrong("I6", order.client_order_id, f"we say {here}, the broker {there}")


def _net(account: str, accepted: Sequence[Accepted], net: Mapping[str, Decimal], facts: Facts) -> Iterable[Wrong]:
    """I6: what all strategies hold together is the broker's net position, or somebody was told why not."""
    traded: dict[str, Decimal] = {}
    for order in accepted:
        traded[order.symbol] = traded.get(order.symbol, Decimal(0)) + SIGN[order.side] * order.filled_quantity
    if {symbol: quantity for symbol, quantity in traded.items() if quantity} != dict(net):
        yield Wrong("I6", account, f"the broker's orders add up to {traded}, its positions are {dict(net)}")
    held: dict[str, Decimal] = {}
    for position in facts.positions:
        if position.account == account and position.state == "open":
            signed = SIGN[position.direction] * position.quantity
            held[position.symbol] = held.get(position.symbol, Decimal(0)) + signed
    held = {symbol: quantity for symbol, quantity in held.items() if quantity}
    told = any(facts.alerted(event.id, *DRIFT) for event in facts.events if event.account == account)
    if held != dict(net) and not told:
        yield Wrong("I6", account, f"the ledger holds {held}, the broker {dict(net)}")


def _stories(
    account: str, accepted: Sequence[Accepted], orders: Mapping[str, OrderFact], facts: Facts
) -> Iterable[Wrong]:
    """I6: each event's outcome, and what is held in the end, follow from the broker's fills (see `model`)."""
    trades: dict[int, list[Trade]] = {}
    for order in accepted:
        ours = orders.get(order.client_order_id)
        if ours is not None:
            trades.setdefault(ours.event, []).append(Trade(order.leg, order.side, order.filled_quantity))
    mine = sorted((event for event in facts.events if event.account == account), key=lambda event: event.strategy_id)
    for strategy, group in groupby(mine, key=lambda event: event.strategy_id):
        events = list(group)
        if any(event.state not in FINISHED or facts.alerted(event.id, *DRIFT) for event in events):
            continue  # what a person has to settle has no story yet
        held, odd = replay(sorted(events, key=_ended), trades)
        yield from (Wrong("I6", str(found.event), found.seen) for found in odd)
        told = held and (held.direction, held.quantity)
        ledger = [
            (position.direction, position.quantity)
            for position in facts.positions
            if (position.account, position.strategy_id, position.state) == (account, strategy, "open")
        ]
        if ledger != ([told] if told else []):
            yield Wrong("I6", f"{account}/{strategy}", f"the ledger holds {ledger}, the fills leave {told}")


def _ended(event: EventFact) -> tuple[datetime, datetime, tuple[int, int]]:
    """Where a finished event stands among those of its strategy.

    One transaction ends an event and those that it makes void, all at one instant: then the one that was taken up
    first came first. By their moments alone, an OPEN once stood before the CLOSE that had superseded it.
    """
    assert event.finished_at is not None
    return event.finished_at, event.started_at or event.finished_at, event.moment


def _rows(facts: Facts) -> list[Wrong]:
    """I6: within our own tables, orders are the sum of their fills, and positions that of their orders."""
    wrong = [
        Wrong("I6", order.client_order_id, f"filled {order.filled}, and its fills are {order.fills}")
        for order in facts.orders
        if order.filled != order.fills
    ]
    left: dict[int, Decimal] = {position.id: Decimal(0) for position in facts.positions}
    for order in facts.orders:
        if order.position is not None:
            left[order.position] += order.filled if order.leg == "open" else -order.filled
    written_off = any(kind == "gone_at_broker" for kind, _ in facts.alerts)
    for position in facts.positions:
        open_ = position.state == "open"
        if not written_off and (left[position.id] != position.quantity or open_ is not (position.quantity > 0)):
            seen = f"{position.state} with {position.quantity}, and its fills leave {left[position.id]}"
            wrong.append(Wrong("I6", f"position {position.id}", seen))
    return wrong


def _looked_up(calls: Sequence[BrokerCall]) -> list[Wrong]:
    """I8: between two submits of an order lies a proof that the first did not arrive."""
    wrong: list[Wrong] = []
    by_order: dict[str, list[BrokerCall]] = {}
    for call in sorted(calls, key=lambda call: call.began):
        by_order.setdefault(call.client_order_id, []).append(call)
    for name, story in by_order.items():
        last: BrokerCall | None = None
        proven = True
        for call in story:
            if call.kind == "submit":
                if not proven:
                    wrong.append(Wrong("I8", name, f"sent again after {last}"))
                last, proven = call, call.result == "not_sent"
            elif call.result == "absent" and last is not None and call.began >= last.conclusive_from:
                proven = True
    return wrong
