"""One consultation whole, as staff work on it with the keyboard in a real Chromium, in three languages of the resident.

The phone, the running bot and the records are those of tests/journeys/whole.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright

from bot.i18n import load_strings
from storage.models import Role
from tests.journeys.conftest import PATIENCE
from tests.journeys.office import Office, open_office
from tests.journeys.whole import CASES, JAPANESE, NOTE, READ_IN_JAPANESE, RETURN_NOTE, SECOND_NOTE, Play, playing

pytestmark = [pytest.mark.slow, pytest.mark.browser]

_ = load_strings()["ja"]
TARGET = "section:shonen_center"


@dataclass
class Desk:
    """A member of staff at a browser, who has a keyboard and no mouse."""

    id: int
    name: str
    page: Page
    url: str

    async def open(self, path: str) -> None:
        """Go to an address."""
        await self.page.goto(self.url + path)

    async def keys(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            await self.page.keyboard.press(key)

    async def reach(self, target: Locator) -> None:
        """Go with Tab until this has the focus."""
        await target.wait_for()
        for _n in range(120):
            if await target.evaluate("each => each === document.activeElement"):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    async def push(self, name: str, **values: object) -> None:
        """Go to a button and press it."""
        await self.reach(self.page.get_by_role("button", name=_(name, **values), exact=True).first)
        await self.keys("Enter")

    async def write(self, target: Locator, text: str) -> None:
        """Go to a field and write."""
        await self.reach(target)
        await self.page.keyboard.type(text)

    async def reads(self, text: str) -> None:
        """Wait until a text is on the page."""
        await self.page.get_by_text(text).first.wait_for()

    async def first_row(self, path: str) -> None:
        """Open a list and go into its first line."""
        await self.open(path)
        await self.keys("j", "Enter")
        await self.page.wait_for_url(lambda url: path.partition("?")[0] != url.removeprefix(self.url).partition("?")[0])


@dataclass
class Floor:
    """Where the desks are."""

    office: Office
    browser: Browser
    url: str

    async def desk(self, username: str, role: Role, section: str | None, languages: str = "") -> Desk:
        """A desk of a new member of staff, signed in."""
        officer = await self.office.officer(username, role, section=section, languages=languages)
        context = await self.browser.new_context(viewport={"width": 1280, "height": 800}, timezone_id="Asia/Tokyo")
        page = await context.new_page()
        page.set_default_timeout(3 * PATIENCE * 1000)
        made = Desk(officer.id, officer.name, page, self.url)
        await self.sign_in(made)
        return made

    async def sign_in(self, desk: Desk) -> None:
        """Sign in by a link: the first time, or after the session has ended."""
        await desk.open(await self.office.link(desk.id))
        await desk.reach(desk.page.locator("main form button"))
        await desk.keys("Enter")
        await desk.page.wait_for_url(lambda url: "/login" not in url)


@pytest.fixture(params=CASES)
async def play(request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(request.param, sqlite_url, tmp_path, resident_id=9100) as made:
        yield made


@pytest.fixture
async def floor(play: Play, chromium_path: str) -> AsyncIterator[Floor]:
    async with async_playwright() as playwright, open_office(play.koban, play.database, play.clock) as office:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield Floor(office, browser, play.koban.console_url)
        await browser.close()


async def test_staff_work_on_a_consultation_with_the_keyboard_until_it_is_erased_and_erased_again(
    play: Play, floor: Floor
) -> None:
    await play.begin()
    holder = await of_two_at_once_one_has_it(play, floor)
    await holder.keys("r")
    await holder.page.keyboard.type(play.words.reply)
    await holder.keys("Control+Enter")
    await holder.page.wait_for_url("**done=propose")
    second = await floor.desk("jinshin99", Role.OPERATOR, "jinshin")
    await second.first_row("/translations")
    await second.reads(play.words.reply)
    await second.push("Approve and send")
    await second.page.wait_for_url("**done=reply-waits")
    await second.page.context.close()  # nobody else has the consultation open
    await play.nothing_comes_until_it_is_safe()
    await play.show(play.words.reply)
    await floor.sign_in(holder)
    await an_edit_appears_while_it_is_read(play, holder)
    receiver = await it_is_sent_returned_sent_again_and_accepted(play, floor, holder)
    await an_interpreters_reply_goes_out_with_a_second_person(play, floor, receiver)

    await play.write_more()
    await play.wait_in_vain()
    await floor.sign_in(receiver)
    await receiver.first_row("/queue?folder=late")
    await receiver.reads(play.words.more)

    await play.back_up()
    proof = await play.erase()
    await receiver.open(play.path)
    await receiver.reads(_("There is no such consultation, or it is not open to you."))
    await play.nothing_is_left()
    await play.is_in_ledger(proof)
    await play.restore(proof)
    await floor.sign_in(receiver)
    await receiver.open(play.path)
    await receiver.reads(_("There is no such consultation, or it is not open to you."))
    await play.nothing_is_left()


async def of_two_at_once_one_has_it(play: Play, floor: Floor) -> Desk:
    """Two press the key for taking it; the page of the one who comes too late says who has it."""
    desks = [await floor.desk(f"jinshin{number}", Role.OPERATOR, "jinshin") for number in range(2)]
    for desk in desks:
        await desk.first_row("/queue?folder=unassigned")
        await desk.reads(play.words.story)
    await asyncio.gather(*(desk.keys("c") for desk in desks))

    async def taken() -> int | None:
        return (await play.ticket()).claimed_by_id

    holder_id = await play.until(taken)
    holder = next(desk for desk in desks if desk.id == holder_id)
    other = next(desk for desk in desks if desk.id != holder_id)
    await holder.page.wait_for_url("**done=claim")
    await other.reads(_("{name} has this consultation.", name=holder.name))
    assert await other.page.locator("#reply").count() == 0
    return holder


async def an_edit_appears_while_it_is_read(play: Play, holder: Desk) -> None:
    """The new text comes by itself; the earlier one is folded behind it, and the page is honest about deletions."""
    await holder.open(play.path)
    await holder.reads(play.words.story)
    await play.edit()
    await holder.reads(play.words.edited)
    folded = _.plural("Edited {n} time: show the earlier text", "Edited {n} times: show the earlier texts", 1)
    await holder.reach(holder.page.locator("summary", has_text=folded))
    await holder.keys("Enter")
    await holder.page.locator(".revisions").get_by_text(play.words.story, exact=True).wait_for()
    await holder.reads("相談者がメッセージを削除しても、Telegramからは知らされません")


async def ask_for_a_transfer(holder: Desk, play: Play, note: str) -> None:
    """Open the form, choose the section with the arrow keys, say why."""
    await holder.open(play.path)
    await holder.reach(holder.page.locator("summary", has_text=_("Pass it to another section or station")))
    await holder.keys("Enter")
    target = holder.page.locator("#target")
    await holder.reach(target)
    for _n in range(80):
        if await target.input_value() == TARGET:
            break
        await holder.keys("ArrowDown")
    assert await target.input_value() == TARGET
    await holder.write(holder.page.locator("#transfer-note"), note)
    await holder.keys("Control+Enter")
    await holder.page.wait_for_url("**done=transfer")


async def it_is_sent_returned_sent_again_and_accepted(play: Play, floor: Floor, holder: Desk) -> Desk:
    """The other section returns it with a note, which the sender reads; the second time it accepts."""
    receiver = await floor.desk("shonen1", Role.OPERATOR, "shonen_center")
    await ask_for_a_transfer(holder, play, NOTE)
    await receiver.first_row("/queue?folder=incoming")
    await receiver.reads(NOTE)
    await receiver.write(receiver.page.locator("#transfer-note"), RETURN_NOTE)
    await receiver.keys("Control+Enter")
    await receiver.page.wait_for_url("**done=return-transfer")
    await holder.reads(RETURN_NOTE)
    await ask_for_a_transfer(holder, play, SECOND_NOTE)
    await receiver.first_row("/queue?folder=incoming")
    await receiver.reads(SECOND_NOTE)
    await receiver.push("Accept, and take the consultation")
    await receiver.page.wait_for_url("**done=accept")
    assert (await play.ticket()).claimed_by_id == receiver.id
    return receiver


async def interpret(interpreter: Desk, original: str, text: str) -> None:
    """Take the first request and hand the translation in."""
    await interpreter.first_row("/interpreting")
    await interpreter.reads(original)
    await interpreter.keys("c")
    await interpreter.page.wait_for_url("**done=claim-text")
    await interpreter.keys("r")
    await interpreter.page.keyboard.type(text)
    await interpreter.keys("Control+Enter")
    await interpreter.page.wait_for_url("**done=hand-in")


async def an_interpreters_reply_goes_out_with_a_second_person(play: Play, floor: Floor, receiver: Desk) -> None:
    """Both ways go through an interpreter; the reply comes back as a draft, is proposed, and a colleague approves."""
    interpreter = await floor.desk("tsuyaku1", Role.INTERPRETER, None, languages=play.tag)
    colleague = await floor.desk("shonen2", Role.OPERATOR, "shonen_center")
    await receiver.open(play.path)
    await receiver.push("Message {n}: ask an interpreter", n=1)
    await receiver.page.wait_for_url("**done=interpret")
    await interpret(interpreter, play.words.edited, READ_IN_JAPANESE)
    await receiver.open(play.path)
    await receiver.reads(READ_IN_JAPANESE)
    await receiver.keys("r")
    await receiver.page.keyboard.type(JAPANESE)
    await receiver.push("Send to the interpreters")
    await receiver.page.wait_for_url("**done=interpret")
    await interpret(interpreter, JAPANESE, play.words.translated)

    before = len(play.resident.received())
    await receiver.first_row("/translations")
    await receiver.push("Ask a second person to approve")
    await receiver.page.wait_for_url("**done=propose")
    await colleague.first_row("/translations")
    await colleague.reads(JAPANESE)
    assert len(play.resident.received()) == before
    await colleague.push("Approve and send")
    await colleague.page.wait_for_url("**done=approve-reply")
    await play.an_envelope_comes(before)
    await play.read_the_translated_reply()

    said = receiver.page.locator(".said.staff", has_text=play.words.translated)
    await said.get_by_text(_("approved by {name}", name=colleague.name)).wait_for()
    await said.get_by_text(_("Handed to Telegram (whether it was read is not known)")).wait_for()
    for desk in (receiver, colleague):
        await desk.open("/account")  # nobody has the consultation open while the resident waits in vain
