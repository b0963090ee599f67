"""Keep deliveries into channels, and pictures and leaflets of notices"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Keep deliveries into channels, and pictures and leaflets of notices"""
    op.add_column("deliveries", sa.Column("part_ids", sa.String(length=64), nullable=True))
    op.add_column("deliveries", sa.Column("target_part_ids", sa.String(length=64), nullable=True))
    op.add_column("deliveries", sa.Column("channel", sa.String(length=16), nullable=True))
    op.add_column("notices", sa.Column("approved_print", sa.String(length=64), nullable=True))
    op.create_table(
        "notice_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("mime", sa.String(length=32), nullable=False),
        sa.Column("alt", sa.String(length=300), nullable=False),
        sa.Column("n_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("telegram_file_id", sa.String(length=250), nullable=True),
        sa.Column("uploading_until", UTCDateTime(), nullable=True),
        sa.Column("added_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_notice_files_notice_id_notices"),
                                ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_files")),
        sa.UniqueConstraint("notice_id", "tag", "kind", name=op.f("uq_notice_files_notice_id")),
    )


def downgrade() -> None:
    """Take it back; channels were no residents, and go with what was sent into them."""
    op.drop_table("notice_files")
    op.drop_column("notices", "approved_print")
    op.execute("DELETE FROM deliveries WHERE channel IS NOT NULL")
    op.execute("DELETE FROM chats WHERE state = 'channel'")
    for name in ("channel", "target_part_ids", "part_ids"):
        op.drop_column("deliveries", name)
