"""Keep when the group of staff was last told that something waits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep when the group of staff was last told that something waits"""
    op.create_table(
        "staff_pings",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("audit_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_pings")),
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_table("staff_pings")
