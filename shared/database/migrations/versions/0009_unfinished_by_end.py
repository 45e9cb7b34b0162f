"""The index of unfinished events goes by the time of the end; a state and that time can no longer contradict each other.

Taking an event up changes no column of an index any more, so that the row moves without new entries in all of them.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEX = "ix_events_unfinished"
COLUMNS = ["strategy", "timestamp_ms", "seq"]
BY_STATE = "state IN ('received', 'executing', 'waiting', 'parked')"


def upgrade() -> None:
    op.drop_index(INDEX, "events")
    op.create_index(INDEX, "events", COLUMNS, postgresql_where="finished_at IS NULL")
    op.create_check_constraint(op.f("ck_events_finished"), "events", f"(finished_at IS NULL) = ({BY_STATE})")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_events_finished"), "events", type_="check")
    op.drop_index(INDEX, "events")
    op.create_index(INDEX, "events", COLUMNS, postgresql_where=BY_STATE)
