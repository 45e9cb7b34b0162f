"""Integrations with a token and a life of their own, and what becomes of positions when they end."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "integrations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("user_email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("current", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("token_id", sa.BigInteger(), nullable=False),
        sa.Column("pending_token", sa.Text()),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("in_doubt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("approved_at_ms", sa.BigInteger()),
        sa.Column("rejected_at_ms", sa.BigInteger()),
        sa.Column("deleted_at_ms", sa.BigInteger()),
        sa.Column("requested_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_integrations")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_integrations_account_id")),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_integrations_token_id")),
        sa.UniqueConstraint("token_id", name=op.f("uq_integrations_token_id")),
    )
    op.create_index(
        "uq_integrations_one_current",
        "integrations",
        ["account_id", sa.text("lower(user_email)")],
        unique=True,
        postgresql_where=sa.text("current"),
    )
    op.add_column("accounts", sa.Column("on_deleted", sa.Text(), server_default="keep", nullable=False))
    op.add_column("accounts", sa.Column("on_disabled", sa.Text(), server_default="keep", nullable=False))
    op.add_column("events", sa.Column("integration_id", sa.BigInteger()))
    op.create_foreign_key(op.f("fk_events_integration_id"), "events", "integrations", ["integration_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_events_integration_id"), "events", type_="foreignkey")
    op.drop_column("events", "integration_id")
    op.drop_column("accounts", "on_disabled")
    op.drop_column("accounts", "on_deleted")
    op.drop_table("integrations")
