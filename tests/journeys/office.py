"""Staff at browsers without scripts: they open pages and send forms over HTTP."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

from bot.console.accounts import add_staff
from storage import staff
from storage.database import Database
from storage.models import Role, Staff
from tests.journeys.conftest import PATIENCE, Koban


@dataclass
class Officer:
    """A member of staff at a browser. name: as colleagues see it."""

    id: int
    name: str
    client: httpx.AsyncClient
    csrf: str = ""

    async def open(self, path: str) -> str:
        """Open a page; returns its text as a person reads it."""
        answer = await self.client.get(path, follow_redirects=True)
        assert answer.status_code == 200, path
        return self._read(answer)

    async def post(self, path: str, **fields: object) -> httpx.Response:
        """Send a form; it may be refused."""
        return await self.client.post(path, data={"csrf": self.csrf, **fields})

    async def send(self, path: str, **fields: object) -> str:
        """Send a form that must succeed; returns where it leads."""
        answer = await self.post(path, **fields)
        assert answer.status_code == 303, (path, answer.status_code, words_of(answer.text)[-600:])
        return answer.headers["location"]

    async def last_seen(self, path: str) -> int:
        """Open a consultation; returns the number of the newest message on its page."""
        page = (await self.client.get(path)).text
        return int(re.findall(r'name="last_seen" value="(\d+)"', page)[-1])

    async def first_waiting(self) -> str:
        """Open the list of replies that wait for a second person; returns the address of the oldest."""
        page = (await self.client.get("/translations")).text
        return re.findall(r'href="(/translations/\d+)"', page)[0]

    def _read(self, answer: httpx.Response) -> str:
        if found := re.search(r'name="csrf" value="([^"]+)"', answer.text):
            self.csrf = found.group(1)
        return words_of(answer.text)


def words_of(page: str) -> str:
    """Return what a person reads on a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


class Office:
    """Makes members of staff and signs them in, by links that sign in once."""

    def __init__(
        self, koban: Koban, database: Database, clock: Callable[[], datetime], stack: AsyncExitStack
    ) -> None:
        self._koban = koban
        self._database = database
        self._clock = clock
        self._stack = stack

    async def officer(
        self, username: str, role: Role, *, section: str | None = None, languages: str = "", name: str | None = None
    ) -> Officer:
        """A new member of staff, signed in. languages: of an interpreter, by comma."""
        async with self._database.transaction() as session:
            person = await add_staff(
                session, username=username, display_name=name or f"{username}さん", role=role, section_id=section,
                now=self._clock(),
            )
            person.languages = languages
        client = await self._stack.enter_async_context(httpx.AsyncClient(
            base_url=self._koban.console_url, timeout=PATIENCE,
            limits=httpx.Limits(max_keepalive_connections=0),  # the server closes an idle one just when it is used
        ))
        made = Officer(person.id, person.display_name, client)
        await self.sign_in(made)
        return made

    async def link(self, person_id: int) -> str:
        """The path of a link that signs in once."""
        async with self._database.transaction() as session:
            person = await session.get_one(Staff, person_id)
            token = await staff.add_login_link(session, person.id, expires_at=self._clock() + timedelta(hours=1))
        return f"/login/link/{token}"

    async def sign_in(self, officer: Officer) -> None:
        """Sign somebody in, for the first time or again after a session ended."""
        path = await self.link(officer.id)
        await officer.open(path)
        await officer.send(path)
        await officer.open("/account")


@asynccontextmanager
async def open_office(
    koban: Koban, database: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> AsyncIterator[Office]:
    """An office whose browsers are closed at the end."""
    async with AsyncExitStack() as stack:
        yield Office(koban, database, clock, stack)
