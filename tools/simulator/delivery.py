"""Takes events to their webhooks: one HTTP call an event, in order for each integration, unless told to misbehave."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from queue import Empty, Full, Queue

import structlog

from shared.domain import Event, SignalEvent
from tools.http_post import TIMEOUT_SECONDS, PostFailed, post_json
from tools.http_post import HttpAnswer as Posted
from tools.simulator.misbehaviour import Misbehaviour, Plan, body, plan
from tools.simulator.model import Integration, NotPossible, WebhookAnswer, WebhookCall
from tools.simulator.notification_rules import NO_ANSWER, judge
from tools.simulator.redaction import masked_headers, masked_text, masked_url
from tools.simulator.state import State

log = structlog.get_logger()
Post = Callable[[str, bytes, Mapping[str, str], float], Posted]

HOLD_SECONDS = 2.0  # what was held back does not wait longer than this for the event that is to overtake it
RETRY_SECONDS = (0.5, 1.0, 2.0)
MOST_WAITING = 2000  # events of one integration
CALLS_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """One event for one integration, and how it is delivered: decided when it is handed in."""

    integration: Integration
    event: Event
    behaviour: Misbehaviour
    plan: Plan


class EventSender:
    """Delivers errands, each integration's in a thread of its own. `post` sends one request."""

    def __init__(self, state: State, seed: int, post: Post = post_json, patience: float = 1.0) -> None:
        """`patience` stretches or shortens the pauses of `HOLD_SECONDS` and `RETRY_SECONDS`."""
        self._state = state
        self._seed = seed
        self._post = post
        self._patience = patience
        self._stopping = threading.Event()
        self._lanes: dict[str, Queue[OutgoingEvent | None]] = {}
        self._threads: list[threading.Thread] = []
        self._calls = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="call")

    def hand_in(self, integration: Integration, event: Event, behaviour: Misbehaviour) -> None:
        """Have the event delivered after those that were handed in before. Raises NotPossible when too many wait."""
        number = self._state.number("event")
        outgoing = OutgoingEvent(integration, event, behaviour, plan(behaviour, self._seed, number))
        with self._state.lock:
            if integration.id not in self._lanes:
                self._lanes[integration.id] = Queue(MOST_WAITING)
                thread = threading.Thread(target=self._run, args=(self._lanes[integration.id],), daemon=True)
                self._threads.append(thread)
                thread.start()
        try:
            self._lanes[integration.id].put_nowait(outgoing)
        except Full as error:
            raise NotPossible(f"{MOST_WAITING} events wait for {integration.name} already.") from error

    def idle(self) -> None:
        """Returns when all that was handed in has been delivered, or given up."""
        for lane in list(self._lanes.values()):
            lane.join()

    def close(self) -> None:
        """Ends after the calls that are under way; what waits is not sent."""
        self._stopping.set()
        for lane in self._lanes.values():
            with suppress(Full):  # then its thread has something to wake up for
                lane.put_nowait(None)
        for thread in self._threads:
            thread.join()
        self._calls.shutdown()

    def _run(self, lane: "Queue[OutgoingEvent | None]") -> None:
        """What is held back goes right after the next event, or when none has come for a while."""
        held: OutgoingEvent | None = None
        while not self._stopping.is_set():
            try:
                outgoing = lane.get(timeout=HOLD_SECONDS * self._patience if held else None)
            except Empty:
                outgoing = None
            if outgoing is not None and outgoing.plan.held_back and held is None:
                held = outgoing
                continue
            for each in (outgoing, held):
                if each is not None:
                    self._deliver(each)
                    lane.task_done()
            held = None

    def _deliver(self, outgoing: OutgoingEvent) -> None:
        if self._stopping.wait(outgoing.plan.delay):
            return
        copies = [self._calls.submit(self._insist, outgoing, copy) for copy in range(outgoing.plan.copies)]
        for copy in copies:
            if fault := copy.exception():  # the next event must go out all the same
                log.error("An event could not be sent.", action="simulator_failed", exc_info=fault)

    def _insist(self, outgoing: OutgoingEvent, copy: int) -> None:
        """One delivery, and where that is asked for its retries: after a 5xx, or when nothing answered."""
        labels = [*(["duplicate"] if copy else []), *(["held back"] if outgoing.plan.held_back else [])]
        for attempt, pause in enumerate((*RETRY_SECONDS, None)):
            retried = [f"retry {attempt}"] if attempt else []
            status = self._call(outgoing, ", ".join([*labels, *retried]))
            if not outgoing.behaviour.retries or pause is None or (status is not None and status < 500):
                return
            if self._stopping.wait(pause * self._patience):
                return

    def _call(self, outgoing: OutgoingEvent, label: str) -> int | None:
        """The status of the answer, None where there was none."""
        integration = outgoing.integration
        headers = _headers(integration, outgoing.behaviour)
        call = _described(self._state.number("call"), outgoing, label)
        self._state.call_began(call)
        began = time.monotonic()
        content = body(outgoing.event, integration, headers, outgoing.behaviour)
        try:
            posted = self._post(
                integration.webhook_url, content, {"User-Agent": "ProQuant-simulator", **headers}, TIMEOUT_SECONDS
            )
        except (PostFailed, ValueError) as error:  # ValueError: a host name that cannot be one
            failure = masked_text(str(error), integration)
            self._state.call_ended(call.id, time.monotonic() - began, NO_ANSWER, None, failure)
            return None
        took, judgement = time.monotonic() - began, judge(posted.status, posted.headers, posted.body)
        self._state.call_ended(call.id, took, judgement, _shown(posted, integration), "")
        return posted.status


def _headers(integration: Integration, behaviour: Misbehaviour) -> dict[str, str]:
    """The integration's headers, their values spoiled where that is asked for."""
    if not behaviour.wrong_token:
        return dict(integration.headers)
    return {name: f"{value}-spoiled" for name, value in integration.headers.items()}


def _described(id_: int, outgoing: OutgoingEvent, label: str) -> WebhookCall:
    integration, event = outgoing.integration, outgoing.event
    headers = masked_headers(integration.headers)
    content = body(
        event, replace(integration, webhook_url=masked_url(integration.webhook_url)), headers, outgoing.behaviour
    )
    return WebhookCall(
        id=id_,
        at=datetime.now(UTC),
        type=str(event.type),
        integration=integration.name,
        strategy=event.strategy_name,
        summary=_summary(event),
        label=", ".join(filter(None, [label, "spoiled token" if outgoing.behaviour.wrong_token else ""])),
        url=masked_url(integration.webhook_url),
        headers={"Content-Type": "application/json", **headers},
        body=content.decode(),
    )


def _summary(event: Event) -> str:
    if isinstance(event, SignalEvent):
        return f"{event.direction} {event.quantity:f} {event.ticker}"
    return ""


def _shown(posted: Posted, integration: Integration) -> WebhookAnswer:
    headers = {name: masked_text(value, integration) for name, value in posted.headers.items()}
    return WebhookAnswer(posted.status, headers, masked_text(posted.body.decode(errors="replace"), integration))
