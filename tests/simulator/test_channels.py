"""The police's channels over HTTP: the list of them, what was posted in each, and each change as it happens."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from bot.simulator.files import sample_png
from bot.simulator.server import SimulatorServer
from tests.simulator.conftest import Api

CHANNEL = -1001100000003
LINK = "https://t.me/koban_demo_bot?start=a_stolen_bicycle-vi"


async def _add(api: Api, **more: Any) -> None:
    channel = {"chat_id": CHANNEL, "title": "Công an 📢", "kind": "channel", "username": "koban_vi"}
    await api.sim("groups", channel | more)


async def test_channels_are_listed_apart_from_the_residents(api: Api, bot: Bot, simulator: SimulatorServer) -> None:
    simulator.state.add_residents(1, 150)
    simulator.state.add_group(-100, "Staff", kind="supergroup")
    assert await api.sim("chats?kind=channel") == []
    await _add(api, language="vi")
    await bot.send_message("@koban_vi", "Sóng thần")
    assert await api.sim("chats?kind=channel") == [{
        "id": CHANNEL, "type": "channel", "title": "Công an 📢", "username": "koban_vi", "language": "vi",
        "status": "open", "n_messages": 1,
    }]


async def test_a_channel_holds_what_was_posted_with_its_picture_and_links(api: Api, bot: Bot) -> None:
    await _add(api)
    links = InlineKeyboardMarkup([[InlineKeyboardButton("Mất xe đạp", url=LINK)]])
    await bot.send_photo("@koban_vi", sample_png(), filename="tsunami.png", caption="📢 Sóng thần", reply_markup=links)
    await bot.send_document(CHANNEL, b"%PDF-1.7 %%EOF", filename="leaflet.pdf")
    feed = await api.sim(f"chats/{CHANNEL}")
    picture, leaflet = feed["messages"]
    assert feed["chat"]["title"] == picture["sender_chat"]["title"] == "Công an 📢"
    assert (picture["caption"], "from" in picture) == ("📢 Sóng thần", False)
    assert picture["reply_markup"]["inline_keyboard"] == [[{"text": "Mất xe đạp", "url": LINK}]]
    assert leaflet["document"]["file_name"] == "leaflet.pdf"
    async with api.session.get(f"{api.url}/_sim/files/{picture['photo'][-1]['file_id']}") as answer:
        assert (answer.content_type, await answer.read()) == ("image/png", sample_png())


async def test_posts_changes_and_removals_are_told_as_they_happen(api: Api, bot: Bot) -> None:
    async with api.session.get(f"{api.url}/_sim/events") as stream:
        await _heard(stream, "hello")
        await _add(api)
        assert (await _heard(stream, "chat"))["chat_id"] == CHANNEL
        post = await bot.send_message(CHANNEL, "Sóng thần")
        told = await _heard(stream, "message")
        assert (told["chat_id"], told["message"]["text"]) == (CHANNEL, "Sóng thần")
        await bot.edit_message_text("Hết sóng thần", CHANNEL, post.message_id)
        assert (await _heard(stream, "edited"))["message"]["text"] == "Hết sóng thần"
        await bot.delete_message(CHANNEL, post.message_id)
        assert (await _heard(stream, "deleted"))["message_ids"] == [post.message_id]


async def _heard(stream: aiohttp.ClientResponse, kind: str) -> dict[str, Any]:
    """Read on until an event of this kind, and return it."""
    async for line in stream.content:
        if line.startswith(b"data: ") and (event := json.loads(line[6:]))["kind"] == kind:
            return dict(event)
    raise AssertionError(f"the stream ended before {kind}")
