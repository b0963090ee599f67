"""From the inbox to the outbox: order, one transaction, failures, danger first."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from sqlalchemy import event

from bot.incoming import Incoming, Kind
from bot.outgoing import Button, plain
from bot.simulator import files, people
from bot.telegram.inbox import Inbox
from bot.telegram.receiver import Polling
from storage import chats, updates
from storage.models import ChatState, DeliveryStatus, Lane, TicketStatus, UpdateStatus
from storage.updates import NewUpdate
from tests.conftest import eventually
from tests.factories import make_chat, make_ticket
from tests.telegram.conftest import CARD, CRY, GONE, FakeParts, World, utc_now
from tests.telegram.test_receiver import raw


async def stored(world: World, *raws: dict[str, Any]) -> None:
    await Inbox(world.database, world.sealer, world.sender, world.handler, clock=utc_now).store(raws)


def residents(world: World, *ids: int) -> None:
    for each in ids:
        world.state.add_resident(id=each, first_name="Linh", started=True)


async def test_each_chat_is_answered_in_order_and_chats_go_side_by_side(world: World) -> None:
    ids = range(10, 40)
    residents(world, *ids)
    await stored(world, *(raw(n * 100 + chat, chat, f"{n}") for n in range(3) for chat in ids))
    world.start(world.handler)
    for chat in ids:
        await eventually(lambda chat=chat: world.said_to(chat) == [f"you said {n}" for n in range(3)])


async def test_a_slow_chat_does_not_hold_up_another(world: World) -> None:
    residents(world, 1, 2)
    slow = asyncio.Event()
    real = world.sender.send

    async def send(address: int, *rest: Any) -> int:
        if address == 1:
            await slow.wait()
        return await real(address, *rest)

    world.outbox._send = send
    await stored(world, raw(1, 1, "a"), raw(2, 2, "b"))
    world.start(world.handler)
    await eventually(lambda: world.said_to(2) == ["you said b"])
    assert world.said_to(1) == []
    slow.set()
    await eventually(lambda: world.said_to(1) == ["you said a"])


async def test_who_writes_very_much_fills_neither_the_outbox_nor_the_time_of_others(world: World) -> None:
    residents(world, 1, 2)
    flood = [raw(100 + number, 1, f"{number}") for number in range(400)]
    await stored(world, *flood)
    world.start(world.handler)
    await eventually(lambda: len(world.said_to(1)) >= 3)
    await stored(world, raw(600, 1, CRY), raw(601, 2, "b"))
    await eventually(lambda: world.said_to(2) == ["you said b"])
    await eventually(lambda: CARD in world.said_to(1))
    assert len(world.conversation.heard) < 150, "the rest waits in the inbox, and is not lost"


async def test_a_call_for_help_goes_before_everything_that_waits(world: World) -> None:
    residents(world, *range(1, 30), 99)
    await stored(world, *(raw(n, n, "hi") for n in range(1, 30)), raw(50, 99, CRY))
    assert await world.handler.handle_waiting() == 1
    assert [each.address for each in world.conversation.heard] == [99]
    await eventually(lambda: world.said_to(99) == [CARD])
    assert await world.handler.handle_waiting() == 29


async def test_words_that_nobody_understood_but_ask_for_help_get_the_card(world: World) -> None:
    residents(world, 7)
    update = raw(1)
    del update["message"]["text"]
    update["message"] |= {"document": {"file_id": "F", "file_unique_id": "U"}, "caption": CRY}
    await stored(world, update)
    await world.handler.handle_waiting()
    await eventually(lambda: world.said_to(7) == [CARD, f"you said {CRY}"])


async def test_a_batch_takes_as_many_statements_as_one_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.outbox, "hand_over", lambda jobs: None)
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    event.listen(world.database.engine.sync_engine, "before_cursor_execute", hear)
    counts = []
    for first, n in ((100, 1), (200, 20)):
        await stored(world, *(raw(first + each, first + each) for each in range(n)))
        said.clear()
        assert await world.handler.handle_waiting() == n
        counts.append([each for each in said if each.startswith("INSERT")])  # the outbox looks for work meanwhile
    assert len(counts[0]) == len(counts[1]) == 2, "the chats, and what is said to them"


async def test_the_answer_and_the_end_of_the_wait_are_one_transaction(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    residents(world, 7)
    await stored(world, raw(1))

    async def fails(*args: Any, **more: Any) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(updates, "mark_done", fails)
        patch.setattr(updates, "mark_attempt_failed", fails)
        with pytest.raises(RuntimeError):
            await world.handler.handle_waiting()
    assert await world.deliveries() == []
    assert [row.status for row in await world.rows()] == [UpdateStatus.WAITING]
    await world.handler.handle_waiting()
    await eventually(lambda: world.said_to(7) == ["you said hi"])
    assert len(await world.deliveries()) == 1


async def test_a_handled_update_keeps_no_words(world: World) -> None:
    residents(world, 7)
    await stored(world, raw(1))
    await world.handler.handle_waiting()
    (row,) = await world.rows()
    assert (row.status, row.payload_sealed) == (UpdateStatus.DONE, None)
    assert row.handled_at is not None


async def test_an_update_that_fails_does_not_hold_up_the_others_and_is_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    residents(world, 1, 2, 3)
    world.conversation.fails_on["secret words"] = 2
    await stored(world, raw(1, 1, "a"), raw(2, 2, "secret words"), raw(3, 3, "c"))
    world.start(world.handler)
    for chat, text in ((1, "a"), (2, "secret words"), (3, "c")):
        await eventually(lambda chat=chat, text=text: world.said_to(chat) == [f"you said {text}"])
    assert "secret words" not in caplog.text
    assert "RuntimeError at conftest.py" in caplog.text


async def test_an_update_that_always_fails_is_given_up_and_its_resident_is_told(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    residents(world, 1, 2)
    world.conversation.fails_on["poison"] = 99
    await stored(world, raw(1, 1, "poison"), raw(2, 2, "b"), raw(3, 1, "after"))
    world.start(world.handler)
    await eventually(lambda: sorted(world.said_to(1)) == sorted([GONE, "you said after"]))
    await eventually(lambda: world.said_to(2) == ["you said b"])
    await eventually(world.all_handled)
    first, *others = await world.rows()
    assert (first.status, first.n_attempts, first.payload_sealed) == (UpdateStatus.FAILED, 3, None)
    assert {row.status for row in others} == {UpdateStatus.DONE}
    assert "poison" not in caplog.text


async def test_a_call_for_help_that_always_fails_gets_its_card(world: World) -> None:
    residents(world, 1)
    world.conversation.fails_on[CRY] = 99
    await stored(world, raw(1, 1, CRY))
    world.start(world.handler)
    await eventually(lambda: world.said_to(1) == [CARD])


async def test_understanding_that_fails_does_not_stop_the_answer(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    residents(world, 1)

    def fails(incoming: Incoming, parts: Any) -> None:
        raise ValueError(incoming.text)

    world.handler._understand = fails
    await stored(world, raw(1, 1, "private words"))
    await world.handler.handle_waiting()
    await eventually(lambda: world.said_to(1) == ["you said private words"])
    assert "private words" not in caplog.text


async def test_words_for_staff_are_marked_before_a_service_outside_could_be_asked(world: World) -> None:
    residents(world, 1, 2, 3)
    async with world.database.transaction() as session:
        talks = await make_chat(session, sealer=world.sealer, address=1)
        await make_ticket(session, sealer=world.sealer, chat=talks)
        closed = await make_chat(session, sealer=world.sealer, address=2)
        await make_ticket(session, sealer=world.sealer, chat=closed, status=TicketStatus.CLOSED)
    understood: dict[str, bool] = {}
    world.handler._understand = lambda incoming, parts: understood.setdefault(incoming.text, incoming.is_for_staff)
    world.handler._parts = FakeParts(world.sealer, asks_others=True)
    press = {"id": "1", "from": {"id": 3, "is_bot": False, "first_name": "Linh"}, "chat_instance": "1", "data": "staff",
             "message": {"message_id": 1, "date": 1, "chat": {"id": 3, "type": "private"}, "text": "?"}}
    await stored(world, raw(1, 1, "to staff"), raw(2, 2, "to nobody"), raw(3, 3, "before the button"),
                 {"update_id": 4, "callback_query": press}, raw(5, 3, "after the button"))
    assert await world.handler.handle_waiting() == 5
    assert understood == {"to staff": True, "to nobody": False, "before the button": False, "after the button": True}


async def test_a_payload_that_cannot_be_opened_is_put_aside(world: World) -> None:
    residents(world, 1)
    async with world.database.transaction() as session:
        await updates.add_all(session, [NewUpdate(1, "x" * 64, False, b"not sealed")], now=utc_now())
    await stored(world, raw(2, 1, "hi"))
    await world.handler.handle_waiting()
    assert {row.status for row in await world.rows()} == {UpdateStatus.DONE}
    await eventually(lambda: world.said_to(1) == ["you said hi"])


@pytest.mark.parametrize("toast", [None, "Thank you"])
async def test_every_button_is_answered(world: World, toast: str | None) -> None:
    residents(world, 7)
    await world.sender.send(7, plain("press", (Button("b", data="h:x:1"),)), Lane.ANSWER)
    world.conversation.toast = toast
    polling = world.receiver(Polling)
    world.start(world.handler, polling)
    query = people.tap(world.state, 7, data="h:x:1")
    await eventually(lambda: query.answer is not None)
    assert query.answer is not None
    assert (query.answer.get("text") or None) == toast
    await eventually(lambda: world.said_to(7)[1:] == ["you said h:x:1"])
    await polling.stop()


async def test_who_blocks_the_bot_is_remembered(world: World) -> None:
    residents(world, 7)
    polling = world.receiver(Polling)
    world.start(world.handler, polling)
    people.send_text(world.state, 7, "hi")
    await eventually(lambda: world.said_to(7) == ["you said hi"])
    people.set_blocked(world.state, 7, True)

    async def is_blocked() -> bool:
        async with world.database.reading() as session:
            chat = await chats.find(session, 7, world.sealer)
            return chat is not None and chat.state == ChatState.BLOCKED

    await eventually(is_blocked)
    await polling.stop()


async def test_every_kind_a_phone_can_send_gets_an_answer(world: World) -> None:
    residents(world, 7, 8, 9)
    state, polling = world.state, world.receiver(Polling)
    world.start(world.handler, polling)
    for kind, chat in (("photo", 7), ("document", 8), ("voice", 9), ("sticker", 7)):
        content = files.sample_png() if kind == "photo" else b"x"
        people.send_file(state, chat, state.files.add(kind, content, name="f", mime=""), caption="")
    people.send_location(state, 8, 35.5, 139.25)
    people.send_contact(state, 9, "+819012345678", "Mai")
    people.edit_text(state, 7, people.send_text(state, 7, "before")["message_id"], "after")
    kinds = {Kind.PHOTO, Kind.DOCUMENT, Kind.VOICE, Kind.STICKER, Kind.LOCATION, Kind.OTHER, Kind.TEXT, Kind.EDIT}
    await eventually(lambda: {each.kind for each in world.conversation.heard} == kinds)
    await eventually(lambda: sum(len(world.said_to(chat)) for chat in (7, 8, 9)) == 8)
    await polling.stop()


async def test_a_database_that_goes_away_for_a_while_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    residents(world, 7)
    await stored(world, raw(1, 7, "private words"))
    real_reading, is_away = world.database.reading, True

    def reading() -> Any:
        if is_away:
            raise OSError("away")
        return real_reading()

    with monkeypatch.context() as patch:
        patch.setattr(world.database, "reading", reading)
        world.start(world.handler)
        await eventually(lambda: "cannot be handled" in caplog.text)
        is_away = False
        await eventually(lambda: world.said_to(7) == ["you said private words"])
    assert caplog.records[-1].levelno <= logging.ERROR
    assert "private words" not in caplog.text


async def test_stopping_finishes_what_was_received(world: World) -> None:
    residents(world, *range(1, 121))
    await stored(world, *(raw(n, n) for n in range(1, 121)))
    await world.handler.stop()
    await world.handler.run()
    assert await world.all_handled()
    await eventually(lambda: len(world.conversation.heard) == 120)
    await world.quiet()
    assert {row.status for row in await world.deliveries()} == {DeliveryStatus.SENT}
