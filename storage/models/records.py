"""What is kept about what was done: audit, erasures, the secret of the key ring."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, BigId


class RingSecret(Base):
    """A key that is made from no other, sealed with the ring; see storage/fingerprints.py."""

    __tablename__ = "ring_secrets"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    value_sealed: Mapped[bytes]


class Erasure(Base):
    """That everything about a chat up to a moment was erased, and the receipt which proves it.

    chat_lookup: the keyed fingerprint, all that is left of the chat. is_in_ledger: written outside the database too,
    so that a restored backup loses the same data again.
    """

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(primary_key=True)
    receipt: Mapped[str] = mapped_column(String(16), unique=True)
    chat_lookup: Mapped[str] = mapped_column(String(64), index=True)
    erased_at: Mapped[datetime]
    n_tickets: Mapped[int]
    n_messages: Mapped[int]
    is_in_ledger: Mapped[bool] = mapped_column(default=False)


class AuditEntry(Base):
    """Who did what to which record. Rows are only ever added, and triggers refuse anything else.

    The entries are a chain, see storage/audit.py: ids have no gap, and each entry holds the hash of the one before.
    """

    __tablename__ = "audit_entries"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    tag: Mapped[str] = mapped_column(String(64))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    subject: Mapped[str] = mapped_column(String(64), index=True)
    detail: Mapped[dict[str, Any]]
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))
