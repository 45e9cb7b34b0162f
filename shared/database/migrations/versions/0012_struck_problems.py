"""What ProQuant once said of an integration request may hold the token that the request carried: it is struck out.

Tokens are 43 characters of URL-safe base64, and only their hashes are stored; so whatever looks like one goes.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "UPDATE integrations SET problem = regexp_replace(problem, '[A-Za-z0-9_-]{20,}', '[secret]', 'g')"
        " WHERE problem ~ '[A-Za-z0-9_-]{20,}'"
    )


def downgrade() -> None:
    """What was struck is gone."""
