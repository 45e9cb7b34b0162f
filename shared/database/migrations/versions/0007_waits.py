"""How long a leg of an event waited for requests that its account may make: for its receipt."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "waits",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "leg", name=op.f("pk_waits")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_waits_event_id"), ondelete="CASCADE"),
    )


def downgrade() -> None:
    op.drop_table("waits")
