"""Test messages: a notice as residents will see it, to the chat of the person who asks or to a named test chat.

The words here are for staff, in both languages of the console; residents never see them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import notices, outbox
from bot.answers import Screens
from bot.deployment import Deployment
from bot.errors import WrongState
from bot.notice_rules import RUNNERS, require_role
from bot.notice_texts import choose_text, render
from bot.outgoing import Outgoing, plain
from storage import audit, chats, links
from storage.audit import AuditTag
from storage.models import Chat, Lane, Notice, NoticePurpose, Staff
from storage.sealing import Sealer

OWN = "own"
MARK = "🧪 テスト送信です / This is a test"
LINKED = ("🔗 この会話を職員アカウントに結び付けました。お知らせのテスト送信がここに届きます。\n"
          "This chat is linked to a staff account. Test messages of notices arrive here.")
NOT_LINKED = ("このコードは使えません。管理画面で新しいコードを出してください。\n"
              "This code is not valid. Make a new one in the console.")


async def send_test(
    session: AsyncSession, notice: Notice, person: Staff, tag: str, target: str, *, screens: Screens,
    deployment: Deployment, sealer: Sealer, now: datetime,
) -> None:
    """Queue one test message in a language. target: `own`, or the name of a test chat of the deployment."""
    require_role(person, RUNNERS)
    chat = await _chat(session, person, target, deployment=deployment, sealer=sealer, now=now)
    texts, frame = await notices.texts_and_frame(session, notice)
    text = choose_text(texts, tag, missing=notice.missing, locales=screens.catalogue.locales)
    if text is None or notice.purpose == NoticePurpose.WITHDRAWAL:
        raise WrongState("There is no text in this language.")
    shown = render(text, screens.words(tag), frame)
    # In a lane that goes at once; a mark that nobody can overlook, and nothing that acts on another message.
    for message in (plain(MARK), *shown.before, replace(shown, about=None, is_silent=False, before=())):
        await outbox.queue(session, chat, message, lane=Lane.ANSWER, sealer=sealer, now=now)
    audit.record(session, AuditTag.STAFF_NOTICE_TEST, f"notice:{notice.id}", now=now, staff_id=person.id, locale=tag,
                 to="own" if target == OWN else "test_chat")


async def _chat(
    session: AsyncSession, person: Staff, target: str, *, deployment: Deployment, sealer: Sealer, now: datetime
) -> Chat:
    if target == OWN:
        if (own := await links.chat_of(session, person.id)) is None:
            raise WrongState("No chat is linked to your account yet. Link one on the page of your account.")
        return own
    address = deployment.notice.test_chats.get(target)
    if address is None:
        raise WrongState("There is no such test chat.")
    chat, _ = await chats.get_or_create(session, address, sealer=sealer, locale="ja-simple", now=now)
    await session.flush()
    return chat


async def link_chat(session: AsyncSession, chat: Chat, code: str, *, now: datetime) -> Outgoing:
    """Link the chat in which a member of staff wrote their code."""
    await session.flush()
    staff_id = await links.use_code(session, code, chat.id, now=now)
    if staff_id is None:
        return plain(NOT_LINKED)
    audit.record(session, AuditTag.STAFF_LINK_CHANGE, f"staff:{staff_id}", now=now, staff_id=staff_id, what="chat")
    return plain(LINKED)
