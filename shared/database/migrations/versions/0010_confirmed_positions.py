"""A position knows the last REOPEN that asked for the very same, and an order how often the broker did not have it.

The first tells an earlier flip that comes late that it is superseded. The second bounds how often an order that is
proven absent is sent again, before a person looks why.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("positions", sa.Column("confirmed_by", sa.BigInteger()))
    op.add_column("orders", sa.Column("absences", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("orders", "absences")
    op.drop_column("positions", "confirmed_by")
