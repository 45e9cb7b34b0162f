"""What is held can be closed: no check of an opening, and no list of instruments, stands in a CLOSE's way."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from shared.database.engine import Sessions
from shared.database.tables.orders import OrderRow
from shared.domain import Direction, EventType
from tests.contract.rest_bench import TOKEN
from tests.simulators.server import Answer, Call, Simulator
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, signal
from workers.brokers.paper.broker import make as make_paper
from workers.brokers.rest.reference import make_app

LIMITS = {
    "minimum raised": "minimum = 50",
    "maximum lowered": "maximum = 4",
    "maximum below the step": "maximum = 0.001",
    "step coarser": "step = 7, minimum = 7",
    "minimum, maximum and step": "minimum = 6, maximum = 6, step = 3",
}


def flat(bridge: Bridge) -> bool:
    return not bridge.open_positions() and not any(bridge.net().values())


@pytest.mark.parametrize("type_", ["SIGNAL_CLOSE", "SIGNAL_REOPEN"])
def test_what_a_partial_fill_left_below_the_minimum_is_closed(
    sessions: Sessions, database_url: str, type_: str
) -> None:
    """It was refused as QuantityTooLow for ever, and every later OPEN as PositionAlreadyExists."""
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account(script="partial:0.0004,ok")
        assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
        assert [row.quantity for row in bridge.open_positions()] == [Decimal("0.01")]
        assert bridge.post(signal(type_, "p1", direction=Direction.SELL)).status_code == 200
        if type_ == "SIGNAL_REOPEN":
            assert [row.direction for row in bridge.open_positions()] == ["SELL"]
            assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
        assert flat(bridge)
        assert bridge.post(signal("SIGNAL_OPEN", "p2")).status_code == 200


@pytest.mark.parametrize("changed", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("type_", ["SIGNAL_CLOSE", "SIGNAL_REOPEN"])
def test_limits_that_changed_since_refuse_no_close(
    sessions: Sessions, database_url: str, changed: str, type_: str
) -> None:
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account()
        assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
        with sessions.begin() as session:
            session.execute(text(f"UPDATE instruments SET {changed} WHERE ticker = 'XAUUSD'"))  # noqa: S608
        bridge.post(signal(type_, "p1", direction=Direction.SELL, quantity=Decimal(14)))
        bridge.settled()
        assert not [row for row in bridge.open_positions() if row.direction == "BUY"]
        assert sum(o.quantity for o in bridge.orders() if o.side == "SELL" and o.leg == "close") == 10


def test_more_than_the_maximum_is_closed_in_parts(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account()
        assert bridge.post(signal("SIGNAL_OPEN", "p1", quantity=Decimal(50))).status_code == 200
        with sessions.begin() as session:
            session.execute(text("UPDATE instruments SET maximum = 2 WHERE ticker = 'XAUUSD'"))
        assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
        bridge.settled()
        assert [order.quantity for order in bridge.orders() if order.leg == "close"] == [2] * 25
        assert flat(bridge)


@dataclass
class FarEnd:
    """A broker behind the REST contract. `told`: what becomes of its answer to a GET; `refusal`: of every order."""

    told: dict[str, Callable[[Answer], Answer]] = field(default_factory=dict)
    refusal: Answer | None = None


@contextmanager
def trading_with(far_end: FarEnd, sessions: Sessions, database_url: str) -> Iterator[Bridge]:
    """A bridge whose account is at the far end."""
    paper = make_paper({"database_url": database_url, "hours": "always", "account": "far-end"})
    client = make_app(paper, TOKEN).test_client()

    def answer(call: Call) -> Answer:
        if call.method == "PUT" and far_end.refusal is not None:
            return far_end.refusal
        said = client.open(
            call.path, method=call.method, query_string=dict(call.query), headers=dict(call.headers), data=call.raw
        )
        made = Answer(said.status_code, said.data, {"Content-Type": said.content_type or ""})
        change = far_end.told.get(call.path) if call.method == "GET" else None
        return made if change is None else change(made)

    with Simulator(answer, lambda _: False).running() as server, bridges.running(sessions, database_url) as bridge:
        bridge.open_account(kind="http", base_url=server.url, token=TOKEN)
        yield bridge


def away(_: Answer) -> Answer:
    return Answer(503, b"", {})


def empty(_: Answer) -> Answer:
    return Answer(200, {"instruments": []}, {})


@pytest.mark.parametrize("listing", [away, empty], ids=["away", "empty"])
def test_a_list_that_cannot_be_had_stands_in_no_closes_way(
    sessions: Sessions, database_url: str, listing: Callable[[Answer], Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With /instruments answering 503 no order was sent, CLOSE included."""
    monkeypatch.setattr("workers.brokers.rest.broker.LISTED_SECONDS", -1.0)
    far_end = FarEnd()
    with trading_with(far_end, sessions, database_url) as bridge:
        assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
        far_end.told["/instruments"] = listing
        assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
        assert bridge.open_positions() == []


GONE = b'{"type": "PositionNotFound", "title": "gone", "status": 409, "detail": "It is not there."}'


def test_a_word_that_the_position_is_gone_is_not_believed_while_the_account_shows_it(
    sessions: Sessions, database_url: str
) -> None:
    far_end = FarEnd()
    with trading_with(far_end, sessions, database_url) as bridge:
        assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
        far_end.refusal = Answer(409, GONE, {"Content-Type": "application/problem+json"})
        bridge.post(signal("SIGNAL_CLOSE", "p1"))
        with bridge.sessions() as session:  # the event's own reason is gone while it is tried again
            refused = session.scalars(select(OrderRow).where(OrderRow.leg == "close")).one()
        assert "still holds 10 XAUUSD" in str(refused.reason)
        assert [row.quantity for row in bridge.open_positions()] == [10]
        far_end.told["/positions"] = lambda _: Answer(200, {"positions": []}, {})
        bridge.settled()
        assert bridge.open_positions() == []
        assert [alert.kind for alert in bridge.alerts()].count("gone_at_broker") == 1


def test_one_odd_row_is_left_out_of_a_list_and_all_others_trade(sessions: Sessions, database_url: str) -> None:
    far_end = FarEnd()
    with trading_with(far_end, sessions, database_url) as bridge:
        far_end.told["/instruments"] = lambda said: Answer(
            200,
            {"instruments": [each | ({"step": "0"} if each["ticker"] == "EURUSD" else {}) for each in listed(said)]},
        )
        far_end.told["/positions"] = lambda said: Answer(
            200,
            {"positions": [{"symbol": "OPTION"}, *json.loads(said.body)["positions"]]},  # type: ignore[arg-type]
        )
        assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
        assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
        assert bridge.open_positions() == []
        refused = bridge.post(signal("SIGNAL_OPEN", "p2", strategy_id="s2", ticker="EURUSD"))
        assert refused.json is not None
        assert refused.json["type"] == "UnsupportedInstrument"


def listed(said: Answer) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(said.body)["instruments"]  # type: ignore[arg-type]
    return rows


def test_a_close_is_taken_whatever_the_clocks_say(bridge: Bridge) -> None:
    """A receiver that was 70 minutes behind answered everything 400, and nothing could be closed."""
    assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
    ahead = signal("SIGNAL_CLOSE", "p1")
    ahead = replace(ahead, timestamp_ms=ahead.timestamp_ms + 70 * 60_000)
    assert bridge.post(replace(ahead, type=EventType.SIGNAL_OPEN, proquant_position_id="p2")).status_code == 400
    assert bridge.post(ahead).status_code == 200
    assert flat(bridge)


def test_a_close_that_is_taken_first_and_filled_later_closes_its_own_position(
    sessions: Sessions, database_url: str
) -> None:
    """With one strategy nothing notices an order that has lost its position on the way."""
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account(script="ok,ok,accepted")
        for strategy in ("s1", "s2"):
            assert bridge.post(signal("SIGNAL_OPEN", strategy, strategy_id=strategy)).status_code == 200
        bridge.post(signal("SIGNAL_CLOSE", "s1", strategy_id="s1"))
        bridge.settled()
        assert [row.proquant_position_id for row in bridge.open_positions()] == ["s2"]
        with bridge.sessions() as session:
            closing = session.scalars(select(OrderRow).where(OrderRow.leg == "close")).one()
            opening = session.scalars(select(OrderRow).where(OrderRow.position_id == closing.position_id)).first()
        assert opening is not None
        assert (closing.state, opening.leg, opening.event_id) == ("filled", "open", 1)
