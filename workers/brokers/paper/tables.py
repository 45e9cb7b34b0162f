"""The paper broker's own tables: its books. Apart from the bridge's tables, as a real broker's would be.

Written by `accounts.py` and `execution.py` only, under the row lock of the account.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, MetaData, Numeric, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database.schema import NAMING, TIME


class PaperBase(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class PaperAccount(PaperBase):
    """One account. Whoever changes anything in its books holds this row's lock."""

    __tablename__ = "paper_accounts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    currency: Mapped[str] = mapped_column(Text)  # set when the books are opened, as is the first cash
    cash: Mapped[Decimal] = mapped_column(Numeric)  # grows and shrinks by realised profit and loss
    accepted: Mapped[int] = mapped_column(BigInteger, server_default="0")  # last acceptance number given
    submits: Mapped[int] = mapped_column(BigInteger, server_default="0")  # how many have come; the place in the script


class PaperOrder(PaperBase):
    """One order that was accepted, or whose refusal was lost on the way and can be looked up."""

    __tablename__ = "paper_orders"
    __table_args__ = (
        UniqueConstraint("account_id", "acceptance"),
        Index("ix_paper_orders_client_order_id", "account_id", "client_order_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("paper_accounts.id"))
    acceptance: Mapped[int | None] = mapped_column(BigInteger)  # order of acceptance; null where it was refused
    client_order_id: Mapped[str] = mapped_column(Text)  # not unique: dedupe is a setting
    symbol: Mapped[str] = mapped_column(Text)
    side: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    leg: Mapped[str] = mapped_column(Text)
    strategy_id: Mapped[str] = mapped_column(Text)
    proquant_position_id: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)  # accepted, filled, partially_filled, cancelled, rejected
    filled_quantity: Mapped[Decimal] = mapped_column(Numeric, server_default="0")
    average_price: Mapped[Decimal | None] = mapped_column(Numeric)  # with the first fill
    error_type: Mapped[str | None] = mapped_column(Text)  # with `rejected`, where one of the nine fits
    reason: Mapped[str | None] = mapped_column(Text)  # with `rejected`, and with an order that is not to be filled
    accepted_at: Mapped[datetime] = mapped_column(TIME)  # a look-up sees the order `settle_seconds` later
    finished_at: Mapped[datetime | None] = mapped_column(TIME)  # when it left the state `accepted`


class PaperFill(PaperBase):
    """One execution of an order; never changed."""

    __tablename__ = "paper_fills"
    __table_args__ = (UniqueConstraint("account_id", "fill_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("paper_accounts.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("paper_orders.id"), index=True)
    fill_id: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    price: Mapped[Decimal] = mapped_column(Numeric)
    at: Mapped[datetime] = mapped_column(TIME)


class PaperPosition(PaperBase):
    """The net position of an account in one symbol; the row of a flat one stays."""

    __tablename__ = "paper_positions"

    account_id: Mapped[int] = mapped_column(ForeignKey("paper_accounts.id"), primary_key=True)
    symbol: Mapped[str] = mapped_column(Text, primary_key=True)
    quantity: Mapped[Decimal] = mapped_column(Numeric)  # negative is short
    average_price: Mapped[Decimal] = mapped_column(Numeric)
