"""`koban notice send`: starts an approved notice and shows in the terminal how far it is. The worker sends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bot import notice_files, notices
from bot.errors import WrongState
from bot.notice_results import NoticeResult
from bot.notice_rules import NoticeLimits
from storage import deliveries
from storage import notices as notice_rows
from storage import staff as staff_rows
from storage.database import Database
from storage.models import Notice, NoticeStatus

LOOK_EVERY_S = 0.5
_ALIVE = timedelta(seconds=5)
_TO_START = (NoticeStatus.APPROVED, NoticeStatus.SCHEDULED)


async def send(
    database: Database, notice_id: int, *, username: str | None, is_watched: bool, limits: NoticeLimits,
    clock: Callable[[], datetime], screen: Console | None = None,
) -> int:
    """Start the notice now, unless it is under way already, and watch it; returns the exit code.

    username: the member of staff under whose name it goes; the same rules hold as in the console.
    Raises Refused. The code is 0 when it ended as sent, 1 when it did not.
    """
    screen = screen or Console()
    async with database.transaction() as session:
        notice = await notices.get(session, notice_id)
        if notice.status in _TO_START:
            person = await staff_rows.by_username(session, username) if username else None
            if person is None:
                raise WrongState("Say with --as under whose name the notice goes.")
            await notices.schedule(
                session, notice, person, clock(), notice.expires_at, limits=limits, now=clock()
            )
        elif notice.expanded_at is None:
            raise WrongState("The notice is not in a state in which this can be done.")
        n_reached = sum((await notice_rows.audience_by_locale(session, notice)).values())
        texts, files = await notice_rows.texts_of(session, notice_id), await notice_files.of_notice(session, notice_id)
    n_messages = n_reached * notice_files.most_messages(texts, files)
    screen.print(f"{n_reached} recipients at {limits.rate} a second: about {limits.duration(n_messages)}"
                 + (f", at most {limits.stars(n_messages)} Telegram Stars" if limits.is_paid else ""))
    async with database.reading() as session:
        has_worker = await deliveries.count_workers(session, seen_after=clock() - _ALIVE) > 0
    if not has_worker:
        screen.print("[yellow]No worker is running: the notice goes out when `koban run` or `koban worker` does.[/]")
    if not is_watched:
        screen.print(f"Notice {notice_id} is on its way. Watch it with: koban notice send --watch {notice_id}")
        return 0
    return await _watch(database, notice_id, screen)


async def _watch(database: Database, notice_id: int, screen: Console) -> int:
    """Draw the bar until the notice has ended, then the result. Ctrl+C ends the watching, not the sending."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen) as progress:
        task = progress.add_task("waiting", total=None)
        while True:
            notice, result = await _look(database, notice_id)
            if notice.expanded_at is not None:
                progress.update(task, description=notice.status, total=result.queued,
                                completed=result.queued - result.waiting)
            if notice.status in (*notice_rows.ENDED, NoticeStatus.PAUSED):
                break
            await asyncio.sleep(LOOK_EVERY_S)
    screen.print(f"Notice {notice_id}: {notice.status}")
    if notice.stopped_for:
        screen.print(f"[red]It was stopped by itself: {notice.stopped_for}[/]", highlight=False)
    screen.print(
        f"{result.queued} queued = {result.sent} sent + {result.failed} failed + {result.skipped} skipped "
        f"+ {result.unknown} unknown + {result.waiting} waiting"
    )
    return 0 if notice.status == NoticeStatus.DONE else 1


async def _look(database: Database, notice_id: int) -> tuple[Notice, NoticeResult]:
    async with database.reading() as session:
        notice = await notices.get(session, notice_id)
        return notice, NoticeResult.of(await deliveries.count_by_status(session, notice_id))
