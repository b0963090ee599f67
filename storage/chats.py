"""Chats: found by the keyed fingerprint of their Telegram id, addressed by the sealed id."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import Chat, ChatState, EventAnswer, EventReply, NoticeKind, Subscription
from storage.sealing import Sealer

ADDRESS = "chat address"
_PSEUDONYM_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without 0 O 1 I


def new_code(prefix: str, n_letters: int) -> str:
    """Return a random code of unambiguous letters, such as `R-7K3QD`; not derived from anything."""
    return prefix + "".join(secrets.choice(_PSEUDONYM_LETTERS) for _ in range(n_letters))


def address_of(chat: Chat, sealer: Sealer) -> int:
    """Return the Telegram chat id to send to."""
    return int(sealer.open(chat.address_sealed, ADDRESS))


def opened_address(sealed: bytes, sealer: Sealer) -> int | str:
    """Return where to send to: the number of a chat, or the @name of a public channel."""
    opened = sealer.open_text(sealed, ADDRESS)
    return opened if opened.startswith("@") else int(opened)


_PRELOADED = "chats by lookup"


async def preload(session: AsyncSession, lookups: Sequence[str]) -> list[Chat]:
    """Read the chats of a batch in one query; `find` then needs none. A lookup that is not known is remembered too."""
    found = {chat.address_lookup: chat for chat in await session.scalars(
        select(Chat).where(Chat.address_lookup.in_(set(lookups)))
    )}
    session.info[_PRELOADED] = dict.fromkeys(lookups) | found
    return list(found.values())


async def find(session: AsyncSession, address: int | str, sealer: Sealer) -> Chat | None:
    """Return the chat with this Telegram id, if we know it."""
    lookup = sealer.lookup(str(address))
    preloaded: dict[str, Chat | None] = session.info.get(_PRELOADED, {})
    if lookup in preloaded:
        return preloaded[lookup]
    found: Chat | None = await session.scalar(select(Chat).where(Chat.address_lookup == lookup))
    return found


async def get_or_create(
    session: AsyncSession, address: int | str, *, sealer: Sealer, locale: str, now: datetime
) -> tuple[Chat, bool]:
    """Return the chat with this Telegram id, and whether it is new. A new one has its id after the next flush.

    locale: the tag a new chat starts with.
    """
    if chat := await find(session, address, sealer):
        return chat, False
    chat = Chat(
        address_lookup=sealer.lookup(str(address)),
        address_sealed=sealer.seal(str(address).encode(), ADDRESS),
        pseudonym=new_code("R-", 6),
        locale=locale,
        locale_is_chosen=False,
        wants_furigana=True,
        state=ChatState.ACTIVE,
        n_misses=0,
        safe_contact=False,
        safe_hours=0,
        safe_days="all",
        created_at=now,
        seen_at=now,
    )
    session.add(chat)
    session.info.get(_PRELOADED, {})[chat.address_lookup] = chat
    return chat, True


async def mark_blocked(session: AsyncSession, chat_id: int) -> None:
    """Record that Telegram refuses this chat, end its subscriptions and give its seats at events back."""
    await session.execute(
        update(Chat).where(Chat.id == chat_id, Chat.state == ChatState.ACTIVE).values(state=ChatState.BLOCKED)
    )
    await session.execute(delete(Subscription).where(Subscription.chat_id == chat_id))
    await session.execute(
        update(EventReply).where(EventReply.chat_id == chat_id).values(answer=EventAnswer.NOT_NOW)
        .execution_options(synchronize_session=False)
    )


async def subscribe(
    session: AsyncSession, chat_id: int, kinds: list[NoticeKind], *, now: datetime, municipality: str | None = None
) -> None:
    """Give this chat these kinds of notice, for one municipality or, with None, for everywhere."""
    have = await session.scalars(select(Subscription).where(Subscription.chat_id == chat_id))
    by_kind = {subscription.kind: subscription for subscription in have}
    for kind in kinds:
        if kind in by_kind:
            by_kind[kind].municipality = municipality
        else:
            session.add(Subscription(chat_id=chat_id, kind=kind, municipality=municipality, created_at=now))


async def unsubscribe(session: AsyncSession, chat_id: int, kind: NoticeKind | None = None) -> int:
    """End the subscription to a kind, or every subscription of this chat; returns how many there were."""
    query = delete(Subscription).where(Subscription.chat_id == chat_id)
    if kind is not None:
        query = query.where(Subscription.kind == kind)
    return len((await session.execute(query.returning(Subscription.kind))).all())


async def subscriptions(session: AsyncSession, chat_id: int) -> list[str]:
    """Return the kinds of notice this chat asked for."""
    return list(await session.scalars(select(Subscription.kind).where(Subscription.chat_id == chat_id)))
