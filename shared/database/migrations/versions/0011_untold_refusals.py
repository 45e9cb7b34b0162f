"""Whether a refusal is known to have been told: noted by who told it, and no longer concluded from what was not noted.

What ended before counts as told: of old refusals nobody is alerted.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEX = "ix_events_untold"


def upgrade() -> None:
    told: sa.Column[bool] = sa.Column("refusal_told", sa.Boolean(), nullable=False, server_default=sa.true())
    op.add_column("events", told)  # rewrites nothing
    op.alter_column("events", "refusal_told", server_default=sa.false())
    op.create_index(INDEX, "events", ["finished_at"], postgresql_where="error_type IS NOT NULL AND NOT refusal_told")


def downgrade() -> None:
    op.drop_index(INDEX, "events")
    op.drop_column("events", "refusal_told")
