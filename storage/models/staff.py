"""What staff are: roles, sections, stations, accounts, and what they decided about answers."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from storage.models.base import Base


class Role(StrEnum):
    """What a member of staff may do; see bot/console/auth.py for what each one opens."""

    OPERATOR = "operator"
    INTERPRETER = "interpreter"
    STATION_CHIEF = "station_chief"
    PROMOTION_OFFICE = "promotion_office"
    PUBLISHER = "publisher"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


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
