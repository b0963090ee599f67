"""The outbox, and the processes that send."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, BigId


class DeliveryStatus(StrEnum):
    """One message to one chat. SENT means that Telegram took it, not that it was read.

    UNKNOWN: the process died, or the answer was lost, while Telegram may have taken it.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class Lane(StrEnum):
    """Which deliveries go first: danger cards, answers and replies, notices (the names sort in that order)."""

    DANGER = "0-danger"
    ANSWER = "1-answer"
    NOTICE = "2-notice"


class Delivery(Base):
    """The outbox: one message to one chat.

    The payload is a sealed Outgoing; it is removed once sent. A notice's delivery has none: its text is the notice's.
    target_message_id: the message of the original notice in this chat, to be answered, replaced or removed.
    error: why it was not sent; of a withdrawal that was done, how.
    part_ids: Telegram's ids of the files that went before its words, by comma; target_part_ids: those of the original.
    channel: the language of the police's channel that this goes into; None for a resident's chat.
    """

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"))
    lane: Mapped[str] = mapped_column(String(16))
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notices.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"))
    payload_sealed: Mapped[bytes | None]
    status: Mapped[str] = mapped_column(String(16), default=DeliveryStatus.QUEUED)
    may_be_repeated: Mapped[bool] = mapped_column(default=False)
    not_before: Mapped[datetime]
    n_attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[str | None] = mapped_column(String(36))
    error: Mapped[str | None] = mapped_column(String(200))
    telegram_message_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    target_message_id: Mapped[int | None] = mapped_column(BigInteger)
    part_ids: Mapped[str | None] = mapped_column(String(64))
    target_part_ids: Mapped[str | None] = mapped_column(String(64))
    channel: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (
        Index(
            "ux_deliveries_notice_chat", "notice_id", "chat_id", unique=True,
            sqlite_where=text("notice_id IS NOT NULL"), postgresql_where=text("notice_id IS NOT NULL"),
        ),
        Index(
            "ix_deliveries_due", "lane", "id",
            sqlite_where=text("status = 'queued'"), postgresql_where=text("status = 'queued'"),
        ),
        Index(
            "ix_deliveries_sending", "claimed_by",
            sqlite_where=text("status = 'sending'"), postgresql_where=text("status = 'sending'"),
        ),
        Index("ix_deliveries_chat", "chat_id", "id"),
        Index(  # of replies only: a notice to a million chats writes nothing into it
            "ix_deliveries_message_id", "message_id",
            sqlite_where=text("message_id IS NOT NULL"), postgresql_where=text("message_id IS NOT NULL"),
        ),
    )


class Process(Base):
    """A running process and its heartbeat; what a silent one had claimed is taken back."""

    __tablename__ = "processes"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class StaffPing(Base):
    """When staff's Telegram group was last told that something waits; one row. audit_id: the newest entry it covers."""

    __tablename__ = "staff_pings"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    audit_id: Mapped[int] = mapped_column(BigId)
