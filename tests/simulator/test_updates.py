"""getUpdates: what is confirmed, what comes again, who is told of a conflict."""

from __future__ import annotations

import asyncio

import pytest
from telegram import Bot
from telegram.error import Conflict

from bot.simulator import people
from bot.simulator.models import Resident
from bot.simulator.server import SimulatorServer
from bot.simulator.state import State
from tests.simulator.conftest import Api


def write(state: State, resident: Resident, *texts: str) -> None:
    for text in texts:
        people.send_text(state, resident.id, text)


async def texts(api: Api, **params: object) -> list[str]:
    status, body = await api("getUpdates", **params)
    assert status == 200, body
    return [update["message"]["text"] for update in body["result"]]


async def test_updates_come_again_until_a_higher_offset_confirms_them(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    write(simulator.state, linh, "one", "two", "three")
    first = (await api("getUpdates"))[1]["result"]
    assert [u["message"]["text"] for u in first] == ["one", "two", "three"]
    simulator.state.clock.advance(1)
    assert await texts(api) == ["one", "two", "three"]
    assert await texts(api, offset=first[1]["update_id"]) == ["two", "three"]
    assert await texts(api, offset=first[1]["update_id"] + 1) == ["three"]
    simulator.state.clock.advance(5)
    assert await texts(api) == ["three"]


async def test_a_negative_offset_keeps_the_last_and_forgets_the_rest(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    write(simulator.state, linh, "one", "two", "three")
    assert await texts(api, offset=-2) == ["two", "three"]
    assert await texts(api) == ["two", "three"]


async def test_an_offset_far_in_the_future_forgets_nothing(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    write(simulator.state, linh, "one")
    assert await texts(api, offset=2_000_000_000) == ["one"]


async def test_the_limit_cuts_and_a_wrong_one_means_100(api: Api, simulator: SimulatorServer, linh: Resident) -> None:
    write(simulator.state, linh, *(str(n) for n in range(120)))
    assert len(await texts(api, limit=5)) == 5
    simulator.state.clock.advance(5)
    assert len(await texts(api, limit=500)) == 100


async def test_asking_again_within_half_a_second_gets_one_update(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    write(simulator.state, linh, "one", "two")
    assert len(await texts(api)) == 2
    assert len(await texts(api)) == 1


async def test_a_body_stays_below_four_mebibytes(api: Api, simulator: SimulatorServer, linh: Resident) -> None:
    simulator.state.updates.allow(["message"])
    for _ in range(5):
        simulator.state.updates.add("message", {"text": "x" * 1_000_000}, queue=linh.id)
    assert len(await texts(api)) == 4


async def test_a_long_poll_ends_when_somebody_writes(api: Api, simulator: SimulatorServer, linh: Resident) -> None:
    poll = asyncio.create_task(texts(api, timeout=30))
    await asyncio.sleep(0.1)
    assert not poll.done()
    write(simulator.state, linh, "hello")
    assert await asyncio.wait_for(poll, 2) == ["hello"]


async def test_a_second_poll_ends_the_first_with_a_conflict(
    api: Api, bot: Bot, simulator: SimulatorServer, linh: Resident
) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=20, read_timeout=25))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(texts(api, offset=1, timeout=20))
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await asyncio.wait_for(first, 2)
    write(simulator.state, linh, "for the second")
    assert await asyncio.wait_for(second, 2) == ["for the second"]


async def test_a_repeated_conflict_is_told_three_seconds_later(api: Api, simulator: SimulatorServer) -> None:
    polls = []
    for offset in (1, 2, 3):
        polls.append(asyncio.create_task(api("getUpdates", offset=offset, timeout=20)))
        await asyncio.sleep(0.1)
    assert (await asyncio.wait_for(polls[0], 2))[0] == 409
    assert not polls[1].done()
    simulator.state.clock.advance(3)
    assert (await asyncio.wait_for(polls[1], 2))[0] == 409
    polls[2].cancel()


async def test_getupdates_is_refused_while_a_webhook_is_set(api: Api, bot: Bot) -> None:
    await api("setWebhook", url="http://127.0.0.1:9/hook")
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_setting_a_webhook_ends_a_waiting_poll(api: Api) -> None:
    poll = asyncio.create_task(api("getUpdates", timeout=20))
    await asyncio.sleep(0.1)
    await api("setWebhook", url="http://127.0.0.1:9/hook")
    status, body = await asyncio.wait_for(poll, 2)
    assert (status, body["description"]) == (409, "Conflict: terminated by setWebhook request")


async def test_allowed_updates_are_remembered_and_apply_to_what_comes_after(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    write(simulator.state, linh, "before")
    await api("getUpdates", allowed_updates=["edited_message"])
    write(simulator.state, linh, "unwanted")
    message = people.send_text(simulator.state, linh.id, "also unwanted")
    people.edit_text(simulator.state, linh.id, message["message_id"], "wanted")
    simulator.state.clock.advance(5)
    kinds = [sorted(update)[0] for update in (await api("getUpdates"))[1]["result"]]
    assert kinds == ["message", "edited_message"]


async def test_an_update_is_forgotten_after_a_day(api: Api, simulator: SimulatorServer, linh: Resident) -> None:
    write(simulator.state, linh, "old")
    simulator.state.clock.advance(24 * 3600 - 10)
    write(simulator.state, linh, "young")
    simulator.state.clock.advance(20)
    assert await texts(api) == ["young"]


async def test_the_page_learns_when_the_bot_has_a_message(api: Api, simulator: SimulatorServer, linh: Resident) -> None:
    write(simulator.state, linh, "one")
    assert (await api.sim(f"chats/{linh.id}"))["not_taken"] == [1]
    update = (await api("getUpdates"))[1]["result"][0]
    await api("getUpdates", offset=update["update_id"] + 1)
    assert (await api.sim(f"chats/{linh.id}"))["not_taken"] == []


async def test_an_update_repeated_under_its_id_comes_again(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    write(simulator.state, linh, "one")
    update = (await api("getUpdates"))[1]["result"][0]
    simulator.state.updates.take(update["update_id"])
    simulator.state.updates.repeat(update["update_id"], "message", update["message"], queue=linh.id)
    assert (await api("getUpdates", offset=1))[1]["result"] == [update]
