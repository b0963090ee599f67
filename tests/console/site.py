"""A running console and a real Chromium before it, for the tests of pages; the fixture `site` makes one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from playwright.async_api import Browser, BrowserContext, Page

from bot.console import accounts
from bot.console.app import ConsoleParts
from storage import staff as staff_rows
from storage.models import Role, Staff, Ticket
from tests.conftest import Clock
from tests.factories import make_staff

SIZES = {"1280": (1280, 800), "1024": (1024, 768), "390": (390, 844)}


@dataclass
class Site:
    """A running console and a browser."""

    parts: ConsoleParts
    url: str
    browser: Browser
    clock: Clock

    async def signed_in(self, person: Staff, *, size: str = "1280", **options: object) -> Page:
        """A page of somebody who is signed in."""
        now = self.clock()
        async with self.parts.database.transaction() as session:
            token = await staff_rows.open_session(session, person.id, now=now, expires_at=now + timedelta(hours=8))
        width, height = SIZES[size]
        context = await self.browser.new_context(viewport={"width": width, "height": height}, locale="ja-JP", **options)  # type: ignore[arg-type]
        await context.add_cookies([{"name": "koban", "value": token, "url": self.url}])
        return await self.watched(context)

    async def watched(self, context: BrowserContext) -> Page:
        """A page whose errors fail the test: a script that broke, or something that the policy blocked."""
        page = await context.new_page()
        page.set_default_timeout(60_000)  # Chromium itself may take half a minute to start on a busy machine
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self.problems.append(said.text)
                if said.type == "error" and "status of 40" not in said.text else None)
        return page

    def __post_init__(self) -> None:
        self.problems: list[str] = []


async def a_person(site: Site, role: Role, **changes: object) -> Staff:
    async with site.parts.database.transaction() as session:
        person = await make_staff(session, role=role, **({"password_hash": "$x"} | changes))  # type: ignore[arg-type]
        if person.password_hash != accounts.NO_PASSWORD:
            person.totp_sealed, person.totp_last_step = b"x", 1
    return person


async def row_of(site: Site, ticket_id: int) -> Ticket:
    async with site.parts.database.reading() as session:
        found = await session.get(Ticket, ticket_id)
    assert found is not None
    return found
