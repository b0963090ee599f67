"""Transfers, merges, escalations and presence; deadlines and the place in the queue stored with the ticket

Columns are added and dropped one by one: on SQLite a batch would rebuild the table, and dropping the old one would take
the messages with it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_COLUMNS = (
    ("queue_rank", sa.Integer()),
    ("next_due_at", UTCDateTime()),
    ("final_due_at", UTCDateTime()),
    ("final_left_s", sa.Integer()),
    ("due_at", UTCDateTime()),
    ("due_kind", sa.String(length=8)),
    ("warn_at", UTCDateTime()),
    ("warned_at", UTCDateTime()),
    ("escalated_at", UTCDateTime()),
    ("promised_at", UTCDateTime()),
    ("to_section_id", sa.String(length=32)),
    ("to_station_id", sa.String(length=32)),
    ("merged_into_id", _BIG_ID),
)
_FILTERS = ["status", "section_id", "station_id", "to_section_id", "to_station_id", "claimed_by_id", "due_at", "locale",
            "municipality", "topic", "receipt"]
_PARTIAL = {
    "due_at": "due_at IS NOT NULL AND escalated_at IS NULL",
    "warn_at": "warn_at IS NOT NULL AND warned_at IS NULL",
    "promised_at": "promised_at IS NOT NULL",
}


def upgrade() -> None:
    """Add the tables and columns of the queue, and give open tickets their place and deadline."""
    for name, kind in _COLUMNS:
        op.add_column("tickets", sa.Column(name, kind, nullable=True))
    op.execute(
        "UPDATE tickets SET queue_rank = CASE status WHEN 'open' THEN 0 - priority ELSE 100000 - priority END "
        "WHERE status IN ('open', 'answered')"
    )
    op.execute(
        "UPDATE tickets SET due_at = first_due_at, due_kind = 'first' "
        "WHERE status = 'open' AND first_reply_at IS NULL AND first_due_at IS NOT NULL"
    )
    op.drop_index("ix_tickets_queue", "tickets")
    _create_partial("ix_tickets_queue", ["queue_rank", "created_at", "id", *_FILTERS], "queue_rank IS NOT NULL")
    op.create_index("ix_tickets_created", "tickets", ["created_at", "id", *_FILTERS])
    for name, condition in _PARTIAL.items():
        _create_partial(f"ix_tickets_{name}", [name], condition)
    op.create_table(
        "transfers",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("ticket_id", _BIG_ID, nullable=False),
        sa.Column("from_section_id", sa.String(length=32), nullable=False),
        sa.Column("from_station_id", sa.String(length=32), nullable=True),
        sa.Column("to_section_id", sa.String(length=32), nullable=True),
        sa.Column("to_station_id", sa.String(length=32), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["from_section_id"], ["sections.id"]),
        sa.ForeignKeyConstraint(["from_station_id"], ["stations.id"]),
        sa.ForeignKeyConstraint(["to_section_id"], ["sections.id"]),
        sa.ForeignKeyConstraint(["to_station_id"], ["stations.id"]),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["answered_by_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_transfers_ticket_id", "transfers", ["ticket_id"])
    _create_partial("ux_transfers_pending", ["ticket_id"], "state = 'pending'", table="transfers", unique=True)
    op.create_table(
        "merges",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("source_id", _BIG_ID, nullable=False),
        sa.Column("target_id", _BIG_ID, nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("outcome_before", sa.String(length=32), nullable=True),
        sa.Column("merged_by_id", sa.Integer(), nullable=False),
        sa.Column("merged_at", UTCDateTime(), nullable=False),
        sa.Column("undone_by_id", sa.Integer(), nullable=True),
        sa.Column("undone_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["tickets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["target_id"], ["tickets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["merged_by_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["undone_by_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_merges_source_id", "merges", ["source_id"])
    op.create_index("ix_merges_target_id", "merges", ["target_id"])
    _create_partial("ux_merges_in_force", ["source_id"], "undone_at IS NULL", table="merges", unique=True)
    op.create_table(
        "escalations",
        sa.Column("id", _BIG_ID, nullable=False),
        sa.Column("ticket_id", _BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("section_id", sa.String(length=32), nullable=False),
        sa.Column("station_id", sa.String(length=32), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["section_id"], ["sections.id"]),
        sa.ForeignKeyConstraint(["station_id"], ["stations.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("ticket_id", "kind", "due_at"),
    )
    op.create_table(
        "presences",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ticket_id", _BIG_ID, nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_presences_ticket_id", "presences", ["ticket_id"])
    op.create_index("ix_presences_seen_at", "presences", ["seen_at"])


def _create_partial(
    name: str, columns: list[str], condition: str, *, table: str = "tickets", unique: bool = False
) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Forget the tables and columns of the queue."""
    for table in ("presences", "escalations", "merges", "transfers"):
        op.drop_table(table)
    for name in ("queue", "created", *_PARTIAL):
        op.drop_index(f"ix_tickets_{name}", "tickets")
    op.create_index("ix_tickets_queue", "tickets", ["section_id", "status", "priority", "created_at"])
    for name, _kind in _COLUMNS:
        op.execute(f"ALTER TABLE tickets DROP COLUMN {name}")
