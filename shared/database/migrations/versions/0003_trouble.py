"""What a person decides, how ledger and broker compare, and whether workers hear the queue."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("consumed_at", sa.DateTime(timezone=True)))
    op.add_column("sweep_lease", sa.Column("canary_at", sa.DateTime(timezone=True)))
    op.add_column("sweep_lease", sa.Column("unheard_since", sa.DateTime(timezone=True)))
    op.create_table(
        "resolutions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger()),
        sa.Column("quantity", sa.Numeric()),
        sa.Column("price", sa.Numeric()),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resolutions")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_resolutions_event_id")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_resolutions_order_id")),
    )
    op.create_index(op.f("ix_resolutions_event_id"), "resolutions", ["event_id"])
    op.create_table(
        "reconciliations",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("result", sa.Text()),
        sa.Column("differences", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("hindrance", sa.Text()),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_reconciliations")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_reconciliations_account_id")),
    )


def downgrade() -> None:
    for table in ("reconciliations", "resolutions"):
        op.drop_table(table)
    for table, column in (("sweep_lease", "unheard_since"), ("sweep_lease", "canary_at"), ("workers", "consumed_at")):
        op.drop_column(table, column)
