"""Every table.

Times are UTC. What a person wrote is sealed (`*_sealed`): the key is outside the database. A Telegram chat id is kept
only sealed, found by its keyed fingerprint; no name, handle, photo or phone number has a column.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, mapped_column

from storage.database import UTCDateTime

# SQLite numbers rows only in INTEGER columns, PostgreSQL wants BIGINT for a table that grows for years.
BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The metadata that Alembic compares with the database."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UTCDateTime(), dict[str, Any]: JSON(), bytes: LargeBinary(),
    }


class ChatState(StrEnum):
    """Whether Telegram lets us write to this chat."""

    ACTIVE = "active"
    BLOCKED = "blocked"


class UpdateStatus(StrEnum):
    """An update in the inbox: waiting to be handled, handled, or given up after repeated failures."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class TicketStatus(StrEnum):
    """The life of a consultation. INTAKE is not yet in the queue: the resident is still being asked."""

    INTAKE = "intake"
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class DueKind(StrEnum):
    """Which deadline of a consultation comes first: first reply, reply to a later message, final answer."""

    FIRST = "first"
    NEXT = "next"
    FINAL = "final"


class TransferState(StrEnum):
    """A transfer waits for the receiver, who accepts or returns it; or the sender recalled it, or it lapsed.

    LAPSED: the consultation ended before the receiver answered.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    RECALLED = "recalled"
    LAPSED = "lapsed"


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


class Role(StrEnum):
    """What a member of staff may do; see bot/console/auth.py for what each one opens."""

    OPERATOR = "operator"
    INTERPRETER = "interpreter"
    STATION_CHIEF = "station_chief"
    PROMOTION_OFFICE = "promotion_office"
    PUBLISHER = "publisher"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


class Chat(Base):
    """One Telegram conversation with one resident."""

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


class Section(Base):
    """A desk of the police; the rows follow the deployment file."""

    __tablename__ = "sections"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name_ja: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(150))
    is_active: Mapped[bool] = mapped_column(default=True)


class Station(Base):
    """A police station; the rows follow the deployment file."""

    __tablename__ = "stations"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name_ja: Mapped[str] = mapped_column(String(100))
    name_en: Mapped[str] = mapped_column(String(150))
    size: Mapped[str] = mapped_column(String(16))
    is_active: Mapped[bool] = mapped_column(default=True)


class Staff(Base):
    """One person who answers. Accounts are personal; a leaver's is disabled and stays for the audit."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    display_name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(32))
    section_id: Mapped[str | None] = mapped_column(ForeignKey("sections.id"))
    station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    password_hash: Mapped[str] = mapped_column(String(255))
    totp_sealed: Mapped[bytes | None]
    totp_last_step: Mapped[int] = mapped_column(default=0)
    locale: Mapped[str] = mapped_column(String(16), default="ja")
    # Tags by comma: the languages that this person interprets.
    languages: Mapped[str] = mapped_column(String(200), default="", server_default="")
    n_failed_logins: Mapped[int] = mapped_column(default=0)
    retry_login_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class StaffSession(Base):
    """A signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "staff_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class LoginLink(Base):
    """A link that signs in once, for the demo and for a new member of staff. Only its hash is kept."""

    __tablename__ = "login_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


_QUEUE_FILTERS = (
    "status", "section_id", "station_id", "to_section_id", "to_station_id", "claimed_by_id", "due_at", "locale",
    "municipality", "topic", "receipt",
)


class Ticket(Base):
    """One consultation.

    queue_rank: the lower, the more pressing; None outside the queue. Kept by `_keep_rank`.
    due_at, due_kind, warn_at: the deadline that comes first, and when to warn; None while nothing waits for staff.
    final_left_s: duty seconds left until the final answer while the resident has the word.
    warned_at, escalated_at: when the deadline in force was found near, and broken.
    promised_at: when the resident was told that somebody should have read it; None once somebody has.
    to_section_id, to_station_id: where a pending transfer goes.
    """

    __tablename__ = "tickets"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    receipt: Mapped[str] = mapped_column(String(16), unique=True)
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id"), index=True)
    status: Mapped[str] = mapped_column(String(16))
    step: Mapped[str | None] = mapped_column(String(16))
    topic: Mapped[str | None] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(16))
    municipality: Mapped[str | None] = mapped_column(String(32))
    section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    priority: Mapped[int] = mapped_column(default=0)
    is_sensitive: Mapped[bool] = mapped_column(default=False)
    claimed_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    claimed_at: Mapped[datetime | None]
    n_messages: Mapped[int] = mapped_column(default=0)
    key_sealed: Mapped[bytes]
    consent_version: Mapped[str | None] = mapped_column(String(32))
    consent_at: Mapped[datetime | None]
    first_due_at: Mapped[datetime | None]
    first_reply_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(32))
    # Written with the ticket, so that no list has to reckon; see bot/deadlines.py and storage/queue.py.
    queue_rank: Mapped[int | None]
    next_due_at: Mapped[datetime | None]
    final_due_at: Mapped[datetime | None]
    final_left_s: Mapped[int | None]
    due_at: Mapped[datetime | None]
    due_kind: Mapped[str | None] = mapped_column(String(8))
    warn_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    promised_at: Mapped[datetime | None]
    # Of the pending transfer and of the merge in force; those rows hold the foreign keys, these make lists fast.
    to_section_id: Mapped[str | None] = mapped_column(String(32))
    to_station_id: Mapped[str | None] = mapped_column(String(32))
    merged_into_id: Mapped[int | None] = mapped_column(BigId)
    is_rated: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        # Both hold every column that the queue filters by: a page of the list is found in the index alone.
        Index(
            "ix_tickets_queue", "queue_rank", "created_at", "id", *_QUEUE_FILTERS,
            sqlite_where=text("queue_rank IS NOT NULL"), postgresql_where=text("queue_rank IS NOT NULL"),
        ),
        Index("ix_tickets_created", "created_at", "id", *_QUEUE_FILTERS),
        *(
            Index(f"ix_tickets_{name}", name, sqlite_where=text(condition), postgresql_where=text(condition))
            for name, condition in (
                ("due_at", "due_at IS NOT NULL AND escalated_at IS NULL"),
                ("warn_at", "warn_at IS NOT NULL AND warned_at IS NULL"),
                ("promised_at", "promised_at IS NOT NULL"),
            )
        ),
        Index(
            "ux_tickets_current", "chat_id", unique=True,
            sqlite_where=text("status IN ('intake', 'open', 'answered')"),
            postgresql_where=text("status IN ('intake', 'open', 'answered')"),
        ),
    )


ANSWERED_RANK = 100_000  # added for those that wait for the resident: they come after all that wait for us


@event.listens_for(Ticket, "before_insert")
@event.listens_for(Ticket, "before_update")
def _keep_rank(_mapper: Mapper[Any], _connection: Connection, ticket: Ticket) -> None:
    """Write the place in the queue with the state it follows from. An UPDATE by hand of either must set it too."""
    base = {TicketStatus.OPEN: 0, TicketStatus.ANSWERED: ANSWERED_RANK}.get(TicketStatus(ticket.status))
    ticket.queue_rank = None if base is None else base - (ticket.priority or 0)


class Transfer(Base):
    """A consultation on its way to another section or station; it stays with the sender until it is accepted.

    Notes are sealed with the ticket's key. answered_by_id: who accepted, returned or recalled it.
    """

    __tablename__ = "transfers"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    from_section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    from_station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    to_section_id: Mapped[str | None] = mapped_column(ForeignKey("sections.id"))
    to_station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    state: Mapped[str] = mapped_column(String(16), default=TransferState.PENDING)
    note_sealed: Mapped[bytes]
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    answer_sealed: Mapped[bytes | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ux_transfers_pending", "ticket_id", unique=True,
            sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'"),
        ),
    )


class Merge(Base):
    """A closed consultation that goes on in another of the same chat. Undoing it gives its outcome back."""

    __tablename__ = "merges"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    target_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    reason_sealed: Mapped[bytes]
    outcome_before: Mapped[str | None] = mapped_column(String(32))
    merged_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    merged_at: Mapped[datetime]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    undone_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "ux_merges_in_force", "source_id", unique=True,
            sqlite_where=text("undone_at IS NULL"), postgresql_where=text("undone_at IS NULL"),
        ),
    )


class Escalation(Base):
    """A deadline that was broken. One row for each, whatever becomes of it."""

    __tablename__ = "escalations"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))
    due_at: Mapped[datetime]
    section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    station_id: Mapped[str | None] = mapped_column(ForeignKey("stations.id"))
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("ticket_id", "kind", "due_at"),)


class Presence(Base):
    """A page of a consultation that is open in a browser; the row's time is its heartbeat."""

    __tablename__ = "presences"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    seen_at: Mapped[datetime] = mapped_column(index=True)


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
    )


class AttachmentContent(Base):
    """The bytes of a file, sealed with the key of its ticket."""

    __tablename__ = "attachment_contents"

    attachment_id: Mapped[int] = mapped_column(ForeignKey("attachments.id", ondelete="CASCADE"), primary_key=True)
    content_sealed: Mapped[bytes]


class Rating(Base):
    """What a resident thought of a consultation, apart from it: no chat, no ticket, no day.

    month: the first day of the month. score: 1 not helped, 2 partly, 3 helped.
    """

    __tablename__ = "ratings"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    month: Mapped[date] = mapped_column(index=True)
    locale: Mapped[str] = mapped_column(String(16))
    section_id: Mapped[str] = mapped_column(ForeignKey("sections.id"))
    score: Mapped[int]


class Notice(Base):
    """One announcement, or what follows from one.

    original_id: the notice that this one corrects, withdraws, repeats or reminds of.
    once_key: of what the clockwork adds by itself; unique, so that two workers add it once.
    quiet_reason, quiet_asked_by_id, quiet_allowed_by_id: the wish to send it in the quiet hours, and the second person.
    stopped_for: why it waits for a person: {"reason": "errors" | "held" | "late", …}, with `told_at` once people were
        told of it; None when nothing stopped it.
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


class StaffLink(Base):
    """What links a member of staff to the outside: their own chat for test messages, their calendar's address.

    Codes and tokens are kept as hashes. code_hash: of the code that links the chat in which it is written.
    """

    __tablename__ = "staff_links"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True)
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id", ondelete="SET NULL"))
    code_hash: Mapped[str | None] = mapped_column(String(64))
    code_expires_at: Mapped[datetime | None]
    calendar_hash: Mapped[str | None] = mapped_column(String(64), unique=True)


class Subscription(Base):
    """A chat's standing wish for a kind of notice. municipality: None means everywhere."""

    __tablename__ = "subscriptions"

    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    municipality: Mapped[str | None] = mapped_column(String(32))


class Delivery(Base):
    """The outbox: one message to one chat.

    The payload is a sealed Outgoing; it is removed once sent. A notice's delivery has none: its text is the notice's.
    target_message_id: the message of the original notice in this chat, to be answered, replaced or removed.
    error: why it was not sent; of a withdrawal that was done, how.
    """

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id", ondelete="CASCADE"))
    lane: Mapped[str] = mapped_column(String(16))
    notice_id: Mapped[int | None] = mapped_column(ForeignKey("notices.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"), index=True)
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
    )


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


class ReviewKind(StrEnum):
    """What a person said of an answer's text. The newest APPROVE or WITHDRAW of an intent and tag is in effect."""

    APPROVE = "approve"
    WITHDRAW = "withdraw"
    SAME_MEANING = "same_meaning"


class AnswerReview(Base):
    """A decision about the text of one answer in one language. Rows are only ever added.

    rev, base_rev: fingerprints of the text that was read and of its base. old_rev: for SAME_MEANING, the fingerprint of
    the base that meant the same. text: the words that were read, by part. by_name: the person's name at that time.
    """

    __tablename__ = "answer_reviews"

    id: Mapped[int] = mapped_column(primary_key=True)
    intent_id: Mapped[str] = mapped_column(String(64))
    tag: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    rev: Mapped[str] = mapped_column(String(16))
    base_rev: Mapped[str] = mapped_column(String(16))
    old_rev: Mapped[str | None] = mapped_column(String(16))
    text: Mapped[dict[str, Any]]
    review_by: Mapped[date | None]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    by_name: Mapped[str] = mapped_column(String(100))
    at: Mapped[datetime]

    __table_args__ = (Index("ix_answer_reviews_answer", "intent_id", "tag", "id"),)


class Recovery(Base):
    """That an account should begin anew: asked for by one person, decided by a second one."""

    __tablename__ = "recoveries"

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str] = mapped_column(String(16))
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    is_agreed: Mapped[bool | None]


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
