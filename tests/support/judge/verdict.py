"""Checks the invariants I1 to I10 after a fault: the tables, the broker's own books and the answers, side by side.

I1 every 200 has exactly one row. I2 nothing stays unfinished, unless parked and alerted. I3 at most one accepted order
a leg. I4 accepted orders stand in event order. I5 a REOPEN opens only after its close is final. I6 ledger, fills and
broker agree. I7 every refusal has a name. I8 no blind second send. I9 no secret anywhere. I10 same event, same answer.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database.clock import database_clock
from tests.support.judge import answers, facts, trading
from tests.support.judge.answers import GENERIC, THE_NINE, Wrong
from tests.support.judge.facts import FINISHED, Facts
from tests.support.judge.observed import Books, BrokerCall, Exchange

Violation = Wrong


def check(
    session: Session,
    books: Books,
    history: Sequence[Exchange],
    *,
    secrets: Collection[str] = (),
    calls: Sequence[BrokerCall] = (),
    now: datetime | None = None,
    limit: timedelta = timedelta(0),
) -> list[Violation]:
    """All that is wrong, for the accounts that `history` names; an empty list is what every test wants.

    `secrets`: what must be nowhere. `calls`: what went between the bridge and the broker, where that was seen; without
    it I8 is judged by its effect only. An event may be unfinished for `limit` after its receipt, at the time `now`.
    """
    accounts = sorted({exchange.account for exchange in history})
    known = facts.read(session, accounts)
    since = (now or database_clock(session)) - limit
    return [*judge(known, books, accounts, history, calls, since), *_leaks(session, history, secrets)]


def judge(
    known: Facts,
    books: Books,
    accounts: Sequence[str],
    history: Sequence[Exchange],
    calls: Sequence[BrokerCall],
    since: datetime,
) -> list[Violation]:
    """The same without I9, as a pure function. What was received by `since` must have ended."""
    return [
        *answers.judge(known, history),
        *_unfinished(known, since),
        *trading.judge(known, books, accounts, calls),
        *_unnamed(known),
    ]


def _unfinished(known: Facts, since: datetime) -> list[Violation]:
    """I2. A parked event is for a person, who must have been told of it; all but a CLOSE wait behind it."""
    parked = {event.strategy for event in known.events if event.state == "parked"}
    late = [event for event in known.events if event.state not in FINISHED and event.received_at <= since]
    return [
        Violation("I2", str(event), f"not finished: {event.reason}")
        for event in late
        if not (
            known.alerted(event.id, "parked")
            if event.state == "parked"
            else event.strategy in parked and event.type != "SIGNAL_CLOSE"
        )
    ]


def _unnamed(known: Facts) -> list[Violation]:
    """I7, of the rows: a refusal is one of the nine or a named generic error, and says who refused."""
    refused = [event for event in known.events if event.state == "refused"]
    return [
        Violation("I7", str(event), f"refused with {event.error} by {event.refused_by}")
        for event in refused
        if event.error not in {*THE_NINE, *GENERIC} or event.refused_by not in {"bridge", "broker"}
    ]


def _leaks(session: Session, history: Sequence[Exchange], secrets: Collection[str]) -> list[Violation]:
    """I9: every column of every table of the database as text, and every answer."""
    tables = session.scalars(
        text("SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = current_schema()")
    ).all()
    found = []
    for secret in secrets:
        for table in tables:
            query = text(f"SELECT count(*) FROM {table} AS row WHERE strpos(row::text, :secret) > 0")  # noqa: S608
            if session.execute(query, {"secret": secret}).scalar_one():
                found.append(Violation("I9", table, f"holds the secret {secret[:4]}..."))
        told = [e for e in history if e.answer is not None and secret in f"{e.answer.body!r}{dict(e.answer.headers)}"]
        found += [Violation("I9", str(exchange.event.type), "a secret was answered") for exchange in told]
    return found
