"""Keep safe contact, files of consultations, and ratings"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Keep safe contact, files of consultations, and ratings"""
    op.add_column("chats", sa.Column("safe_contact", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("chats", sa.Column("safe_hours", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("chats", sa.Column("safe_days", sa.String(length=8), nullable=False, server_default="all"))
    op.add_column("tickets", sa.Column("is_rated", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("updates", sa.Column("message_id", sa.BigInteger(), nullable=True))
    op.create_table(
        "attachments",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("ticket_id", _BIG, nullable=False),
        sa.Column("message_id", _BIG, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=True),
        sa.Column("file_id_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("mime", sa.String(length=32), nullable=True),
        sa.Column("n_bytes", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("n_attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", UTCDateTime(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ticket_id", "number"),
    )
    op.create_index("ix_attachments_message_id", "attachments", ["message_id"])
    op.create_index(
        "ix_attachments_waiting", "attachments", ["not_before"],
        sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "attachment_contents",
        sa.Column("attachment_id", _BIG, nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["attachment_id"], ["attachments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("attachment_id"),
    )
    op.create_table(
        "ratings",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("section_id", sa.String(length=32), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["section_id"], ["sections.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_ratings_month", "ratings", ["month"])


def downgrade() -> None:
    """Forget safe contact, files and ratings.

    Columns are dropped in place: a table that is copied and dropped would take with it what hangs on its rows.
    """
    for table in ("ratings", "attachment_contents", "attachments"):
        op.drop_table(table)
    op.drop_column("updates", "message_id")
    op.drop_column("tickets", "is_rated")
    for column in ("safe_days", "safe_hours", "safe_contact"):
        op.drop_column("chats", column)
