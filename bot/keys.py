"""The key ring and the database at start: whether they belong together."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from bot.errors import SettingsError
from storage import fingerprints
from storage.sealing import Sealer, SealingError


async def use_key_of_database(session: AsyncSession, sealer: Sealer) -> None:
    """Let the ring find chats as this database does. Raises SettingsError when the ring is that of another database."""
    try:
        await fingerprints.load(session, sealer)
    except SealingError as error:
        raise SettingsError([
            "KOBAN_KEYS does not open this database: put the key back with which it was used last"
        ]) from error
