"""The review of answers: who may approve what, bound to the very text, and what residents then get."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from bot import reviews
from intents.reviews import text_rev
from storage.models import AnswerReview, Role
from tests.console.conftest import Browser, Office, text_of

PAGE = "/content/answers/stolen_bicycle"


def state_for_residents(office: Office, tag: str, intent: str = "stolen_bicycle") -> str:
    answer = office.parts.screens.catalogue.answer(intent, tag, today=office.parts.today)
    assert answer is not None
    return answer.state


async def approve(browser: Browser, tag: str, **changes: object) -> int:
    page = await browser.get(f"{PAGE}/{tag}")
    rev = re.search(r'name="rev" value="(\w+)"', page.text)
    fields = {"rev": rev.group(1) if rev else "", "read": "yes"} | changes
    return (await browser.post(f"{PAGE}/{tag}/approve", fields)).status_code


async def test_a_text_stands_beside_its_base_with_furigana_and_sources(office: Office) -> None:
    browser = await office.browser(Role.INTERPRETER)
    page = (await browser.get(f"{PAGE}/vi")).text
    assert "<ruby>自転車<rp>（</rp><rt>じてんしゃ</rt><rp>）</rp></ruby>" in page
    assert 'lang="vi" dir="ltr"' in page
    assert "https://cyclenext.com/bouhantouroku/" in page


async def test_an_approval_carries_name_and_day_and_reaches_residents(office: Office) -> None:
    browser = await office.browser(Role.INTERPRETER)
    assert browser.who is not None
    assert await approve(browser, "vi") == 303
    assert state_for_residents(office, "vi") == "checked"
    page = text_of((await browser.get(f"{PAGE}/vi")).text)
    assert browser.who.display_name in page
    assert state_for_residents(office, "ne") == "drafted", "another language is another text"


async def test_an_approval_can_be_taken_back(office: Office) -> None:
    browser = await office.browser(Role.APPROVER)
    await approve(browser, "vi")
    rev = text_rev(office.parts.screens.catalogue, "stolen_bicycle", "vi")
    assert (await browser.post(f"{PAGE}/vi/withdraw", {"rev": rev})).status_code == 303
    assert state_for_residents(office, "vi") == "drafted"


@pytest.mark.parametrize(("role", "section", "tag", "is_allowed"), [
    (Role.INTERPRETER, "sotai_kokusai", "vi", True),
    (Role.INTERPRETER, "sotai_kokusai", "ja-simple", False),
    (Role.OPERATOR, "seian_yokushi", "ja-simple", True),
    (Role.OPERATOR, "keimu_higaisha", "ja-simple", False),
    (Role.OPERATOR, "seian_yokushi", "vi", False),
    (Role.APPROVER, None, "ja-simple", True),
    (Role.PUBLISHER, None, "vi", False),
])
async def test_who_may_approve_what(
    office: Office, role: Role, section: str | None, tag: str, is_allowed: bool
) -> None:
    browser = await office.browser(role, section=section)
    rev = text_rev(office.parts.screens.catalogue, "stolen_bicycle", tag)
    await browser.get(f"{PAGE}/{tag}")
    status = (await browser.post(f"{PAGE}/{tag}/approve", {"rev": rev, "read": "yes"})).status_code
    assert (status == 303) is is_allowed
    assert state_for_residents(office, tag) == ("checked" if is_allowed else "drafted")


@pytest.mark.parametrize("changes", [
    {"rev": "00000000"}, {"read": ""}, {"review_by": "2099-01-01"}, {"review_by": "2020-01-01"}, {"review_by": "soon"},
])
async def test_what_was_not_read_or_not_shown_is_not_approved(office: Office, changes: dict[str, object]) -> None:
    browser = await office.browser(Role.APPROVER)
    assert await approve(browser, "ja-simple", **changes) == 409
    assert state_for_residents(office, "ja-simple") == "drafted"


async def test_a_section_approves_its_answers_in_one_go_all_or_none(office: Office) -> None:
    browser = await office.browser(Role.APPROVER)
    await browser.get("/content/answers?tag=vi&section=seian_yokushi&state=drafted")
    catalogue = office.parts.screens.catalogue
    ids = [intent.id for intent in catalogue if intent.base is not None and intent.section == "seian_yokushi"][:3]
    chosen: dict[str, object] = {f"rev:{each}": text_rev(catalogue, each, "vi") for each in ids}
    form = {"tag": "vi", "section": "seian_yokushi", "topic": "", "state": "drafted", "read": "yes"}
    assert (await browser.post("/content/answers", form | chosen | {f"rev:{ids[0]}": "00000000"})).status_code == 409
    assert {state_for_residents(office, "vi", each) for each in ids} == {"drafted"}
    assert (await browser.post("/content/answers", form | chosen)).status_code == 303
    assert {state_for_residents(office, "vi", each) for each in ids} == {"checked"}
    assert (await browser.post("/content/answers", form)).status_code == 409, "nothing was chosen"


async def test_a_small_correction_keeps_the_approval(office: Office) -> None:
    parts = office.parts
    browser = await office.browser(Role.APPROVER)
    assert browser.who is not None
    current = parts.screens.catalogue.intents["stolen_bicycle"].rev
    async with parts.database.transaction() as session:
        reviews.approve(session, parts.screens.catalogue, browser.who, "stolen_bicycle", "ja-simple", rev=current,
                        now=parts.clock())
        await session.flush()
        # What stood there before the correction.
        await session.execute(update(AnswerReview).values(rev="0ld0ld00", text={"title": "前の 題", "now": "前の 文"}))
    page = (await browser.get(f"{PAGE}/ja-simple")).text
    assert "前の 題" in page
    assert state_for_residents(office, "ja-simple") == "drafted"
    answer = await browser.post(f"{PAGE}/ja-simple/same", {"rev": current, "old_rev": "0ld0ld00"})
    assert answer.status_code == 303
    assert state_for_residents(office, "ja-simple") == "checked"


async def test_lists_filter_by_state_and_unknown_filters_show_everything(office: Office) -> None:
    browser = await office.browser(Role.APPROVER)
    everything = text_of((await browser.get("/content/answers?tag=xx&section=nowhere&state=odd")).text)
    assert "66件の回答" in everything
    await approve(browser, "ja-simple")
    checked = text_of((await browser.get("/content/answers?tag=ja-simple&state=checked")).text)
    assert "1件の回答" in checked


async def test_there_is_no_page_for_what_does_not_exist(office: Office) -> None:
    browser = await office.browser(Role.APPROVER)
    for path in ("nothing/vi", "stolen_bicycle/xx", "greeting/vi"):
        assert (await browser.get(f"/content/answers/{path}")).status_code == 404
