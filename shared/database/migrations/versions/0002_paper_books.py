"""The paper broker's books: accounts, orders, fills and net positions of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "paper_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("cash", sa.Numeric(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("submits", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_paper_accounts"),
        sa.UniqueConstraint("name", name="uq_paper_accounts_name"),
    )
    _create_orders()
    _create_fills()
    op.create_table(
        "paper_positions",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("average_price", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "symbol", name="pk_paper_positions"),
        sa.ForeignKeyConstraint(["account_id"], ["paper_accounts.id"], name="fk_paper_positions_account_id"),
    )


def _create_orders() -> None:
    op.create_table(
        "paper_orders",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("acceptance", sa.BigInteger()),
        sa.Column("client_order_id", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("proquant_position_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("filled_quantity", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("average_price", sa.Numeric()),
        sa.Column("error_type", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_paper_orders"),
        sa.UniqueConstraint("account_id", "acceptance", name="uq_paper_orders_account_id_acceptance"),
        sa.ForeignKeyConstraint(["account_id"], ["paper_accounts.id"], name="fk_paper_orders_account_id"),
    )
    op.create_index("ix_paper_orders_client_order_id", "paper_orders", ["account_id", "client_order_id"])


def _create_fills() -> None:
    op.create_table(
        "paper_fills",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("fill_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("price", sa.Numeric(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_paper_fills"),
        sa.UniqueConstraint("account_id", "fill_id", name="uq_paper_fills_account_id_fill_id"),
        sa.ForeignKeyConstraint(["account_id"], ["paper_accounts.id"], name="fk_paper_fills_account_id"),
        sa.ForeignKeyConstraint(["order_id"], ["paper_orders.id"], name="fk_paper_fills_order_id"),
    )
    op.create_index("ix_paper_fills_order_id", "paper_fills", ["order_id"])


def downgrade() -> None:
    for table in ("paper_positions", "paper_fills", "paper_orders", "paper_accounts"):
        op.drop_table(table)
