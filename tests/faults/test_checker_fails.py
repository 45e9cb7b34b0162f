"""A checker that cannot fail is worth nothing: for each invariant, states that break it are caught."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from shared.database.engine import Sessions
from tests.faults.world import (
    ERROR,
    NO_FUNDS,
    TEN,
    Accepted,
    World,
    at,
    changed,
    event,
    exchange,
    plus,
    signal,
    without,
    world,
)  # fmt: skip
from tests.support import in_process_bridge as signals
from tests.support.in_process_bridge import Bridge
from tests.support.judge.observed import Answer, BrokerCall, PaperBooks
from tests.support.judge.verdict import check


def again(answer: Answer | None, began: float = 50) -> Callable[[World], World]:
    """The world in which the refused event was delivered once more."""
    return plus("history", exchange(signal("SIGNAL_OPEN", "p3", 4000), answer, began))


def submit(began: float, result: str | None, conclusive_from: float) -> BrokerCall:
    return BrokerCall("o1", "submit", began, result, conclusive_from)


def called(*calls: BrokerCall) -> Callable[[World], World]:
    return lambda good: replace(good, calls=calls)


def early_200(good: World) -> World:
    """Event 4 was accepted before it was refused, and the sender was told only that."""
    accepted = changed("events", 3, accepted_at=at(4.2))(good)
    return changed("history", 3, answer=Answer(200))(accepted)


def superseded_at_once(good: World, close_started: datetime) -> World:
    """The refused OPEN was skipped instead, in the transaction that refused a later CLOSE of its position."""
    close = replace(
        event(5, "SIGNAL_CLOSE", "p3"),
        state="refused",
        error="PositionNotFound",
        refused_by="bridge",
        started_at=close_started,
    )
    skipped = {"state": "skipped", "error": None, "refused_by": None, "reason": "superseded", "started_at": at(4.5)}
    told = changed("history", 3, answer=Answer(200))(plus("events", replace(close, finished_at=at(4.5)))(good))
    return changed("events", 3, **skipped, finished_at=at(4.5))(told)


def reported(*causes: str) -> Callable[[World], World]:
    """The world in which each cause came in one millisecond, and the strategy was reported twice for it."""

    def plus_all(good: World) -> World:
        for id_, type_ in enumerate((*causes, "ORPHAN_REPORT", "ORPHAN_REPORT"), start=5):
            row = replace(event(id_, type_, "p"), position=None, direction=None, timestamp_ms=9000)
            good = plus("events", row)(good)
        return good

    return plus_all


def test_a_world_in_which_all_is_well_has_no_violation() -> None:
    assert world().broken() == set()


def test_two_ends_may_report_a_strategy_twice_at_one_moment() -> None:
    assert reported("INTEGRATION_DELETED", "STRATEGY_DISABLED")(world()).broken() == set()


BREAKS: dict[str, tuple[str, Callable[[World], World]]] = {
    "a 200 without a row": ("I1", plus("history", exchange(signal("SIGNAL_OPEN", "p9", 5000)))),
    "a strategy reported twice for one end": ("I1", reported("STRATEGY_DISABLED")),
    "a 200 with two rows": ("I1", plus("events", event(1, "SIGNAL_OPEN", "p1"))),
    "a 200 for other content": ("I1", changed("history", 0, event=signal("SIGNAL_OPEN", "p1", 1000, "SELL"))),
    "an event that never ended": ("I2", changed("events", 2, state="waiting", finished_at=None)),
    "an event parked in silence": ("I2", changed("events", 2, state="parked", finished_at=None)),
    "an order accepted twice": ("I3", plus("books", Accepted("o4", "BUY", "close", at(3.2), at(3.2)))),
    "an order without an intent": ("I3", without("orders", 0)),
    "two orders of an open leg": ("I3", changed("orders", 3, event=1, leg="open")),
    "orders out of order": ("I4", changed("events", 0, timestamp_ms=9000)),
    "same time, wrong arrival": ("I4", changed("events", 1, timestamp_ms=1000, seq=0)),
    "open before close is final": ("I5", changed("books", 1, finished_at=at(2.3))),
    "open while close still works": ("I5", changed("books", 1, finished_at=None)),
    "close after open": ("I5", lambda w: replace(w, books=(w.books[0], w.books[2], w.books[1], w.books[3]))),
    "fills that do not add up": ("I6", changed("orders", 0, fills=Decimal(9))),
    "another quantity at the broker": ("I6", changed("books", 0, filled_quantity=Decimal(9))),
    "a net position of nobody": ("I6", lambda w: replace(w, net_={"XAUUSD": TEN})),
    "a position that the ledger forgot": ("I6", without("books", 3)),
    "a position left open in the ledger": ("I6", changed("positions", 1, state="open", quantity=TEN)),
    "an order we think rejected": ("I6", changed("orders", 3, state="rejected")),
    "done, and nothing was traded": ("I6", changed("events", 3, state="done", error=None)),
    "skipped for a CLOSE that was taken up after it": ("I6", lambda w: superseded_at_once(w, at(4.5))),
    "refused, and it was opened": ("I6", changed("events", 0, state="refused", error="MarketClosed")),
    "skipped, and it was traded": ("I6", changed("events", 2, state="skipped", reason="superseded")),
    "held refused as not held": (
        "I6",
        lambda w: changed("events", 2, state="refused", error="PositionNotFound", refused_by="bridge")(
            without("books", 3)(w)
        ),
    ),
    "PositionAlreadyExists of nothing": (
        "I6",
        changed("events", 3, error="PositionAlreadyExists", refused_by="bridge"),
    ),
    "the wrong way": ("I6", changed("books", 3, side="SELL")),
    "a nameless refusal": ("I7", changed("events", 3, error="Oops")),
    "a refusal by nobody": ("I7", changed("events", 3, refused_by=None)),
    "an answer with a strange word": ("I7", changed("history", 3, answer=Answer(422, b'{"type":"Oops"}', ERROR))),
    "one of the nine without its header": (
        "I7",
        changed("history", 3, answer=replace(NO_FUNDS, headers={"content-type": "application/json"})),
    ),
    "one of the nine under another status": ("I7", changed("history", 3, answer=replace(NO_FUNDS, status=400))),
    "a generic error dressed as one of the nine": (
        "I7",
        changed("history", 3, answer=Answer(409, b'{"error":"expired"}', ERROR)),
    ),
    "a 200 that says something": ("I7", changed("history", 0, answer=Answer(200, b"ok"))),
    "sent twice in the blind": ("I8", called(submit(1, "unknown", 2), submit(3, "answered", 3))),
    "sent again after a death in the call": ("I8", called(submit(1, None, 2), submit(3, "answered", 3))),
    "sent again after an early look-up": (
        "I8",
        called(submit(1, "unknown", 2), BrokerCall("o1", "find", 1.5, "absent"), submit(3, "answered", 3)),
    ),
    "sent again after a failed look-up": (
        "I8",
        called(submit(1, "unknown", 2), BrokerCall("o1", "find", 2.5, "failed"), submit(3, "answered", 3)),
    ),
    "another error the second time": ("I10", again(Answer(409, b'{"type":"MarketClosed"}', ERROR))),
    "200 after an error": ("I10", lambda w: again(Answer(200))(changed("events", 3, accepted_at=at(4.2))(w))),
    "200 for a refusal, not noted, nobody told": ("I10", changed("history", 3, answer=Answer(200))),
    "200 for a refusal, noted, nobody told, an error later": ("I10", lambda w: again(NO_FUNDS)(early_200(w))),
    "no answer to a refusal, nobody told": ("I10", changed("history", 3, answer=None)),
    "no answer to a refusal, told of something else": (
        "I10",
        lambda w: replace(changed("history", 3, answer=None)(w), alerts=(("conflict", 4),)),
    ),
    "200 for a refusal, nobody told": ("I10", early_200),
    "an error for what was done": ("I10", plus("history", exchange(signal("SIGNAL_OPEN", "p1", 1000), NO_FUNDS, 50))),
    "a conflict in silence": (
        "I10",
        plus(
            "history",
            exchange(
                signal("SIGNAL_OPEN", "p1", 1000, "SELL"),
                Answer(409, b'{"error":"conflict"}', {"content-type": "application/json"}),
                50,
            ),
        ),
    ),
}


@pytest.mark.parametrize(("invariant", "change"), BREAKS.values(), ids=BREAKS)
def test_what_breaks_an_invariant_is_caught(invariant: str, change: Callable[[World], World]) -> None:
    assert invariant in change(world()).broken()


ALLOWED: dict[str, Callable[[World], World]] = {
    "an answer that never came": changed("history", 0, answer=None),
    "the same refusal again": again(NO_FUNDS),
    "a database that was away": again(
        Answer(503, b'{"error":"unavailable"}', {"content-type": "application/json", "retry-after": "5"})
    ),
    "skipped for a CLOSE that ended at the same instant": lambda w: superseded_at_once(w, at(4.1)),
    "200 for a refusal that somebody was told of": lambda w: replace(early_200(w), alerts=(("late_failure", 4),)),
    "200 for a refusal, not noted, that somebody was told of": lambda w: replace(
        changed("history", 3, answer=Answer(200))(w), alerts=(("late_failure", 4),)
    ),
    "200 for a refusal, not noted, and the refusal later": lambda w: again(NO_FUNDS)(
        changed("history", 3, answer=Answer(200))(w)
    ),
    "no answer to a refusal, and somebody was told": lambda w: replace(
        changed("history", 3, answer=None)(w), alerts=(("late_failure", 4),)
    ),
    "a denial before the event was stored": again(
        Answer(409, b'{"type":"MarketClosed"}', ERROR),
        0.5,
    ),
    "sent again after a proof": called(
        submit(1, "unknown", 2), BrokerCall("o1", "find", 2.5, "absent"), submit(3, "answered", 3)
    ),
    "sent again when it was proven not sent": called(submit(1, "not_sent", 1), submit(3, "answered", 3)),
}


@pytest.mark.parametrize("change", ALLOWED.values(), ids=ALLOWED)
def test_what_is_allowed_is_not_called_a_violation(change: Callable[[World], World]) -> None:
    assert change(world()).broken() == set()


@pytest.mark.parametrize("table", ["events", "alerts", "workers"])
def test_a_secret_is_found_in_any_table(bridge: Bridge, sessions: Sessions, table: str) -> None:
    bridge.post(signals.signal("SIGNAL_OPEN"))
    statements = {
        "events": "UPDATE events SET reason = 'it was ' || :secret",
        "alerts": "INSERT INTO alerts (kind, detail) VALUES ('parked', :secret)",
        "workers": "INSERT INTO workers (name) VALUES (:secret)",
    }
    with sessions() as session:
        assert check(session, PaperBooks(session), [], secrets=[bridge.token]) == []
        session.execute(text(statements[table]), {"secret": bridge.token})
        found = check(session, PaperBooks(session), [], secrets=[bridge.token])
    assert [(violation.invariant, violation.subject) for violation in found] == [("I9", table)]
