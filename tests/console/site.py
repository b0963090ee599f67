"""A running console and a real Chromium before it, for the tests of pages; the fixture `site` makes one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from axe_playwright_python.async_playwright import Axe
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


async def look(page: Page, name: str, *, with_axe: bool = True, only_colours: bool = False) -> None:
    """Measure a page, and take its picture where KOBAN_SHOTS names a folder. Another theme changes only colours."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is {wide} pixels too wide"
    shown = "[...document.querySelectorAll('[hidden]')].filter(e => e.getClientRects().length).map(e => e.outerHTML)"
    assert await page.evaluate(shown) == [], f"{name} shows what is hidden"
    size = page.viewport_size
    if size is not None and size["width"] >= 1024:
        too_wide = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).length"
        assert await page.evaluate(too_wide) == 0, f"a table on {name} does not fit on an office screen"
        sticks_out = """[...document.querySelectorAll(".card table")].filter(
            e => e.getBoundingClientRect().right > e.closest(".card").getBoundingClientRect().right).length"""
        assert await page.evaluate(sticks_out) == 0, f"a table on {name} sticks out of its card"
    if "KOBAN_SHOTS" in os.environ:
        await page.screenshot(path=Path(os.environ["KOBAN_SHOTS"]) / f"{name}.png", full_page=True)
    if with_axe:
        rules = {"runOnly": ["color-contrast"]} if only_colours else {}
        found = await Axe().run(page, options={"resultTypes": ["violations"]} | rules)
        bad = [(each["id"], each["impact"], [node["target"] for node in each["nodes"]][:3])
               for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
        assert bad == [], name
