"""What holds for every page: both languages complete, names of things, the audit, live updates."""

from __future__ import annotations

import asyncio
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from babel.messages.extract import extract
from sqlalchemy.ext.asyncio import AsyncSession

from bot import consultation, escalation, transfers
from bot.console import live
from bot.console.gate import is_open
from bot.console.labels import DONE, LABELS
from bot.console.pages import HERE, few, local_input, moment, parse_local, static_url
from bot.i18n import load_strings
from storage import audit, tickets
from storage.audit import AuditTag
from storage.models import (
    Author,
    Delivery,
    DeliveryStatus,
    Notice,
    NoticeKind,
    NoticeStatus,
    Role,
    Staff,
    Ticket,
    TicketStatus,
)
from tests.conftest import Clock
from tests.console.conftest import Office, text_of
from tests.factories import make_notice, make_staff, make_ticket

ENGLISH_ON_PURPOSE = {"Koban", "Telegram", "English", "Enter", "Ctrl", "ticket:12", "QR"}
TEMPLATES = sorted((HERE / "templates").rglob("*.html"))


KEYWORDS = {"_": None, "N_": None, "plural": (1, 2), "WrongState": None, "NotFound": None, "StaleReply": None}


async def pages_of(office: Office, locale: str) -> dict[str, str]:
    """Every page, as an administrator who reads one language."""
    browser = await office.browser(Role.ADMINISTRATOR, locale=locale, name="職員")
    async with office.parts.database.transaction() as session:
        person = await session.get(Staff, browser.who.id)  # type: ignore[union-attr]
        made = {
            "open": await make_ticket(session, sealer=office.parts.sealer, body="…", station="hoshimi", priority=130),
            "mine": await make_ticket(session, sealer=office.parts.sealer, body="…", claimed_by=person),
        }
        made["open"].is_sensitive = True
        ids = {name: ticket.id for name, ticket in made.items()}
        author = await make_staff(session, role=Role.PUBLISHER, section=None, name="作成")
        for status in ("draft", "review", "approved", "sending", "paused", "done"):
            notice = await make_notice(session, author=author, status=status, texts={"ja-simple": "…"})  # type: ignore[arg-type]
            notice.name = "…"
            ids[status] = notice.id
        for tag in AuditTag:
            audit.record(session, tag, "ticket:1", now=office.parts.clock(), staff_id=author.id)
    found = {}
    paths = ["/queue", "/queue?state=ended", "/notices", "/content", "/audit", "/staff", "/recoveries", "/account",
             "/nowhere", f"/tickets/{ids['open']}", f"/tickets/{ids['mine']}?done=claim",
             "/audit?deed=staff:ticket:read"]
    paths += [f"/notices/{ids[status]}" for status in ("draft", "review", "approved", "sending", "paused", "done")]
    for path in paths:
        found[path] = (await browser.get(path)).text
    publisher = await office.browser(Role.PUBLISHER, locale=locale, name="職員")
    for path in ("/notices/new", f"/notices/{ids['draft']}/edit", f"/notices/{ids['sending']}/cancel"):
        found[path] = (await publisher.get(path)).text
    newcomer = await office.browser(await office.person(password_hash="!", locale=locale, name="職員"))
    found["/account of a newcomer"] = (await newcomer.get("/account")).text
    for deed, fields in (("reply", {"body": "x", "last_seen": 0}), ("close", {}), ("note", {"body": ""})):
        found[f"refused {deed}"] = (await browser.post(f"/tickets/{ids['mine']}/{deed}", fields)).text  # type: ignore[arg-type]
    stranger = office.stranger()
    query = "" if locale == "ja" else f"?locale={locale}"
    found["/login"] = (await stranger.get(f"/login{query}")).text
    found["/login/link"] = (await stranger.get(f"/login/link/x{query}")).text
    return found


def without_data(page: str) -> str:
    """Drop what is data and not interface: code, other languages, names, values of fields."""
    page = re.sub(r"<code.*?</code>", " ", page, flags=re.DOTALL)
    page = page[page.index("<body") :]
    page = re.sub(r"<(\w+)[^>]* lang=\"(?!ja\"|en\")[^\"]*\"[^>]*>.*?</\1>", " ", page, flags=re.DOTALL)
    page = re.sub(r"<(bdi|kbd)>.*?</\1>", " ", page, flags=re.DOTALL)
    page = re.sub(r"<a [^>]*lang=\"\w+\".*?</a>|<option [^>]*lang=.*?</option>", " ", page, flags=re.DOTALL)
    return re.sub(r"<th scope=\"row\">(staff\d+)</th>|<dd>staff\d+</dd>|>(ticket|staff|notice):\S+<", "><", page)


async def test_no_english_is_left_on_a_japanese_page(office: Office) -> None:
    sources = {
        message if isinstance(message, str) else message[0]
        for path in [*TEMPLATES, *sorted(HERE.rglob("*.py"))]
        for _line, message, _comments, _context in extract(
            "jinja2" if path.suffix == ".html" else "python", io.BytesIO(path.read_bytes()),
            keywords=KEYWORDS,
        )
    }
    assert len(sources) > 300
    for path, page in (await pages_of(office, "ja")).items():
        assert '<html lang="ja">' in page, path
        text = text_of(without_data(page))
        words = set(re.findall(r"[A-Za-z]{3,}(?:[ ’'][A-Za-z]+)*", text))
        english = {word for word in words if not any(known in word for known in ENGLISH_ON_PURPOSE)}
        assert not english & sources, path
        left = {word for word in english if re.search(r"[a-z]", word) and not re.fullmatch(r"[RK]-?\w+", word)}
        assert not {word for word in left if " " in word}, (path, left)


async def test_no_japanese_is_left_on_an_english_page_but_names(office: Office) -> None:
    for path, page in (await pages_of(office, "en")).items():
        assert '<html lang="en">' in page, path
        text = text_of(without_data(page))
        titles = {intent.base.title for intent in office.parts.screens.catalogue if intent.base is not None}
        for allowed in (*titles, "やさしい日本語", "日本語", "職員", "作成", "みずほの県警察"):
            text = text.replace(allowed, "")
        assert not re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]{2,}", text), path


def test_every_string_of_the_console_is_in_japanese() -> None:
    words = load_strings()["ja"]
    for kind, labels in LABELS.items():
        for value, source in labels.items():
            assert words(source) != source, (kind, value)
    for deed, source in DONE.items():
        assert words(source) != source, deed


def test_every_value_of_the_database_has_its_words() -> None:
    for kind, values in {"ticket_status": TicketStatus, "author": Author, "delivery": DeliveryStatus, "role": Role,
                         "delivery_short": DeliveryStatus, "notice_status": NoticeStatus, "notice_kind": NoticeKind,
                         "audit": AuditTag, "outcome": consultation.OUTCOMES}.items():
        assert set(LABELS[kind]) == set(values), kind


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_escapes_everything_and_has_nothing_inline(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "|safe" not in text.replace(" ", "")
    assert "autoescape" not in text
    assert "Markup" not in text
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|javascript:|https?://", text)
    for form in re.findall(r'<form method="post".*?</form>', text, re.DOTALL):
        assert "csrf" in form, "a form without its token would be refused"


def test_static_files_fetch_nothing_from_elsewhere() -> None:
    for path in (HERE / "static").iterdir():
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, path
        assert "https://" not in text, path
        assert "@import" not in text, path
        assert len(text.splitlines()) <= 400, path


async def test_every_style_sheet_is_on_every_page_and_paper_has_the_last_word(office: Office) -> None:
    page = (await office.stranger().get("/login")).text
    loaded = re.findall(r'rel="stylesheet" href="/static/([^?"]+)', page)
    assert sorted(loaded) == sorted(path.name for path in (HERE / "static").glob("*.css"))
    assert (loaded[0], loaded[-1]) == ("tokens.css", "print.css")


async def test_static_files_may_be_kept_and_change_their_address_with_their_content(office: Office) -> None:
    answer = await office.stranger().get(static_url("console.css"))
    assert "immutable" in answer.headers["cache-control"]
    assert is_open(static_url("live.js").split("?")[0])
    assert (await office.stranger().get("/static/../app.py")).status_code in (303, 404)


async def test_the_language_is_chosen_by_the_person(office: Office) -> None:
    browser = await office.browser()
    await browser.post("/account/locale", {"locale": "en"})
    assert '<html lang="en">' in (await browser.get("/queue")).text
    await browser.post("/account/locale", {"locale": "tlh"})
    assert '<html lang="en">' in (await browser.get("/queue")).text
    assert '<html lang="ja">' in (await office.stranger().get("/login?locale=tlh")).text


def test_times_are_shown_in_japan_and_read_back_the_same() -> None:
    at = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)
    assert moment(at, "ja") == "2027/01/01(金) 00:30"
    assert moment(at, "en") == "1 Jan 2027, 00:30"
    assert parse_local(local_input(at)) == at
    assert parse_local("") is None


def test_small_counts_of_residents_are_hidden() -> None:
    words = load_strings()["ja"]
    assert [few(n, words) for n in (0, 1, 4, 5, 12345)] == ["0", "5未満", "5未満", "5", "12,345"]


async def test_the_audit_is_filtered_and_paged(office: Office, clock: Clock) -> None:
    browser = await office.browser(Role.PROMOTION_OFFICE)
    async with office.parts.database.transaction() as session:
        for number in range(150):
            audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{number}", now=clock(),
                         staff_id=browser.who.id)  # type: ignore[union-attr]
        audit.record(session, AuditTag.STAFF_NOTICE_ADD, "notice:<b>", now=clock() - timedelta(days=3), note="<i>")
    first = (await browser.get("/audit")).text
    assert first.count("<tr><td>") == 100
    assert "&lt;b&gt;" in first
    assert 'href="/tickets/7">相談 7</a>' in (await browser.get("/audit?subject=ticket:7")).text
    older = re.search(r'href="(/audit\?[^"]*before=\d+)"', first)
    assert older is not None
    assert (await browser.get(older.group(1).replace("&amp;", "&"))).text.count("<tr><td>") == 51
    assert (await browser.get("/audit?deed=staff:notice:add")).text.count("<tr><td>") == 1
    assert (await browser.get("/audit?subject=ticket:7")).text.count("<tr><td>") == 1
    assert (await browser.get("/audit?day=2026-11-27")).text.count("<tr><td>") == 1
    assert (await browser.get("/audit?day=x&person=x&before=x&deed=x")).status_code == 200


async def test_reading_the_content_page_counts_add_up(office: Office) -> None:
    browser = await office.browser(Role.PUBLISHER)
    text = text_of((await browser.get("/content")).text)
    n_intents = sum(intent.base is not None for intent in office.parts.screens.catalogue)
    assert f"/{n_intents}" in text


# ---- live updates


async def test_the_watcher_tells_what_changed_and_nothing_else(office: Office, clock: Clock) -> None:
    database, sealer = office.parts.database, office.parts.sealer
    async with database.transaction() as session:
        ticket = await make_ticket(session, sealer=sealer)
        other = await make_ticket(session, sealer=sealer)
        notice = await make_notice(session)
    watched = {"queue", f"ticket:{ticket.id}", f"notice:{notice.id}"}
    watcher = live.Watcher()

    async def look() -> set[str]:
        async with database.reading() as session:
            return await watcher.look(session, watched, now=clock())

    person = await office.person()
    assert await look() == set()
    assert await look() == set()
    async with database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        await consultation.claim(session, row, person, now=clock())
    assert await look() == {"queue", f"ticket:{ticket.id}"}
    assert await look() == set()
    async with database.transaction() as session:
        row = await session.get(Ticket, other.id)
        assert row is not None
        await consultation.add_words(session, row, "hello", deployment=office.parts.deployment, sealer=sealer,
                                     now=clock(), telegram_message_id=5)
    assert await look() == {"queue", f"ticket:{other.id}"}
    async with database.transaction() as session:
        audit.record(session, AuditTag.STAFF_TICKET_READ, f"ticket:{ticket.id}", now=clock())
    assert await look() == set(), "reading changes nothing"
    async with database.transaction() as session:
        found = await session.get(Notice, notice.id)
        assert found is not None
        found.updated_at = clock.advance(seconds=5)
    assert await look() == {f"notice:{notice.id}"}


async def test_the_watcher_sees_a_reply_arrive(office: Office, clock: Clock) -> None:
    browser = await office.browser()
    async with office.parts.database.transaction() as session:
        ticket = await make_ticket(session, sealer=office.parts.sealer,
                                   claimed_by=await session.get(Staff, browser.who.id))  # type: ignore[union-attr]
    await browser.post(f"/tickets/{ticket.id}/reply", {"body": "x", "last_seen": 1})
    watcher, watched = live.Watcher(), {f"ticket:{ticket.id}"}
    async with office.parts.database.reading() as session:
        assert await watcher.look(session, watched, now=clock()) == set()
    async with office.parts.database.transaction() as session:
        await session.execute(Delivery.__table__.update().values(status="sent"))  # type: ignore[attr-defined]
    async with office.parts.database.reading() as session:
        assert await watcher.look(session, watched, now=clock()) == watched


async def test_one_watcher_serves_every_listener_and_stops_with_the_last(office: Office, clock: Clock) -> None:
    hub = live.Hub(office.parts, every_s=0.01)
    async with hub.listen(["queue"]) as first, hub.listen(["queue", "ticket:1"]) as second:
        task = hub._task
        assert task is not None
        await asyncio.sleep(0.1)
        async with office.parts.database.transaction() as session:
            await make_ticket(session, sealer=office.parts.sealer)
        async with asyncio.timeout(5):
            assert await first.events.get() == "queue"
            assert await second.events.get() in ("queue", "ticket:1")
        assert hub._task is task
    await asyncio.sleep(0)
    assert hub._task is None
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


def test_a_listener_that_lags_is_told_to_look_at_everything() -> None:
    listener = live.Listener(frozenset({"queue"}))
    for _ in range(65):
        listener.tell({"queue", "notices"})
    assert listener.events.qsize() == 1
    assert listener.events.get_nowait() == live.EVERYTHING


async def test_a_stream_is_refused_for_what_a_person_may_not_see(office: Office) -> None:
    operator = await office.browser(section="seian_yokushi")
    approver = await office.browser(Role.APPROVER)
    async with office.parts.database.transaction() as session:
        foreign = await make_ticket(session, sealer=office.parts.sealer, section="kotsu_kikaku")
    for browser, subject in ((operator, f"ticket:{foreign.id}"), (operator, "ticket:999"), (approver, "queue"),
                             (approver, f"ticket:{foreign.id}"), (operator, "everything"), (operator, "")):
        assert (await browser.get(f"/live?on={subject}")).status_code == 404, subject
    assert (await office.stranger().get("/live?on=queue")).status_code == 401


async def test_news_concern_who_has_it_its_desks_and_where_it_is_sent(office: Office, clock: Clock) -> None:
    parts = office.parts
    holder, other = await office.person(), await office.person(section="jinshin")
    async with parts.database.transaction() as session:
        held = await make_ticket(session, sealer=parts.sealer, claimed_by=await session.get(Staff, holder.id))
        new = await make_ticket(session, sealer=parts.sealer, station="hoshimi", status=TicketStatus.INTAKE)
    watcher, watched = live.Watcher(), live.news_for(holder)

    async def news() -> set[str]:
        async with parts.database.reading() as session:
            return {each for each in await watcher.look(session, watched, now=clock()) if each.startswith("news:")}

    async def ticket(session: AsyncSession, ticket_id: int) -> Ticket:
        found = await session.get(Ticket, ticket_id)
        assert found is not None
        return found

    assert await news() == set()
    async with parts.database.transaction() as session:
        for each in (held, new):  # nobody's yet: the resident is still being asked
            await tickets.add_message(session, await ticket(session, each.id), Author.RESIDENT, "x", ring=parts.sealer,
                                      now=clock(), locale="vi")
    assert await news() == {f"news:staff:{holder.id}"}
    async with parts.database.transaction() as session:
        await tickets.add_message(session, await ticket(session, held.id), Author.NOTE, "x", ring=parts.sealer,
                                  now=clock(), staff_id=holder.id)
    assert await news() == set(), "a colleague's note is no news"
    async with parts.database.transaction() as session:
        consultation.submit(session, await ticket(session, new.id), deployment=parts.deployment, now=clock())
    desks = {"news:section:seian_yokushi", "news:station:hoshimi"}
    assert await news() == desks
    async with parts.database.transaction() as session:
        row = await ticket(session, held.id)
        target = transfers.Target(section_id="jinshin")
        await transfers.ask(session, row, holder, target, "x", sealer=parts.sealer, now=clock())
    assert await news() == {"news:section:jinshin"}
    async with parts.database.transaction() as session:
        await transfers.send_back(session, await ticket(session, held.id), other, "x", sealer=parts.sealer, now=clock())
    assert await news() == {f"news:staff:{holder.id}"}
    clock.advance(days=5)
    await escalation.tick(parts.database, screens=parts.screens, sealer=parts.sealer, now=clock())
    assert await news() == desks | {f"news:staff:{holder.id}"}


@pytest.mark.parametrize(("role", "heard"), [
    (Role.OPERATOR, {"section:seian_yokushi", "station:hoshimi"}), (Role.STATION_CHIEF, {"station:hoshimi"}),
    (Role.INTERPRETER, {"section:seian_yokushi", "station:hoshimi"}), (Role.ADMINISTRATOR, set()),
])
async def test_news_are_of_the_persons_own_folders(office: Office, role: Role, heard: set[str]) -> None:
    person = await office.person(role, section="seian_yokushi", station="hoshimi")
    assert live.news_for(person) == {f"news:{each}" for each in heard | {f"staff:{person.id}"}}


async def test_a_stream_of_news_is_no_activity_and_not_for_everybody(office: Office, clock: Clock) -> None:
    approver = await office.browser(Role.APPROVER)
    assert (await approver.get("/live?on=news")).status_code == 404
    assert "koban-news" not in (await approver.get("/account")).text
    for _ in range(3):
        clock.advance(minutes=11)
        last = await approver.get("/live?on=news")
    assert last.status_code == 401
