"""Keep which deliveries go into channels"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep which deliveries go into channels"""
    op.add_column("deliveries", sa.Column("channel", sa.String(length=16), nullable=True))


def downgrade() -> None:
    """Take it back; channels were no residents, and go with what was sent into them."""
    op.execute("DELETE FROM deliveries WHERE channel IS NOT NULL")
    op.execute("DELETE FROM chats WHERE state = 'channel'")
    op.drop_column("deliveries", "channel")
