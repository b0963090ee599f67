"""Urgent notices in the police's own Telegram channels: one post a channel, a row of the outbox like every other.

Which channel there is for a language stands in the deployment file. A channel is public and has no resident, so its
posts carry links to the bot in place of buttons, and are counted apart from what residents get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.notice_texts import choose_text
from bot.outgoing import Address
from intents.schema import Locale
from storage import chats, notices
from storage.models import ChatState, Notice, NoticePurpose, NoticeText, Urgency
from storage.sealing import Sealer

START = "a_"  # before the topic and the language in a link to the bot
MAX_START = 64  # letters of [A-Za-z0-9_-]. Source: Bot features, "Deep linking" (2026-11-27)
_FOLLOWS = (NoticePurpose.CORRECTION, NoticePurpose.WITHDRAWAL)


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of this police. by_language: dict of language → channel; locales: for the text that stands in."""

    by_language: Mapping[str, Address]
    locales: Mapping[str, Locale]
    sealer: Sealer


@dataclass(frozen=True, slots=True)
class Post:
    """What would stand in one channel. text: the language of its words; None when nothing would, by the policy."""

    language: str
    channel: Address
    text: str | None


def goes_into_channels(notice: Notice) -> bool:
    """Tell whether a notice begins posts of its own: an urgent one, or one that says it again."""
    return notice.urgency == Urgency.URGENT and notice.purpose in (NoticePurpose.NOTICE, NoticePurpose.REPEAT)


def plan(
    notice: Notice, texts: Mapping[str, NoticeText], channels: Mapping[str, Address], locales: Mapping[str, Locale]
) -> list[Post]:
    """Return which channel would get which text; those of languages outside of the audience are left out."""
    if not goes_into_channels(notice):
        return []
    wanted = notice.audience.get("locales", ()) or channels
    found = []
    for tag, channel in channels.items():
        if tag in wanted:
            text = choose_text(texts, tag, missing=notice.missing, locales=locales)
            found.append(Post(tag, channel, text.tag if text else None))
    return found


async def expand(session: AsyncSession, notice: Notice, channels: Channels | None, *, now: datetime) -> None:
    """Queue a post for each channel that the notice goes into, in the caller's transaction; twice is once."""
    if notice.purpose in _FOLLOWS:
        await notices.expand_into_channels(session, notice, await notices.channels_reached(session, notice), now=now)
        return
    if channels is None or not goes_into_channels(notice):
        return
    texts = await notices.texts_of(session, notice.id)
    posts = plan(notice, texts, channels.by_language, channels.locales)
    rows = [(await _chat_of(session, post, channels.sealer, now=now), post.language)
            for post in posts if post.text is not None]
    await notices.expand_into_channels(session, notice, rows, now=now)


async def _chat_of(session: AsyncSession, post: Post, sealer: Sealer, *, now: datetime) -> int:
    chat, _is_new = await chats.get_or_create(session, post.channel, sealer=sealer, locale=post.language, now=now)
    chat.state, chat.locale = ChatState.CHANNEL, post.language
    await session.flush()
    return chat.id


def links_of(titles: Mapping[str, str], tag: str, bot_name: str) -> Sequence[tuple[str, str]]:
    """Return (words, address) of links that open the bot at a topic, in the language of the channel."""
    return [(title, f"https://t.me/{bot_name}?start={START}{intent_id}-{tag}") for intent_id, title in titles.items()]


def topic_of(start: str) -> tuple[str, str]:
    """Return the topic and the language that a link to the bot names."""
    intent_id, _hyphen, tag = start.removeprefix(START).partition("-")
    return intent_id, tag
