"""Accounts: tokens, instruments, integrations."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.schema import TIME, Base


class Account(Base):
    """Whom we trade for: one account at one broker. Written by `accounts/accounts.py`, `accounts/instruments.py`."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    broker: Mapped[str] = mapped_column(Text)  # built-in name, entry point or dotted path of the adapter's factory
    broker_settings: Mapped[str] = mapped_column(Text)  # encrypted with BRIDGE_SECRET_KEY; set at creation
    multiplier: Mapped[Decimal] = mapped_column(Numeric)  # our quantity for one unit of ProQuant's; set at creation
    paused: Mapped[bool] = mapped_column(server_default=text("false"))  # the CLI's pause and resume
    integration: Mapped[str] = mapped_column(Text, server_default="unknown")  # of tokens that no integration has
    integration_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # timestamp of the event that said so
    instruments_at: Mapped[datetime | None] = mapped_column(TIME)  # last refresh of the account's instruments
    on_deleted: Mapped[str] = mapped_column(Text, server_default="keep")  # orphan_policy.Policy; by a person, as is ...
    on_disabled: Mapped[str] = mapped_column(Text, server_default="keep")  # ... this one: `accounts policy`
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class Token(Base):
    """A bearer token of an account, as its hash. Written by `accounts/accounts.py`; a revoked one is kept, not
    deleted.
    """

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    hash: Mapped[str] = mapped_column(Text, unique=True)  # SHA-256, hex
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(TIME)  # rotated away, or of a request that was refused


class InstrumentRow(Base):
    """An instrument of an account: the broker's last list and the file's choices. Written by `accounts/instruments.py`
    only.
    """

    __tablename__ = "instruments"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    ticker: Mapped[str] = mapped_column(Text, primary_key=True)
    symbol: Mapped[str] = mapped_column(Text)
    minimum: Mapped[Decimal] = mapped_column(Numeric)
    maximum: Mapped[Decimal | None] = mapped_column(Numeric)
    step: Mapped[Decimal] = mapped_column(Numeric)
    currency: Mapped[str] = mapped_column(Text)
    shortable: Mapped[bool] = mapped_column()
    hours: Mapped[list[list[int]] | None] = mapped_column(JSONB(none_as_null=True))  # TradingHours.sessions


class IntegrationRow(Base):
    """What we asked of ProQuant for one user of an account, and what the user said. Written by
    `accounts/integrations.py` only.

    One row an account and user is `current`; those before it are history: their tokens may still speak of the past.
    """

    __tablename__ = "integrations"
    __table_args__ = (
        Index(
            "uq_integrations_one_current",
            "account_id",
            text("lower(user_email)"),
            unique=True,
            postgresql_where=text("current"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_email: Mapped[str] = mapped_column(Text)  # of the user's ProQuant account
    name: Mapped[str] = mapped_column(Text)  # the title that the user sees; of the last request
    state: Mapped[str] = mapped_column(Text)  # integration_states.IntegrationState
    current: Mapped[bool] = mapped_column(server_default=text("true"))  # until a new request takes its place
    token_id: Mapped[int] = mapped_column(ForeignKey("tokens.id"), unique=True)  # the token that ProQuant was given
    pending_token: Mapped[str | None] = mapped_column(Text)  # it, encrypted; only while `unanswered`, to be sent again
    attempts: Mapped[int] = mapped_column(server_default="0")  # grows before each request
    in_doubt: Mapped[int] = mapped_column(server_default="0")  # requests that ProQuant may have got and did not answer
    problem: Mapped[str | None] = mapped_column(Text)  # what the last request failed by; null after a success
    approved_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # timestamp of the last such event, as the next two
    rejected_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # by INTEGRATION_REJECTED
    deleted_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # by INTEGRATION_DELETED
    requested_at: Mapped[datetime | None] = mapped_column(TIME)  # when ProQuant said that it has the request
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
