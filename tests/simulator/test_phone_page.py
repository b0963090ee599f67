"""The phone in a real browser: start, type, receive, tap, send a photo, edit, block; no accessibility faults."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page, async_playwright, expect

from bot.simulator import people
from bot.simulator.files import sample_png
from bot.simulator.server import SimulatorServer
from tests.simulator.conftest import Api

pytestmark = pytest.mark.browser

CHANNEL = -1001100000003
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
async def page(simulator: SimulatorServer, chromium_path: str) -> AsyncIterator[Page]:
    """The page at the simulator's root; a script error, or an address outside this machine, fails the test."""
    errors: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 860})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("request", lambda r: errors.append(r.url) if not r.url.startswith((simulator.url, "blob:")) else None)
        await page.goto(simulator.url)
        await expect(page.locator(".phone")).to_have_count(1)
        yield page
        await browser.close()
    assert errors == []


async def _taken(api: Api, simulator: SimulatorServer) -> list[dict[str, object]]:
    """Read and confirm all updates, as a bot does."""
    updates: list[dict[str, object]] = []
    while waiting := simulator.state.updates.waiting():
        updates += [update.body for update in waiting]
        await api("getUpdates", offset=waiting[-1].id + 1)
    return updates


async def test_a_picture_and_a_leaflet_of_the_bot_are_shown(page: Page, api: Api, simulator: SimulatorServer) -> None:
    state = simulator.state
    resident = next(iter(state.residents))
    people.send_text(state, resident, "/start")
    picture = state.files.add("photo", sample_png(), name="picture-vi.png", mime="image/png")
    leaflet = state.files.add("document", b"%PDF-1.7 %%EOF", name="leaflet-vi.pdf", mime="application/pdf")
    await api("sendPhoto", chat_id=resident, photo=picture.file_id, caption="📢 Thông báo", caption_entities=[
        {"type": "bold", "offset": 0, "length": 12}])
    await api("sendDocument", chat_id=resident, document=leaflet.file_id, reply_markup={"inline_keyboard": [
        [{"text": "Menu", "callback_data": "menu"}]]})
    shown = page.locator(".bot img")
    await expect(shown).to_be_visible()
    await expect(page.locator(".bot .words strong")).to_have_text("📢 Thông báo")
    await expect(page.locator(".bot a.document")).to_contain_text("leaflet-vi.pdf")
    await page.wait_for_function("document.querySelector('.bot img').naturalWidth === 320")
    await _shoot(page, "with-files")


async def test_a_resident_starts_types_receives_and_taps(page: Page, api: Api, simulator: SimulatorServer) -> None:
    state = simulator.state
    resident = next(iter(state.residents))
    await expect(page.locator("#hint")).to_contain_text("mất xe đạp")
    await page.get_by_role("button", name="START").click()
    await expect(page.locator(".own .words")).to_have_text("/start")
    await expect(page.get_by_label("Message from Linh")).to_be_focused()
    await page.keyboard.type("mất xe đạp")
    await page.keyboard.press("Enter")
    await expect(page.locator(".own .words").nth(1)).to_have_text("mất xe đạp")
    await expect(page.locator(".own .mark").nth(1)).to_have_text("✓")
    updates = await _taken(api, simulator)
    assert [u["message"]["from"]["language_code"] for u in updates] == ["vi", "vi"]  # type: ignore[index]
    await expect(page.locator(".own .mark").nth(1)).to_have_text("✓✓")

    await api("sendChatAction", chat_id=resident, action="typing")
    await expect(page.locator(".presence")).to_have_text("typing…")
    keyboard = {"inline_keyboard": [[{"text": "Có", "callback_data": "yes"}, {"text": "Không", "callback_data": "no"}]]}
    _, body = await api(
        "sendMessage", chat_id=resident, text="<b>Xe đạp</b> 👮 <i>mất?</i>", parse_mode="HTML", reply_markup=keyboard
    )
    await expect(page.locator(".bot .words strong")).to_have_text("Xe đạp")
    await expect(page.locator(".bot .words em")).to_have_text("mất?")
    await expect(page.locator(".presence")).to_have_text("bot")

    await page.get_by_role("button", name="Có").click()
    query = await state.until(lambda: next(iter(state.queries.values()), None))
    assert query is not None
    assert (query.data, query.message_id) == ("yes", body["result"]["message_id"])
    await api("answerCallbackQuery", callback_query_id=query.id, text="Cảm ơn!")
    await expect(page.locator(".toast")).to_have_text("Cảm ơn!")
    await api("editMessageText", chat_id=resident, message_id=query.message_id, text="Đã ghi")
    await expect(page.locator(".bot .words")).to_have_text("Đã ghi")
    await expect(page.locator(".bot .edited")).to_be_visible()
    await api("deleteMessage", chat_id=resident, message_id=query.message_id)
    await expect(page.locator(".bot")).to_have_count(0)


async def test_an_alert_is_shown_until_it_is_closed(page: Page, api: Api, simulator: SimulatorServer) -> None:
    resident = next(iter(simulator.state.residents))
    people.send_text(simulator.state, resident, "/start")
    keyboard = {"inline_keyboard": [[{"text": "Why?", "callback_data": "why"}]]}
    await api("sendMessage", chat_id=resident, text="x", reply_markup=keyboard)
    await page.get_by_role("button", name="Why?").click()
    query = await simulator.state.until(lambda: next(iter(simulator.state.queries.values()), None))
    assert query is not None
    await api("answerCallbackQuery", callback_query_id=query.id, text="Because", show_alert=True)
    await expect(page.get_by_role("dialog")).to_contain_text("Because")
    await page.get_by_role("button", name="OK").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_hostile_text_stays_text(page: Page, api: Api, simulator: SimulatorServer) -> None:
    resident = next(iter(simulator.state.residents))
    people.send_text(simulator.state, resident, "<img src=x onerror=alert(1)>")
    await expect(page.locator(".own .words")).to_have_text("<img src=x onerror=alert(1)>")
    await api("sendMessage", chat_id=resident, text="&lt;script&gt;1&lt;/script&gt;", parse_mode="HTML")
    await expect(page.locator(".bot .words")).to_have_text("<script>1</script>")


async def test_a_number_stays_on_one_line(page: Page, api: Api, simulator: SimulatorServer) -> None:
    resident = next(iter(simulator.state.residents))
    people.send_text(simulator.state, resident, "/start")
    numbers = ("0570-078377", "2026-11-22", "KBA3-7XMC")
    text = "\n".join(f"{'x ' * n}{number}" for number in numbers for n in range(10, 28))
    await api("sendMessage", chat_id=resident, text=text)
    words = page.locator(".bot .words")
    await expect(words).to_have_text(text, use_inner_text=True)
    boxes = await words.locator(".whole").evaluate_all("all => all.map((each) => each.getClientRects().length)")
    assert boxes == [1] * 54


async def test_a_flag_stands_in_a_box_of_its_own(page: Page, api: Api, simulator: SimulatorServer) -> None:
    resident = next(iter(simulator.state.residents))
    people.send_text(simulator.state, resident, "/start")
    keyboard = {"inline_keyboard": [[{"text": "🇯🇵 ជាភាសាជប៉ុន", "callback_data": "ja"}]]}
    await api("sendMessage", chat_id=resident, text="ប៉ូលិស <b>🇯🇵 助けて</b>", parse_mode="HTML", reply_markup=keyboard)
    await expect(page.locator(".bot .words")).to_have_text("ប៉ូលិស 🇯🇵 助けて")
    await expect(page.locator(".bot .words strong .flag")).to_have_text("🇯🇵")
    button = page.get_by_role("button", name="🇯🇵 ជាភាសាជប៉ុន")
    await expect(button.locator(".flag")).to_have_text("🇯🇵")


async def test_commands_attachments_edits_and_reply_keyboards(page: Page, api: Api, simulator: SimulatorServer) -> None:
    resident = next(iter(simulator.state.residents))
    await page.get_by_role("button", name="START").click()
    await expect(page.locator(".own")).to_have_count(1)
    await api("setMyCommands", commands=[{"command": "help", "description": "Trợ giúp"}], language_code="vi")
    await page.get_by_role("button", name="Commands").click()
    await page.get_by_role("button", name="/help Trợ giúp").click()
    await expect(page.locator(".own .words").nth(1)).to_have_text("/help")

    for name in ("Sample photo", "Voice sample", "Sticker"):
        await page.get_by_role("button", name="Send a photo, a file or a place").click()
        await page.get_by_role("button", name=name).click()
    await expect(page.locator(".photo img")).to_be_visible()
    await expect(page.locator(".voice audio")).to_be_visible()
    await expect(page.locator(".sticker")).to_be_visible()
    await page.get_by_role("button", name="Send a photo, a file or a place").click()
    await page.get_by_role("button", name="Location").click()
    await page.get_by_role("dialog").get_by_role("button", name="Send").click()
    await expect(page.locator(".place")).to_be_visible()

    field = page.get_by_label("Message from Linh")
    await field.focus()
    await page.keyboard.press("ArrowUp")
    await expect(field).to_have_value("/help")
    await field.fill("mất xe")
    await page.keyboard.press("Enter")
    await expect(page.locator(".own .words").nth(1)).to_have_text("mất xe")

    keyboard = {"keyboard": [[{"text": "Có"}, {"text": "Vị trí", "request_location": True}]]}
    await api("sendMessage", chat_id=resident, text="?", reply_markup=keyboard)
    await page.get_by_role("button", name="Có").click()
    await expect(page.locator(".own .words").last).to_have_text("Có")
    kinds = [sorted(update)[0] for update in await _taken(api, simulator)]
    assert kinds == ["message"] * 6 + ["edited_message", "message"]


async def test_a_second_resident_has_a_phone_of_their_own(page: Page, api: Api, simulator: SimulatorServer) -> None:
    await page.get_by_role("button", name="Add a resident").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Language of their phone").select_option("ur")
    await expect(dialog.get_by_label("First name")).to_have_value("Ayesha")
    await dialog.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator(".phone")).to_have_count(2)
    ayesha = next(r for r in simulator.state.residents.values() if r.first_name == "Ayesha")
    assert ayesha.language_code == "ur"
    people.send_text(simulator.state, ayesha.id, "سائیکل چوری ہو گئی")
    second = page.get_by_label("Phone of Ayesha, اردو")
    await expect(second.locator(".own")).to_have_count(1)
    await expect(page.locator(".phone").first.locator(".own")).to_have_count(0)
    assert await second.locator(".words").evaluate("e => getComputedStyle(e).direction") == "rtl"
    await page.reload()
    await expect(page.locator(".phone")).to_have_count(2)
    await second.get_by_role("button", name="Put this phone away").click()
    await expect(page.locator(".phone")).to_have_count(1)


async def test_a_channel_is_read_live_beside_the_residents(page: Page, api: Api, simulator: SimulatorServer) -> None:
    state = simulator.state
    channels = page.get_by_role("navigation", name="Channels")
    await expect(channels).to_have_count(0)
    state.add_group(CHANNEL, "Công an Mizuhono 📢", kind="channel", username="koban_vi", language="vi")
    in_list = channels.get_by_role("button", name="Công an Mizuhono 📢")
    await expect(in_list).to_have_attribute("aria-pressed", "false")
    await api("sendMessage", chat_id="@koban_vi", text="Mưa lớn")
    await expect(in_list.locator(".unread")).to_have_text("1 unread")

    await in_list.click()
    feed = page.get_by_role("region", name="Channel Công an Mizuhono 📢")
    await expect(feed.locator(".post .words")).to_have_text("Mưa lớn")
    await expect(feed.locator(".post .author")).to_have_text("Công an Mizuhono 📢")
    await expect(feed.get_by_role("log")).to_be_focused()
    await expect(feed.locator(".handle")).to_contain_text("@koban_vi")
    await expect(in_list.locator(".unread")).to_have_count(0)
    assert await feed.locator("textarea, form, .mark, .edit").count() == 0

    picture = state.files.add("photo", sample_png(), name="picture-vi.png", mime="image/png")
    leaflet = state.files.add("document", b"%PDF-1.7 %%EOF", name="leaflet-vi.pdf", mime="application/pdf")
    await api("sendPhoto", chat_id=CHANNEL, photo=picture.file_id, caption="<b>📢 Sóng thần</b>", parse_mode="HTML")
    start = "https://t.me/koban_demo_bot?start=a_stolen_bicycle-vi"
    links = {"inline_keyboard": [[{"text": "Mất xe đạp", "url": start}, {"text": "Web", "url": "https://a.jp/"}]]}
    _, body = await api("sendDocument", chat_id=CHANNEL, document=leaflet.file_id, reply_markup=links)
    await expect(feed.locator(".post img")).to_be_visible()
    await expect(feed.locator(".post strong").filter(has_text="Sóng thần")).to_be_visible()
    await expect(feed.locator(".post a.document")).to_contain_text("leaflet-vi.pdf")
    await expect(feed.get_by_role("link", name="Web")).to_have_attribute("href", "https://a.jp/")
    await expect(page.locator(".phone:not(.channel) .message")).to_have_count(0)
    await page.set_viewport_size({"width": 390, "height": 844})
    await feed.scroll_into_view_if_needed()
    await page.wait_for_function("document.querySelector('.post img').naturalWidth === 320")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await feed.get_by_role("log").evaluate("log => log.scrollTo({ top: log.scrollHeight, behavior: 'instant' })")
    await _shoot(page, "channel-390")
    await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    await _shoot(page, "channel-390-dark")
    assert (await Axe().run(page)).response["violations"] == []

    await feed.get_by_role("link", name="Mất xe đạp").click()
    await expect(page.locator(".own .words")).to_have_text("/start a_stolen_bicycle-vi")
    assert len(page.context.pages) == 1  # the bot of this simulator, and not one out there
    await api("deleteMessage", chat_id=CHANNEL, message_id=body["result"]["message_id"])
    await expect(feed.locator(".post")).to_have_count(2)
    await page.reload()
    await expect(feed.locator(".post")).to_have_count(2)
    await page.set_viewport_size({"width": 1280, "height": 860})
    await _shoot(page, "channel-1280-dark")
    await feed.get_by_role("button", name="Put this channel away").click()
    await expect(feed).to_have_count(0)
    await expect(in_list).to_be_focused()


async def _shoot(page: Page, name: str) -> None:
    if "KOBAN_SHOTS" in os.environ:
        await page.screenshot(path=Path(os.environ["KOBAN_SHOTS"]) / f"phone-{name}.png")


async def test_a_resident_can_block_and_come_back(page: Page, api: Api, simulator: SimulatorServer) -> None:
    resident = next(iter(simulator.state.residents))
    await page.get_by_role("button", name="START").click()
    await page.get_by_role("button", name="Block the bot").click()
    await expect(page.get_by_role("button", name="RESTART BOT")).to_be_visible()
    assert (await api("sendMessage", chat_id=resident, text="x"))[0] == 403
    await page.get_by_role("button", name="RESTART BOT").click()
    await expect(page.get_by_label("Message from Linh")).to_be_visible()
    assert (await api("sendMessage", chat_id=resident, text="x"))[0] == 200


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_has_no_accessibility_faults(
    page: Page, api: Api, simulator: SimulatorServer, scheme: str
) -> None:
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    resident = next(iter(simulator.state.residents))
    assert (await Axe().run(page)).response["violations"] == []
    await page.get_by_role("button", name="START").click()
    text = (
        "<b>b</b> <tg-spoiler>s</tg-spoiler> <a href='https://a.jp'>link</a> /help 03-3501-0110 <code>c</code>\n"
        "<blockquote expandable>q\nr\ns\nt</blockquote>"
    )
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "Web", "url": "https://a.jp"}]]}
    await api("sendMessage", chat_id=resident, text=text, parse_mode="HTML", reply_markup=markup)
    await api("sendMessage", chat_id=resident, text="k", reply_markup={"keyboard": [[{"text": "Key"}]]})
    people.send_location(simulator.state, resident, 35.0, 139.0)
    for kind in ("photo", "document", "voice", "sticker"):
        await api.sim("send", {"resident_id": resident, "kind": kind})
    await expect(page.locator(".sticker")).to_be_visible()
    await page.get_by_role("button", name="Commands").click()
    violations = (await Axe().run(page)).response["violations"]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in violations] == []


async def test_the_page_allows_no_foreign_or_inline_script(api: Api) -> None:
    async with api.session.get(f"{api.url}/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "/phone")
    async with api.session.get(f"{api.url}/phone") as answer:
        policy = answer.headers["Content-Security-Policy"]
        text = await answer.text()
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert text.count("<script") == text.count('<script type="module" src="/static/phone.js">') == 1
    assert " style=" not in text
