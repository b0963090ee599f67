"""Polling: stored before confirmed, once; and what happens when the database or Telegram is away."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.outgoing import Button, plain
from bot.simulator import people
from bot.simulator.faults import Fault
from bot.telegram import inbox as inbox_module
from bot.telegram import receiver as receiver_module
from bot.telegram.inbox import Inbox, InboxAwayError
from bot.telegram.receiver import Polling
from storage import updates
from storage.models import Lane, UpdateStatus
from tests.conftest import eventually
from tests.telegram.conftest import AWAY, CARD, CRY, World, utc_now


@pytest.fixture
def resident(world: World) -> int:
    return world.state.add_resident(id=7, first_name="Linh", language_code="vi", started=True).id


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits: what is tested is the order of things, not how long they take."""
    monkeypatch.setattr(receiver_module, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(receiver_module, "LONGEST_PAUSE_S", 0.1)
    monkeypatch.setattr(receiver_module, "ROOM_CHECK_S", 0.02)


def inbox_of(world: World) -> Inbox:
    return Inbox(world.database, world.sealer, world.sender, world.handler, clock=utc_now)


def raw(update_id: int, chat: int = 7, text: str = "hi", **chat_fields: Any) -> dict[str, Any]:
    return {"update_id": update_id, "message": {
        "message_id": update_id, "date": 1, "chat": {"id": chat, "type": "private", **chat_fields},
        "from": {"id": chat, "is_bot": False, "first_name": "Linh"}, "text": text,
    }}


class Outage:
    """Makes the database refuse every transaction until it is over."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_on = True
        real = world.database.transaction

        @asynccontextmanager
        async def transaction() -> Any:
            if self.is_on:
                raise OSError("the database is away")
            async with real() as session:
                yield session

        async def ping() -> None:
            if self.is_on:
                raise OSError("the database is away")

        monkeypatch.setattr(world.database, "transaction", transaction)
        monkeypatch.setattr(world.database, "ping", ping)


async def test_a_message_is_answered(world: World, resident: int) -> None:
    people.send_text(world.state, resident, "mất xe đạp")
    polling = world.receiver(Polling)
    world.start(polling, world.handler)
    await eventually(lambda: world.said_to(resident) == ["you said mất xe đạp"])
    await eventually(world.all_handled)
    await polling.stop()


async def test_an_update_is_a_row_before_telegram_may_forget_it(world: World, resident: int) -> None:
    people.send_text(world.state, resident, "một")
    polling = world.receiver(Polling)
    confirmed: list[tuple[int | None, int]] = []
    fetch = polling._fetch

    async def watched() -> list[Any]:
        confirmed.append((polling._offset, len(await world.rows())))
        return await fetch()

    polling._fetch = watched  # type: ignore[method-assign]
    world.start(polling)  # no handler: the row stays
    await eventually(lambda: len(confirmed) >= 2)
    await polling.stop()
    (row,) = await world.rows()
    assert confirmed[0] == (None, 0)
    assert confirmed[1] == (row.update_id + 1, 1)
    assert world.payload(row)["message"]["text"] == "một"
    assert row.chat_lookup == world.sealer.lookup("7")


async def test_what_a_resident_wrote_is_not_readable_in_the_database(world: World, sqlite_url: str) -> None:
    await inbox_of(world).store([raw(1, text="bí mật của tôi")])
    folder = Path(sqlite_url.removeprefix("sqlite:///")).parent
    content = b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())
    assert world.sealer.lookup("7").encode() in content
    assert "bí mật".encode() not in content
    assert b"Linh" not in content


async def test_an_update_that_comes_twice_is_answered_once(world: World, resident: int) -> None:
    inbox = inbox_of(world)
    await inbox.store([raw(1), raw(1), raw(2, text="again")])
    world.start(world.handler)
    await eventually(lambda: len(world.said_to(resident)) == 2)
    await inbox.store([raw(1), raw(2, text="again")])
    await world.handler.stop()
    await asyncio.wait([world.tasks[-1]])
    assert [each.text for each in world.conversation.heard] == ["hi", "again"]


async def test_calls_for_help_are_marked(world: World) -> None:
    await inbox_of(world).store([raw(1), raw(2, text=f"... {CRY}!")])
    assert [row.is_urgent for row in await world.rows()] == [False, True]


async def test_groups_and_junk_are_not_stored_and_an_added_group_is_left(world: World, bot: Any) -> None:
    state = world.state
    state.add_group(-5, "a group")
    joined = {"update_id": 3, "my_chat_member": {
        "chat": {"id": -5, "type": "group", "title": "a group"}, "from": {"id": 7}, "date": 1,
        "new_chat_member": {"status": "member", "user": {"id": 1}}, "old_chat_member": {"status": "left"},
    }}
    group = raw(4)
    group["message"]["chat"] = {"id": -5, "type": "group", "title": "a group"}
    inbox = inbox_of(world)
    await inbox.store([joined, group, None, "x", 5, {}, {"update_id": "x"}, {"update_id": 9}])
    assert await world.rows() == []
    await eventually(lambda: any(each.method == "leaveChat" for each in state.calls))


async def test_the_group_of_staff_is_not_left_and_not_read(world: World) -> None:
    state = world.state
    for chat_id in (-5, -6):
        state.add_group(chat_id, "a group")

    def joined(update_id: int, chat_id: int) -> dict[str, Any]:
        return {"update_id": update_id, "my_chat_member": {
            "chat": {"id": chat_id, "type": "group", "title": "a group"}, "from": {"id": 7}, "date": 1,
            "new_chat_member": {"status": "member", "user": {"id": 1}}, "old_chat_member": {"status": "left"},
        }}

    said = raw(4, text=CRY)
    said["message"]["chat"] = {"id": -5, "type": "group", "title": "a group"}
    inbox = Inbox(world.database, world.sealer, world.sender, world.handler, clock=utc_now,
                  stays_in=(-5, -1007, "@Koban_vi"))
    named = joined(5, -1008)
    named["my_chat_member"]["chat"] |= {"type": "channel", "username": "koban_VI"}
    await inbox.store([joined(1, -5), said, joined(2, -6), joined(3, -1007), named])
    assert await world.rows() == []
    await eventually(lambda: any(each.method == "leaveChat" for each in state.calls))
    await asyncio.sleep(0.1)
    assert [each.params["chat_id"] for each in state.calls if each.method == "leaveChat"] == [-6]


async def test_polling_waits_while_too_many_updates_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "MAX_WAITING", 3)
    monkeypatch.setattr(receiver_module, "LIMIT", 2)
    for number in range(10):
        world.state.add_resident(id=100 + number, first_name="x", started=True)
        people.send_text(world.state, 100 + number, f"n{number}")
    polling = world.receiver(Polling)
    world.start(polling)
    await asyncio.sleep(0.5)
    assert len(await world.rows()) == 4  # two, two more while there was room, and no third time
    world.start(world.handler)
    await eventually(lambda: len(world.conversation.heard) == 10)
    await polling.stop()
    assert [each.text for each in world.conversation.heard] == [f"n{number}" for number in range(10)]


async def test_with_the_database_away_the_card_goes_out_once_and_nothing_is_lost(
    world: World, resident: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    other = world.state.add_resident(id=8, first_name="Mai", started=True).id
    outage = Outage(world, monkeypatch)
    people.send_text(world.state, resident, f"{CRY} private words")
    people.send_text(world.state, other, "xe đạp")
    polling = world.receiver(Polling)
    world.start(polling, world.handler)
    await eventually(lambda: world.said_to(resident) == [CARD] and world.said_to(other) == [AWAY])
    people.send_text(world.state, other, "still there?")
    await eventually(lambda: len(world.said_to(other)) == 2)
    await asyncio.sleep(0.3)
    assert world.said_to(resident) == [CARD]
    outage.is_on = False
    await eventually(lambda: len(world.conversation.heard) == 3)
    await eventually(lambda: world.said_to(other)[2:] == ["you said xe đạp", "you said still there?"])
    assert {row.status for row in await world.rows()} == {UpdateStatus.DONE}
    await polling.stop()
    assert "private words" not in caplog.text


async def test_a_card_that_could_not_be_sent_in_an_outage_is_tried_again(
    world: World, resident: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = Outage(world, monkeypatch)
    world.state.faults.add(Fault("sendMessage", code=500, times=2))
    people.send_text(world.state, resident, CRY)
    polling = world.receiver(Polling)
    world.start(polling)
    await eventually(lambda: world.said_to(resident) == [CARD])
    outage.is_on = False
    await polling.stop()


async def test_in_an_outage_calls_for_help_are_answered_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "ANSWERS_AT_ONCE", 1)
    world.state.add_residents(20, 10)
    inbox = inbox_of(world)
    await inbox.answer_without_database([*(raw(n, n) for n in range(20, 29)), raw(29, 29, text=CRY)])
    sent = [each.chat_id for each in world.state.calls if each.method == "sendMessage"]
    assert sent[0] == 29
    assert sorted(sent) == list(range(20, 30))


async def test_a_button_pressed_in_an_outage_is_answered(
    world: World, resident: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.sender.send(resident, plain("press", (Button("b", data="menu"),)), Lane.ANSWER)
    Outage(world, monkeypatch)
    polling = world.receiver(Polling)
    world.start(polling)
    query = people.tap(world.state, resident, data="menu")
    await eventually(lambda: query.answer is not None)
    await eventually(lambda: world.said_to(resident)[1:] == [AWAY])
    await polling.stop()


async def test_a_database_that_hangs_counts_as_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "STORE_TIMEOUT_S", 0.1)
    async with world.database.transaction() as session:
        await session.execute(text("SELECT 1"))  # from here on it holds SQLite's one write lock
        with pytest.raises(InboxAwayError):
            await inbox_of(world).store([raw(1)])
    await inbox_of(world).store([raw(1)])
    assert [row.update_id for row in await world.rows()] == [1]


async def test_stored_together_means_committed_together(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    n_transactions = 0
    add_all = updates.add_all

    async def counted(*args: Any, **more: Any) -> int:
        nonlocal n_transactions
        n_transactions += 1
        return await add_all(*args, **more)

    monkeypatch.setattr(updates, "add_all", counted)
    inbox = inbox_of(world)
    await asyncio.gather(*(inbox.store([raw(number)]) for number in range(40)))
    assert len(await world.rows()) == 40
    assert n_transactions <= 2


async def test_telegram_being_away_is_waited_out(world: World, resident: int) -> None:
    for fault in (Fault("getUpdates", close=True), Fault("getUpdates", code=502, html=True, times=2),
                  Fault("getUpdates", code=409, times=1), Fault("getUpdates", retry_after=1)):
        world.state.faults.add(fault)
    world.state.faults.add(Fault("deleteWebhook", code=500))
    people.send_text(world.state, resident, "hi")
    polling = world.receiver(Polling)
    world.start(polling, world.handler)
    await eventually(lambda: world.said_to(resident) == ["you said hi"])
    await polling.stop()


async def test_a_second_poller_is_named_in_the_log(
    world: World, resident: int, caplog: pytest.LogCaptureFixture
) -> None:
    world.state.faults.add(Fault("getUpdates", code=409))
    polling = world.receiver(Polling)
    world.start(polling)
    await eventually(lambda: "another process" in caplog.text)
    await polling.stop()
    assert all(each.levelno == logging.ERROR for each in caplog.records if "another process" in each.message)


async def test_polling_removes_a_webhook_left_behind(world: World, resident: int) -> None:
    world.state.webhook.set("http://127.0.0.1:9/x", secret="", max_connections=1)
    people.send_text(world.state, resident, "hi")
    polling = world.receiver(Polling)
    world.start(polling, world.handler)
    await eventually(lambda: world.said_to(resident) == ["you said hi"])
    await polling.stop()


async def test_after_an_empty_answer_no_offset_hides_restarted_numbers(world: World) -> None:
    polling = world.receiver(Polling)
    polling._confirm([raw(900)])
    assert polling._offset == 901
    polling._confirm([])
    assert polling._offset is None
