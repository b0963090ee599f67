"""Find the replies that wait for a second person"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Find the replies that wait for a second person"""
    op.create_index(
        "ix_translations_proposed", "translations", ["proposed_at"],
        sqlite_where=sa.text("status = 'proposed'"), postgresql_where=sa.text("status = 'proposed'"),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_translations_proposed", table_name="translations")
