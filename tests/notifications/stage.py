"""A notifier on a real database with channels that do as they are told, and a clock that the test puts forward."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from shared.alerts.channel import MessageNotSent
from shared.alerts.message import Message
from shared.alerts.raising import raise_alert
from shared.alerts.rules import Channel, RoutingRule, Rules
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.prepared import Link
from shared.database.tables.alerts import DeliveryRow
from shared.domain import AccountId, AlertKind, EventId
from workers.sweep.alert_delivery import Notifier


@dataclass
class Channels:
    """Takes every message, unless its channel is in `down`; one in `hung` waits for `released`."""

    took: list[tuple[str, Message]] = field(default_factory=list)
    down: set[str] = field(default_factory=set)
    hung: set[str] = field(default_factory=set)
    hanging: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def send(self, url: str, message: Message) -> None:
        name = url.removeprefix("test://")
        if name in self.hung:
            self.hanging.set()
            assert self.released.wait(30)
        if name in self.down:
            raise MessageNotSent("It answered with HTTP 500.")
        self.took.append((name, message))

    def details(self, name: str) -> list[str]:
        """The first lines of what this channel took."""
        return [message.body.splitlines()[0] for channel, message in self.took if channel == name]


@dataclass
class Stage:
    """What a test does and sees."""

    sessions: Sessions
    channels: Channels = field(default_factory=Channels)
    ahead: timedelta = timedelta()

    def clock(self, link: Link) -> datetime:
        """The database's time, put forward by the test."""
        return database_clock(link) + self.ahead

    def later(self, **span: float) -> None:
        """Puts the clock forward."""
        self.ahead += timedelta(**span)

    def alert(
        self,
        detail: str = "Something.",
        kind: AlertKind = AlertKind.PARKED,
        account: AccountId | None = None,
        event: EventId | None = None,
    ) -> None:
        """The bridge raises an alert."""
        with self.sessions.begin() as session:
            raise_alert(session, kind, detail, account, event)

    def notifier(self, rules: Rules, send: Callable[[str, Message], None] | None = None) -> Notifier:
        """A worker's notifier."""
        return Notifier(self.sessions, rules, send or self.channels.send, self.clock)

    def sweep(self, notifier: Notifier) -> None:
        """One sweep, and all that it leads to."""
        notifier.notify()
        self.rest(notifier)

    def rest(self, notifier: Notifier) -> None:
        """Returns when no channel has anything in hand."""
        for thread in notifier._threads.values():
            thread.join(30)
            assert not thread.is_alive()

    def rows(self) -> list[DeliveryRow]:
        """Every delivery, oldest first."""
        with self.sessions() as session:
            return list(session.scalars(select(DeliveryRow).order_by(DeliveryRow.id)))

    def states(self) -> list[str]:
        """The state of every delivery, with its reason where one stands there."""
        return [f"{row.channel} {row.state}" + (f": {row.reason}" if row.reason else "") for row in self.rows()]


def rules(*names: str, dedupe: float = 600, cap: int = 50) -> Rules:
    """Everything goes to all of these channels."""
    channels = {name: Channel(name, f"test://{name}", cap) for name in names}
    return Rules(timedelta(seconds=dedupe), channels, (RoutingRule(None, None, names),))
