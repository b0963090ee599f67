"""The interpreters' queue: what they see, who gets a text, and what becomes of it."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot import consultation
from bot.console import live
from bot.i18n import load_strings
from storage.models import AuditEntry, Role, Staff, Ticket, TicketStatus, Translation
from tests.conftest import Clock
from tests.console.conftest import Browser, Office, text_of
from tests.console.consultations import a_ticket, buttons, sent, tags_of

SAYING = "被害届について、11月30日に警察署で話しましょう。"
VIETNAMESE = "Hãy nói chuyện về đơn trình báo tại sở cảnh sát ngày 30 tháng 11."


async def an_interpreter(office: Office, languages: str = "vi", **changes: object) -> Browser:
    """An interpreter of another section, who sees none of these consultations."""
    browser = await office.browser(Role.INTERPRETER, **({"section": "tsuyaku"} | changes))
    async with office.parts.database.transaction() as session:
        assert browser.who is not None
        (await session.get_one(Staff, browser.who.id)).languages = languages
    return browser


async def asked_to_write(office: Office, officer: Browser, **changes: object) -> tuple[Ticket, str]:
    """A reply that was sent to the interpreters; returns the consultation and the address of the request."""
    ticket = await a_ticket(office, officer.who, **changes)  # type: ignore[arg-type]
    answer = await officer.post(f"/tickets/{ticket.id}/interpret", {"body": SAYING, "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=interpret", text_of(answer.text)
    async with office.parts.database.reading() as session:
        number = (await session.scalars(select(Translation.id).where(Translation.ticket_id == ticket.id))).one()
    return ticket, f"/interpreting/{number}"


def rows_of(page: str) -> list[str]:
    return re.findall(r'href="(/interpreting/\d+)"', page)


async def test_a_reply_goes_to_an_interpreter_and_comes_back_as_a_draft(office: Office) -> None:
    interpreter, officer = await an_interpreter(office), await office.browser()
    ticket, address = await asked_to_write(office, officer)
    assert (await interpreter.get(f"/tickets/{ticket.id}")).status_code == 404, "the text, and nothing else"
    assert rows_of((await interpreter.get("/interpreting")).text) == [address]
    page = text_of((await interpreter.get(address)).text)
    assert SAYING in page
    assert "被害届 đơn trình báo" in page, "the locked terms are beside it"
    assert "Xe đạp của tôi" not in page
    assert ticket.receipt not in page
    refused = await interpreter.post(f"{address}/hand-in", {"text": VIETNAMESE})
    assert "先に「担当する」" in text_of(refused.text)
    assert (await interpreter.post(f"{address}/claim")).status_code == 303
    refused = await interpreter.post(f"{address}/hand-in", {"text": "  "})
    assert refused.status_code == 409
    assert (await interpreter.post(f"{address}/hand-in", {"text": VIETNAMESE})).status_code == 303
    assert rows_of((await interpreter.get("/interpreting")).text) == []
    assert (await interpreter.get(address)).status_code == 404
    assert await sent(office) == [], "nothing is sent by itself"

    draft = address.replace("interpreting", "translations")
    page = text_of((await officer.get(draft)).text)
    assert VIETNAMESE in page
    assert "通訳官が翻訳" in page
    changed = await officer.post(f"{draft}/send", {"foreign": VIETNAMESE + "!", "last_seen": 1})
    assert "この文は通訳官の責任です" in text_of(changed.text)
    assert (await officer.post(f"{draft}/send", {"foreign": VIETNAMESE, "last_seen": 1})).status_code == 303
    (message,) = await sent(office)
    assert VIETNAMESE in message.text
    assert load_strings()["vi"]("An interpreter translated this from Japanese.") in message.text
    assert "⚠️" not in message.text
    assert f"t:ja:{ticket.receipt}:2" in buttons(message)
    assert interpreter.who is not None
    tags = await tags_of(office, ticket)
    for deed in ("read", "claim", "hand_in"):
        assert (f"translation:{deed}", interpreter.who.id) in tags


async def test_the_list_holds_the_own_languages_the_oldest_first_with_a_deadline(office: Office, clock: Clock) -> None:
    interpreter = await an_interpreter(office, "vi,th")
    await an_interpreter(office, "ne")
    officer = await office.browser()
    _ticket, oldest = await asked_to_write(office, officer)
    clock.advance(minutes=5)
    _ticket, thai = await asked_to_write(office, officer, locale="th")
    clock.advance(minutes=5)
    _ticket, _nepali = await asked_to_write(office, officer, locale="ne")
    ended, _ended = await asked_to_write(office, officer)
    async with office.parts.database.transaction() as session:
        (await session.get_one(Ticket, ended.id)).status = TicketStatus.CLOSED
    page = (await interpreter.get("/interpreting")).text
    assert rows_of(page) == [oldest, thai]
    assert "ベトナム語" in text_of(page)
    async with office.parts.database.reading() as session:
        row = await session.get_one(Translation, int(oldest.split("/")[-1]))
        ticket = await session.get_one(Ticket, row.ticket_id)
        assert row.due_at is not None
        assert ticket.due_at is not None
        assert row.asked_at is not None
        assert row.asked_at < row.due_at <= ticket.due_at
        due = row.due_at
    clock.now = due + timedelta(hours=2)
    interpreter = await office.browser(interpreter.who)  # type: ignore[arg-type]
    assert "2時間超過" in text_of((await interpreter.get("/interpreting")).text)
    await interpreter.post(f"{thai}/claim")
    assert rows_of((await interpreter.get("/interpreting")).text) == [thai, oldest], "what one works on is first"


async def test_one_interpreter_gets_a_text_and_the_other_is_told_who(office: Office) -> None:
    first, second = await an_interpreter(office, name="一番"), await an_interpreter(office, name="二番")
    officer = await office.browser()
    _ticket, address = await asked_to_write(office, officer)
    assert (await second.get(address)).status_code == 200
    assert (await first.post(f"{address}/claim")).status_code == 303
    told = await second.post(f"{address}/claim")
    assert told.status_code == 409
    assert "一番さんが作業中です" in text_of(told.text)
    assert (await second.get(address)).status_code == 409
    assert rows_of((await second.get("/interpreting")).text) == []
    assert "一番" in text_of((await second.get("/interpreting")).text)
    assert (await first.post(f"{address}/give-back")).status_code == 303
    assert (await second.post(f"{address}/claim")).status_code == 303
    assert (await first.post(f"{address}/hand-in", {"text": "x"})).status_code == 409


async def test_what_an_interpreter_had_whose_account_was_closed_is_open_to_others(office: Office) -> None:
    leaver, other = await an_interpreter(office), await an_interpreter(office)
    officer, admin = await office.browser(), await office.browser(Role.ADMINISTRATOR)
    _ticket, address = await asked_to_write(office, officer)
    await leaver.post(f"{address}/claim")
    assert leaver.who is not None
    await admin.get("/staff")
    assert (await admin.post(f"/staff/{leaver.who.id}/disable")).status_code == 303
    assert (await other.post(f"{address}/claim")).status_code == 303


@pytest.mark.parametrize(("role", "languages"), [
    (Role.INTERPRETER, "th"), (Role.INTERPRETER, ""), (Role.OPERATOR, "vi"), (Role.PUBLISHER, "vi"),
])
async def test_a_text_is_open_to_nobody_else(office: Office, role: Role, languages: str) -> None:
    await an_interpreter(office)
    officer = await office.browser()
    _ticket, address = await asked_to_write(office, officer)
    other = await office.browser(role)
    async with office.parts.database.transaction() as session:
        (await session.get_one(Staff, other.who.id)).languages = languages  # type: ignore[union-attr]
    expected = 404 if role == Role.INTERPRETER else 403
    assert (await other.get(address)).status_code == expected
    for action in ("claim", "hand-in", "question", "give-back"):
        assert (await other.post(f"{address}/{action}", {"text": "x", "note": "x"})).status_code == expected
    assert SAYING not in other.last.text  # type: ignore[union-attr]


async def test_what_is_unclear_goes_back_with_a_question_and_comes_again_with_the_answer(office: Office) -> None:
    interpreter, officer = await an_interpreter(office), await office.browser()
    ticket, address = await asked_to_write(office, officer)
    draft = address.replace("interpreting", "translations")
    await interpreter.post(f"{address}/claim")
    assert (await interpreter.post(f"{address}/question", {"note": " "})).status_code == 409
    assert (await interpreter.post(f"{address}/question", {"note": "何時ですか。"})).status_code == 303
    assert "通訳官から質問あり" in text_of((await officer.get(f"/tickets/{ticket.id}")).text)
    assert "何時ですか。" in text_of((await officer.get(draft)).text)
    assert rows_of((await interpreter.get("/interpreting")).text) == []
    refused = await officer.post(f"{draft}/interpret", {"note": ""})
    assert "先に通訳官の質問に答えてください" in text_of(refused.text)
    assert (await officer.post(f"{draft}/interpret", {"note": "午後3時です。"})).status_code == 303
    page = text_of((await interpreter.get(address)).text)
    assert "午後3時です。" in page
    assert (await interpreter.post(f"{address}/claim")).status_code == 303
    assert (await interpreter.post(f"{address}/hand-in", {"text": VIETNAMESE})).status_code == 303
    assert "午後3時です。" not in text_of((await officer.get(draft)).text), "the note has served"


async def test_a_message_is_read_by_an_interpreter(office: Office) -> None:
    interpreter, officer = await an_interpreter(office), await office.browser()
    ticket = await a_ticket(office, None)
    path = f"/tickets/{ticket.id}"
    assert (await officer.post(f"{path}/read", {"number": 1, "by": "interpreter"})).status_code == 303
    again = await officer.post(f"{path}/read", {"number": 1, "by": "interpreter"})
    assert "すでに通訳官に依頼されています" in text_of(again.text)
    (address,) = rows_of((await interpreter.get("/interpreting")).text)
    assert "Xe đạp của tôi mất rồi." in (await interpreter.get(address)).text
    await interpreter.post(f"{address}/claim")
    assert "通訳官が作業中" in text_of((await officer.get(path)).text)
    await interpreter.post(f"{address}/hand-in", {"text": "私の自転車がなくなりました。"})
    page = text_of((await officer.get(path)).text)
    assert "私の自転車がなくなりました。" in page
    assert f"通訳官が翻訳 {interpreter.who.display_name}" in page  # type: ignore[union-attr]
    assert await sent(office) == []


async def test_a_language_that_nobody_interprets_is_said(office: Office) -> None:
    await an_interpreter(office, "th")
    officer = await office.browser()
    ticket = await a_ticket(office, officer.who)
    page = text_of((await officer.get(f"/tickets/{ticket.id}")).text)
    assert "この言語の通訳官のアカウントがありません" in page
    for path, fields in (("interpret", {"body": SAYING, "last_seen": 1}), ("read", {"number": 1, "by": "interpreter"})):
        refused = await officer.post(f"/tickets/{ticket.id}/{path}", fields)
        assert refused.status_code == 409
        assert "この言語の通訳官のアカウントがありません" in text_of(refused.text)


async def test_a_request_can_be_taken_back_and_ends_with_the_consultation(office: Office) -> None:
    interpreter, officer = await an_interpreter(office), await office.browser()
    _ticket, address = await asked_to_write(office, officer)
    await interpreter.post(f"{address}/claim")
    await officer.post(f"{address.replace('interpreting', 'translations')}/discard")
    refused = await interpreter.post(f"{address}/hand-in", {"text": VIETNAMESE})
    assert refused.status_code == 404
    ticket, address = await asked_to_write(office, officer)
    await interpreter.post(f"{address}/claim")
    async with office.parts.database.transaction() as session:
        (await session.get_one(Ticket, ticket.id)).status = TicketStatus.WITHDRAWN
    assert (await interpreter.get(address)).status_code == 404
    assert (await interpreter.post(f"{address}/hand-in", {"text": VIETNAMESE})).status_code == 404


async def test_an_interpreter_is_no_second_person_for_the_own_text(office: Office) -> None:
    interpreter, author, second = await an_interpreter(office, section="seian_yokushi"), await office.browser(), \
        await office.browser()
    ticket, address = await asked_to_write(office, author, topic="sexual_crime")
    draft = address.replace("interpreting", "translations")
    await interpreter.post(f"{address}/claim")
    await interpreter.post(f"{address}/hand-in", {"text": VIETNAMESE})
    answer = await author.post(f"{draft}/send", {"foreign": VIETNAMESE, "last_seen": 1})
    assert answer.headers["location"] == f"/tickets/{ticket.id}?done=propose"
    for one in (author, interpreter):
        assert (await one.post(f"{draft}/approve", {"last_seen": 1})).status_code == 409
    assert await sent(office) == []
    assert (await second.post(f"{draft}/approve", {"last_seen": 1})).status_code == 303
    assert len(await sent(office)) == 1


async def test_the_administrator_sets_the_languages(office: Office) -> None:
    administrator = await office.browser(Role.ADMINISTRATOR)
    interpreter = await an_interpreter(office, "")
    assert "担当言語が設定されていません" in text_of((await interpreter.get("/interpreting")).text)
    assert "担当言語なし" in text_of((await administrator.get("/staff")).text)
    assert interpreter.who is not None
    answer = await administrator.post(
        f"/staff/{interpreter.who.id}/languages", {"language": ["vi", "ne", "xx", "ja-simple"]})
    assert answer.status_code == 303
    async with office.parts.database.reading() as session:
        assert set((await session.get_one(Staff, interpreter.who.id)).languages.split(",")) == {"vi", "ne"}
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.tag == "staff:account:change"))).one()
        assert set(entry.detail["languages"]) == {"vi", "ne"}
    assert "ベトナム語" in text_of((await administrator.get("/staff")).text)
    assert "通訳" in text_of((await interpreter.get("/interpreting")).text)
    own = administrator.who
    assert own is not None
    assert (await administrator.post(f"/staff/{own.id}/languages", {"language": ["vi"]})).status_code == 409


async def test_the_list_is_kept_up_to_date_while_it_is_open(office: Office, clock: Clock) -> None:
    interpreter, officer = await an_interpreter(office), await office.browser()
    page = (await interpreter.get("/interpreting")).text
    assert 'data-on="interpreting"' in page
    assert 'id="live"' in page
    watcher = live.Watcher()

    async def is_told() -> bool:
        async with office.parts.database.reading() as session:
            return live.INTERPRETING in await watcher.look(session, {live.INTERPRETING}, now=clock())

    assert not await is_told()
    ticket, address = await asked_to_write(office, officer)
    assert await is_told()
    fragment = (await interpreter.get("/interpreting", **{"X-Koban-Live": "1"})).text
    assert rows_of(fragment) == [address]
    assert "<html" not in fragment
    for path in (f"{address}/claim", f"{address}/give-back", f"{address}/claim"):
        await interpreter.post(path)
        assert await is_told(), path
    await officer.post(f"/tickets/{ticket.id}/note", {"body": "x"})
    assert not await is_told(), "a note moves nothing in this list"
    await interpreter.post(f"{address}/hand-in", {"text": VIETNAMESE})
    assert await is_told()
    await asked_to_write(office, officer)
    assert await is_told()
    async with office.parts.database.transaction() as session:
        await consultation.withdraw(session, await session.get_one(Ticket, ticket.id), now=clock())
    assert await is_told(), "what an ended consultation asked for goes"


async def test_only_interpreters_hear_of_their_list(office: Office) -> None:
    for role in (Role.OPERATOR, Role.ADMINISTRATOR, Role.PUBLISHER):
        assert (await (await office.browser(role)).get("/live?on=interpreting")).status_code == 404, role


async def test_the_stream_of_the_list_tells_that_it_changed_and_nothing_else(office: Office) -> None:
    await an_interpreter(office)
    officer = await office.browser()
    hub = live.Hub(office.parts, every_s=0.01)
    async with hub.listen([live.INTERPRETING]) as listener:
        await asyncio.sleep(0.1)
        await asked_to_write(office, officer)
        async with asyncio.timeout(10):
            assert await listener.events.get() == "interpreting"
