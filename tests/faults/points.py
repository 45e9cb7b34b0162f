"""Where a process can die: every boundary that it passes is discovered by wrapping what its composition root hands in.

Nothing of this is in the product: a commit is seen by SQLAlchemy's own events, the doorbell, the announcement and the
broker are handed in wrapped. Each boundary has two points, right before and right after.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import event as sqlalchemy_events

from shared.database.engine import Sessions, make_engine, make_sessions
from shared.domain import EventId
from workers.brokers.base import (
    AccountSummary,
    Broker,
    BrokerError,
    BrokerPosition,
    BrokerUnavailable,
    Instrument,
    OrderRejected,
    OrderReport,
    OrderRequest,
)

DIED = 77  # the exit code of a process that died at its point
DEADLINE_SECONDS = 0.05  # the paper broker answers in a few milliseconds; its own deadline would be waited for
T = TypeVar("T")


Moment = tuple[str, int]
"""A point by its name, and the how manieth of that name it is, counted from 1: one sweep more changes no other's."""


class Points:
    """Notes the points that this process passes; dies at one of them, without any cleanup."""

    def __init__(self, die_at: Moment | None = None, last_words: Callable[[str], None] = lambda _: None) -> None:
        self.passed: list[str] = []
        self.die_at = die_at
        self._last_words = last_words

    def at(self, name: str) -> None:
        self.passed.append(name)
        if self.die_at == (name, self.passed.count(name)):
            self._last_words(name)
            os._exit(DIED)

    def around(self, name: str, boundary: Callable[[], T]) -> T:
        self.at(f"before {name}")
        result = boundary()
        self.at(f"after {name}")
        return result


def watched_sessions(database_url: str, points: Points) -> Sessions:
    """Sessions whose commits are boundaries. The point before lies before the last statements are even sent."""
    sessions = make_sessions(make_engine(database_url))
    sqlalchemy_events.listen(sessions, "before_commit", lambda _: points.at(f"before commit in {_who()}"))
    sqlalchemy_events.listen(sessions, "after_commit", lambda _: points.at(f"after commit in {_who()}"))
    return sessions


def _who() -> str:
    """The product's function that commits: only for the report."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        path = frame.f_code.co_filename
        if "/workers/" in path or "/receiver/" in path:
            return frame.f_code.co_name
        frame = frame.f_back
    return "?"


class WatchedDoorbell:
    """A doorbell that somebody else carries on."""

    def __init__(self, points: Points, ring: Callable[[EventId], object]) -> None:
        self._points = points
        self._ring = ring

    def ring(self, *events: EventId) -> bool:
        for event in events:
            self._points.around("doorbell", partial(self._ring, event))
        return True


class WatchedBroker:
    """A broker whose calls are boundaries, and of whose orders each call is noted."""

    def __init__(self, broker: Broker, points: Points, note: Callable[..., None]) -> None:
        self._broker = broker
        self._points = points
        self._note = note
        self.capabilities = replace(broker.capabilities, deadline_seconds=DEADLINE_SECONDS)

    def instruments(self) -> Sequence[Instrument]:
        return self._broker.instruments()

    def account(self) -> AccountSummary:
        return self._broker.account()

    def is_open(self, symbol: str, at: datetime) -> bool:
        return self._points.around("is_open", lambda: self._broker.is_open(symbol, at))

    def mark(self) -> str | None:
        return self._points.around("mark", self._broker.mark)

    def submit(self, order: OrderRequest) -> OrderReport:
        return self._points.around("submit", lambda: self._submit(order))

    def find(self, order: OrderRequest) -> OrderReport | None:
        return self._points.around("find", lambda: self._find(order))

    def positions(self) -> Sequence[BrokerPosition]:
        return self._broker.positions()

    def close(self) -> None:
        self._broker.close()

    def _submit(self, order: OrderRequest) -> OrderReport:
        began, result = time.time(), "unknown"
        try:
            report = self._broker.submit(order)
            result = "answered"
            return report
        except BrokerError as error:
            result = {OrderRejected: "rejected", BrokerUnavailable: "not_sent"}.get(type(error), "unknown")
            raise
        finally:
            conclusive_from = time.time() + self.capabilities.settle_seconds
            self._note(order.client_order_id, "submit", began, result, conclusive_from)

    def _find(self, order: OrderRequest) -> OrderReport | None:
        began, result = time.time(), "failed"
        try:
            report = self._broker.find(order)
            result = "absent" if report is None else "found"
            return report
        finally:
            self._note(order.client_order_id, "find", began, result, 0.0)
