"""POST /webhooks/proquant: the path of an event from the request to the answer."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError

from receiver import precheck
from receiver.authentication import AccountCache, Throttle, authenticate
from receiver.body_reader import BodyReader
from receiver.group_commit import GroupCommit, log_stored
from receiver.outcome_waiter import OutcomeWaiter
from receiver.precheck import InstrumentCache
from receiver.protocol_versions import VersionLog
from receiver.refused import Refused
from receiver.transport.greenlets import in_thread
from receiver.transport.request import WebhookRequest, of_flask
from receiver.transport.responses import to_response
from shared.accounts.accounts import AccountState
from shared.alerts.raising import raise_alert
from shared.database.engine import Sessions
from shared.domain import AlertKind, Envelope, EventId, GenericError, LifecycleEvent, SignalEvent
from shared.inbox import store
from shared.inbox.store import Outcome, Stored
from shared.inbox.store_batch import SignalDelivery
from shared.proquant import envelope as protocol
from shared.proquant.answers import Reply, accepted, reply_for
from shared.proquant.errors import MalformedBody, UnsupportedVersion
from shared.proquant.request import WEBHOOK_PATH
from shared.queue.doorbell import Doorbell

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ReceiverContext:
    """The dependencies of the receiver. `wait`: seconds that a request may wait for its outcome, 0 = never."""

    sessions: Sessions
    directory: AccountCache
    throttle: Throttle
    instruments: InstrumentCache
    versions: VersionLog
    doorbell: Doorbell
    waiting: OutcomeWaiter
    wait: float
    now: Callable[[], datetime] = _utc_now
    reading: BodyReader = field(default_factory=BodyReader)
    writer: GroupCommit | None = None  # without one, every request commits alone
    answered: Callable[[EventId, Reply], object] = lambda *_: None  # remembers an answer; must touch memory only


def add_route(app: Flask, context: ReceiverContext) -> None:
    """The route that takes every event, in production as in a test."""

    @app.post(WEBHOOK_PATH)
    def webhook() -> Response:
        return to_response(receive(context, of_flask(request)))


def receive(context: ReceiverContext, call: WebhookRequest) -> Reply:
    """Answers one webhook.

    1. Who calls? Before the body is read, so that strangers cost nothing.
    2. What is said, in the highest version that we know?
    3. Can it be refused without a broker? That is not stored, and does not use up the event's key.
    4. Store it: from the commit on it will be executed, whatever dies.
    5. Ring, wait a bounded time for the outcome, and answer with it; or with 200, which means accepted.
    """
    try:
        account = authenticate(call, context.directory, context.throttle)
        body = context.reading.read(call, account.id)
        envelope = _parse(context, account, body)
        stored = _store(context, account, envelope, body)
        reply = _answer(context, envelope, stored)
        if not stored.accepted and not call.is_gone():  # else its row tells that already, at half the cost; or nobody
            context.answered(stored.event, reply)
        return reply
    except Refused as refused:
        log.info("Request refused.", action="refused", error=refused.error, detail=refused.detail)
        return reply_for(refused.error, refused.detail)


def _parse(context: ReceiverContext, account: AccountState, body: bytes) -> Envelope:
    try:
        envelope = protocol.read(body)
    except MalformedBody as error:
        raise Refused(GenericError.MALFORMED, str(error)) from error
    except UnsupportedVersion as error:
        in_thread(context.versions.only_unknown, account.id, str(error))
        raise Refused(GenericError.UNSUPPORTED_VERSION, str(error)) from error
    context.versions.note(envelope)
    return envelope


def _store(context: ReceiverContext, account: AccountState, envelope: Envelope, body: bytes) -> Stored:
    """A commit that raised may have been applied; storing again then finds the row, and else makes it.

    So a database that comes back within the second try costs no signal. Without a row there is no 200.
    """
    try:
        return _known_or_denied(context, account, envelope) or _insert(context, account, envelope, body)
    except SQLAlchemyError as error:
        log.error("The event may not have been stored; trying again.", action="store_failed", error=_cause(error))
    try:
        return _insert(context, account, envelope, body)
    except SQLAlchemyError as error:
        log.exception("The event could not be stored.", action="store_failed", error=_cause(error))
        raise Refused(GenericError.UNAVAILABLE) from error


def _known_or_denied(context: ReceiverContext, account: AccountState, envelope: Envelope) -> Stored | None:
    """Refuses what can be refused at once, except where the same event was stored before: it keeps its answer."""
    event = envelope.event
    if not isinstance(event, SignalEvent):
        return None
    now = context.now()
    denial = (
        precheck.not_covered(account, event)
        or precheck.from_the_future(event, now)
        or precheck.denial_of_open(account, event, context.instruments.of(account.id), now)
    )
    if denial is None:
        return None
    known = in_thread(_find, context, account, event)
    if known is None:
        raise Refused.because(denial)
    return known


def _find(context: ReceiverContext, account: AccountState, event: SignalEvent) -> Stored | None:
    with context.sessions() as session:
        return store.find(session, account.id, event)


def _insert(context: ReceiverContext, account: AccountState, envelope: Envelope, body: bytes) -> Stored:
    event, body_hash = envelope.event, hashlib.sha256(body).hexdigest()
    answered = context.wait == 0 or not isinstance(event, SignalEvent)
    if context.writer is not None and isinstance(event, SignalEvent):
        row = context.writer.store(
            SignalDelivery(account.id, account.name, account.integration, envelope.version, event, body_hash, answered)
        )
        if row is not None:
            return Stored(row, fresh=True, rung=answered, accepted=answered)
    stored = in_thread(_insert_alone, context, account, envelope, body_hash, answered)
    if stored.fresh:
        log_stored(stored.event, event.type, account.name)
    else:
        log.info("Event known.", action="duplicate", event_id=stored.event, type=event.type, account=account.name)
    return stored


def _insert_alone(
    context: ReceiverContext, account: AccountState, envelope: Envelope, body_hash: str, answered: bool
) -> Stored:
    with context.sessions.begin() as session:
        stored = store.add(
            session,
            account.id,
            envelope,
            body_hash,
            answered=answered,
            integration=account.integration,
            now=context.now(),
        )
        if stored.conflict:
            detail = (
                "The same event came again with other content (direction, ticker, quantity, strategy); not executed."
            )
            raise_alert(session, AlertKind.CONFLICT, detail, account.id, stored.event)
    if isinstance(envelope.event, LifecycleEvent):
        context.directory.forget()
    return stored


def _cause(error: SQLAlchemyError) -> str:
    return type(error).__name__


def _answer(context: ReceiverContext, envelope: Envelope, stored: Stored) -> Reply:
    if stored.conflict:
        raise Refused(GenericError.CONFLICT)
    if stored.rung:
        return accepted()
    return in_thread(_ring_and_reply, context, envelope, stored)


def _ring_and_reply(context: ReceiverContext, envelope: Envelope, stored: Stored) -> Reply:
    if context.wait == 0 or not isinstance(envelope.event, SignalEvent):
        if stored.fresh:
            context.doorbell.ring(stored.event, *stored.follow_ups)
        return _reply(None if stored.fresh else _read(context, stored.event))
    with context.waiting.place(stored.event) as announced:
        outcome = None if stored.fresh else _read(context, stored.event)
        if outcome is None and context.doorbell.ring(stored.event) and announced is not None:
            outcome = _wait(context, stored.event, announced)
        if outcome is None:
            outcome = _accept(context, stored.event)
    return _reply(outcome)


def _read(context: ReceiverContext, event: EventId) -> Outcome | None:
    """The outcome of an event that came before, if it is known. An earlier delivery may have been told a refusal.

    So where that cannot be read there is no 200: it would deny what was told, and nobody would be told of it.
    """
    try:
        with context.sessions() as session:
            return store.outcome(session, event)
    except SQLAlchemyError as error:
        log.error("An outcome could not be read.", action="look_failed", event_id=event, error=_cause(error))
        raise Refused(GenericError.UNAVAILABLE) from error


def _wait(context: ReceiverContext, event: EventId, announced: threading.Event) -> Outcome | None:
    for _ in context.waiting.until(announced, context.wait):
        outcome = _look(context, event)
        if outcome is not None:
            return outcome
    return None


def _look(context: ReceiverContext, event: EventId) -> Outcome | None:
    """The outcome, if it is known. A database that is away now does not change that the event is stored."""
    try:
        return _read(context, event)
    except Refused:
        return None


def _accept(context: ReceiverContext, event: EventId) -> Outcome | None:
    try:
        with context.sessions.begin() as session:
            return store.accept(session, event)
    except SQLAlchemyError as error:
        log.error("An answer could not be noted.", action="accept_failed", event_id=event, error=type(error).__name__)
        return None


def _reply(outcome: Outcome | None) -> Reply:
    if outcome is None or outcome.refusal is None:
        return accepted()
    return reply_for(outcome.refusal.error, outcome.refusal.detail)
