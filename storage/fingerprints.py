"""The key of the fingerprints by which chats are found, kept in the database sealed with the ring.

So it stays the same when the keys of the ring are changed: the fingerprints of chats and of erasures stay right.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from storage.models import RingSecret
from storage.sealing import Sealer

LOOKUP = "lookup"


def context(name: str) -> str:
    """Return the context that a secret is sealed for."""
    return f"ring secret:{name}"


async def load(session: AsyncSession, sealer: Sealer) -> None:
    """Let the ring use this database's key for fingerprints; the first time, the ring's own becomes that key.

    Raises SealingError when the key that it is sealed with is not in the ring.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    sealed = sealer.seal(sealer.lookup_key, context(LOOKUP))
    await session.execute(insert(RingSecret).values(name=LOOKUP, value_sealed=sealed).on_conflict_do_nothing())
    kept = (await session.scalars(select(RingSecret.value_sealed).where(RingSecret.name == LOOKUP))).one()
    sealer.use_lookup_key(sealer.open(kept, context(LOOKUP)))
