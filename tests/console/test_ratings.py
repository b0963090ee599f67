"""The report of what residents thought: by month, section and language, and nothing that points at somebody."""

from __future__ import annotations

from datetime import date

import pytest

from bot import ratings
from storage.models import Rating, Role
from storage.ratings import RatingCount
from tests.console.conftest import Office, text_of


async def rated(
    office: Office, *, month: date, helped: int, partly: int = 0, not_helped: int = 0, section: str = "jinshin",
    locale: str = "vi",
) -> None:
    async with office.parts.database.transaction() as session:
        session.add_all(
            Rating(month=month, locale=locale, section_id=section, score=score)
            for score, n in ((3, helped), (2, partly), (1, not_helped)) for _n in range(n)
        )


@pytest.mark.parametrize("role", list(Role))
async def test_it_is_open_to_the_officer_in_charge_the_promotion_office_and_the_administrator(
    office: Office, role: Role
) -> None:
    browser = await office.browser(role)
    may_read = role in (Role.STATION_CHIEF, Role.PROMOTION_OFFICE, Role.ADMINISTRATOR)
    assert (await browser.get("/ratings")).status_code == (200 if may_read else 403)
    assert ('href="/ratings"' in (await browser.get("/queue")).text) == may_read


async def test_counts_by_month_section_and_language(office: Office) -> None:
    await rated(office, month=date(2026, 9, 1), helped=8, partly=5, not_helped=7)
    await rated(office, month=date(2026, 10, 1), helped=12, partly=6, section="seian_yokushi", locale="ne")
    browser = await office.browser(Role.PROMOTION_OFFICE)
    page = text_of((await browser.get("/ratings")).text)
    assert "評価した人 38" in page
    assert "役に立った 20 53%" in page
    assert "少し役に立った 11 29%" in page
    assert "役に立たなかった 7 18%" in page
    assert "2026年09月 20 8 40%" in page
    assert "2026年10月 18 12 67%" in page
    assert "人身安全対策課人身安全対策担当 20 8 40%" in page
    assert "ネパール語 18 12 67%" in page
    assert "評価は5年後に削除されます。" in page


async def test_small_cells_are_hidden(office: Office) -> None:
    await rated(office, month=date(2026, 9, 1), helped=10, partly=10)
    await rated(office, month=date(2026, 10, 1), helped=10, not_helped=10)
    await rated(office, month=date(2026, 10, 1), helped=0, not_helped=2, section="seian_yokushi", locale="km")
    browser = await office.browser(Role.ADMINISTRATOR)
    page = text_of((await browser.get("/ratings")).text)
    assert "クメール語" not in page, "two people are no group of their own"
    assert "生活安全企画課犯罪抑止対策担当" not in page
    assert "少数のものの合計 2" not in page
    assert "評価した人 42" in page


async def test_a_score_that_few_gave_is_not_shown(office: Office) -> None:
    await rated(office, month=date(2026, 9, 1), helped=20, partly=9, not_helped=1)
    page = text_of((await (await office.browser(Role.ADMINISTRATOR)).get("/ratings")).text)
    assert "役に立たなかった" not in page
    assert "役に立った 20 67%" in page, "what is left is ten people"


async def test_the_running_month_and_other_years_are_left_out(office: Office) -> None:
    await rated(office, month=date(2026, 11, 1), helped=50)  # the clock stands in November 2026
    await rated(office, month=date(2026, 3, 1), helped=30)
    browser = await office.browser(Role.ADMINISTRATOR)
    assert "この期間に評価した人は5人未満のため" in text_of((await browser.get("/ratings")).text)
    assert '<option value="2020" selected>' in (await browser.get("/ratings?year=2020")).text, "a year without any"
    page = (await browser.get("/ratings?year=2025")).text
    assert "評価した人 30" in text_of(page)
    assert '<option value="2025" selected>' in page
    for odd in ("2099", "x", "99999", "-1", "0000"):
        assert (await browser.get(f"/ratings?year={odd}")).status_code == 200, odd


def test_the_year_of_the_administration_begins_in_april() -> None:
    assert ratings.year_of(date(2026, 3, 31)) == 2025
    assert ratings.year_of(date(2026, 4, 1)) == 2026
    assert ratings.period(2025, today=date(2026, 4, 2)).until == date(2026, 4, 1)
    assert ratings.period(2026, today=date(2026, 4, 2)).until == date(2026, 4, 1), "nothing is over yet"


@pytest.mark.parametrize("few", range(1, 5))
def test_no_cell_tells_of_few_people_nor_the_difference_to_the_total(few: int) -> None:
    months = (date(2026, 4, 1), date(2026, 5, 1))
    counts = [RatingCount(months[0], "a", "vi", 3, 20), RatingCount(months[0], "a", "vi", 1, 20),
              RatingCount(months[1], "b", "ne", 3, few), RatingCount(months[1], "b", "ne", 1, 10)]
    report = ratings.report(counts, fewest=5)
    for rows in (report.by_month, report.by_section, report.by_language):
        assert sum(row.n for row in rows) == report.n
        assert all(row.n >= 5 for row in rows)
        hidden = [row for row in rows if row.n_part is None]
        assert len(hidden) != 1, "one hidden part is the rest of the total"
