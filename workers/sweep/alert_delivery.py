"""Delivers alerts: the sweeping worker routes new ones, and one thread for each channel sends what is due on it."""

import threading
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.alerts import channel as channels
from shared.alerts import deliveries, routing
from shared.alerts.channel import MessageNotSent
from shared.alerts.deliveries import AlertDelivery
from shared.alerts.message import Message, render
from shared.alerts.rules import Channel, DeliveryState, Rules
from shared.database.clock import Clock, database_clock
from shared.database.engine import Sessions

log = structlog.get_logger()

STOP_SECONDS = 2.0  # a message that takes longer is sent again by another worker: better twice than never


class Notifier:
    """A duty of the sweep that never waits for a channel. Thread-safe; has at most one thread a channel."""

    def __init__(
        self,
        sessions: Sessions,
        rules: Rules,
        send: Callable[[str, Message], None] = channels.send,
        clock: Clock = database_clock,
    ) -> None:
        self._sessions = sessions
        self._rules = rules
        self._send = send
        self._clock = clock
        self._threads: dict[str, threading.Thread] = {}
        self._closed = threading.Event()

    def notify(self) -> None:
        """Makes the deliveries of new alerts, and lets each channel that has some begin to send."""
        with self._sessions.begin() as session:
            now = self._clock(session)
            routing.route(session, self._rules, now)
            due = deliveries.due_channels(session, now)
        for name in due:
            if name in self._rules.channels:
                self._begin(self._rules.channels[name])

    def close(self) -> None:
        """Begins no other message, and waits a moment for those in hand."""
        self._closed.set()
        for thread in self._threads.values():
            thread.join(STOP_SECONDS)

    def _begin(self, channel: Channel) -> None:
        busy = self._threads.get(channel.name)
        if self._closed.is_set() or (busy is not None and busy.is_alive()):
            return
        thread = threading.Thread(target=self._work, args=(channel,), name=f"notify-{channel.name}", daemon=True)
        self._threads[channel.name] = thread
        thread.start()

    def _work(self, channel: Channel) -> None:
        """Sends until nothing is due; after a failure the channel is left alone until the next sweep."""
        try:
            while not self._closed.is_set() and self._one(channel):
                pass
        except SQLAlchemyError as error:
            log.error("A delivery found no database.", action="notify_failed", error=type(error).__name__)
        except Exception:  # a thread that dies silently would look like a channel at rest; the claim runs out by itself
            log.exception("A delivery failed.", action="notify_failed", channel=channel.name)

    def _one(self, channel: Channel) -> bool:
        """Claim (tx), send (network), note (tx). Whether it is worth going on."""
        with self._sessions.begin() as session:
            delivery = deliveries.claim_next(session, channel.name, self._clock(session))
        if delivery is None:
            return False
        try:
            self._send(channel.url, render(delivery.facts, channel.daily_cap if delivery.last_of_day else None))
        except MessageNotSent as problem:
            self._not_sent(channel, delivery, str(problem))
            return False
        with self._sessions.begin() as session:
            deliveries.sent(session, delivery, self._clock(session))
        log.info("Alert delivered.", action="notified", channel=channel.name, delivery_id=delivery.id)
        return True

    def _not_sent(self, channel: Channel, delivery: AlertDelivery, reason: str) -> None:
        with self._sessions.begin() as session:
            state = deliveries.sending_failed(session, delivery, self._clock(session), reason)
        what = "An alert was given up." if state is DeliveryState.FAILED else "An alert could not be delivered."
        facts = {"channel": channel.name, "delivery_id": delivery.id, "attempt": delivery.attempt, "reason": reason}
        log.warning(what, action="notify_refused", **facts)
