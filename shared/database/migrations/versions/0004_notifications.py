"""Who was told what: deliveries of alerts, answers to ProQuant, and when a deprecation was last told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("alert_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("last_of_day", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", TIME),
        sa.Column("created_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_deliveries_alert_id")),
        sa.UniqueConstraint("alert_id", "channel", name=op.f("uq_deliveries_alert_id_channel")),
    )
    pending = sa.text("state = 'pending'")
    op.create_index("ix_deliveries_pending", "deliveries", ["channel", "next_attempt_at"], postgresql_where=pending)
    op.create_index("ix_deliveries_topic", "deliveries", ["channel", "topic", "created_at"])
    op.create_table(
        "answers",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "status", "body", name=op.f("pk_answers")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_answers_event_id")),
    )
    op.add_column("alerts", sa.Column("routed_at", TIME))
    op.execute("UPDATE alerts SET routed_at = at")  # what was there before is listed, and not sent to anyone now
    op.create_index("ix_alerts_unrouted", "alerts", ["id"], postgresql_where=sa.text("routed_at IS NULL"))
    op.create_index("ix_alerts_event_id", "alerts", ["event_id"])
    op.add_column("protocol_versions", sa.Column("odd", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("protocol_versions", sa.Column("warned_at", TIME))


def downgrade() -> None:
    op.drop_column("protocol_versions", "warned_at")
    op.drop_column("protocol_versions", "odd")
    op.drop_index("ix_alerts_event_id", "alerts")
    op.drop_index("ix_alerts_unrouted", "alerts")
    op.drop_column("alerts", "routed_at")
    for table in ("answers", "deliveries"):
        op.drop_table(table)
