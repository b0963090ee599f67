"""What the console says when it refuses, fails or has done something, and what it prints, in a real Chromium."""

from __future__ import annotations

import pytest

from storage import staff as staff_rows
from storage.models import Role
from tests.console import busy
from tests.console.day import a_day
from tests.console.site import Site, a_person, look

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]

SUBMIT = """([action, fields]) => {
  const form = Object.assign(document.createElement("form"), {method: "post", action});
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("input"), {name, value}));
  }
  form.append(document.querySelector('[name="csrf"]').cloneNode());
  document.body.append(form);
  form.submit();
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_refusal_and_no_error_has_a_barrier(
    site: Site, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await a_person(site, Role.ADMINISTRATOR, section="seian_yokushi", name="田中 一郎")
    ids = await a_day(site, person) | await busy.fill(site.parts, person)
    page = await site.signed_in(person, size="1024", color_scheme=scheme)

    async def send(name: str, start: str, action: str, **fields: str) -> None:
        await page.goto(f"{site.url}{start}")
        async with page.expect_navigation():
            await page.evaluate(SUBMIT, [action, fields])
        await look(page, f"{scheme}-1024-{name}")

    talk, closed = f"/tickets/{ids['talk']}", f"/tickets/{ids['closed']}"
    await send("refused-closed", closed, f"{closed}/reply", body="ကျေးဇူးတင်ပါတယ်", last_seen="1")
    await send("refused-stale", talk, f"{talk}/reply", body="អរគុណ", last_seen="1")
    await send("refused-outcome", talk, f"{talk}/close", outcome="", last_seen="99")
    await send("refused-notice", f"/notices/{ids['review']}", f"/notices/{ids['review']}/approve", revision="7")
    await send("refused-account", "/staff", "/staff", username="staff1", display_name="", role="operator")
    await send("refused-password", "/account", "/account/password", current="x", password="short", again="other")
    await send("error-404", "/account", "/tickets/999999/claim")
    await send("error-405", "/account", "/queue")
    await send("done", talk, f"{talk}/note", body="同じ雇用主についての相談がほかに2件あります。")
    await page.goto(f"{site.url}/account")
    await page.evaluate("document.querySelectorAll('[name=csrf]').forEach(e => { e.value = 'old'; })")
    async with page.expect_navigation():
        await page.evaluate(SUBMIT, ["/account/locale", {"locale": "ja"}])
    await look(page, f"{scheme}-1024-error-403")

    async def broken(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("bot.console.routes.audit.staff_rows.names", broken)
    await page.goto(f"{site.url}/audit")
    await look(page, f"{scheme}-1024-error-500")
    assert [each for each in site.problems if "500" not in each] == []
    site.problems.clear()
    monkeypatch.undo()
    await page.goto(f"{site.url}{talk}")
    async with site.parts.database.transaction() as session:
        await staff_rows.close_sessions_of(session, person.id)
    async with page.expect_navigation():
        await page.evaluate(SUBMIT, [f"{talk}/reply", {"body": "អរគុណ", "last_seen": "1"}])
    await look(page, f"{scheme}-1024-signed-out")
    await page.goto(f"{site.url}/login/link/x")
    async with page.expect_navigation():
        await page.get_by_role("button", name="ログイン").click()
    await look(page, f"{scheme}-1024-link-used")


async def test_a_consultation_and_a_notice_can_be_printed(site: Site) -> None:
    person = await a_person(site, Role.ADMINISTRATOR, section="seian_yokushi", name="田中 一郎")
    ids = await a_day(site, person) | await busy.fill(site.parts, person)
    page = await site.signed_in(person, color_scheme="dark")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": 718, "height": 1047})  # A4 at 96 dpi without its margins
    for name, path in (("ticket", f"/tickets/{ids['talk']}"), ("safe", f"/tickets/{ids['pt-BR']}"),
                       ("notice", f"/notices/{ids['finished']}"), ("queue", "/queue")):
        await page.goto(f"{site.url}{path}")
        await look(page, f"print-{name}", with_axe=False)
        ink = await page.locator("main").evaluate("e => getComputedStyle(e).color")
        assert ink == "rgb(26, 26, 28)", "dark ink on white paper, whatever the screen shows"
        for hidden in ("header nav", "button", "textarea", "select"):
            assert await page.locator(hidden).evaluate_all("all => all.every(e => !e.getClientRects().length)"), hidden
        seen = await page.locator("main").inner_text()
        assert "相談" in seen or "お知らせ" in seen
