"""Passing a consultation on: asked with a note, accepted or returned, seen by both sides and by nobody else."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select, text

from bot import consultation
from storage import transfers
from storage.models import AuditEntry, Role, Staff, Ticket, TicketStatus, Transfer
from tests.console.conftest import Browser, Office, text_of
from tests.console.consultations import a_ticket, deliveries_of, listed, now_in_database, the_resident_writes
from tests.factories import make_staff

NOTE = "被害者は夫の帰宅前だけ連絡可"


async def two_sides(office: Office) -> tuple[Browser, Browser, Ticket]:
    """The sender, who has the consultation; the receiver at another desk; and the consultation."""
    sender = await office.browser(name="佐藤")
    receiver = await office.browser(section="jinshin", name="伊藤")
    return sender, receiver, await a_ticket(office, sender.who)


async def asked(office: Office) -> tuple[Browser, Browser, Ticket]:
    sender, receiver, ticket = await two_sides(office)
    answer = await sender.post(f"/tickets/{ticket.id}/transfer", {"target": "section:jinshin", "note": NOTE})
    assert answer.status_code == 303
    return sender, receiver, ticket


async def tags_of(office: Office, ticket: Ticket) -> list[str]:
    async with office.parts.database.reading() as session:
        rows = await session.scalars(
            select(AuditEntry.tag).where(AuditEntry.subject == f"ticket:{ticket.id}").order_by(AuditEntry.id)
        )
        return [tag for tag in rows if tag != "staff:ticket:read"]


async def test_a_pending_transfer_is_seen_by_both_sides_and_stays_with_the_sender(office: Office) -> None:
    sender, receiver, ticket = await two_sides(office)
    stranger = await office.browser(section="cyber")
    assert (await receiver.get(f"/tickets/{ticket.id}")).status_code == 404
    await sender.post(f"/tickets/{ticket.id}/transfer", {"target": "section:jinshin", "note": NOTE})
    for browser in (sender, receiver):
        page = await browser.get(f"/tickets/{ticket.id}")
        assert page.status_code == 200
        assert NOTE in page.text
    assert (await stranger.get(f"/tickets/{ticket.id}")).status_code == 404
    assert listed((await receiver.get("/queue?folder=incoming")).text) == [ticket.id]
    assert listed((await stranger.get("/queue")).text) == []
    row = await now_in_database(office, ticket)
    assert (row.section_id, row.claimed_by_id) == ("seian_yokushi", sender.who.id)  # type: ignore[union-attr]
    answer = await sender.post(f"/tickets/{ticket.id}/reply", {"body": "Chào", "last_seen": 1})
    assert answer.status_code == 303, "the sender still answers"


async def test_who_accepts_has_it_and_the_sender_sees_that_it_was_accepted(office: Office) -> None:
    sender, receiver, ticket = await asked(office)
    assert (await receiver.post(f"/tickets/{ticket.id}/transfer/accept")).status_code == 303
    row = await now_in_database(office, ticket)
    assert (row.section_id, row.claimed_by_id, row.to_section_id) == ("jinshin", receiver.who.id, None)  # type: ignore[union-attr]
    assert (await sender.get(f"/tickets/{ticket.id}")).status_code == 404
    said = text_of((await sender.get("/transfers")).text)
    assert "受入れ済み" in said
    assert ticket.receipt in said
    assert "伊藤" in said
    assert await tags_of(office, ticket) == ["staff:ticket:transfer", "staff:ticket:accept"]
    assert await deliveries_of(office) == [], "the resident is told nothing"


async def test_a_return_needs_a_note_and_gives_it_back_to_who_had_it(office: Office) -> None:
    sender, receiver, ticket = await asked(office)
    assert (await receiver.post(f"/tickets/{ticket.id}/transfer/return", {"note": " "})).status_code == 409
    assert (await now_in_database(office, ticket)).to_section_id == "jinshin"
    answer = await receiver.post(f"/tickets/{ticket.id}/transfer/return", {"note": "管轄が違います"})
    assert answer.headers["location"] == "/transfers?done=return-transfer"
    row = await now_in_database(office, ticket)
    assert (row.section_id, row.claimed_by_id, row.to_section_id) == ("seian_yokushi", sender.who.id, None)  # type: ignore[union-attr]
    page = (await sender.get(f"/tickets/{ticket.id}")).text
    assert NOTE in page
    assert "管轄が違います" in page
    assert (await receiver.get(f"/tickets/{ticket.id}")).status_code == 404
    assert "差戻し" in text_of((await receiver.get("/transfers")).text)
    assert await tags_of(office, ticket) == ["staff:ticket:transfer", "staff:ticket:return"]


@pytest.mark.parametrize(("target", "note"), [
    ("section:jinshin", ""), ("section:jinshin", " \n "), ("", NOTE), ("section:nowhere", NOTE), ("jinshin", NOTE),
    ("section:seian_yokushi", NOTE), ("section:menkyo", NOTE), ("station:hoshimi", NOTE),
    ("section:jinshin", "x" * 2001),
])
async def test_a_transfer_without_note_or_proper_target_is_refused_and_the_note_stays(
    office: Office, target: str, note: str
) -> None:
    sender, _receiver, ticket = await two_sides(office)
    answer = await sender.post(f"/tickets/{ticket.id}/transfer", {"target": target, "note": note})
    assert answer.status_code == 409
    assert note.strip()[:100] in answer.text
    assert (await now_in_database(office, ticket)).to_section_id is None


async def test_it_can_go_to_a_station_whose_chief_accepts(office: Office) -> None:
    sender = await office.browser()
    chief = await office.browser(Role.STATION_CHIEF, station="hoshimi")
    ticket = await a_ticket(office, sender.who)
    answer = await sender.post(f"/tickets/{ticket.id}/transfer", {"target": "station:hoshimi", "note": NOTE})
    assert answer.status_code == 303
    assert (await chief.post(f"/tickets/{ticket.id}/transfer/accept")).status_code == 303
    row = await now_in_database(office, ticket)
    assert (row.section_id, row.station_id, row.claimed_by_id) == ("seian_yokushi", "hoshimi", chief.who.id)  # type: ignore[union-attr]


async def test_a_colleagues_consultation_is_not_passed_on(office: Office) -> None:
    sender, _receiver, ticket = await two_sides(office)
    other = await office.browser()
    answer = await other.post(f"/tickets/{ticket.id}/transfer", {"target": "section:jinshin", "note": NOTE})
    assert answer.status_code == 409
    assert f"{sender.who.display_name}さんが担当" in text_of(answer.text)  # type: ignore[union-attr]


async def test_the_receiver_can_neither_take_it_without_accepting_nor_take_the_request_back(office: Office) -> None:
    sender, receiver, _ticket = await two_sides(office)
    ticket = await a_ticket(office)  # nobody's
    await sender.post(f"/tickets/{ticket.id}/transfer", {"target": "section:jinshin", "note": NOTE})
    assert (await receiver.post(f"/tickets/{ticket.id}/claim")).status_code == 409
    assert (await receiver.post(f"/tickets/{ticket.id}/transfer/recall")).status_code == 409
    assert (await sender.post(f"/tickets/{ticket.id}/transfer/accept")).status_code == 409
    assert (await sender.post(f"/tickets/{ticket.id}/claim")).status_code == 303


async def test_of_accept_return_and_recall_at_once_one_counts(office: Office) -> None:
    sender, receiver, ticket = await asked(office)
    second = await office.browser(section="jinshin")
    answers = await asyncio.gather(
        receiver.post(f"/tickets/{ticket.id}/transfer/accept"),
        second.post(f"/tickets/{ticket.id}/transfer/return", {"note": "x"}),
        sender.post(f"/tickets/{ticket.id}/transfer/recall"),
    )
    assert sorted(answer.status_code for answer in answers)[0] == 303
    assert sum(answer.status_code == 303 for answer in answers) == 1
    assert len(await tags_of(office, ticket)) == 2


async def test_a_recalled_transfer_is_closed_to_the_receiver_and_can_be_asked_again(office: Office) -> None:
    sender, receiver, ticket = await asked(office)
    assert (await sender.post(f"/tickets/{ticket.id}/transfer/recall")).status_code == 303
    assert (await receiver.get(f"/tickets/{ticket.id}")).status_code == 404
    assert (await receiver.post(f"/tickets/{ticket.id}/transfer/accept")).status_code == 404
    again = await sender.post(f"/tickets/{ticket.id}/transfer", {"target": "section:jinshin", "note": "again"})
    assert again.status_code == 303
    assert (await sender.post(f"/tickets/{ticket.id}/transfer",
                              {"target": "section:jinshin", "note": "twice"})).status_code == 409


async def test_it_is_not_closed_while_a_transfer_waits_but_the_resident_may_close(office: Office) -> None:
    sender, receiver, ticket = await asked(office)
    answer = await sender.post(f"/tickets/{ticket.id}/close", {"outcome": "advised", "last_seen": 1})
    assert answer.status_code == 409
    async with office.parts.database.transaction() as session:
        row = await session.get(Ticket, ticket.id)
        assert row is not None
        consultation.close_by_resident(session, row, now=office.parts.clock())
    assert (await receiver.get(f"/tickets/{ticket.id}")).status_code == 404
    assert "失効" in text_of((await receiver.get("/transfers")).text)
    assert "失効" in text_of((await sender.get(f"/tickets/{ticket.id}")).text)
    assert (await sender.post(f"/tickets/{ticket.id}/reopen")).status_code == 303
    again = await sender.post(f"/tickets/{ticket.id}/transfer", {"target": "section:jinshin", "note": NOTE})
    assert again.status_code == 303
    async with office.parts.database.reading() as session:
        states = list(await session.scalars(select(Transfer.state).order_by(Transfer.id)))
    assert states == ["lapsed", "pending"]


async def test_the_notes_are_sealed_and_go_with_the_consultation(office: Office) -> None:
    _sender, _receiver, ticket = await asked(office)
    async with office.parts.database.transaction() as session:
        row = (await session.execute(text("SELECT * FROM transfers"))).one()
        assert not any(NOTE[:3].encode() in value for value in row if isinstance(value, bytes))
        found = await session.get(Ticket, ticket.id)
        assert found is not None
        [view] = await transfers.history(session, found, ring=office.parts.sealer)
        assert view.note == NOTE
        await session.execute(Ticket.__table__.delete())  # type: ignore[attr-defined]
    async with office.parts.database.reading() as session:
        assert list(await session.scalars(select(Transfer))) == []


async def test_only_places_with_people_are_offered(office: Office) -> None:
    sender, _receiver, ticket = await two_sides(office)
    async with office.parts.database.transaction() as session:
        gone = await make_staff(session, section="cyber")
        gone.disabled_at = office.parts.clock()
    page = (await sender.get(f"/tickets/{ticket.id}")).text
    assert '<option value="section:jinshin">' in page
    assert '<option value="section:cyber" disabled>' in page
    assert 'value="section:seian_yokushi"' not in page


async def test_a_transfer_changes_no_deadline_and_no_word_of_the_status(office: Office) -> None:
    sender, receiver, ticket = await two_sides(office)
    before = await now_in_database(office, ticket)
    await sender.post(f"/tickets/{ticket.id}/transfer", {"target": "section:jinshin", "note": NOTE})
    await the_resident_writes(office, ticket, "Alô?")
    await receiver.post(f"/tickets/{ticket.id}/transfer/accept")
    after = await now_in_database(office, ticket)
    assert (after.due_at, after.due_kind, after.status) == (before.due_at, before.due_kind, TicketStatus.OPEN)
    async with office.parts.database.reading() as session:
        holder = await session.get(Staff, after.claimed_by_id)
    assert holder is not None
    assert holder.display_name == "伊藤"
