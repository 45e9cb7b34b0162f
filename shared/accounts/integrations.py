"""Integrations as rows: requested of ProQuant, approved and ended by users. The only writer of their table."""

import re
from dataclasses import dataclass

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from shared.accounts import accounts, vault
from shared.accounts.integration_states import ENDED, IntegrationState, LifecycleTimes, state_after
from shared.database.tables.accounts import Account, IntegrationRow, Token
from shared.domain import AccountId, EventType, IntegrationId
from shared.errors import BridgeError

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_TIME_OF = {
    EventType.INTEGRATION_APPROVED: "approved_at_ms",
    EventType.INTEGRATION_REJECTED: "rejected_at_ms",
    EventType.INTEGRATION_DELETED: "deleted_at_ms",
}


class InvalidEmail(BridgeError):
    """This cannot be the e-mail address of a user."""


class UnknownIntegration(BridgeError):
    """The account has no integration for this user."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that is going to be sent, committed before it is. `token` goes into its headers."""

    integration: IntegrationId
    token: str


@dataclass(frozen=True, slots=True)
class AlreadyRequested:
    """Nothing is to be sent: ProQuant has the request already, and this is what has become of it."""

    state: IntegrationState


def begin_request(
    session: Session, account: str, user_email: str, name: str, secret_key: str | None
) -> Attempt | AlreadyRequested:
    """What is to be sent to ProQuant, if anything, for this user of the account.

    A request that was never answered is sent again with the same token: however many of them ProQuant has got, there
    is one token, and it works. One that was refused or ended is followed by a new one, with a token of its own.
    Raises UnknownAccount, OddEmail, and ConfigurationError without the key that keeps the token until it is answered.
    """
    email = user_email.strip()
    if not EMAIL.fullmatch(email):
        raise InvalidEmail(f"{user_email!r} is not an e-mail address.")
    owner = _locked(session, account)
    row = _current(session, owner, email)
    if row is not None and _lasts(session, row):
        if row.state != IntegrationState.UNANSWERED or row.pending_token is None:
            return AlreadyRequested(IntegrationState(row.state))
        token = vault.decrypt(secret_key, row.pending_token)["token"]
    else:
        row, token = _fresh(session, owner, email, row, secret_key)
    row.attempts += 1
    row.in_doubt += 1
    row.name = name
    session.flush()
    return Attempt(IntegrationId(row.id), token)


def requested(session: Session, integration: IntegrationId) -> None:
    """ProQuant has taken the request: its token need never be sent again."""
    row = _row(session, integration)
    row.in_doubt -= 1
    row.problem = None
    row.requested_at = func.coalesce(IntegrationRow.requested_at, func.now())
    row.pending_token = None
    if row.state == IntegrationState.UNANSWERED:
        _become(session, row, IntegrationState.REQUESTED)


def not_taken(session: Session, integration: IntegrationId, problem: str, *, refused: bool) -> bool:
    """ProQuant is proven not to have taken this request. Returns whether its token was revoked for that.

    `refused`: it said no, and not merely out of reach. The token is revoked only where no other request may have
    carried it to ProQuant: an event must never be turned away for a token that ProQuant was really given.
    """
    row = _row(session, integration)
    row.in_doubt -= 1
    row.problem = problem
    if not refused or row.state != IntegrationState.UNANSWERED or row.in_doubt > 0:
        return False
    _become(session, row, IntegrationState.REFUSED)
    accounts.revoke(session, row.token_id)
    return True


def unanswered(session: Session, integration: IntegrationId, problem: str) -> None:
    """Nobody knows whether ProQuant has taken this request: its token keeps working, and is sent again next time."""
    _row(session, integration).problem = problem


def revoke(session: Session, account: str, user_email: str) -> None:
    """Takes the token of the user's integration away: ProQuant's events are InvalidCredentials from then on.

    Raises UnknownAccount and UnknownIntegration.
    """
    row = _current(session, _locked(session, account), user_email.strip())
    if row is None:
        raise UnknownIntegration(f"The account {account} has no integration for {user_email}.")
    if row.state not in ENDED:
        _become(session, row, IntegrationState.REVOKED)
    accounts.revoke(session, row.token_id)


def apply_lifecycle(session: Session, integration: IntegrationId, type_: EventType, timestamp_ms: int) -> None:
    """Applies an INTEGRATION_* event to its integration; the result does not depend on the order of delivery."""
    row = _row(session, integration)
    column = _TIME_OF[type_]
    known = getattr(row, column)
    setattr(row, column, timestamp_ms if known is None else max(known, timestamp_ms))
    said = LifecycleTimes(row.approved_at_ms, row.rejected_at_ms, row.deleted_at_ms)
    _become(session, row, state_after(IntegrationState(row.state), said))


def _locked(session: Session, name: str) -> AccountId:
    """The account, locked against another request at the same time, and not against events."""
    account = accounts.named(session, name)
    session.execute(select(Account.id).where(Account.id == account.id).with_for_update(key_share=True))
    return AccountId(account.id)


def _current(session: Session, account: AccountId, email: str) -> IntegrationRow | None:
    return session.scalar(
        select(IntegrationRow)
        .where(IntegrationRow.account_id == account, IntegrationRow.current)
        .where(func.lower(IntegrationRow.user_email) == func.lower(email))
        .with_for_update(key_share=True)
    )


def _lasts(session: Session, row: IntegrationRow) -> bool:
    """Whether the integration may still bring signals: it has not ended, and its token works."""
    works = session.scalar(select(Token.revoked_at.is_(None)).where(Token.id == row.token_id))
    return bool(works) and row.state not in ENDED


def _fresh(
    session: Session, account: AccountId, email: str, before: IntegrationRow | None, secret_key: str | None
) -> tuple[IntegrationRow, str]:
    if before is not None:
        session.execute(update(IntegrationRow).where(IntegrationRow.id == before.id).values(current=False))
    token_id, token = accounts.issue_token(session, account)
    values = {
        "account_id": account,
        "user_email": email,
        "name": "",
        "state": IntegrationState.UNANSWERED,
        "token_id": token_id,
        "pending_token": vault.encrypt(secret_key, {"token": token}),
    }
    made = session.execute(insert(IntegrationRow).values(values).returning(IntegrationRow.id)).scalar_one()
    return _row(session, IntegrationId(made)), token


def _row(session: Session, integration: IntegrationId) -> IntegrationRow:
    """Locked against another change, and not against the events that refer to it.

    With a lock that shuts those out too, two lifecycle events of one integration once ended in a deadlock: each was
    marked twice in its transaction, and then PostgreSQL looks at the row that is referred to once more.
    """
    change = {"key_share": True}
    return session.get_one(IntegrationRow, integration, with_for_update=change, populate_existing=True)


def _become(session: Session, row: IntegrationRow, state: IntegrationState) -> None:
    """Only an unanswered request has a token to send again."""
    pending = IntegrationRow.pending_token if state is IntegrationState.UNANSWERED else None
    change = update(IntegrationRow).where(IntegrationRow.id == row.id)
    session.execute(change.values(state=state, pending_token=pending))
