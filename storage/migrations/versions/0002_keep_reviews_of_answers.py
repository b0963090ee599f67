"""Keep reviews of answers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep reviews of answers"""
    op.create_table(
        "answer_reviews",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intent_id", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("rev", sa.String(length=16), nullable=False),
        sa.Column("base_rev", sa.String(length=16), nullable=False),
        sa.Column("old_rev", sa.String(length=16), nullable=True),
        sa.Column("text", sa.JSON(), nullable=False),
        sa.Column("review_by", sa.Date(), nullable=True),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("by_name", sa.String(length=100), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("answer_reviews", schema=None) as batch_op:
        batch_op.create_index("ix_answer_reviews_answer", ["intent_id", "tag", "id"], unique=False)


def downgrade() -> None:
    """Forget reviews of answers"""
    op.drop_table("answer_reviews")
