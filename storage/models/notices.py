"""Announcements and events."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class NoticeStatus(StrEnum):
    """The life of a notice."""

    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class NoticePurpose(StrEnum):
    """Why a notice is sent. All but NOTICE and REPEAT go to those who have, or answered, the original.

    REPEAT: the same again; the earlier message goes. REMINDER, CHANGE, CANCELLATION: to those who come to an event.
    """

    NOTICE = "notice"
    REPEAT = "repeat"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"
    REMINDER = "reminder"
    CHANGE = "change"
    CANCELLATION = "cancellation"


class Urgency(StrEnum):
    """How a notice arrives: routine makes no sound; urgent goes before every other notice."""

    ROUTINE = "routine"
    IMPORTANT = "important"
    URGENT = "urgent"


class EventAnswer(StrEnum):
    """What a resident said to an invitation. WAITING: wants to come, and every seat is taken."""

    COMING = "coming"
    WAITING = "waiting"
    NOT_NOW = "not_now"


class NoticeKind(StrEnum):
    """What a notice is about; residents subscribe by kind."""

    CAMPAIGN = "campaign"
    EVENT = "event"
    SAFETY = "safety"


class Notice(Base):
    """One announcement, or what follows from one.

    original_id: the notice that this one corrects, withdraws, repeats or reminds of.
    once_key: of what the clockwork adds by itself; unique, so that two workers add it once.
    quiet_reason, quiet_asked_by_id, quiet_allowed_by_id: the wish to send it in the quiet hours, and the second person.
    stopped_for: why it waits for a person: {"reason": "errors" | "held" | "late" | "changed", …}, with `told_at` once
        people were told of it; None when nothing stopped it.
    approved_print: the fingerprint of the words and files that were approved; None where nobody had to.
    """

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    campaign: Mapped[str | None] = mapped_column(String(64))
    campaign_year: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(32), default=NoticeKind.CAMPAIGN)
    status: Mapped[str] = mapped_column(String(16), default=NoticeStatus.DRAFT, index=True)
    revision: Mapped[int] = mapped_column(default=1)
    audience: Mapped[dict[str, Any]]
    missing: Mapped[str] = mapped_column(String(16), default="fallback")
    send_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    author_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    approved_at: Mapped[datetime | None]
    expanded_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    purpose: Mapped[str] = mapped_column(String(16), default=NoticePurpose.NOTICE, server_default="notice")
    urgency: Mapped[str] = mapped_column(String(16), default=Urgency.ROUTINE, server_default="routine")
    original_id: Mapped[int | None] = mapped_column(ForeignKey("notices.id"), index=True)
    once_key: Mapped[str | None] = mapped_column(String(64))
    quiet_reason: Mapped[str | None] = mapped_column(String(300))
    quiet_asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    quiet_allowed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    stopped_for: Mapped[dict[str, Any] | None]
    approved_print: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        UniqueConstraint("campaign", "campaign_year"), Index("ux_notices_once", "once_key", unique=True),
    )


class NoticeText(Base):
    """The words of a notice in one locale. Public, so not sealed. `state`: drafted (by machine) or checked."""

    __tablename__ = "notice_texts"

    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(16), primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default="drafted")


class FileKind(StrEnum):
    """A picture is shown in the chat; a leaflet is a PDF to open and to print."""

    PICTURE = "picture"
    LEAFLET = "leaflet"


class NoticeFile(Base):
    """A picture or a leaflet of a notice, at most one of each for a language. Public, so not sealed.

    tag: the language it is for; that of the base stands in where a language has none.
    alt: what it shows, in words. sha256: of the content; a file that differs from what was approved is not sent.
    telegram_file_id: under which Telegram keeps it once it was uploaded. uploading_until: until when a process uploads
    it and no other does.
    """

    __tablename__ = "notice_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id", ondelete="CASCADE"))
    tag: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    mime: Mapped[str] = mapped_column(String(32))
    alt: Mapped[str] = mapped_column(String(300))
    n_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    content: Mapped[bytes] = mapped_column(deferred=True)
    telegram_file_id: Mapped[str | None] = mapped_column(String(250))
    uploading_until: Mapped[datetime | None]
    added_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("notice_id", "tag", "kind"),)


class Event(Base):
    """What a notice invites to. Public, so not sealed. seats: None means without limit; languages: of interpreters."""

    __tablename__ = "events"

    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id", ondelete="CASCADE"), primary_key=True)
    place: Mapped[str] = mapped_column(String(200))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    starts_at: Mapped[datetime] = mapped_column(index=True)
    ends_at: Mapped[datetime]
    seats: Mapped[int | None]
    languages: Mapped[list[str]] = mapped_column(JSON)
    cancelled_at: Mapped[datetime | None]


class EventReply(Base):
    """A chat's answer to an invitation. answered_at decides the order on the waiting list."""

    __tablename__ = "event_replies"

    notice_id: Mapped[int] = mapped_column(ForeignKey("events.notice_id", ondelete="CASCADE"), primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True)
    answer: Mapped[str] = mapped_column(String(16))
    answered_at: Mapped[datetime]
