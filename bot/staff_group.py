"""Tells a Telegram group of staff that something waits, and not a word of what: Telegram reads what is said in groups.

The words are for staff, in Japanese. There is no number either: a small one would tell of single people.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.errors import DeliveryError
from bot.outbox import Send
from bot.outgoing import plain
from storage import pings
from storage.database import Database
from storage.models import Lane

log = logging.getLogger(__name__)

APART = timedelta(minutes=5)
TEXT = "Koban：対応を待っている相談があります。コンソールを開いてください。"


class StaffGroup:
    """Tells one group, at most once in APART, whichever worker looks first.

    address: of the group; never logged. url: of the console. clock: returns aware UTC time.
    """

    def __init__(
        self, database: Database, send: Send, *, address: int, url: str, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._send = send
        self._address = address
        self._text = f"{TEXT}\n{url}"
        self._clock = clock
        self._looked = 0  # up to this audit entry nothing was found to tell of

    async def tick(self) -> bool:
        """Look once, and tell the group when something new waits. Returns whether it was told."""
        now = self._clock()
        async with self._database.reading() as session:
            newest = await pings.newest(session)
            if newest is not None and newest[0] > now - APART:
                return False
            since = max(newest[1], self._looked) if newest else 0
            is_waiting, covers = await pings.look(session, since=since) if newest else (False, 0)
        if newest is None:
            async with self._database.transaction() as session:
                await pings.begin(session, at=now - APART)
            return False
        if not is_waiting:
            self._looked = covers
            return False
        async with self._database.transaction() as session:
            if not await pings.take(session, covers=covers, now=now, apart=APART):
                return False
        return await self._tell(taken_at=now, covered=since)

    async def _tell(self, *, taken_at: datetime, covered: int) -> bool:
        try:
            await self._send(self._address, plain(self._text), Lane.ANSWER)
        except DeliveryError as error:
            log.warning("the group of staff could not be told: %s", error.reason.replace(str(self._address), "(id)"))
            if not error.permanent and not error.may_be_delivered:
                async with self._database.transaction() as session:
                    await pings.put_back(session, taken_at=taken_at, covered=covered)
            return False
        return True
