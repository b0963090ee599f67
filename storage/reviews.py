"""Decisions about the texts of answers: rows that are only added."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import AnswerReview, ReviewKind


async def newest_id(session: AsyncSession) -> int:
    """Return a number that grows with every decision; 0 before the first."""
    return await session.scalar(select(func.max(AnswerReview.id))) or 0


async def in_effect(session: AsyncSession) -> Sequence[AnswerReview]:
    """Return the newest approval or withdrawal of each intent and tag, and every word about the same meaning."""
    decided = (ReviewKind.APPROVE, ReviewKind.WITHDRAW)
    newest = select(func.max(AnswerReview.id)).where(AnswerReview.kind.in_(decided))
    newest = newest.group_by(AnswerReview.intent_id, AnswerReview.tag)
    query = select(AnswerReview).where(
        AnswerReview.id.in_(newest) | (AnswerReview.kind == ReviewKind.SAME_MEANING)
    )
    return list(await session.scalars(query.order_by(AnswerReview.id)))


async def history(session: AsyncSession, intent_id: str, tag: str) -> Sequence[AnswerReview]:
    """Return every decision about one text, newest first."""
    query = select(AnswerReview).where(AnswerReview.intent_id == intent_id, AnswerReview.tag == tag)
    return list(await session.scalars(query.order_by(AnswerReview.id.desc())))
