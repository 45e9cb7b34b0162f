"""What makes it cheap to delete finished events: nothing is searched for what may refer to them.

Three references go: of positions to the events that opened and closed them, and of orders to their positions. Each
would need an index, which every trade would have to write, and each made every trade lock a row; what they guarded is
written by the ledger alone, from rows that it has just read.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

REFERENCES = (
    ("fk_positions_opened_by", "positions", "events", "opened_by"),
    ("fk_positions_closed_by", "positions", "events", "closed_by"),
    ("fk_orders_position_id", "orders", "positions", "position_id"),
)


def upgrade() -> None:
    for name, table, _, _ in REFERENCES:
        op.drop_constraint(op.f(name), table, type_="foreignkey")
    op.create_index("ix_resolutions_order_id", "resolutions", ["order_id"])


def downgrade() -> None:
    op.drop_index("ix_resolutions_order_id", "resolutions")
    for name, table, referred, column in REFERENCES:  # not checked: events may have been deleted since
        op.create_foreign_key(op.f(name), table, referred, [column], ["id"], postgresql_not_valid=True)
