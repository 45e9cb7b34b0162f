"""An event no longer locks the rows of its account and its integration: all that come at once wrote them in turns.

A reference is checked by a lock on the row that it refers to, which is written down like any other change. An event's
account is the one of its strategy, whose own reference stays; the integration is the one of the token that the request
was let in by; and neither an account nor an integration is ever deleted.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

REFERENCES = (
    ("fk_events_account_id", "accounts", "account_id"),
    ("fk_events_integration_id", "integrations", "integration_id"),
)


def upgrade() -> None:
    for name, _, _ in REFERENCES:
        op.drop_constraint(op.f(name), "events", type_="foreignkey")


def downgrade() -> None:
    for name, referred, column in REFERENCES:
        op.create_foreign_key(op.f(name), "events", referred, [column], ["id"])
