"""Accounts and their tokens, and what lifecycle events say about them. The only writer of tokens.

`instruments.py` also writes to an account: the time at which its instruments were stored.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Select, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.accounts import vault
from shared.accounts.integration_states import LifecycleTimes
from shared.accounts.orphan_policy import Policy
from shared.database.tables.accounts import Account, IntegrationRow, Token
from shared.domain import AccountId, EventType, IntegrationId
from shared.errors import AccountExists, UnknownAccount
from shared.keys import token_hash


class ManualIntegration(StrEnum):
    """What the last lifecycle event said that came with a token of no integration: a token that was handed on by hand.

    `unknown`: none has come.
    """

    UNKNOWN = "unknown"
    APPROVED = "approved"
    REJECTED = "rejected"
    DELETED = "deleted"


INTEGRATION_AFTER = {
    EventType.INTEGRATION_APPROVED: ManualIntegration.APPROVED,
    EventType.INTEGRATION_REJECTED: ManualIntegration.REJECTED,
    EventType.INTEGRATION_DELETED: ManualIntegration.DELETED,
}


@dataclass(frozen=True, slots=True)
class AccountState:
    """What a signal is checked against. `ended_at_ms`: when the integration was rejected or deleted, if it still is.

    `integration`: the one whose token was used, if the token belongs to one.
    """

    id: AccountId
    name: str
    multiplier: Decimal
    paused: bool
    ended_at_ms: int | None
    integration: IntegrationId | None = None

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
    on_deleted: Policy = Policy.KEEP,
    on_disabled: Policy = Policy.KEEP,
) -> tuple[AccountId, str]:
    """Adds an account; returns its id and its token, which is nowhere else. Raises AccountExists."""
    values = {
        "name": name,
        "broker": broker,
        "broker_settings": vault.encrypt(secret_key, settings),
        "multiplier": multiplier,
        "on_deleted": on_deleted,
        "on_disabled": on_disabled,
    }
    try:
        account = AccountId(session.execute(insert(Account).values(values).returning(Account.id)).scalar_one())
    except IntegrityError as error:
        raise AccountExists(f"There is an account named {name!r} already.") from error
    return account, issue_token(session, account)[1]


def rotate_token(session: Session, name: str) -> str:
    """A new token for the account; every older one stops working when the transaction commits.

    Those of integrations too: ProQuant has no way to be told of another one, so these must be requested anew.
    """
    account = named(session, name)
    session.execute(
        update(Token).where(Token.account_id == account.id, Token.revoked_at.is_(None)).values(revoked_at=func.now())
    )
    return issue_token(session, AccountId(account.id))[1]


def issue_token(session: Session, account: AccountId) -> tuple[int, str]:
    """One more token for the account, beside those that work; returns the id of its row and the token itself."""
    token = secrets.token_urlsafe(32)
    values = {"account_id": account, "hash": token_hash(token)}
    return session.execute(insert(Token).values(values).returning(Token.id)).scalar_one(), token


def revoke(session: Session, token_id: int) -> None:
    """The token stops working when the transaction commits. Revoking it again changes nothing."""
    session.execute(update(Token).where(Token.id == token_id, Token.revoked_at.is_(None)).values(revoked_at=func.now()))


def set_paused(session: Session, name: str, paused: bool) -> None:
    """Pauses or resumes: a paused account opens nothing, and still closes."""
    session.execute(update(Account).where(Account.id == named(session, name).id).values(paused=paused))


def set_policy(session: Session, name: str, on_deleted: Policy | None, on_disabled: Policy | None) -> None:
    """What lifecycle events mean for open positions from now on; None leaves that policy as it is."""
    chosen = {"on_deleted": on_deleted, "on_disabled": on_disabled}
    account = named(session, name)
    values = {policy: choice for policy, choice in chosen.items() if choice is not None}
    if values:
        session.execute(update(Account).where(Account.id == account.id).values(values))


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
    found = session.execute(_by_token().where(Token.hash == hash_)).one_or_none()
    return None if found is None else state_of(*found)


def state_of(account: Account, integration: IntegrationRow | None) -> AccountState:
    """What signals of this account are checked against, when they come with the token of this integration."""
    said, of = None, None
    if integration is not None:
        said = LifecycleTimes(integration.approved_at_ms, integration.rejected_at_ms, integration.deleted_at_ms)
        of = IntegrationId(integration.id)
    ended = ended_ms(account.integration, account.integration_at_ms, said)
    return AccountState(AccountId(account.id), account.name, account.multiplier, account.paused, ended, of)


def ended_ms(integration: str, integration_at_ms: int | None, said: LifecycleTimes | None) -> int | None:
    """From when on the user's approval covers no signal (Unix milliseconds), or None while it covers all.

    `said`: about the integration whose token the signal came with. Without one, what the account's own columns
    `integration` and `integration_at_ms` say holds.
    """
    if said is not None:
        return said.ended_ms()
    return integration_at_ms if integration in {ManualIntegration.REJECTED, ManualIntegration.DELETED} else None


def apply_lifecycle(session: Session, account: AccountId, type_: EventType, timestamp_ms: int) -> None:
    """Applies an INTEGRATION_* event that came with a token of no integration, unless a later one was applied."""
    earlier = or_(Account.integration_at_ms.is_(None), Account.integration_at_ms <= timestamp_ms)
    session.execute(
        update(Account)
        .where(Account.id == account, earlier)
        .values(integration=INTEGRATION_AFTER[type_], integration_at_ms=timestamp_ms)
    )


def _by_token() -> Select[Account, IntegrationRow]:
    return (
        select(Account, IntegrationRow)
        .join(Token, Token.account_id == Account.id)
        .outerjoin(IntegrationRow, IntegrationRow.token_id == Token.id)
        .where(Token.revoked_at.is_(None))
    )
