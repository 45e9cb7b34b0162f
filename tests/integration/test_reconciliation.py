"""Ledger and broker are compared: what is drift, who is told and how often, and when nothing can be said."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow
from shared.database.tables.orders import OrderRow, Reconciliation
from shared.domain import AccountId, Direction, EventId
from shared.ledger.drift import Agreement
from shared.ledger.reconciliation import AT_ONCE, NotAnswered, ReconciliationResult, ask_due, reconcile
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.brokers.base import BrokerPosition, BrokerUnavailable, OutcomeUnknown
from workers.brokers.net_positions import net_positions
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING
from workers.sweep import reconciliation

LOST = OutcomeUnknown("no answer")
SYMBOL = "XAU_USD"


@dataclass
class Auditor:
    """A workshop, and what its broker says that it holds."""

    workshop: WorkerHarness
    broker: dict[str, Decimal] = field(default_factory=dict)

    def trade(self, type_: str, position: str = "p1", strategy: str = "s1", **values: object) -> EventId:
        event = self.workshop.arrives(signal(type_, position, strategy_id=strategy, **values))
        self.workshop.run(event)
        return event

    def looks(self) -> ReconciliationResult:
        return reconcile(self.workshop.sessions, self.workshop.account, lambda: self.broker, self.workshop.clock)

    def told(self) -> list[str]:
        with self.workshop.sessions() as session:
            return list(session.scalars(select(Alert.detail).where(Alert.kind == "drift").order_by(Alert.id)))

    def row(self) -> Reconciliation:
        with self.workshop.sessions() as session:
            return session.get_one(Reconciliation, self.workshop.account)

    def due(self) -> list[AccountId]:
        with self.workshop.sessions.begin() as session:
            return list(ask_due(session, self.workshop.clock(session)))


@pytest.fixture
def auditor(sessions: Sessions) -> Auditor:
    return Auditor(open_workshop(sessions))


def test_the_net_of_all_strategies_agrees_with_the_broker(auditor: Auditor) -> None:
    auditor.trade("SIGNAL_OPEN", "A", "s1")
    auditor.trade("SIGNAL_OPEN", "B", "s2", direction=Direction.SELL, quantity=Decimal(4))
    auditor.broker[SYMBOL] = Decimal(6)
    seen = auditor.looks()
    assert seen.result is Agreement.AGREES
    assert [(each.symbol, each.ledger, each.broker) for each in seen.comparisons] == [(SYMBOL, Decimal(6), Decimal(6))]
    assert (auditor.row().result, auditor.row().differences) == ("agrees", [])


def test_a_difference_is_drift_the_second_time_and_a_person_is_told_once(auditor: Auditor) -> None:
    auditor.trade("SIGNAL_OPEN")
    assert auditor.looks().result is Agreement.DIFFERS
    assert auditor.told() == []
    for _ in range(3):
        assert auditor.looks().result is Agreement.DRIFT
    (detail,) = auditor.told()
    assert detail.startswith(f"alice, {SYMBOL}: the ledger holds 10, the broker 0, a difference of -10. ")
    assert "closed by hand at the broker, or stopped out" in detail
    assert len(auditor.workshop.broker.submitted) == 1


def test_drift_that_stays_while_the_strategies_trade_on_is_not_told_again(auditor: Auditor) -> None:
    auditor.broker[SYMBOL] = Decimal(5)
    auditor.looks()
    auditor.looks()
    auditor.trade("SIGNAL_OPEN")
    auditor.broker[SYMBOL] = Decimal(15)
    assert auditor.looks().result is Agreement.DRIFT
    assert len(auditor.told()) == 1


def test_drift_that_grows_goes_or_comes_back_is_told_again(auditor: Auditor) -> None:
    for held in (5, 5, 7, 7, 0, 7, 7):
        auditor.broker[SYMBOL] = Decimal(held)
        auditor.looks()
    assert [detail.partition("difference of ")[2].split(".")[0] for detail in auditor.told()] == ["5", "7", "7"]
    auditor.broker.clear()
    assert auditor.looks().result is Agreement.AGREES


def test_drift_in_one_symbol_does_not_hide_another(auditor: Auditor) -> None:
    auditor.broker.update({SYMBOL: Decimal(5)})
    auditor.looks()
    auditor.broker["EUR_USD"] = Decimal(1)
    assert auditor.looks().result is Agreement.DRIFT
    auditor.looks()
    assert [detail.split(":")[0] for detail in auditor.told()] == [f"alice, {SYMBOL}", "alice, EUR_USD"]


def test_while_something_is_in_flight_nothing_is_said_and_what_was_known_is_kept(auditor: Auditor) -> None:
    auditor.broker[SYMBOL] = Decimal(5)
    auditor.looks()
    auditor.looks()
    event = auditor.workshop.arrives(signal("SIGNAL_OPEN"))
    seen = auditor.looks()
    assert (seen.result, seen.hindrance) == (None, f"busy: event {event} is being executed")
    assert (auditor.row().result, auditor.row().hindrance) == ("drift", seen.hindrance)


def test_an_event_of_another_account_is_no_hindrance(auditor: Auditor) -> None:
    with auditor.workshop.sessions.begin() as session:
        other = Account(name="bob", broker="scripted", broker_settings="", multiplier=Decimal(1))
        session.add(other)
        session.flush()
        auditor.workshop.arrives(signal("SIGNAL_OPEN"))
        session.execute(update(EventRow).values(account_id=other.id))
    assert auditor.looks().result is Agreement.AGREES


def test_what_is_traded_during_the_look_makes_it_say_nothing(auditor: Auditor) -> None:
    def ask() -> Mapping[str, Decimal]:
        auditor.trade("SIGNAL_OPEN")
        auditor.trade("SIGNAL_CLOSE")
        return {SYMBOL: Decimal(10)}

    seen = reconcile(auditor.workshop.sessions, auditor.workshop.account, ask, auditor.workshop.clock)
    assert seen.hindrance == "busy: something was traded meanwhile"


def test_a_broker_that_does_not_answer_is_named(auditor: Auditor) -> None:
    class Away:
        def positions(self) -> list[BrokerPosition]:
            raise BrokerUnavailable("maintenance")

    def ask() -> Mapping[str, Decimal]:
        return net_positions(Away())  # type: ignore[arg-type]  # only its positions are asked for

    with pytest.raises(NotAnswered):
        ask()
    seen = reconcile(auditor.workshop.sessions, auditor.workshop.account, ask, auditor.workshop.clock)
    assert seen.hindrance == "the broker does not answer: maintenance"


def park(auditor: Auditor, at_broker: bool) -> EventId:
    """An OPEN whose order got no answer, and that the broker did not show in any look-up."""
    workshop = auditor.workshop
    workshop.broker.script.append(LOST)
    workshop.broker.lost = at_broker
    workshop.broker.searched = deque([LOST] * 2)
    event = auditor.trade("SIGNAL_OPEN")
    with workshop.sessions.begin() as session:
        session.execute(update(OrderRow).values(lookups=LOOKUPS_BEFORE_PARKING - 1))
    workshop.later(61)
    workshop.run(event)
    assert workshop.event(event).state == "parked"
    return event


def test_a_parked_event_is_no_hindrance_and_named_as_the_cause(auditor: Auditor) -> None:
    event = park(auditor, at_broker=True)
    auditor.broker[SYMBOL] = Decimal(10)
    auditor.looks()
    assert auditor.looks().result is Agreement.DRIFT
    assert f"Parked event {event}: its order was most likely executed" in auditor.told()[0]


def test_what_only_waits_behind_a_parked_event_is_no_hindrance(auditor: Auditor) -> None:
    park(auditor, at_broker=False)
    behind = auditor.trade("SIGNAL_OPEN", "p2")
    assert auditor.workshop.event(behind).state == "received"
    assert auditor.looks().result is Agreement.AGREES


def test_accounts_are_looked_at_every_five_minutes_and_sooner_after_a_first_difference(auditor: Auditor) -> None:
    assert auditor.due() == [auditor.workshop.account]
    assert auditor.due() == []
    auditor.looks()
    auditor.workshop.later(299)
    assert auditor.due() == []
    auditor.workshop.later(2)
    assert auditor.due() == [auditor.workshop.account]
    auditor.broker[SYMBOL] = Decimal(1)
    auditor.looks()
    auditor.workshop.later(31)
    assert auditor.due() == [auditor.workshop.account]
    auditor.looks()
    auditor.workshop.later(31)
    assert auditor.due() == []


def test_a_look_that_said_nothing_is_repeated_soon(auditor: Auditor) -> None:
    auditor.workshop.arrives(signal("SIGNAL_OPEN"))
    auditor.looks()
    auditor.workshop.later(31)
    assert auditor.due() == [auditor.workshop.account]


def test_at_most_so_many_accounts_are_asked_for_at_once(auditor: Auditor) -> None:
    with auditor.workshop.sessions.begin() as session:
        session.add_all(
            Account(name=f"a{number}", broker="scripted", broker_settings="", multiplier=Decimal(1))
            for number in range(AT_ONCE)
        )
    asked: list[AccountId] = []
    for _ in range(3):
        reconciliation.ask_due(auditor.workshop.sessions, asked.append)
    assert len(asked) == len(set(asked)) == AT_ONCE + 1


def test_a_worker_asks_the_adapter_itself(auditor: Auditor) -> None:
    reconciliation.reconcile_account(auditor.workshop.sessions, auditor.workshop.broker, auditor.workshop.account)
    assert auditor.row().result == "agrees"
    assert auditor.row().asked_at - auditor.row().looked_at == timedelta(0)  # type: ignore[operator]  # it is set
