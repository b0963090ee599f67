"""Pictures and leaflets through the form of the draft: what is taken, what is kept, who sees them, what is approved."""

from __future__ import annotations

import httpx
import pytest

from bot import notice_files, notices
from bot.console import gate
from bot.simulator.files import sample_png
from storage import notice_files as rows
from storage import notices as notice_rows
from storage.models import Notice, NoticeFile, NoticeStatus, Role
from tests.console.conftest import Browser, Office, text_of
from tests.console.test_notices import a_notice, form_of_draft, now_in_database, with_deliveries
from tests.factories import make_chat

PICTURE = sample_png(64, 32)
LEAFLET = b"%PDF-1.7\ntrailer\n<<>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x0b\x08\x00\x10\x00\x20\x01\x01\x11\x00" + b"\xff\xd9"


async def attach(
    browser: Browser, notice: Notice, content: bytes | None = PICTURE, *, alt: str = "自転車の絵", tag: str = "vi",
    name: str = "x.png", **changes: object,
) -> httpx.Response:
    """Send the whole form of the draft with a file, as the button does."""
    fields = form_of_draft(notice, file_alt=alt, file_tag=tag, **changes) | {"csrf": browser.csrf}
    data = {key: str(value) for key, value in fields.items()}
    files = {"file": (name, content or b"", "application/octet-stream")}
    return await browser.client.post(f"/notices/{notice.id}/files", data=data, files=files)


async def files_of(office: Office, notice: Notice) -> list[NoticeFile]:
    async with office.parts.database.reading() as session:
        return await rows.files_of(session, notice.id)


async def test_a_file_is_attached_with_the_draft_and_shown_in_both_pages(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    answer = await attach(browser, notice, **{"body:ja-simple": "書き直し"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"/notices/{notice.id}/edit")
    [file] = await files_of(office, notice)
    assert (file.kind, file.tag, file.mime, file.n_bytes) == ("picture", "vi", "image/png", len(PICTURE))
    async with office.parts.database.reading() as session:
        texts = await notice_rows.texts_of(session, notice.id)
    assert texts["ja-simple"].body == "書き直し", "the draft is saved too"
    notice = await now_in_database(office, notice.id)
    assert notice.revision == 3, "once for the words, once for the file"
    assert (await attach(browser, notice, LEAFLET, alt="チラシ")).status_code == 303
    address = f"/notices/{notice.id}/files/{file.id}"
    for path in (f"/notices/{notice.id}/edit", f"/notices/{notice.id}"):
        page = (await browser.get(path)).text
        assert f'<img src="{address}" alt="自転車の絵"' in page
        assert "PDFを保存：チラシ" in text_of(page)
    text = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "お知らせにファイルを付けました" in text
    assert f"{len(LEAFLET)} B" in text
    assert "Bytes" not in text, "staff read Japanese"


@pytest.mark.parametrize(("body", "name", "says"), [
    (None, "x.png", "先にファイルを選んでください"),
    (b"GIF89a......", "x.png", "JPEGとPNGの画像、PDFのチラシだけ"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "x.png", "JPEGとPNGの画像、PDFのチラシだけ"),
    (PICTURE[:60], "x.png", "JPEGとPNGの画像、PDFのチラシだけ"),
    (JPEG[:-2], "x.jpg", "JPEGとPNGの画像、PDFのチラシだけ"),
    (PICTURE + bytes(notice_files.MAX_PICTURE) + PICTURE[-12:], "x.png", "画像は5MBまで"),
    (LEAFLET + bytes(notice_files.MAX_LEAFLET) + LEAFLET, "x.pdf", "チラシは10MBまで"),
    (b"%PDF-1.7\n cut off", "x.pdf", "PDFが途中で切れています"),
    (b"%PDF-1.7\n/Encrypt 5 0 R\n%%EOF", "x.pdf", "パスワードで"),
    (sample_png(210, 10), "x.png", "大きすぎるか細長すぎる"),
], ids=["none", "gif", "svg", "half a png", "half a jpeg", "large", "large pdf", "half a pdf", "locked", "narrow"])
async def test_a_file_is_judged_by_its_content_and_what_was_typed_stays(
    office: Office, body: bytes | None, name: str, says: str
) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    answer = await attach(browser, notice, body, name=name, **{"body:vi": "Đã gõ"})
    assert answer.status_code == 409
    assert says in text_of(answer.text)
    assert "Đã gõ" in answer.text
    assert await files_of(office, notice) == []
    assert (await now_in_database(office, notice.id)).revision == 1, "the draft was not saved either"


@pytest.mark.parametrize(("body", "name", "mime"), [
    (JPEG, "leaflet.pdf", "image/jpeg"), (LEAFLET, "picture.png", "application/pdf"), (PICTURE, "x.exe", "image/png"),
], ids=["jpeg", "pdf", "png"])
async def test_the_name_of_a_file_says_nothing(office: Office, body: bytes, name: str, mime: str) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    assert (await attach(browser, notice, body, name=name)).status_code == 303
    [file] = await files_of(office, notice)
    assert file.mime == mime
    async with office.parts.database.reading() as session:
        assert await rows.content(session, file.id) == (body, file.sha256)
    answer = await browser.get(f"/notices/{notice.id}/files/{file.id}")
    assert answer.content == body
    assert answer.headers["content-type"] == mime
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"].startswith("inline" if mime.startswith("image/") else "attachment")
    assert name not in answer.headers["content-disposition"]


async def test_words_about_the_file_and_a_known_language_are_asked_for(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    for changes in ({"alt": "  "}, {"alt": "x" * 301}, {"tag": "xx"}, {"tag": ""}):
        assert (await attach(browser, notice, **changes)).status_code == 409, changes  # type: ignore[arg-type]
    assert await files_of(office, notice) == []


async def test_the_same_kind_and_language_is_replaced_and_a_file_is_removed_with_the_draft_saved(
    office: Office,
) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    for alt in ("一つ目", "二つ目"):
        assert (await attach(browser, await now_in_database(office, notice.id), alt=alt)).status_code == 303
    [file] = await files_of(office, notice)
    assert file.alt == "二つ目"
    notice = await now_in_database(office, notice.id)
    fields = form_of_draft(notice, **{"body:ja-simple": "また書き直し"})
    assert (await browser.post(f"/notices/{notice.id}/files/999999/remove", fields)).status_code == 409
    assert (await browser.post(f"/notices/{notice.id}/files/{file.id}/remove", fields)).status_code == 303
    assert await files_of(office, notice) == []
    async with office.parts.database.reading() as session:
        assert (await notice_rows.texts_of(session, notice.id))["ja-simple"].body == "また書き直し"
    assert (await browser.get(f"/notices/{notice.id}/files/{file.id}")).status_code == 404


async def test_two_who_edit_at_once_do_not_lose_words_to_a_file(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    assert (await attach(browser, notice, revision=0)).status_code == 409
    assert await files_of(office, notice) == []


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.APPROVER, Role.INTERPRETER])
async def test_other_roles_look_and_attach_nothing(office: Office, role: Role) -> None:
    writer, browser = await office.browser(Role.PUBLISHER), await office.browser(role)
    notice = await a_notice(office)
    await attach(writer, notice)
    [file] = await files_of(office, notice)
    assert (await browser.get(f"/notices/{notice.id}/files/{file.id}")).status_code == 200
    assert (await attach(browser, await now_in_database(office, notice.id))).status_code == 403
    assert (await browser.post(f"/notices/{notice.id}/files/{file.id}/remove")).status_code == 403


async def test_only_a_draft_takes_files(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    for status in (NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED, NoticeStatus.DONE):
        notice = await a_notice(office, status=status)
        assert (await attach(browser, notice)).status_code == 409
        assert await files_of(office, notice) == []


async def test_an_approval_is_bound_to_the_files_that_were_on_the_page(office: Office) -> None:
    writer, approver = await office.browser(Role.PUBLISHER), await office.browser(Role.APPROVER)
    notice = await a_notice(office)
    await attach(writer, notice)
    assert (await writer.post(f"/notices/{notice.id}/submit")).status_code == 303
    async with office.parts.database.reading() as session:
        row = await notices.get(session, notice.id)
        seen, revision = await notices.fingerprint_of(session, row), row.revision
    page = (await approver.get(f"/notices/{notice.id}")).text
    assert f'name="seen" value="{seen}"' in page
    for wrong in ("", "0" * 64):
        answer = await approver.post(f"/notices/{notice.id}/approve", {"revision": revision, "seen": wrong})
        assert answer.status_code == 409
    answer = await approver.post(f"/notices/{notice.id}/approve", {"revision": revision, "seen": seen})
    assert answer.status_code == 303
    assert (await now_in_database(office, notice.id)).approved_print == seen
    assert f"{seen[:12]} 承認したとおり" in text_of((await approver.get(f"/notices/{notice.id}")).text)


async def test_a_stranger_uploads_nothing_and_other_pages_take_no_file(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, stranger = await office.browser(Role.PUBLISHER), office.stranger()
    notice = await a_notice(office)
    assert (await attach(stranger, notice)).status_code == 401
    files = {"file": ("x.png", PICTURE, "image/png")}
    answer = await browser.client.post(f"/notices/{notice.id}/edit", data={"csrf": browser.csrf}, files=files)
    assert answer.status_code == 400
    answer = await browser.client.post(f"/notices/{notice.id}/files", data={"csrf": "wrong"}, files=files)
    assert answer.status_code == 403
    monkeypatch.setattr(gate, "MAX_UPLOAD", 100)
    assert (await attach(browser, notice)).status_code == 413
    assert await files_of(office, notice) == []


async def test_a_correction_begins_with_the_files_of_its_original(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    await attach(browser, notice)
    await with_deliveries(office, notice, {"sent": 1})
    answer = await browser.post(f"/notices/{notice.id}/correct")
    assert answer.status_code == 303
    page = (await browser.get(answer.headers["location"])).text
    assert 'alt="自転車の絵"' in page


async def test_the_estimate_counts_every_message(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    notice = await a_notice(office)
    async with office.parts.database.transaction() as session:
        for _ in range(40):
            await make_chat(session, sealer=office.parts.sealer, subscribed=True)
    before = text_of((await browser.get(f"/notices/{notice.id}")).text)
    assert "およそ2秒" in before
    for content in (PICTURE, LEAFLET):
        await attach(browser, await now_in_database(office, notice.id), content)
    assert "およそ4秒" in text_of((await browser.get(f"/notices/{notice.id}")).text)
