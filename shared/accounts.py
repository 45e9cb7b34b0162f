"""Accounts and their tokens, and what lifecycle events say about them. The only writer of both tables."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared import vault
from shared.domain import AccountId, EventType
from shared.errors import AccountExists, UnknownAccount
from shared.keys import token_hash
from shared.tables import Account, Token


class Integration(StrEnum):
    """What the user's last lifecycle event said. `unknown`: the account was never announced, as in a manual set-up."""

    UNKNOWN = "unknown"
    APPROVED = "approved"
    REJECTED = "rejected"
    DELETED = "deleted"


INTEGRATION_AFTER = {
    EventType.INTEGRATION_APPROVED: Integration.APPROVED,
    EventType.INTEGRATION_REJECTED: Integration.REJECTED,
    EventType.INTEGRATION_DELETED: Integration.DELETED,
}


@dataclass(frozen=True, slots=True)
class AccountState:
    """What a signal is checked against. `ended_at_ms`: when the integration was rejected or deleted, if it still is."""

    id: AccountId
    name: str
    multiplier: Decimal
    paused: bool
    ended_at_ms: int | None

    def accepts(self, timestamp_ms: int) -> bool:
        """Whether the user's approval covers an event of this time (Unix milliseconds)."""
        return self.ended_at_ms is None or timestamp_ms < self.ended_at_ms


def create(
    session: Session,
    name: str,
    broker: str,
    settings: Mapping[str, str],
    multiplier: Decimal,
    secret_key: str | None,
) -> tuple[AccountId, str]:
    """Adds an account; returns its id and its token, which is nowhere else. Raises AccountExists."""
    values = {
        "name": name,
        "broker": broker,
        "broker_settings": vault.encrypt(secret_key, settings),
        "multiplier": multiplier,
    }
    try:
        account = AccountId(session.execute(insert(Account).values(values).returning(Account.id)).scalar_one())
    except IntegrityError as error:
        raise AccountExists(f"There is an account named {name!r} already.") from error
    return account, _issue_token(session, account)


def rotate_token(session: Session, name: str) -> str:
    """A new token for the account; every older one stops working when the transaction commits."""
    account = named(session, name)
    session.execute(
        update(Token).where(Token.account_id == account.id, Token.revoked_at.is_(None)).values(revoked_at=func.now())
    )
    return _issue_token(session, AccountId(account.id))


def add_token(session: Session, name: str) -> str:
    """One more token for the account, beside those that work: for a new integration."""
    return _issue_token(session, AccountId(named(session, name).id))


def set_paused(session: Session, name: str, paused: bool) -> None:
    """Pauses or resumes: a paused account opens nothing, and still closes."""
    session.execute(update(Account).where(Account.id == named(session, name).id).values(paused=paused))


def named(session: Session, name: str) -> Account:
    """The account of this name. Raises UnknownAccount."""
    account = session.scalar(select(Account).where(Account.name == name))
    if account is None:
        raise UnknownAccount(
            f"There is no account named {name!r}; `proquant-bridge accounts list` shows those there are."
        )
    return account


def with_token_hash(session: Session, hash_: str) -> AccountState | None:
    """The account whose live token has this hash, if any."""
    found = session.scalar(
        select(Account)
        .join(Token, Token.account_id == Account.id)
        .where(Token.hash == hash_, Token.revoked_at.is_(None))
    )
    return None if found is None else state_of(found)


def state_of(account: Account) -> AccountState:
    """What signals of this account are checked against."""
    ended = account.integration in {Integration.REJECTED, Integration.DELETED}
    return AccountState(
        AccountId(account.id),
        account.name,
        account.multiplier,
        account.paused,
        account.integration_at_ms if ended else None,
    )


def apply_lifecycle(session: Session, account: AccountId, type_: EventType, timestamp_ms: int) -> None:
    """Lets an INTEGRATION_* event say what the integration is, unless a later one has already said so."""
    earlier = or_(Account.integration_at_ms.is_(None), Account.integration_at_ms <= timestamp_ms)
    session.execute(
        update(Account)
        .where(Account.id == account, earlier)
        .values(integration=INTEGRATION_AFTER[type_], integration_at_ms=timestamp_ms)
    )


def _issue_token(session: Session, account: AccountId) -> str:
    token = secrets.token_urlsafe(32)
    session.execute(insert(Token).values(account_id=account, hash=token_hash(token)))
    return token
