"""The work of a day in a real Chromium: by keyboard alone where it can be, and without scripts."""

from __future__ import annotations

import pyotp
import pytest
from playwright.async_api import expect

from bot.console import accounts
from storage.models import Role, Staff
from tests.console import texts
from tests.console.day import STORY, a_day
from tests.console.site import Site, a_person, row_of
from tests.factories import make_staff, make_ticket

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

PASSWORD = "correct horse battery"


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
