"""The life of an event and of a notice, played whole in four languages: staff in a real Chromium, residents on phones.

With `KOBAN_SHOTS=folder` every stage leaves pictures of the console and of the phones there.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from bot.i18n import TOKYO, load_strings
from storage.database import Database
from storage.models import Role
from tests.journeys import test_staff
from tests.journeys.conftest import Koban, Resident
from tests.journeys.test_staff import sign_in

pytestmark = [pytest.mark.slow, pytest.mark.browser]

browser = test_staff.browser
WORDS = {
    "ja-simple": ("ぼうはん きょうしつ", "どろぼうから 家を まもる 話を します。"),
    "vi": ("Lớp học phòng chống tội phạm", "Chúng tôi nói về cách bảo vệ nhà khỏi trộm."),
    "ne": ("अपराध रोकथाम कक्षा", "चोरबाट घर जोगाउने उपाय सिक्नुहोस्।"),
    "pt-BR": ("Aula de prevenção de crimes", "Vamos falar sobre como proteger a casa de ladrões."),
}
TAGS = ("vi", "ne", "pt-BR", "ja-simple")


class Stage:
    """Author, approver, four residents, and a page that shows their phones."""

    def __init__(self, koban: Koban, author: Page, approver: Page, phones: Page, people: dict[str, Resident]) -> None:
        self.koban = koban
        self.author = author
        self.approver = approver
        self.phones = phones
        self.people = people
        self.shots = Path(os.environ["KOBAN_SHOTS"]) if "KOBAN_SHOTS" in os.environ else None

    async def shoot(self, name: str) -> None:
        """Leave pictures of this stage, when they are wanted."""
        if self.shots is not None:
            for who in ("author", "approver", "phones"):
                await getattr(self, who).bring_to_front()
                await getattr(self, who).screenshot(path=self.shots / f"{name}-{who}.png", full_page=True)

    async def submit(self, page: Page, deed: str) -> None:
        """Send the form of a deed on a page of a notice."""
        await page.click(f"main form[action$='/{deed}'] button")
        await page.wait_for_load_state()

    async def all_read(self, message: str, tags: tuple[str, ...] = TAGS) -> None:
        """Wait until the newest message of these residents holds a sentence in their language."""
        for tag in tags:
            wanted = load_strings()[tag](message)
            await self.people[tag].until(lambda messages, wanted=wanted: wanted in messages[-1].get("text", ""))

    async def write(self, kind: str, name: str) -> str:
        """Write a draft in every language; returns the address of the notice."""
        page = self.author
        await page.goto(f"{self.koban.console_url}/notices/new")
        await page.fill("#name", name)
        await page.select_option("#kind", kind)
        await page.click("main form button")
        await page.wait_for_url("**/edit")
        for tag, (title, body) in WORDS.items():
            details = page.locator("details", has=page.locator(f"#title-{tag}"))
            if await details.get_attribute("open") is None:
                await details.locator("summary").click()
            await page.fill(f"#title-{tag}", title)
            await page.fill(f"#body-{tag}", body)
        await page.click("button.primary")
        await page.wait_for_url(lambda url: "/edit" not in url)
        return page.url.split("?")[0]

    async def send(self, address: str) -> None:
        """Ask for approval, approve as another person, and let it go out now."""
        await self.author.goto(address)
        await self.submit(self.author, "submit")
        await self.approver.goto(address)
        await self.submit(self.approver, "approve")
        now = datetime.now(TOKYO)
        await self.approver.fill("#send_at", f"{now:%Y-%m-%dT%H:%M}")
        if not await self.approver.input_value("#expires_at"):
            await self.approver.fill("#expires_at", f"{now + timedelta(days=2):%Y-%m-%dT%H:%M}")
        await self.submit(self.approver, "schedule")


@pytest.fixture
async def stage(koban: Koban, koban_database: Database, browser: Browser) -> Stage:
    people = {tag: koban.resident(8400 + number, tag.lower().removesuffix("-simple"))
              for number, tag in enumerate(TAGS)}
    for tag, resident in people.items():
        await resident.answer_to(lambda resident=resident: resident.write("/start"))
        await resident.press(f"lang:{tag}")
        await resident.answer_to(lambda resident=resident: resident.write("/notices"))
        await resident.press("sub:k:all")
        await resident.press("sub:p:all:all")
    author = await sign_in(koban, browser, koban_database, "takahashi", Role.PROMOTION_OFFICE)
    approver = await sign_in(koban, browser, koban_database, "suzuki", Role.APPROVER)
    phones = await browser.new_page(viewport={"width": 1640, "height": 900})
    await phones.goto(koban.simulator.url)
    for resident in list(people.values())[2:]:
        await phones.select_option("#open-resident", str(resident.id))
    return Stage(koban, author, approver, phones, people)


async def test_an_event_from_its_draft_to_its_cancellation(stage: Stage) -> None:
    address = await stage.write("event", "防犯教室（多言語）")
    starts = datetime.now(TOKYO) + timedelta(hours=23)
    author = stage.author
    await author.goto(f"{address}/event")
    await author.fill("#place", "星見市見本町一丁目 公民館")
    await author.fill("#point", "33.60, 143.50")
    await author.fill("#starts_at", f"{starts:%Y-%m-%dT%H:%M}")
    await author.fill("#ends_at", f"{starts + timedelta(hours=2):%Y-%m-%dT%H:%M}")
    await author.fill("#seats", "2")
    for tag in ("vi", "ne"):
        await author.check(f"input[name=language][value={tag}]")
    await stage.shoot("event-1-written")
    await author.click("main form button.primary")
    await author.wait_for_url(lambda url: not url.endswith("/event"))
    await stage.send(address)
    for tag, resident in stage.people.items():
        await resident.until(lambda messages, tag=tag: WORDS[tag][0] in messages[-1].get("text", ""))
    await stage.shoot("event-2-invited")

    vi, ne, pt, ja = stage.people.values()
    number = address.rsplit("/", 1)[1]
    yes, no, file = (f"ev:{number}:{action}" for action in ("yes", "no", "ics"))
    for resident in (vi, ne, pt):
        await resident.press(yes)
    await pt.until(lambda messages: load_strings()["pt-BR"](
        "All seats are taken. You are on the waiting list. I will tell you when a seat is free."
    ) in messages[-1].get("text", ""))
    await ja.press(no)
    reminder = load_strings()["vi"]("⏰ Reminder: you said that you come to this event.")  # it begins within a day
    await vi.until(lambda messages: any(reminder in each.get("text", "") for each in messages))
    answer = await vi.press(file)
    assert answer["document"]["file_name"].endswith(".ics")
    await ne.press(no)
    there = load_strings()["pt-BR"]("There is a seat for you now. You are on the list.")
    await pt.until(lambda messages: any(there in each.get("text", "") for each in messages[-2:]))
    await stage.shoot("event-3-answered")

    await author.goto(f"{address}/event")
    await author.fill("#starts_at", f"{starts + timedelta(hours=30):%Y-%m-%dT%H:%M}")
    await author.fill("#ends_at", f"{starts + timedelta(hours=31):%Y-%m-%dT%H:%M}")
    await author.click("main form button.primary")
    await stage.all_read("❗ This event has changed. Please look at the time and the place.", ("vi", "pt-BR"))
    await author.goto(f"{address}/event/cancel")
    await stage.submit(author, "event/cancel")
    await stage.all_read("❌ This event was cancelled. Please do not come.", ("vi", "pt-BR"))
    await author.goto(address)
    await stage.shoot("event-4-cancelled")
    for resident in (ne, ja):
        assert not any("❌" in each.get("text", "") for each in resident.received()), "who does not come is left alone"


async def test_a_notice_is_sent_corrected_repeated_and_withdrawn(stage: Stage) -> None:
    address = await stage.write("safety", "空き巣に注意")
    await stage.send(address)
    for tag, resident in stage.people.items():
        await resident.until(lambda messages, tag=tag: WORDS[tag][1] in messages[-1].get("text", ""))
    await stage.all_read("You get this because you asked for notices.")
    first = {tag: resident.last()["message_id"] for tag, resident in stage.people.items()}
    await stage.shoot("notice-1-sent")

    await stage.author.goto(address)
    await stage.author.wait_for_selector("form[action$='/correct'] button")
    await stage.submit(stage.author, "correct")
    correction = stage.author.url.split("?")[0].removesuffix("/edit")
    await stage.send(correction)
    await stage.all_read("✏️ Correction of an earlier notice")
    for tag, resident in stage.people.items():
        assert resident.last()["reply_to_message"]["message_id"] == first[tag]
    await stage.shoot("notice-2-corrected")

    await stage.approver.goto(f"{address}/withdraw")
    await stage.submit(stage.approver, "withdraw")
    for tag, resident in stage.people.items():
        await resident.until(lambda messages, tag=tag: first[tag] not in {each["message_id"] for each in messages})
    await stage.approver.goto(address)
    assert await stage.approver.get_by_text("撤回").count() > 0
    await stage.shoot("notice-3-withdrawn")
