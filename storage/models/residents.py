"""Chats, what they sent, what they want to hear, and what came of their messages."""

from __future__ import annotations

import secrets
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


class ChatState(StrEnum):
    """Whether Telegram lets us write to this chat. CHANNEL: it is no resident's, but a channel of the police."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    CHANNEL = "channel"


class UpdateStatus(StrEnum):
    """An update in the inbox: waiting to be handled, handled, or given up after repeated failures."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Chat(Base):
    """One Telegram conversation with one resident; or, by its state, a public channel of the police."""

    __tablename__ = "chats"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address_lookup: Mapped[str] = mapped_column(String(64), unique=True, insert_sentinel=True)
    address_sealed: Mapped[bytes]
    pseudonym: Mapped[str] = mapped_column(String(16), unique=True)
    locale: Mapped[str] = mapped_column(String(16))
    locale_is_chosen: Mapped[bool] = mapped_column(default=False)
    municipality: Mapped[str | None] = mapped_column(String(32))
    wants_furigana: Mapped[bool] = mapped_column(default=True)
    state: Mapped[str] = mapped_column(String(16), default=ChatState.ACTIVE)
    last_intent: Mapped[str | None] = mapped_column(String(64))
    last_intent_at: Mapped[datetime | None]
    n_misses: Mapped[int] = mapped_column(default=0)
    # Safe contact: another person may read this phone. The hours are bits of the day in Japan (0: any); see bot/safety.
    safe_contact: Mapped[bool] = mapped_column(default=False)
    safe_hours: Mapped[int] = mapped_column(default=0)
    safe_days: Mapped[str] = mapped_column(String(8), default="all")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]

    __table_args__ = (Index("ix_chats_audience", "state", "locale", "municipality"),)


class Update(Base):
    """The inbox: one row per Telegram update, written before Telegram is told that we have it.

    The payload is removed once it is handled; the row stays for a while so that a repeated update changes nothing.
    message_id: of what the resident sent, so that they can have it deleted from the chat.
    """

    __tablename__ = "updates"

    update_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    chat_lookup: Mapped[str] = mapped_column(String(64))
    is_urgent: Mapped[bool] = mapped_column(default=False)
    payload_sealed: Mapped[bytes | None]
    message_id: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(16), default=UpdateStatus.WAITING)
    n_attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime]
    handled_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ix_updates_waiting", "update_id",
            sqlite_where=text("status = 'waiting'"), postgresql_where=text("status = 'waiting'"),
        ),
        Index("ix_updates_handled_at", "handled_at"),
    )


class Subscription(Base):
    """A chat's standing wish for a kind of notice. municipality: None means everywhere."""

    __tablename__ = "subscriptions"

    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    municipality: Mapped[str | None] = mapped_column(String(32))


class Turn(Base):
    """What came of one message, for the counts: no chat, no words, and no number that tells which came after which.

    outcome: answer, choices, fallback, smalltalk, request, danger, ticket.
    helped: the resident's own verdict on an answer, when given.
    """

    __tablename__ = "turns"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, default=lambda: secrets.randbits(62))
    at: Mapped[datetime] = mapped_column(index=True)
    locale: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(16))
    intent_id: Mapped[str | None] = mapped_column(String(64))
    helped: Mapped[bool | None]
