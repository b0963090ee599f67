"""The console as a browser sees it: real routes, real templates, a real database."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
import uvicorn
from playwright.async_api import async_playwright

from bot.answers import Screens
from bot.config import Settings
from bot.console.accounts import NO_PASSWORD
from bot.console.app import ConsoleParts, create_app
from bot.deployment import Deployment, load_deployment, write_rows
from bot.i18n import ROOT, load_strings
from intents.cards import load_cards
from intents.catalogue import load_catalogue
from storage import staff as staff_rows
from storage.database import Database
from storage.models import Role, Staff
from storage.sealing import Sealer
from tests import factories
from tests.conftest import Clock
from tests.console.site import Site
from tests.environment import free_port

URL = "http://127.0.0.1:8080"


@dataclass
class Browser:
    """A browser of one member of staff; `who` is None before signing in."""

    client: httpx.AsyncClient
    who: Staff | None = None
    csrf: str = ""
    last: httpx.Response | None = None

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Open a page."""
        self.last = await self.client.get(path, headers=headers)
        if found := re.search(r'name="csrf" value="([^"]+)"', self.last.text):
            self.csrf = found.group(1)
        return self.last

    async def post(
        self, path: str, fields: dict[str, object] | None = None, *, csrf: str | None = None
    ) -> httpx.Response:
        """Send a form with its CSRF token."""
        data = {"csrf": self.csrf if csrf is None else csrf} | (fields or {})
        self.last = await self.client.post(path, data=data)
        return self.last


def text_of(page: str) -> str:
    """Return what a person reads on a page: no tags, no scripts, single spaces."""
    body = page[page.index("<body") :] if "<body" in page else page
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture(scope="session")
def deployment() -> Deployment:
    """The demo prefecture, with the rules of a real one: accounts must be set up."""
    return replace(load_deployment(ROOT / "bot" / "deployments" / "demo.yaml"), is_demo=False)


@pytest.fixture(scope="session")
def content() -> Screens:
    """The real content, read once."""
    return Screens(catalogue=load_catalogue(ROOT, strict=False), cards=load_cards(ROOT), strings=load_strings(ROOT))


@pytest.fixture
def screens(content: Screens) -> Screens:
    """The real content; decisions of one test about it stay in that test."""
    return replace(content)


@pytest.fixture
async def parts(
    database: Database, sealer: Sealer, deployment: Deployment, screens: Screens, clock: Clock
) -> ConsoleParts:
    """The console's parts, with the sections and stations of the deployment in the database."""
    async with database.transaction() as session:
        await write_rows(session, deployment)
    return ConsoleParts(
        database=database, sealer=sealer, strings=screens.strings, deployment=deployment, screens=screens,
        settings=Settings(console_url=URL), clock=clock,
    )


@dataclass
class Office:
    """Makes people and their browsers."""

    parts: ConsoleParts
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    app: object = None

    def stranger(self, url: str = URL) -> Browser:
        """A browser that nobody is signed in to."""
        self.app = self.app or create_app(self.parts)
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)  # type: ignore[arg-type]
        client = httpx.AsyncClient(transport=transport, base_url=url)
        self.clients.append(client)
        return Browser(client)

    async def person(self, role: Role = Role.OPERATOR, **changes: object) -> Staff:
        """An account that is set up (its password is nobody's business here)."""
        values: dict[str, object] = {"section": "seian_yokushi", "password_hash": "$argon2id$x"} | changes
        if role not in (Role.OPERATOR, Role.INTERPRETER):
            values = {"section": None} | {key: value for key, value in values.items() if key != "section"} | {
                key: value for key, value in changes.items() if key == "section"
            }
        async with self.parts.database.transaction() as session:
            person = await factories.make_staff(session, role=role, **values)  # type: ignore[arg-type]
            if person.password_hash != NO_PASSWORD:
                person.totp_sealed, person.totp_last_step = b"x", 1
        return person

    async def browser(self, person: Staff | Role = Role.OPERATOR, **changes: object) -> Browser:
        """A browser of somebody who is signed in."""
        who = await self.person(person, **changes) if isinstance(person, Role) else person
        now = self.parts.clock()
        async with self.parts.database.transaction() as session:
            token = await staff_rows.open_session(session, who.id, now=now, expires_at=now + timedelta(hours=8))
            found = await staff_rows.find_session(session, token)
        assert found is not None
        browser = self.stranger()
        browser.who, browser.csrf = who, found[0].csrf_token
        browser.client.cookies.set("koban", token)
        return browser


@pytest.fixture
async def office(parts: ConsoleParts) -> AsyncIterator[Office]:
    """People and browsers."""
    made = Office(parts)
    yield made
    for client in made.clients:
        await client.aclose()


@pytest.fixture
async def site(parts: ConsoleParts, chromium_path: str, clock: Clock) -> AsyncIterator[Site]:
    """The console on a real port, and Chromium."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    parts = replace(parts, settings=Settings(console_url=url))
    server = uvicorn.Server(uvicorn.Config(
        create_app(parts), host="127.0.0.1", port=port, log_config=None, access_log=False,
        timeout_graceful_shutdown=1,
    ))
    task = asyncio.create_task(server._serve())
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, not an event
        await asyncio.sleep(0.02)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        made = Site(parts, url, browser, clock)
        yield made
        await browser.close()
    server.should_exit = True
    await task
    assert made.problems == []
