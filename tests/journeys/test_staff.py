"""A consultation and a notice, played whole: residents on their phones, staff in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, async_playwright

from bot.console.accounts import add_staff
from bot.i18n import TOKYO, load_strings
from storage import staff
from storage.database import Database
from storage.models import Role
from tests.journeys.conftest import Koban, Resident

pytestmark = [pytest.mark.slow, pytest.mark.browser]

STORIES = {
    "vi": "Tôi để xe trước ga, lúc ra thì không thấy nữa.",
    "ne": "स्टेसन अगाडि राखेको साइकल फर्किंदा थिएन।",
    "pt-BR": "Deixei na frente da estação e quando voltei não estava mais.",
}


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=chromium_path, args=[
            "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
        ])
        yield chromium
        await chromium.close()


async def sign_in(koban: Koban, browser: Browser, database: Database, name: str, role: Role) -> Page:
    """Sign a new member of staff in, by a link in a browser of their own."""
    now = datetime.now(UTC)
    async with database.transaction() as session:
        person = await add_staff(session, username=name, display_name=f"{name}さん", role=role, now=now)
        token = await staff.add_login_link(session, person.id, expires_at=now + timedelta(hours=1))
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Asia/Tokyo")
    page = await context.new_page()
    page.set_default_timeout(30_000)
    await page.goto(f"{koban.console_url}/login/link/{token}")
    await page.click("main form button")
    await page.wait_for_url(lambda url: "/login" not in url)
    return page


async def consult(resident: Resident, story: str) -> str:
    """Ask for staff as the buttons lead; returns the receipt number."""
    await resident.answer_to(lambda: resident.write("/staff"))
    await resident.press("t:agree")
    await resident.answer_to(lambda: resident.write(story))
    answer = await resident.press("m:99201")
    return next(word.strip(".:") for word in answer["text"].split() if word.startswith("K") and "-" in word)


@pytest.mark.parametrize("tag", STORIES)
async def test_a_consultation_from_the_phone_to_staff_and_back(
    koban: Koban, koban_database: Database, browser: Browser, tag: str
) -> None:
    resident = koban.resident(8100, tag.lower())
    await resident.answer_to(lambda: resident.write("/start"))
    await resident.press(f"lang:{tag}")
    receipt = await consult(resident, STORIES[tag])

    page = await sign_in(koban, browser, koban_database, "takahashi", Role.PROMOTION_OFFICE)
    await page.goto(f"{koban.console_url}/queue?folder=all")
    await page.click(f"tr:has-text('{receipt}') a[href^='/tickets/']")
    await page.wait_for_selector(f"text={STORIES[tag]}")
    assert str(resident.id) not in await page.content(), "staff see a pseudonym, never the Telegram id"
    await page.click("form[action$='/claim'] button")
    await page.fill("#reply", "警察です。番号を 教えて ください。<b>not markup</b>")
    before = len(resident.received())
    await page.click("form[action$='/reply'] button.primary")
    await resident.until(lambda messages: len(messages) > before)
    assert "番号を 教えて ください。<b>not markup</b>" in resident.last()["text"]
    assert receipt in resident.last()["text"]

    await resident.answer_to(lambda: resident.write("A-123"))
    await page.goto(page.url)
    await page.wait_for_selector("text=A-123")
    await page.select_option("#outcome", "advised")
    await page.click("form[action$='/close'] button")
    closed = load_strings()[tag]("The police staff closed your consultation {receipt}.", receipt=receipt)
    await resident.until(lambda messages: closed in messages[-1]["text"])
    again = await resident.press("t:reopen")
    assert receipt in again["text"]


async def test_a_notice_from_draft_to_the_phones_at_its_minute(
    koban: Koban, koban_database: Database, browser: Browser
) -> None:
    residents = {tag: koban.resident(8200 + number, tag.lower()) for number, tag in enumerate(STORIES)}
    for tag, resident in residents.items():
        await resident.answer_to(lambda resident=resident: resident.write("/start"))
        await resident.press(f"lang:{tag}")
        await resident.answer_to(lambda resident=resident: resident.write("/notices"))
        await resident.press("sub:k:all")
        await resident.press("sub:p:all:all")
    stopped = koban.resident(8300, "vi")
    await stopped.answer_to(lambda: stopped.write("/start"))
    await stopped.answer_to(lambda: stopped.write("/stop"))

    author = await sign_in(koban, browser, koban_database, "takahashi", Role.PROMOTION_OFFICE)
    await author.goto(f"{koban.console_url}/notices")
    await author.click("text=外国人雇用啓発月間")
    await author.wait_for_url("**/notices/*")
    address = author.url
    await author.click("form[action$='/submit'] button")
    await author.wait_for_load_state()
    assert await author.locator("form[action$='/approve']").count() == 0, "the author may not approve"

    approver = await sign_in(koban, browser, koban_database, "suzuki", Role.APPROVER)
    await approver.goto(address)
    await approver.click("form[action$='/approve'] button")
    now = datetime.now(TOKYO)
    await approver.fill("#send_at", f"{now:%Y-%m-%dT%H:%M}")
    await approver.fill("#expires_at", f"{now + timedelta(days=2):%Y-%m-%dT%H:%M}")
    await approver.click("form[action$='/schedule'] button")
    for tag, resident in residents.items():
        wanted = load_strings()[tag]("You get this because you asked for notices.")
        await resident.until(lambda messages, wanted=wanted: wanted in messages[-1]["text"])
        assert "外国人雇用啓発月間" in resident.last()["text"]
    n_before = len(stopped.received())
    await approver.goto(address)
    await approver.wait_for_selector("table.counts")
    assert len(stopped.received()) == n_before, "who stopped notices gets none"
