"""The table of integrations. Each column says who writes it and when; times are UTC."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema import TIME, Base


class IntegrationRow(Base):
    """What we asked of ProQuant for one user of an account, and what the user said. Written by `integrations.py` only.

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
