"""The console in a real Chromium: the work of a day, by keyboard alone, live, and without barriers (axe)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pyotp
import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.routing import compile_path

from bot import attachments, merges, priority, transfers
from bot.config import Settings
from bot.console import accounts
from bot.console.app import PAGES, ConsoleParts, create_app
from bot.incoming import Incoming, Kind
from bot.simulator.files import sample_png
from storage import audit, presence, tickets
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import (
    Author,
    Chat,
    Delivery,
    DeliveryStatus,
    Event,
    FileKind,
    Lane,
    Notice,
    NoticeFile,
    NoticeKind,
    NoticeStatus,
    Recovery,
    Role,
    Staff,
    Ticket,
    TicketStatus,
    Urgency,
)
from tests.conftest import Clock
from tests.console import busy, texts
from tests.factories import make_chat, make_notice, make_section, make_staff, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

SIZES = {"1280": (1280, 800), "1024": (1024, 768), "390": (390, 844)}
A_PDF = b"%PDF-1.7\ntrailer\n<<>>\n%%EOF\n"
PASSWORD = "correct horse battery"
STORY = "Xe đạp của tôi bị mất ở ga Hoshimi tối qua. Tôi đã khóa xe. Tôi phải làm gì?"


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


@pytest.fixture
async def site(parts: ConsoleParts, chromium_path: str, clock: Clock, unused_port: int) -> AsyncIterator[Site]:
    """The console on a real port, and Chromium."""
    url = f"http://127.0.0.1:{unused_port}"
    parts = replace(parts, settings=Settings(console_url=url))
    server = uvicorn.Server(uvicorn.Config(
        create_app(parts), host="127.0.0.1", port=unused_port, log_config=None, access_log=False,
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


@pytest.fixture
def unused_port() -> int:
    """A port that was free a moment ago."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def a_person(site: Site, role: Role, **changes: object) -> Staff:
    async with site.parts.database.transaction() as session:
        person = await make_staff(session, role=role, **({"password_hash": "$x"} | changes))  # type: ignore[arg-type]
        if person.password_hash != accounts.NO_PASSWORD:
            person.totp_sealed, person.totp_last_step = b"x", 1
    return person


async def a_day(site: Site, holder: Staff) -> dict[str, int]:
    """A filled office: consultations in several languages and states, notices in several states."""
    parts, clock = site.parts, site.clock
    ids = {}
    async with parts.database.transaction() as session:
        person = await session.get(Staff, holder.id)
        colleague = await make_staff(session, name="佐々木 良子")
        newest = await make_staff(session, name="中村 健", password_hash="$argon2id$x")
        newest.totp_sealed, newest.totp_last_step = b"x", 1
        session.add_all([
            Recovery(staff_id=newest.id, reason="both", asked_by_id=colleague.id, asked_at=clock()),
            Recovery(staff_id=colleague.id, reason="misuse", asked_by_id=holder.id, asked_at=clock()),
        ])
        people = [
            ("vi", "stolen_bicycle", STORY, 0, 1, None, "99201"),
            ("pt-BR", "stalking", "Ele me segue.", 130, 2, person, "99204"),
            ("ne", "unpaid_wages", "तलब पाएको छैन।", 50, 20, colleague, "99205"),
            ("my", "selling_account", "ဘဏ်စာအုပ်", 0, 70, None, None),
            ("ja-simple", "lost_property", "かばんを 電車に わすれました。", 0, 30, None, "99201"),
        ]
        for locale, topic, body, priority, hours, who, place in people:
            chat = await make_chat(session, sealer=parts.sealer, locale=locale, municipality=place)
            ticket = await make_ticket(
                session, sealer=parts.sealer, chat=chat, topic=topic, body=body, priority=priority, claimed_by=who,
                now=clock() - timedelta(hours=hours), station="hoshimi" if place else None,
            )
            ticket.is_sensitive = priority == 130
            ids[locale] = ticket.id
        row = await session.get(Ticket, ids["pt-BR"])
        assert row is not None
        await tickets.revise(session, row, 1, "Ele me segue todos os dias.", ring=parts.sealer, now=clock())
        reply = await tickets.add_message(session, row, Author.STAFF, "Você está em um lugar seguro agora?",
                                          ring=parts.sealer, now=clock(), staff_id=holder.id, locale="pt-BR")
        session.add(Delivery(chat_id=row.chat_id, lane=Lane.ANSWER, message_id=reply.id, status=DeliveryStatus.SENT,
                             not_before=clock(), created_at=clock()))
        chat = await session.get(Chat, row.chat_id)
        assert chat is not None
        chat.safe_contact, chat.safe_hours, chat.safe_days = True, 0b111 << 12, "work"
        for content in (sample_png(), b"MZ a program"):
            picture = await tickets.add_message(session, row, Author.RESIDENT, "", ring=parts.sealer, now=clock(),
                                                locale="pt-BR")
            added = await attachments.add(session, row, picture, Incoming(1, 1, Kind.PHOTO, 3, file_id="F"),
                                          sealer=parts.sealer, now=clock())
            await attachments.keep(session, added.id, content, sealer=parts.sealer, now=clock())
        later = await tickets.add_message(session, row, Author.STAFF, "Podemos falar amanhã?", ring=parts.sealer,
                                          now=clock(), staff_id=holder.id, locale="pt-BR")
        session.add(Delivery(chat_id=row.chat_id, lane=Lane.ANSWER, message_id=later.id, status=DeliveryStatus.QUEUED,
                             not_before=clock() + timedelta(hours=2), created_at=clock()))
        await tickets.add_message(session, row, Author.NOTE, "人身安全対策課と情報共有済み。", ring=parts.sealer,
                                  now=clock(), staff_id=holder.id)
        await tickets.add_message(session, row, Author.RESIDENT, "Sim, na casa da minha amiga.", ring=parts.sealer,
                                  now=clock(), locale="pt-BR", telegram_message_id=9)
        await around(session, parts, person, colleague, clock(), ids)
        author = await make_staff(session, role=Role.PROMOTION_OFFICE, section=None, name="高橋")
        texts = {"ja-simple": "6月は 外国人の 仕事を 考える 月です。\nパスポートは 自分で 持って ください。",
                 "vi": "Tháng 6 là tháng suy nghĩ về việc làm của người nước ngoài.",
                 "ur": "جون غیر ملکیوں کے کام کا مہینہ ہے۔"}
        for status in ("draft", "review", "approved", "scheduled", "sending", "done"):
            notice = await make_notice(session, author=author, status=status, texts=texts,  # type: ignore[arg-type]
                                       send_at=clock() + timedelta(days=9), expires_at=clock() + timedelta(days=30))
            notice.name = f"外国人労働者問題啓発月間（{status}）"
            if status in ("draft", "review"):
                notice.urgency = Urgency.URGENT
                for tag, content in (("ja-simple", sample_png()), ("ja-simple", A_PDF), ("vi", sample_png(200, 320))):
                    session.add(a_file(notice, tag, content, clock()))
            ids[status] = notice.id
        for number in range(9):
            await make_chat(session, sealer=parts.sealer, locale="vi" if number < 6 else "th", subscribed=True)
        sending = await session.get(Notice, ids["sending"])
        assert sending is not None
        sending.expanded_at = clock()
        for status, n in (("sent", 14), ("failed", 2), ("unknown", 1), ("queued", 9)):
            for _ in range(n):
                chat = await make_chat(session, sealer=parts.sealer)
                session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=sending.id, status=status,
                                     not_before=clock(), created_at=clock()))
        for tag, status in (("vi", "sent"), ("en", "failed"), ("ja-simple", "queued")):
            chat = await make_chat(session, sealer=parts.sealer)
            session.add(Delivery(chat_id=chat.id, lane=Lane.NOTICE, notice_id=sending.id, status=status, channel=tag,
                                 error="Need administrator rights in the channel chat",
                                 not_before=clock(), created_at=clock()))
        ids |= await with_event(session, clock, author)
    return ids


def a_file(notice: Notice, tag: str, content: bytes, now: datetime) -> NoticeFile:
    is_picture = content != A_PDF
    return NoticeFile(
        notice_id=notice.id, tag=tag, kind=FileKind.PICTURE if is_picture else FileKind.LEAFLET,
        mime="image/png" if is_picture else "application/pdf", n_bytes=len(content), sha256="0" * 64, content=content,
        alt="旅券を 自分で 持つ 人の 絵" if is_picture else "仕事の 約束の チラシ", added_at=now,
    )


async def around(
    session: AsyncSession, parts: ConsoleParts, person: Staff | None, colleague: Staff, now: datetime,
    ids: dict[str, int],
) -> None:
    """What passes between desks and chats: a transfer to us, one of ours that waits, a merge, a late one, a reader."""
    assert person is not None
    sender = await make_staff(session, section="jinshin", name="伊藤 美咲")
    chat = await make_chat(session, sealer=parts.sealer, locale="th")
    sent = await make_ticket(session, sealer=parts.sealer, chat=chat, section="jinshin", claimed_by=sender,
                             topic="stalking", priority=130, body="เขาตามฉันทุกวัน", now=now - timedelta(hours=1))
    note = "自転車の被害もあるため、御課で対応をお願いします。"
    await transfers.ask(session, sent, sender, transfers.Target(section_id="seian_yokushi"), note, now=now,
                        sealer=parts.sealer)
    ids["received"] = sent.id
    chat = await make_chat(session, sealer=parts.sealer, locale="en", municipality="99204")
    old = await make_ticket(session, sealer=parts.sealer, chat=chat, topic="unpaid_wages", status=TicketStatus.CLOSED,
                            body="My boss keeps my passport.", now=now - timedelta(days=20))
    older = await make_ticket(session, sealer=parts.sealer, chat=chat, topic="unpaid_wages",
                              status=TicketStatus.CLOSED, body="No pay for May.", now=now - timedelta(days=40))
    ours = await make_ticket(session, sealer=parts.sealer, chat=chat, topic="unpaid_wages", claimed_by=person,
                             body="He still keeps it.", now=now - timedelta(days=4))
    ours.final_due_at = now + timedelta(days=9)
    ours.escalated_at, ours.priority = now, priority.LATE
    await merges.merge(session, old, ours, person, "同じ雇用主についての相談", sealer=parts.sealer, now=now)
    assert older.merged_into_id is None
    await transfers.ask(session, ours, person, transfers.Target(section_id="jinshin"), "旅券の取上げ。", now=now,
                        sealer=parts.sealer)
    await transfers.send_back(session, ours, sender, "生活環境課の担当と思われます。", sealer=parts.sealer, now=now)
    await transfers.ask(session, ours, person, transfers.Target(section_id="jinshin"), "本人が希望。", now=now,
                        sealer=parts.sealer)
    await presence.beat(session, "other", ticket_id=ours.id, staff_id=colleague.id, now=now)
    ids["moving"], ids["merged"] = ours.id, old.id


async def with_event(session: AsyncSession, clock: Clock, author: Staff) -> dict[str, int]:
    """An event whose invitations are out, and a notice that was stopped and wants to go out at night."""
    invitation = await make_notice(session, author=author, status=NoticeStatus.DONE, kind=NoticeKind.EVENT,
                                   send_at=clock(), urgency=Urgency.URGENT)
    invitation.name, invitation.expanded_at = "防犯教室へのご案内", clock()
    session.add(Event(
        notice_id=invitation.id, place="みずほの県星見市見本町一丁目 公民館", latitude=33.6, longitude=143.5, seats=20,
        starts_at=clock() + timedelta(days=9), ends_at=clock() + timedelta(days=9, hours=2), languages=["vi", "ne"],
    ))
    stopped = await make_notice(session, author=author, status=NoticeStatus.SCHEDULED,
                                send_at=clock() + timedelta(hours=12))
    stopped.name = "停止したお知らせ"
    stopped.stopped_for = {"reason": "errors", "n_errors": 21, "n": 60, "error": "502"}
    stopped.quiet_asked_by_id, stopped.quiet_reason = author.id, "津波のおそれがあるため"
    return {"event": invitation.id, "stopped": stopped.id}


async def row_of(site: Site, ticket_id: int) -> Ticket:
    async with site.parts.database.reading() as session:
        found = await session.get(Ticket, ticket_id)
    assert found is not None
    return found


async def test_an_officer_signs_in_takes_a_consultation_and_replies(site: Site) -> None:
    async with site.parts.database.transaction() as session:
        person = await make_staff(session, password_hash=await accounts.hash_password(PASSWORD))
        person.totp_sealed, person.totp_last_step = accounts.new_totp(site.parts.sealer, person.id), 1
        ticket = await make_ticket(session, sealer=site.parts.sealer, body=STORY)
    secret = accounts.totp_secret(person, site.parts.sealer).replace(" ", "")
    page = await site.watched(await site.browser.new_context(locale="ja-JP"))
    await page.goto(f"{site.url}/tickets/{ticket.id}")
    await page.get_by_label("ユーザー名").fill(person.username)
    await page.get_by_label("パスワード").fill(PASSWORD)
    await page.get_by_label("認証コード").fill(pyotp.TOTP(secret).at(site.clock()))
    await page.get_by_role("button", name="ログイン").click()
    await expect(page.get_by_text(STORY)).to_be_visible()
    await page.get_by_role("button", name="この相談を担当する").click()
    await expect(page.get_by_text("この相談の担当になりました。")).to_be_visible()
    await page.get_by_label("相談者のTelegramに届きます").fill("Chào bạn.")
    await page.get_by_role("button", name="返信を送る").click()
    await expect(page.get_by_text("返信を送信待ちに入れました。")).to_be_visible()
    await expect(page.locator(".said.staff")).to_contain_text("Chào bạn.")
    assert (await row_of(site, ticket.id)).status == "answered"


async def test_the_work_is_done_by_keyboard_alone(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        await make_ticket(session, sealer=site.parts.sealer)
        second = await make_ticket(session, sealer=site.parts.sealer)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/notices")
    await page.keyboard.press("g")
    await page.keyboard.press("q")
    await page.wait_for_url("**/queue")
    for key in ("j", "j", "k", "j"):
        await page.keyboard.press(key)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/tickets/{second.id}")
    await page.keyboard.press("c")
    await page.wait_for_url("**done=claim")
    await page.keyboard.press("r")
    await page.keyboard.type("Chao ban, jk?c")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_url("**done=reply")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="キー操作")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).not_to_be_visible()
    assert (await row_of(site, second.id)).status == "answered"


async def test_a_transfer_is_asked_accepted_and_seen_live_by_the_sender(site: Site) -> None:
    sender, receiver = await a_person(site, Role.OPERATOR), await a_person(site, Role.OPERATOR, section="jinshin")
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer, claimed_by=await session.get(Staff, sender.id))
    page, other = await site.signed_in(sender), await site.signed_in(receiver)
    await page.goto(f"{site.url}/queue")
    await page.keyboard.press("/")
    await page.keyboard.type(ticket.receipt)
    await page.keyboard.press("Enter")
    await page.locator("[data-row]").click()
    await page.get_by_text("ほかの課・警察署に引き継ぐ").click()
    await page.get_by_label("引継ぎ先").select_option("section:jinshin")
    await page.get_by_label("引き継ぐ理由").fill("夜間のみ連絡可")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_text("引継ぎを依頼しました。")).to_be_visible()
    await other.goto(f"{site.url}/queue?folder=incoming")
    await other.locator("[data-row]").click()
    await expect(page.get_by_text("現在ほかの職員も開いています")).to_be_visible()
    await expect(other.get_by_text("夜間のみ連絡可").first).to_be_visible()
    await other.get_by_role("button", name="引継ぎを受けて担当する").click()
    await expect(other.get_by_text("あなたの担当になりました。")).to_be_visible()
    row = await row_of(site, ticket.id)
    assert (row.section_id, row.claimed_by_id) == ("jinshin", receiver.id)


async def test_the_first_tab_leads_past_the_menu_and_focus_is_seen(site: Site) -> None:
    page = await site.signed_in(await a_person(site, Role.OPERATOR))
    await page.goto(f"{site.url}/queue")
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="本文へ移動")
    await expect(skip).to_be_focused()
    assert await skip.evaluate("e => e.getBoundingClientRect().top >= 0")
    assert await skip.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator("#main")).to_be_focused()


async def test_single_keys_can_be_turned_off(site: Site) -> None:
    page = await site.signed_in(await a_person(site, Role.OPERATOR))
    await page.goto(f"{site.url}/queue")
    await page.get_by_role("button", name="キー操作").click()
    await page.get_by_label("この端末では1文字のキー操作を使わない").check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).not_to_be_visible()


async def test_a_new_message_appears_while_the_draft_focus_and_scroll_stay(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer, claimed_by=await session.get(Staff, person.id))
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/tickets/{ticket.id}")
    draft = page.locator("#reply")
    await draft.click()
    await page.keyboard.type("Half a dra")
    await asyncio.sleep(1.5)  # until the watcher has had its first look
    async with site.parts.database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        await tickets.add_message(session, row, Author.RESIDENT, "Tôi tìm thấy rồi", ring=site.parts.sealer,
                                  now=site.clock(), locale="vi", telegram_message_id=5)
    await expect(page.get_by_text("Tôi tìm thấy rồi")).to_be_visible()
    await page.keyboard.type("ft")
    await expect(draft).to_be_focused()
    assert await draft.input_value() == "Half a draft"
    await expect(page.locator("#newer")).to_be_visible()
    await page.get_by_role("button", name="返信を送る").click()
    await expect(page.get_by_role("alert").first).to_contain_text("新しいメッセージが届きました")
    assert await page.locator("#reply").input_value() == "Half a draft"
    await page.get_by_role("button", name="返信を送る").click()
    await page.wait_for_url("**done=reply")


async def test_the_queue_shows_what_a_colleague_takes_and_keeps_the_focus(site: Site) -> None:
    person, colleague = await a_person(site, Role.OPERATOR), await a_person(site, Role.OPERATOR, name="佐々木")
    async with site.parts.database.transaction() as session:
        first = await make_ticket(session, sealer=site.parts.sealer)
        await make_ticket(session, sealer=site.parts.sealer)
    page, other = await site.signed_in(person), await site.signed_in(colleague)
    await page.goto(f"{site.url}/queue")
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    focused = await page.evaluate("document.activeElement.id")
    await asyncio.sleep(1.5)
    await other.goto(f"{site.url}/tickets/{first.id}")
    await other.keyboard.press("c")
    await expect(page.get_by_role("cell", name="佐々木")).to_be_visible()
    assert await page.evaluate("document.activeElement.id") == focused


async def test_what_an_officer_sends_is_not_broken_off_by_its_own_change(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/tickets/{ticket.id}")
    await asyncio.sleep(1.5)  # until the watcher has had its first look

    async def late(route: Route) -> None:
        answer = await route.fetch(max_redirects=0)
        await asyncio.sleep(3)  # the change is told in the meantime
        await route.fulfill(response=answer)

    await page.route("**/claim", late)
    await page.keyboard.press("c")
    await page.wait_for_url("**done=claim")


async def test_a_notice_is_approved_and_scheduled(site: Site) -> None:
    writer, approver = await a_person(site, Role.PROMOTION_OFFICE, section=None), await a_person(site, Role.APPROVER)
    page = await site.signed_in(writer)
    await page.goto(f"{site.url}/notices")
    await page.get_by_role("link", name="新しいお知らせ").click()
    await page.get_by_label("名称（職員用）").fill("特殊詐欺に注意")
    await page.get_by_role("button", name="下書きを作成").click()
    await page.get_by_label("やさしい日本語の題名").fill("でんわの さぎに 気を つけて ください")
    await page.get_by_label("やさしい日本語の本文").fill("電話に ご注意ください。")
    await expect(page.get_by_text("「ご注意」は 敬語です。")).to_be_visible()
    await page.get_by_label("やさしい日本語の本文").fill("お金を くださいと 言う 電話は うそです。")
    await expect(page.get_by_text("「ご注意」は 敬語です。")).not_to_be_visible()
    await page.get_by_label("代わりの言語の文を送る").check()
    await page.get_by_role("button", name="下書きを保存", exact=True).click()
    await page.get_by_role("button", name="承認を依頼").click()
    await expect(page.get_by_text("ほかの人の承認を待っています。")).to_be_visible()
    url = page.url.split("?")[0]
    page = await site.signed_in(approver)
    await page.goto(url)
    await page.get_by_role("button", name="を承認").click()
    await page.get_by_label("送信日時（日本時間）").fill("2026-12-01T10:00")
    await page.get_by_role("button", name="送信を予約").click()
    await expect(page.get_by_text("お知らせの送信を予約しました。")).to_be_visible()
    await expect(page.locator("dd .state")).to_have_text("送信予約")


async def test_an_answer_is_found_read_and_approved_by_keyboard(site: Site) -> None:
    page = await site.signed_in(await a_person(site, Role.INTERPRETER))
    await page.goto(f"{site.url}/queue")
    await page.keyboard.press("g")
    await page.keyboard.press("a")
    await page.wait_for_url("**/content")
    await page.goto(f"{site.url}/content/answers?tag=vi&topic=crime")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="基になる文章")).to_be_visible()
    await page.get_by_label("私はこの言語が読めます").check()
    await page.get_by_role("button", name="自分の名前で承認する").click()
    await expect(page.get_by_text("あなたの名前で承認しました。")).to_be_visible()
    await expect(page.locator("dd .tag")).to_have_text("確認済み")


async def test_a_picture_is_seen_in_a_tab_of_its_own_and_only_after_a_press(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    ids = await a_day(site, person)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/tickets/{ids['pt-BR']}")
    await expect(page.get_by_role("heading", name="安全連絡モード")).to_be_visible()
    assert await page.locator("#main img").count() == 0
    async with page.context.expect_page() as opened:
        await page.get_by_role("button", name="画像1を見る").press("Enter")
    picture = await opened.value
    await picture.wait_for_load_state()
    assert await picture.evaluate("document.images[0].naturalWidth") == 320
    assert await picture.evaluate("self.origin") == "null", "a stranger's page, by its sandbox"


async def test_a_text_is_interpreted_by_keyboard(site: Site) -> None:
    person, interpreter = await a_person(site, Role.OPERATOR), await a_person(site, Role.INTERPRETER, section="tsuyaku")
    ids = await texts.fill(site.parts, person, interpreter)
    page = await site.signed_in(interpreter)
    await page.goto(f"{site.url}/interpreting/{ids['asked']}")
    await page.keyboard.press("c")
    await expect(page.get_by_text("この文の担当になりました。")).to_be_visible()
    await page.keyboard.press("r")
    await page.keyboard.type("อย่าส่งเงิน ไปปรึกษาโคบัง")
    await page.keyboard.press("Control+Enter")
    await expect(page.get_by_text("翻訳を提出しました。")).to_be_visible()
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/translations/{ids['asked']}")
    await expect(page.get_by_text("違いは見つかりません")).to_be_visible()
    await page.get_by_role("button", name="返信を送る").click()
    await expect(page.locator(".message.good")).to_be_visible()
    assert (await row_of(site, ids["late"])).status == "answered"


async def test_everything_works_without_scripts(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer)
    page = await site.signed_in(person, java_script_enabled=False)
    await page.goto(f"{site.url}/queue")
    await page.locator("[data-row]").click()
    await page.get_by_role("button", name="この相談を担当する").click()
    await page.get_by_label("相談者の言語の文が返信欄に入ります").select_option("stolen_bicycle")
    await page.get_by_role("button", name="挿入").click()
    assert len(await page.locator("#reply").input_value()) > 50
    await page.get_by_role("button", name="返信を送る").click()
    assert (await row_of(site, ticket.id)).status == "answered"


async def test_when_the_session_ends_an_open_page_says_so(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        await make_ticket(session, sealer=site.parts.sealer)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/queue")
    await asyncio.sleep(1.5)
    async with site.parts.database.transaction() as session:
        await staff_rows.close_sessions_of(session, person.id)
        await make_ticket(session, sealer=site.parts.sealer)
    await expect(page.locator("#ended")).to_be_visible()


async def test_what_was_passed_on_leaves_the_screen_and_what_was_typed_stays(site: Site) -> None:
    person = await a_person(site, Role.OPERATOR)
    async with site.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=site.parts.sealer, body="Chồng tôi đánh tôi", claimed_by=person)
    page = await site.signed_in(person)
    await page.goto(f"{site.url}/tickets/{ticket.id}")
    await expect(page.get_by_text("Chồng tôi đánh tôi")).to_be_visible()
    await page.locator("#reply").fill("Bạn có an toàn không?")
    await asyncio.sleep(1.5)
    async with site.parts.database.transaction() as session:
        await make_section(session, "kotsu_kikaku")
        await session.flush()
        (await session.get_one(Ticket, ticket.id)).section_id = "kotsu_kikaku"
        audit.record(session, AuditTag.STAFF_TICKET_ACCEPT, f"ticket:{ticket.id}", now=site.parts.clock())
    await expect(page.locator("#gone")).to_be_visible()
    await expect(page.get_by_text("Chồng tôi đánh tôi")).to_have_count(0)
    assert await page.locator("#reply").input_value() == "Bạn có an toàn không?"


def every_page(ids: dict[str, int]) -> dict[str, str]:
    return {
        "queue": "/queue", "queue-late": "/queue?folder=late&q=ベトナム", "transfers": "/transfers",
        "ticket-received": f"/tickets/{ids['received']}", "ticket-moving": f"/tickets/{ids['moving']}",
        "queue-empty": "/queue?state=ended&locale=th", "ticket-mine": f"/tickets/{ids['pt-BR']}",
        "ticket-new": f"/tickets/{ids['vi']}", "ticket-burmese": f"/tickets/{ids['my']}", "notices": "/notices",
        "notice-review": f"/notices/{ids['review']}", "notice-approved": f"/notices/{ids['approved']}",
        "notice-sending": f"/notices/{ids['sending']}", "notice-cancel": f"/notices/{ids['sending']}/cancel",
        "notice-withdraw": f"/notices/{ids['sending']}/withdraw", "calendar": "/notices/calendar",
        "notice-event": f"/notices/{ids['event']}", "event": f"/notices/{ids['event']}/event",
        "event-cancel": f"/notices/{ids['event']}/event/cancel", "notice-stopped": f"/notices/{ids['stopped']}",
        "content": "/content", "answers": "/content/answers?tag=my&section=seian_yokushi",
        "answers-base": "/content/answers?state=drafted", "answer": "/content/answers/stolen_bicycle/ne",
        "answer-base": "/content/answers/overstay_consult/ja-simple",
        "answer-missing": "/content/answers/stolen_bicycle/ur",
        "translations": "/translations", "ticket-texts": f"/tickets/{ids['texts']}",
        "draft-machine": f"/translations/{ids['machine']}", "draft-returned": f"/translations/{ids['returned']}",
        "draft-typed": f"/translations/{ids['typed']}", "draft-typed-mine": f"/translations/{ids['typed-mine']}",
        "ticket-four-eyes": f"/tickets/{ids['typed-mine-ticket']}",
        "draft-proposed": f"/translations/{ids['proposed']}", "draft-asked": f"/translations/{ids['asked']}",
        "ratings": "/ratings", "ratings-few": "/ratings?year=2025",
        "audit": "/audit", "staff": "/staff", "recoveries": "/recoveries", "account": "/account", "missing": "/nowhere",
        "audit-one": f"/audit?subject=ticket:{ids['pt-BR']}", "audit-empty": "/audit?day=2020-01-01",
    } | busy.every_state(ids)


PUBLISHER_PAGES = {"notice-new": "/notices/new", "notice-edit": "/notices/{draft}/edit",
                   "notice-draft": "/notices/{draft}", "event-new": "/notices/{draft}/event",
                   "event-draft": "/notices/{planned}/event", "notice-own-review": "/notices/{review}",
                   "forbidden": "/staff"}
INTERPRETER_PAGES = {"interpreting": "/interpreting", "interpreting-mine": "/interpreting/{claimed}",
                     "interpreting-open": "/interpreting/{asked}"}
IDLE_PAGES = {"queue-empty-office": "/queue", "transfers-empty": "/transfers", "translations-empty": "/translations",
              "notices-reader": "/notices", "notice-reader": "/notices/{scheduled}", "content-reader": "/content"}
STRANGER_PAGES = {"login": "/login", "login-english": "/login?locale=en", "login-link": "/login/link/x"}
# Of the console's addresses these are no pages: they are a stream, pictures, files, a probe and a redirect.
NO_PAGES = {
    "/healthz", "/live", "/account/totp.svg", "/calendar/{token}.ics", "/notices/{id:int}/event/guests.csv", "/",
    "/notices/{id:int}/files/{file:int}",
}


class _AnyId(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return 1


@pytest.mark.usefixtures("database")
def test_every_page_of_the_console_is_looked_at() -> None:
    ids = _AnyId()
    addresses = [*every_page(ids).values(), *STRANGER_PAGES.values()]
    for pages in (PUBLISHER_PAGES, INTERPRETER_PAGES, IDLE_PAGES):
        addresses += [path.format_map(ids) for path in pages.values()]
    seen = [urlsplit(address).path for address in addresses]
    patterns = {page.path: compile_path(page.path)[0] for page in PAGES if page.method == "GET"}
    # The first that matches is what answers: /notices/new is not /notices/{id}.
    answered = {next((path for path, found in patterns.items() if found.match(each)), None) for each in seen}
    assert set(patterns) - answered == NO_PAGES


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_has_a_serious_barrier_or_runs_off_the_screen(site: Site, scheme: str) -> None:
    person = await a_person(site, Role.ADMINISTRATOR, section="seian_yokushi", name="田中 一郎")
    publisher = await a_person(site, Role.PROMOTION_OFFICE, section=None, name="広報 花子")
    newcomer = await a_person(site, Role.OPERATOR, password_hash="!", name="新人")
    interpreter = await a_person(site, Role.INTERPRETER, section="tsuyaku", name="グエン 通訳官")
    idle = await a_person(site, Role.OPERATOR, section="keibi2_saigai", name="当直 三郎")
    ids = await a_day(site, person) | await texts.fill(site.parts, person, interpreter)
    ids |= await busy.fill(site.parts, person)
    visits = [(person, name, path) for name, path in every_page(ids).items()]
    for who, some in ((publisher, PUBLISHER_PAGES), (interpreter, INTERPRETER_PAGES), (idle, IDLE_PAGES),
                      (newcomer, {"account-setup": "/account"})):
        visits += [(who, name, path.format_map(ids)) for name, path in some.items()]
    # What fits in the light fits in the dark: the sizes are walked once, unless somebody wants every picture.
    sizes = SIZES if scheme == "light" or "KOBAN_SHOTS" in os.environ else {"1280": SIZES["1280"]}
    pages = {
        who.id: await site.signed_in(who, color_scheme=scheme)
        for who in (person, publisher, newcomer, interpreter, idle)
    }
    stranger = await site.watched(await site.browser.new_context(locale="ja-JP", color_scheme=scheme))  # type: ignore[arg-type]
    for who, name, path in [*visits, *((None, *each) for each in STRANGER_PAGES.items())]:
        page = pages[who.id] if who else stranger
        await page.goto(f"{site.url}{path}")
        assert urlsplit(page.url).path != "/login" or who is None
        for size, (width, height) in sizes.items():
            await page.set_viewport_size({"width": width, "height": height})
            await look(page, f"{scheme}-{size}-{name}", with_axe=size == "1280", only_colours=scheme == "dark")


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
