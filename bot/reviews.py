"""The review of answers by people: approve, take back, say that a correction changed no meaning; and its effect."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.answers import Screens
from bot.errors import NotFound, StaleReply, WrongState
from bot.i18n import TOKYO
from intents.catalogue import Catalogue
from intents.reviews import Approval, SameMeaning, text_of, text_rev, with_reviews
from intents.schema import BASE_TAG, AnswerText
from storage import audit, reviews
from storage.audit import AuditTag
from storage.database import Database
from storage.models import AnswerReview, ReviewKind, Role, Staff

LONGEST_REVIEW = timedelta(days=366)
_BASE_REVIEWERS = (Role.APPROVER, Role.ADMINISTRATOR, Role.PROMOTION_OFFICE)


def may_review(person: Staff, catalogue: Catalogue, intent_id: str, tag: str) -> bool:
    """Tell whether a person may decide about a text.

    The base: approvers, and the section that owns the answer. A translation: also interpreters.
    """
    if person.disabled_at is not None:
        return False
    if person.role in _BASE_REVIEWERS:
        return True
    intent = catalogue.intents.get(intent_id)
    if intent is None:
        return False
    if tag == BASE_TAG:
        return person.role == Role.OPERATOR and person.section_id == intent.section
    return person.role == Role.INTERPRETER


def current_rev(catalogue: Catalogue, intent_id: str, tag: str) -> str:
    """Return the fingerprint of a text. Raises NotFound where there is no such text."""
    if (rev := text_rev(catalogue, intent_id, tag)) is None:
        raise NotFound("There is no such answer.")
    return rev


def current_text(catalogue: Catalogue, intent_id: str, tag: str) -> AnswerText:
    """Return the words of a text. Raises NotFound where there is no such text."""
    if (found := text_of(catalogue, intent_id, tag)) is None:
        raise NotFound("There is no such answer.")
    return found


def approve(
    session: AsyncSession, catalogue: Catalogue, person: Staff, intent_id: str, tag: str, *, rev: str, now: datetime,
    review_by: date | None = None,
) -> None:
    """Bind a person's name and the day to a text.

    rev: the fingerprint of what was on the page; another text may not be approved unseen.
    review_by: for a base answer, until when it stands.

    Raises NotFound, WrongState when it is not for this person, StaleReply when the text has changed since.
    """
    _decide(session, catalogue, person, intent_id, tag, ReviewKind.APPROVE, rev=rev, now=now, review_by=review_by)


def withdraw(
    session: AsyncSession, catalogue: Catalogue, person: Staff, intent_id: str, tag: str, *, rev: str, now: datetime
) -> None:
    """Take an approval back: the text counts as unchecked again. Raises as `approve`."""
    _decide(session, catalogue, person, intent_id, tag, ReviewKind.WITHDRAW, rev=rev, now=now)


def say_same_meaning(
    session: AsyncSession, catalogue: Catalogue, person: Staff, intent_id: str, *, rev: str, old_rev: str,
    now: datetime,
) -> None:
    """Say that the base answer means what it meant under `old_rev`: its approval and translations stay in force.

    Raises as `approve`.
    """
    if not old_rev or old_rev == rev:
        raise WrongState("There is no earlier text to compare with.")
    _decide(session, catalogue, person, intent_id, BASE_TAG, ReviewKind.SAME_MEANING, rev=rev, now=now, old_rev=old_rev)


_TAGS = {
    ReviewKind.APPROVE: AuditTag.STAFF_ANSWER_APPROVE,
    ReviewKind.WITHDRAW: AuditTag.STAFF_ANSWER_WITHDRAW,
    ReviewKind.SAME_MEANING: AuditTag.STAFF_ANSWER_SAME_MEANING,
}


def _decide(
    session: AsyncSession, catalogue: Catalogue, person: Staff, intent_id: str, tag: str, kind: ReviewKind, *,
    rev: str, now: datetime, old_rev: str | None = None, review_by: date | None = None,
) -> None:
    today = now.astimezone(TOKYO).date()
    if current_rev(catalogue, intent_id, tag) != rev:
        raise StaleReply("The text has changed since you opened the page. Read it again.")
    if not may_review(person, catalogue, intent_id, tag):
        raise WrongState("You may not decide about this text.")
    if review_by is not None and not today < review_by <= today + LONGEST_REVIEW:
        raise WrongState("The next review must be within a year.")
    session.add(AnswerReview(
        intent_id=intent_id, tag=tag, kind=kind, rev=rev, base_rev=catalogue.intents[intent_id].rev, old_rev=old_rev,
        text=dict(current_text(catalogue, intent_id, tag).parts()),
        review_by=review_by if tag == BASE_TAG else None, staff_id=person.id, by_name=person.display_name, at=now,
    ))
    audit.record(session, _TAGS[kind], f"answer:{intent_id}:{tag}", now=now, staff_id=person.id, rev=rev)


async def refresh(database: Database, screens: Screens) -> bool:
    """Show answers in the states that the decisions in the database give them; tells whether anything changed.

    Cheap when nothing has changed: one row is read. With the database away the last known states stay.
    """
    async with database.reading() as session:
        newest = await reviews.newest_id(session)
        if newest == screens.reviews_seen:
            return False
        rows = await reviews.in_effect(session)
    screens.show(with_reviews(screens.curated, _approvals(rows), _same_meaning(rows)), reviews_seen=newest)
    return True


def _approvals(rows: Iterable[AnswerReview]) -> list[Approval]:
    return [
        Approval(row.intent_id, row.tag, row.rev, row.base_rev, row.by_name, row.at.astimezone(TOKYO).date(),
                 row.review_by)
        for row in rows if row.kind == ReviewKind.APPROVE
    ]


def _same_meaning(rows: Iterable[AnswerReview]) -> list[SameMeaning]:
    return [
        SameMeaning(row.intent_id, row.old_rev or "", row.rev) for row in rows if row.kind == ReviewKind.SAME_MEANING
    ]
