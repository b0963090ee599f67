"""Texts in two languages, with the interpreters and on the desk of the staff; the languages of staff"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = sa.text("status IN ('asked', 'claimed')")


def upgrade() -> None:
    """Add the table and the column"""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "translations",
        sa.Column("id", big, nullable=False),
        sa.Column("ticket_id", big, nullable=False),
        sa.Column("message_id", big, nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=True),
        sa.Column("provider", sa.String(length=32), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("last_seen", sa.Integer(), nullable=False),
        sa.Column("japanese_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("foreign_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("back_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=True),
        sa.Column("due_at", UTCDateTime(), nullable=True),
        sa.Column("interpreter_id", sa.Integer(), nullable=True),
        sa.Column("claimed_at", UTCDateTime(), nullable=True),
        sa.Column("handed_in_at", UTCDateTime(), nullable=True),
        sa.Column("proposed_by_id", sa.Integer(), nullable=True),
        sa.Column("proposed_at", UTCDateTime(), nullable=True),
        sa.Column("approved_by_id", sa.Integer(), nullable=True),
        sa.Column("approved_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["interpreter_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["approved_by_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_translations_ticket_id", "translations", ["ticket_id"])
    op.create_index("ix_translations_message_id", "translations", ["message_id"])
    op.create_index(
        "ix_translations_asked", "translations", ["locale", "asked_at"], sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.add_column("staff", sa.Column("languages", sa.String(length=200), nullable=False, server_default=""))


def downgrade() -> None:
    """Remove both"""
    op.drop_column("staff", "languages")
    op.drop_table("translations")
