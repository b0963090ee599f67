"""Urgency, quiet hours and purpose of notices; events and their answers; links of staff"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NOTICE_COLUMNS = (
    "purpose", "urgency", "original_id", "once_key", "quiet_reason", "quiet_asked_by_id", "quiet_allowed_by_id",
    "stopped_for",
)


def upgrade() -> None:
    """Add them; a subscription keeps to the area that its chat had chosen."""
    for column in (
        sa.Column("purpose", sa.String(length=16), server_default="notice", nullable=False),
        sa.Column("urgency", sa.String(length=16), server_default="routine", nullable=False),
        sa.Column("original_id", sa.Integer(), sa.ForeignKey("notices.id"), nullable=True),
        sa.Column("once_key", sa.String(length=64), nullable=True),
        sa.Column("quiet_reason", sa.String(length=300), nullable=True),
        sa.Column("quiet_asked_by_id", sa.Integer(), sa.ForeignKey("staff.id"), nullable=True),
        sa.Column("quiet_allowed_by_id", sa.Integer(), sa.ForeignKey("staff.id"), nullable=True),
        sa.Column("stopped_for", sa.JSON(), nullable=True),
    ):
        op.add_column("notices", column, inline_references=True)
    op.create_index("ix_notices_original_id", "notices", ["original_id"], unique=False)
    op.create_index("ux_notices_once", "notices", ["once_key"], unique=True)
    op.add_column("deliveries", sa.Column("target_message_id", sa.BigInteger(), nullable=True))
    op.add_column("subscriptions", sa.Column("municipality", sa.String(length=32), nullable=True))
    op.execute("UPDATE subscriptions SET municipality = "
               "(SELECT chats.municipality FROM chats WHERE chats.id = subscriptions.chat_id)")
    op.create_table(
        "events",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("starts_at", UTCDateTime(), nullable=False),
        sa.Column("ends_at", UTCDateTime(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=True),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("cancelled_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("notice_id"),
    )
    op.create_index("ix_events_starts_at", "events", ["starts_at"], unique=False)
    op.create_table(
        "event_replies",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("chat_id", _BIG, nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=False),
        sa.Column("answered_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["notice_id"], ["events.notice_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("notice_id", "chat_id"),
    )
    op.create_table(
        "staff_links",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("chat_id", _BIG, nullable=True),
        sa.Column("code_hash", sa.String(length=64), nullable=True),
        sa.Column("code_expires_at", UTCDateTime(), nullable=True),
        sa.Column("calendar_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("staff_id"),
        sa.UniqueConstraint("calendar_hash"),
    )


def downgrade() -> None:
    """Forget them"""
    for table in ("staff_links", "event_replies", "events"):
        op.drop_table(table)
    op.drop_column("subscriptions", "municipality")
    op.drop_column("deliveries", "target_message_id")
    op.drop_index("ux_notices_once", "notices")
    op.drop_index("ix_notices_original_id", "notices")
    for name in reversed(_NOTICE_COLUMNS):
        op.drop_column("notices", name)
