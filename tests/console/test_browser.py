"""Every page of the console in a real Chromium: without barriers (axe), in both themes and three widths."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import pytest
from starlette.routing import compile_path

from bot.console.app import PAGES
from storage.models import Role
from tests.console import busy, texts
from tests.console.day import a_day
from tests.console.site import SIZES, Site, a_person, look

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


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
