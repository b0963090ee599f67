"""A notice that stopped by itself is told to the people who run notices, in the chats that they linked.

The words here are for staff, in both languages of the console; residents never see them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot import outbox
from bot.notice_rules import RUNNERS
from bot.outgoing import plain
from storage import links
from storage import notices as notice_rows
from storage.database import Database
from storage.models import Lane, Notice
from storage.sealing import Sealer

_REASONS = {
    "errors": "送信エラーが続いたため / too many messages failed",
    "held": "文のない言語の人が増えたため / a language without a text joined the audience",
    "changed": "承認のあとに内容が変わったため / it is not what was approved any more",
    "late": "予定の日時を1日以上過ぎたため / its time passed more than a day ago",
}


async def tell(database: Database, *, sealer: Sealer, now: datetime) -> int:
    """Tell of every notice that stopped and was not told of yet; returns how many messages were queued."""
    async with database.reading() as session:
        found = [notice.id for notice in await notice_rows.waiting_for_a_person(session) if _is_untold(notice)]
    n_queued = 0
    for notice_id in found:
        async with database.transaction() as session:
            notice = await notice_rows.locked(session, notice_id)
            if notice is None or not _is_untold(notice):
                continue  # another worker told of it
            why: dict[str, Any] = dict(notice.stopped_for or {})
            text = (f"⚠️ お知らせの送信が止まりました。管理画面で確認してください。\n"
                    f"A notice stopped by itself. Please look at it in the console.\n\n"
                    f"#{notice.id} {notice.name}\n{_REASONS[why['reason']]}")
            for chat in await links.chats_of(session, RUNNERS):
                await outbox.queue(session, chat, plain(text), lane=Lane.ANSWER, sealer=sealer, now=now)
                n_queued += 1
            notice.stopped_for = why | {"told_at": now.isoformat()}
    return n_queued


def _is_untold(notice: Notice) -> bool:
    return bool(notice.stopped_for) and "told_at" not in (notice.stopped_for or {})
