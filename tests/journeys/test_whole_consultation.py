"""One consultation whole, over HTTP, in three languages: the phone, the running bot, the console's pages, the records.

What the resident does and what is done with records is in tests/journeys/whole.py; here is what staff do and read.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.i18n import load_strings
from storage.models import AuditEntry, Role, Translation
from tests.journeys.office import Office, Officer, open_office, words_of
from tests.journeys.whole import (
    CASES,
    JAPANESE,
    NOTE,
    READ_IN_JAPANESE,
    RETURN_NOTE,
    SECOND_NOTE,
    Play,
    playing,
)

pytestmark = pytest.mark.slow

OTHER_SECTION = "shonen_center"
_ = load_strings()["ja"]


@pytest.fixture(params=CASES)
async def play(request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Play]:
    async with playing(request.param, sqlite_url, tmp_path, resident_id=8900) as made:
        yield made


@pytest.fixture
async def office(play: Play) -> AsyncIterator[Office]:
    async with open_office(play.koban, play.database, play.clock) as made:
        yield made


async def test_one_consultation_from_the_first_word_to_erasure_restore_and_erasure_again(
    play: Play, office: Office
) -> None:
    await play.begin()
    holder = await of_twenty_at_once_one_has_it(play, office)
    await a_reply_waits_for_a_second_person_and_for_a_safe_hour(play, office, holder)
    await office.sign_in(holder)  # two hours later
    await an_edit_shows_beside_what_was_read(play, holder)
    receiver = await it_is_sent_returned_sent_again_and_accepted(play, office, holder)
    colleague = await an_interpreters_reply_goes_out_with_a_second_person(play, office, receiver)
    await play.write_more()
    await play.wait_in_vain()
    await staff_see_that_it_is_late(play, office, colleague)
    await play.back_up()
    proof = await play.erase()
    assert (await colleague.client.get(play.path)).status_code == 404
    await play.nothing_is_left()
    await play.is_in_ledger(proof)
    await play.restore(proof)
    await office.sign_in(colleague)
    assert (await colleague.client.get(play.path)).status_code == 404
    assert play.receipt not in await colleague.open(f"/queue?folder=all&state=any&q={play.receipt}")
    await play.nothing_is_left()


async def of_twenty_at_once_one_has_it(play: Play, office: Office) -> Officer:
    """Twenty read it and press at once; who comes too late reads who has it."""
    officers = [await office.officer(f"jinshin{number}", Role.OPERATOR, section="jinshin") for number in range(20)]
    for officer in officers:
        page = await officer.open(play.path)
        assert play.words.story in page
        assert str(play.resident.id) not in page
    answers = await asyncio.gather(*(officer.post(f"{play.path}/claim") for officer in officers))
    assert Counter(answer.status_code for answer in answers) == {303: 1, 409: 19}
    holder = next(officer for officer, answer in zip(officers, answers, strict=True) if answer.status_code == 303)
    assert (await play.ticket()).claimed_by_id == holder.id
    for answer in answers:
        if answer.status_code == 409:
            assert _("{name} has this consultation.", name=holder.name) in words_of(answer.text)
    return holder


async def a_reply_waits_for_a_second_person_and_for_a_safe_hour(play: Play, office: Office, holder: Officer) -> None:
    """Staff are told for what it waits; the phone gets a word about nothing at noon, and the words when it asks."""
    page = await holder.open(play.path)
    assert _("Safe contact is on") in page
    assert "12:00–15:00" in page
    seen = await holder.last_seen(play.path)
    assert await holder.send(f"{play.path}/reply", body=play.words.reply, last_seen=seen) == f"{play.path}?done=propose"
    second = await office.officer("jinshin99", Role.OPERATOR, section="jinshin")
    assert _.plural("{n} reply waits for you or another second person",
                    "{n} replies wait for you or another second person", 1) in await second.open("/queue")
    waiting = await second.first_waiting()
    assert play.words.reply in await second.open(waiting)
    assert await second.send(f"{waiting}/approve", last_seen=seen) == f"{play.path}?done=reply-waits"
    assert "安全な時間まで待っています" in await holder.open(play.path)
    await play.nothing_comes_until_it_is_safe()
    await play.show(play.words.reply)


async def an_edit_shows_beside_what_was_read(play: Play, holder: Officer) -> None:
    """Staff see both texts, that there was an edit, and that deletions are not reported."""
    await play.edit()
    page = await holder.open(play.path)
    assert _.plural("Edited {n} time: show the earlier text", "Edited {n} times: show the earlier texts", 1) in page
    assert play.words.story in page
    assert play.words.edited in page
    assert _("An edited message shows its earlier texts. Telegram does not report when the resident deletes one: what "
             "is here may be gone there.") in page


async def it_is_sent_returned_sent_again_and_accepted(play: Play, office: Office, holder: Officer) -> Officer:
    """Another section returns it with a note; the second time it accepts, and has it."""
    receiver = await office.officer("shonen1", Role.OPERATOR, section=OTHER_SECTION)
    assert (await receiver.client.get(play.path)).status_code == 404
    target = f"section:{OTHER_SECTION}"
    assert (await holder.post(f"{play.path}/transfer", target=target, note=" ")).status_code == 409
    await holder.send(f"{play.path}/transfer", target=target, note=NOTE)
    assert NOTE in await receiver.open(play.path)
    assert (await receiver.post(f"{play.path}/transfer/return", note="")).status_code == 409
    await receiver.send(f"{play.path}/transfer/return", note=RETURN_NOTE)
    assert (await receiver.client.get(play.path)).status_code == 404
    assert RETURN_NOTE in await holder.open(play.path)
    await holder.send(f"{play.path}/transfer", target=target, note=SECOND_NOTE)
    assert play.receipt in await receiver.open("/queue?folder=incoming")
    await receiver.send(f"{play.path}/transfer/accept")
    row = await play.ticket()
    assert (row.section_id, row.claimed_by_id) == (OTHER_SECTION, receiver.id)
    page = await receiver.open(play.path)
    assert RETURN_NOTE in page
    assert SECOND_NOTE in page
    assert (await holder.client.get(play.path)).status_code == 404
    return receiver


async def an_interpreters_reply_goes_out_with_a_second_person(
    play: Play, office: Office, receiver: Officer
) -> Officer:
    """The message is read by an interpreter, the reply is put into the language by one, and a colleague approves it."""
    interpreter = await office.officer("tsuyaku1", Role.INTERPRETER, languages=play.tag)
    colleague = await office.officer("shonen2", Role.OPERATOR, section=OTHER_SECTION)
    await receiver.send(f"{play.path}/read", number=1, by="interpreter")
    await hand_in(play, interpreter, play.words.edited, READ_IN_JAPANESE)
    assert READ_IN_JAPANESE in await receiver.open(play.path)

    seen = await receiver.last_seen(play.path)
    await receiver.send(f"{play.path}/interpret", body=JAPANESE, last_seen=seen)
    draft = await hand_in(play, interpreter, JAPANESE, play.words.translated)
    before = len(play.resident.received())
    await receiver.open(draft)
    await receiver.send(f"{draft}/send", foreign=play.words.translated, last_seen=seen)
    for author in (receiver, interpreter):
        assert (await author.post(f"{draft}/approve", last_seen=seen)).status_code in (403, 404, 409)
    assert READ_IN_JAPANESE in await colleague.open(draft)
    assert len(play.resident.received()) == before
    await colleague.send(f"{draft}/approve", last_seen=seen)
    await play.an_envelope_comes(before)
    await play.read_the_translated_reply()

    page = await receiver.open(play.path)
    for tag, officer in (("Approved a reply as the second person", colleague), ("Replied", receiver),
                         ("Handed a translation in", interpreter)):
        assert f"{_(tag)} {officer.name}" in page
    async with play.database.reading() as session:
        found = {entry.tag: entry for entry in await session.scalars(select(AuditEntry).order_by(AuditEntry.id))}
    assert found["staff:ticket:reply"].detail["approved_by"] == colleague.id
    assert found["staff:translation:approve"].staff_id == colleague.id
    return colleague


async def hand_in(play: Play, interpreter: Officer, original: str, text: str) -> str:
    """Take the newest request and hand the translation in; returns the address of the draft."""
    async with play.database.reading() as session:
        number = (await session.scalars(select(Translation.id).order_by(Translation.id.desc()))).first()
    request = f"/interpreting/{number}"
    assert original in await interpreter.open(request)
    await interpreter.send(f"{request}/claim")
    await interpreter.send(f"{request}/hand-in", text=text)
    return f"/translations/{number}"


async def staff_see_that_it_is_late(play: Play, office: Office, colleague: Officer) -> None:
    """The next day everybody signs in again; the consultation is among the late ones, and its page says why."""
    answer = await colleague.client.get(play.path)
    assert answer.status_code == 303, "a session does not last over night"
    await office.sign_in(colleague)
    assert play.receipt in await colleague.open("/queue?folder=late")
    page = await colleague.open(play.path)
    assert play.words.more in page
    for tag in ("A deadline was missed", "The resident was told that nobody read it in time"):
        assert _(tag) in page
