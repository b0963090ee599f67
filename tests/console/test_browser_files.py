"""A picture and a leaflet from the draft to the approval in a real Chromium, and the channels of an urgent notice."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from bot.simulator.files import sample_png
from storage import notice_files
from storage.models import Notice, Role, Urgency
from tests.console.day import A_PDF
from tests.console.site import Site, a_person, look
from tests.factories import make_notice

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_files_are_attached_looked_at_and_approved(site: Site, scheme: str) -> None:
    writer = await a_person(site, Role.PUBLISHER, section=None)
    approver = await a_person(site, Role.APPROVER, section=None)
    async with site.parts.database.transaction() as session:
        notice = await make_notice(session, author=writer, urgency=Urgency.URGENT)
    page = await site.signed_in(writer, size="1024", color_scheme=scheme)
    await page.goto(f"{site.url}/notices/{notice.id}/edit")
    body = page.locator("textarea[name='body:ja-simple']")
    await body.fill("津波が 来ます。高い ところへ 逃げて ください。")

    async def attach(name: str, content: bytes, alt: str) -> None:
        await page.get_by_label("ファイル（JPEG・PNG").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": content})
        await page.get_by_label("見えない人のための内容の説明").fill(alt)
        await page.get_by_role("button", name="下書きを保存してファイルを付ける").click()

    await attach("x.png", b"<html>not a picture</html>", "地図")
    await expect(page.get_by_text("付けられるのは、JPEGとPNGの画像、PDFのチラシだけです")).to_be_visible()
    await expect(body).to_have_value("津波が 来ます。高い ところへ 逃げて ください。")
    await attach("photo.bin", sample_png(), "高い ところへ 逃げる 道の 地図")
    await expect(page.get_by_role("img", name="高い ところへ 逃げる 道の 地図")).to_be_visible()
    await page.wait_for_function("document.querySelector('.attached img').naturalWidth === 320")  # really drawn
    await attach("leaflet.bin", A_PDF, "逃げる 場所の チラシ")
    await expect(page.get_by_role("link", name="PDFを保存：逃げる 場所の チラシ")).to_be_visible()
    await look(page, f"{scheme}-1024-draft-with-files")

    name = page.get_by_label("名称（職員用）")
    await name.fill("津波")
    await name.press("Enter")  # saves, and attaches nothing
    await expect(page).to_have_url(f"{site.url}/notices/{notice.id}?done=save")
    await page.get_by_role("button", name="承認を依頼").click()
    await expect(page.get_by_text("ほかの人の承認を待っています")).to_be_visible()

    reader = await site.signed_in(approver, size="1024", color_scheme=scheme)
    await reader.goto(f"{site.url}/notices/{notice.id}")
    picture = reader.locator("details[open]").get_by_role("img", name="高い ところへ 逃げる 道の 地図")
    await expect(picture.first).to_be_visible()
    await reader.locator("summary", has_text="@mizuhono_keisatsu_ja").click()
    await expect(reader.locator("details.post[open]")).to_contain_text("津波が 来ます")
    await look(reader, f"{scheme}-1024-review-with-files-and-channels")
    await reader.get_by_role("button", name="版を承認").click()
    await expect(reader.get_by_text("承認したとおり")).to_be_visible()
    async with site.parts.database.reading() as session:
        row = await session.get(Notice, notice.id)
        assert row is not None
        assert row.approved_print is not None
        assert len(await notice_files.files_of(session, notice.id)) == 2
