"""The invariants about what the broker did: I3, I4, I5, I6 and I8."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby

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
        wrong += _as_booked(account, accepted, facts)
        wrong += _net(account, accepted, books, facts)
        wrong += _stories(account, accepted, orders, facts)
    return wrong + _meant(facts) + _rows(facts) + _looked_up(calls)


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
    """I4: by ProQuant's timestamp, then by arrival. An order that never filled anything has no place in it.

    Each is held against all before it, and not only against the last.
    """
    before: dict[tuple[str, str], dict[int, EventFact]] = {}
    for order in accepted:
        row = orders.get(order.client_order_id)
        if row is None or order.filled_quantity <= 0:
            continue
        event = events[row.event]
        earlier = before.setdefault(event.strategy, {})
        for other in earlier.values():
            if other.moment > event.moment and not _was_left_a_rest(event, other):
                yield Wrong("I4", str(event), f"its {order.leg} was accepted after that of the later {other}")
        earlier[event.id] = event


def _was_left_a_rest(event: EventFact, later: EventFact) -> bool:
    """Whether the event came when a later CLOSE or REOPEN had begun, which then could close but a part of it all.

    That one was refused; nobody could have known the earlier event, and the rest is held as if the later one had not
    been (docs/decisions/0014-a-refused-reopen-supersedes-what-it-ended.md). No other case is let pass.
    """
    unknown = later.started_at is not None and event.received_at >= later.started_at
    closing = later.type in {"SIGNAL_CLOSE", "SIGNAL_REOPEN"}
    return unknown and closing and later.state == "refused" and not later.closed_all()


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
        meant = (ours.symbol, ours.side, ours.quantity, ours.leg)
        asked = (order.symbol, order.side, order.quantity, order.leg)
        if meant != asked:
            yield Wrong("I6", order.client_order_id, f"we meant {meant}, the broker was asked for {asked}")
        here, there = (ours.filled, ours.state), (order.filled_quantity, order.state)
        if here != there and ours.state in {"filled", "partially_filled", "cancelled", "rejected", "planned"}:
            yield Wrong("I6", order.client_order_id, f"we say {here}, the broker {there}")


def _as_booked(account: str, accepted: Sequence[Accepted], facts: Facts) -> Iterable[Wrong]:
    """I6: what an event that has ended says was filled, the broker has filled, also under an id that it does not have.

    An event that a person has settled is left out: what was filled is what that person said.
    """
    booked: dict[str, Decimal] = {}
    for order in accepted:
        name = order.client_order_id
        booked[name] = booked.get(name, Decimal(0)) + order.filled_quantity
    for event in facts.events:
        if event.account != account or event.state not in FINISHED or facts.alerted(event.id, "parked"):
            continue
        for mine in event.orders:
            there = booked.get(mine.client_order_id, Decimal(0))
            if mine.filled != there:
                yield Wrong("I6", mine.client_order_id, f"we say {mine.filled} were filled, the broker {there}")


def _net(account: str, accepted: Sequence[Accepted], books: Books, facts: Facts) -> Iterable[Wrong]:
    """I6: what all strategies hold together is the broker's net position, or waits for a person."""
    net = books.net(account)
    traded = dict(books.outside(account))
    for order in accepted:
        traded[order.symbol] = traded.get(order.symbol, Decimal(0)) + SIGN[order.side] * order.filled_quantity
    if {symbol: quantity for symbol, quantity in traded.items() if quantity} != dict(net):
        yield Wrong("I6", account, f"the broker's trades add up to {traded}, its positions are {dict(net)}")
    held: dict[str, Decimal] = {}
    for position in facts.positions:
        if position.account == account and position.state == "open":
            signed = SIGN[position.direction] * position.quantity
            held[position.symbol] = held.get(position.symbol, Decimal(0)) + signed
    held = {symbol: quantity for symbol, quantity in held.items() if quantity}
    told = any(facts.alerted(event.id, "parked") for event in facts.events if event.account == account)
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


def _ended(event: EventFact) -> tuple[datetime, bool, datetime, tuple[int, int]]:
    """Where a finished event stands among those of its strategy.

    One transaction ends an event and those that it makes void or that follow at once, all at one instant: then what
    the broker has answered came first, and else what was taken up first. By their moments alone, an OPEN once stood
    before the CLOSE that had superseded it.
    """
    assert event.finished_at is not None
    return event.finished_at, not event.orders, event.started_at or event.finished_at, event.moment


def _meant(facts: Facts) -> list[Wrong]:
    """I3: an intent to open is for just what the signal asks for, whatever became of it."""
    return [
        Wrong("I3", order.client_order_id, f"meant {order.side} {order.quantity}, and {event} asks for {event.wanted}")
        for event in facts.events
        for order in event.leg("open")
        if (order.side, order.quantity) != (event.direction, event.wanted)
    ]


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
