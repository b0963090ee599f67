"""Keep records: the audit as a chain that only grows, erasures, and keys"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

import sqlalchemy as sa
from alembic import op

from storage.database import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REFUSAL = "the audit is only added to"


def upgrade() -> None:
    """Chain the audit, let the database refuse to change it, and add erasures and sealed keys"""
    op.create_table(
        "erasures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.String(length=16), nullable=False),
        sa.Column("chat_lookup", sa.String(length=64), nullable=False),
        sa.Column("erased_at", UTCDateTime(), nullable=False),
        sa.Column("n_tickets", sa.Integer(), nullable=False),
        sa.Column("n_messages", sa.Integer(), nullable=False),
        sa.Column("is_in_ledger", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("receipt"),
    )
    with op.batch_alter_table("erasures", schema=None) as batch_op:
        batch_op.create_index("ix_erasures_chat_lookup", ["chat_lookup"], unique=False)
    op.create_table(
        "ring_secrets",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "recoveries",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("asked_by_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=False),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("is_agreed", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"]),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    _chain_the_audit()


def _chain_the_audit() -> None:
    """Give each entry the hash of the one before, then let the database refuse UPDATE and DELETE"""
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.add_column(sa.Column("previous_hash", sa.String(length=64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("hash", sa.String(length=64), nullable=False, server_default=""))
    _chain_what_is_there()
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.alter_column("previous_hash", server_default=None)
        batch_op.alter_column("hash", server_default=None)
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_entries_no_{verb} BEFORE {verb.upper()} ON audit_entries "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        return
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
    )


def _chain_what_is_there() -> None:
    """Number the entries without gaps and chain them: storage.audit.entry_hash as it was at this revision."""
    entries = sa.table(
        "audit_entries", sa.column("id", sa.BigInteger), sa.column("at", UTCDateTime()), sa.column("tag", sa.String),
        sa.column("subject", sa.String), sa.column("staff_id", sa.Integer), sa.column("detail", sa.JSON),
        sa.column("previous_hash", sa.String), sa.column("hash", sa.String),
    )
    bind = op.get_bind()
    previous = "0" * 64
    rows = bind.execute(sa.select(entries).order_by(entries.c.id)).all()
    for number, row in enumerate(rows, start=1):
        at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
        parts = [previous, number, at, row.tag, row.subject, row.staff_id, row.detail]
        written = json.dumps(parts, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(written.encode()).hexdigest()
        bind.execute(
            sa.update(entries).where(entries.c.id == row.id).values(id=number, previous_hash=previous, hash=digest)
        )
        previous = digest


def downgrade() -> None:
    """Let the audit be changed again, and forget its chain, the erasures and the keys"""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER audit_entries_no_update")
        op.execute("DROP TRIGGER audit_entries_no_delete")
    else:
        op.execute("DROP TRIGGER audit_entries_no_change ON audit_entries")
        op.execute("DROP TRIGGER audit_entries_no_truncate ON audit_entries")
        op.execute("DROP FUNCTION refuse_audit_change()")
    with op.batch_alter_table("audit_entries", schema=None) as batch_op:
        batch_op.drop_column("hash")
        batch_op.drop_column("previous_hash")
    op.drop_table("recoveries")
    op.drop_table("ring_secrets")
    op.drop_table("erasures")
