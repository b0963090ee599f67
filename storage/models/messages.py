"""What is said in a consultation: texts, revisions, translations, files."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base, BigId


class Author(StrEnum):
    """Who wrote a message of a ticket. A NOTE is internal and is never delivered."""

    RESIDENT = "resident"
    STAFF = "staff"
    SYSTEM = "system"
    NOTE = "note"


class TextState(StrEnum):
    """Who put a text into its language, and no more than is known.

    TYPED: staff wrote it in the language themselves. MACHINE_CHECKED: a machine wrote it, an interpreter checked it.
    """

    TYPED = "typed"
    MACHINE = "machine"
    MACHINE_CHECKED = "machine_checked"
    INTERPRETER = "interpreter"


class TranslationKind(StrEnum):
    """What is put into another language: a resident's message for staff, or a reply of staff for the resident."""

    MESSAGE = "message"
    REPLY = "reply"


class TranslationStatus(StrEnum):
    """The life of a translation.

    ASKED and CLAIMED are with the interpreters. DRAFT and RETURNED are on the desk of the staff: with a text to look
    at, or back without one and with a question. PROPOSED waits for a second person. DONE: read, or sent.
    """

    ASKED = "asked"
    CLAIMED = "claimed"
    RETURNED = "returned"
    DRAFT = "draft"
    PROPOSED = "proposed"
    DONE = "done"
    DISCARDED = "discarded"


class Message(Base):
    """One message of a ticket, numbered from 1; its words are in its revisions."""

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    number: Mapped[int]
    author: Mapped[str] = mapped_column(String(16))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    locale: Mapped[str | None] = mapped_column(String(16))
    telegram_message_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("ticket_id", "number"),)


class Revision(Base):
    """The words of a message as they were at one time; an edit adds one and never overwrites."""

    __tablename__ = "revisions"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    number: Mapped[int]
    body_sealed: Mapped[bytes]
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("message_id", "number"),)


class AttachmentState(StrEnum):
    """WAITING: not fetched from Telegram yet. REFUSED: of a kind or a size that we do not take. FAILED: given up."""

    WAITING = "waiting"
    KEPT = "kept"
    REFUSED = "refused"
    FAILED = "failed"


class Attachment(Base):
    """A file that a resident added to a consultation, numbered from 1 within it; its content is in a row of its own.

    Kept exactly as it was sent: what a file says of itself (where and when a picture was taken) is not removed, since
    it may be what matters. No name of a file is kept. file_id_sealed: Telegram's handle, until it was fetched.
    sha256: of the content, unsealed. not_before: when to try next; while it is being fetched, until when nobody else
    tries.
    """

    __tablename__ = "attachments"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    number: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), default=AttachmentState.WAITING)
    reason: Mapped[str | None] = mapped_column(String(16))
    file_id_sealed: Mapped[bytes | None]
    mime: Mapped[str | None] = mapped_column(String(32))
    n_bytes: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(String(64))
    n_attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("ticket_id", "number"),
        Index(
            "ix_attachments_waiting", "not_before",
            sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'"),
        ),
    )


class Translation(Base):
    """A text in two languages, Japanese and the resident's, on its way from one to the other.

    message_id: the resident's message, or the reply that it became. revision: how many revisions the message had.
    A reply that staff typed in the resident's language is here while it waits for a second person: it has no Japanese.
    last_seen: the newest message of the ticket when it was begun. state: of the translated text; None without one.
    The words are sealed with the ticket's key. note: a question of the interpreter, or why a draft went back.
    """

    __tablename__ = "translations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    locale: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    state: Mapped[str | None] = mapped_column(String(16))
    provider: Mapped[str | None] = mapped_column(String(32))
    revision: Mapped[int] = mapped_column(default=1)
    last_seen: Mapped[int] = mapped_column(default=0)
    japanese_sealed: Mapped[bytes | None]
    foreign_sealed: Mapped[bytes | None]
    back_sealed: Mapped[bytes | None]
    note_sealed: Mapped[bytes | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    interpreter_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    claimed_at: Mapped[datetime | None]
    handed_in_at: Mapped[datetime | None]
    proposed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime | None]
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    approved_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "ix_translations_asked", "locale", "asked_at",
            sqlite_where=text("status IN ('asked', 'claimed')"),
            postgresql_where=text("status IN ('asked', 'claimed')"),
        ),
        Index(
            "ix_translations_proposed", "proposed_at",
            sqlite_where=text("status = 'proposed'"), postgresql_where=text("status = 'proposed'"),
        ),
    )


class AttachmentContent(Base):
    """The bytes of a file, sealed with the key of its ticket."""

    __tablename__ = "attachment_contents"

    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachments.id", ondelete="CASCADE"), primary_key=True)
    content_sealed: Mapped[bytes]
