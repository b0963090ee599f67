"""Pictures and leaflets of notices, and under which id Telegram keeps them once they were uploaded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import NoticeFile


async def files_of(session: AsyncSession, notice_id: int) -> list[NoticeFile]:
    """Return the files of a notice without their content: by language, pictures first."""
    query = select(NoticeFile).where(NoticeFile.notice_id == notice_id)
    return list(await session.scalars(query.order_by(NoticeFile.tag, NoticeFile.kind.desc())))


async def get(session: AsyncSession, notice_id: int, file_id: int) -> NoticeFile | None:
    """Return one file of a notice."""
    found: NoticeFile | None = await session.scalar(
        select(NoticeFile).where(NoticeFile.id == file_id, NoticeFile.notice_id == notice_id)
    )
    return found


async def content(session: AsyncSession, file_id: int) -> tuple[bytes, str] | None:
    """Return what a file holds, and the hash that was kept of it."""
    row = (await session.execute(
        select(NoticeFile.content, NoticeFile.sha256).where(NoticeFile.id == file_id)
    )).first()
    return None if row is None else (bytes(row[0]), row[1])


async def put(session: AsyncSession, file: NoticeFile) -> None:
    """Add a file in the place of the one of its kind and language."""
    await session.execute(delete(NoticeFile).where(
        NoticeFile.notice_id == file.notice_id, NoticeFile.tag == file.tag, NoticeFile.kind == file.kind
    ))
    session.add(file)
    await session.flush()


async def copy(session: AsyncSession, notice_id: int, to_notice_id: int) -> None:
    """Give the files of a notice to another one; what Telegram has of them is not uploaded again."""
    names = ("tag", "kind", "mime", "alt", "n_bytes", "sha256", "content", "telegram_file_id", "added_at")
    columns = NoticeFile.__table__.columns
    rows = select(literal(to_notice_id), *(columns[name] for name in names)).where(columns.notice_id == notice_id)
    await session.execute(insert(NoticeFile).from_select(["notice_id", *names], rows))


async def handle(session: AsyncSession, file_id: int) -> str | None:
    """Return the id under which Telegram keeps a file; None while it was not uploaded."""
    found: str | None = await session.scalar(select(NoticeFile.telegram_file_id).where(NoticeFile.id == file_id))
    return found


async def begin_upload(session: AsyncSession, file_id: int, *, now: datetime, until: datetime) -> bool:
    """Take the upload of a file; False when another process has it, or it is uploaded already."""
    taken = await session.execute(
        update(NoticeFile)
        .where(NoticeFile.id == file_id, NoticeFile.telegram_file_id.is_(None),
               or_(NoticeFile.uploading_until.is_(None), NoticeFile.uploading_until <= now))
        .values(uploading_until=until).returning(NoticeFile.id).execution_options(synchronize_session=False)
    )
    return taken.first() is not None


async def forget(session: AsyncSession, file_id: int, handle: str) -> None:
    """Drop an id that Telegram does not know, unless there is a newer one."""
    await session.execute(
        update(NoticeFile).where(NoticeFile.id == file_id, NoticeFile.telegram_file_id == handle)
        .values(telegram_file_id=None).execution_options(synchronize_session=False)
    )


async def end_upload(session: AsyncSession, file_id: int, handle: str | None) -> None:
    """Keep the id that Telegram gave; None: the upload failed."""
    await session.execute(
        update(NoticeFile).where(NoticeFile.id == file_id).values(telegram_file_id=handle, uploading_until=None)
        .execution_options(synchronize_session=False)
    )
