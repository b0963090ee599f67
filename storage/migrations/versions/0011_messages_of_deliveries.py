"""Index only the deliveries that carry a message of a consultation"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NAME = "ix_deliveries_message_id"
_HAS_ONE = sa.text("message_id IS NOT NULL")


def upgrade() -> None:
    """Index only the deliveries that carry a message of a consultation"""
    op.drop_index(_NAME, table_name="deliveries")
    op.create_index(_NAME, "deliveries", ["message_id"], sqlite_where=_HAS_ONE, postgresql_where=_HAS_ONE)


def downgrade() -> None:
    """Take it back."""
    op.drop_index(_NAME, table_name="deliveries")
    op.create_index(_NAME, "deliveries", ["message_id"])
