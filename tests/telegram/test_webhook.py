"""The webhook: only Telegram is heard, an update is a row before the 200, and what happens otherwise."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from pydantic import SecretStr

from bot.errors import SettingsError
from bot.simulator import people
from bot.telegram import inbox as inbox_module
from bot.telegram.receiver import MAX_BODY, SECRET_HEADER, Webhook
from tests.conftest import eventually
from tests.environment import free_port
from tests.telegram.conftest import CARD, CRY, World
from tests.telegram.test_receiver import Outage, raw

GOOD = {SECRET_HEADER: "s3cret"}


@pytest_asyncio.fixture
async def webhook(world: World) -> AsyncIterator[Webhook]:
    world.state.add_resident(id=7, first_name="Linh", started=True)
    made = world.receiver(Webhook)
    assert isinstance(made, Webhook)
    world.start(made)
    await eventually(lambda: made.port != 0)
    yield made
    await made.stop()


async def post(
    webhook: Webhook, body: bytes | dict[str, Any], headers: dict[str, str] | None = None, path: str = "/hook"
) -> aiohttp.ClientResponse:
    data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
    async with aiohttp.ClientSession() as session, session.post(
        f"http://127.0.0.1:{webhook.port}{path}", data=data, headers=GOOD if headers is None else headers
    ) as response:
        await response.read()
        return response


async def test_an_update_is_a_row_before_the_200(world: World, webhook: Webhook) -> None:
    assert (await post(webhook, raw(1))).status == 200
    assert [row.update_id for row in await world.rows()] == [1]
    assert (await post(webhook, raw(1))).status == 200
    assert len(await world.rows()) == 1


@pytest.mark.parametrize("headers", [{}, {SECRET_HEADER: "wrong"}, {SECRET_HEADER: ""}, {SECRET_HEADER: "s3cret "[:5]},
                                     {SECRET_HEADER: "é"}])
async def test_a_call_without_the_secret_is_refused_unread(
    world: World, webhook: Webhook, headers: dict[str, str]
) -> None:
    assert (await post(webhook, raw(1), headers)).status == 403
    assert await world.rows() == []


async def test_the_body_of_a_refused_call_is_not_waited_for(world: World, webhook: Webhook) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", webhook.port)
    writer.write(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")  # and the body never comes
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 403")
    writer.close()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"7", b'"x"', b"null", b"{}", b'{"update_id":"1"}',
                                  b"[" * 5000])
async def test_what_is_no_update_is_refused(world: World, webhook: Webhook, body: bytes) -> None:
    assert (await post(webhook, body)).status == 400
    assert await world.rows() == []


async def test_a_body_without_end_is_refused(world: World, webhook: Webhook) -> None:
    assert (await post(webhook, b" " * (MAX_BODY + 1))).status == 413


async def test_nothing_else_is_served(webhook: Webhook) -> None:
    assert (await post(webhook, raw(1), path="/other")).status == 404
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{webhook.port}/hook") as response:
        assert response.status == 405


async def test_with_the_database_away_telegram_keeps_the_update_and_the_card_goes_out_once(
    world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage = Outage(world, monkeypatch)
    for _ in range(3):
        response = await post(webhook, raw(1, text=CRY))
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1
    assert world.said_to(7) == [CARD]
    outage.is_on = False
    assert (await post(webhook, raw(1, text=CRY))).status == 200
    assert len(await world.rows()) == 1


async def test_when_too_many_wait_only_calls_for_help_are_taken(
    world: World, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(webhook, raw(1))
    monkeypatch.setattr(inbox_module, "MAX_WAITING", 1)
    await asyncio.sleep(0.15)
    assert (await post(webhook, raw(2))).status == 503
    assert (await post(webhook, raw(3, text=CRY))).status == 200
    assert [row.update_id for row in await world.rows()] == [1, 3]


async def test_telegram_calls_the_webhook_it_was_told(world: World) -> None:
    world.state.add_resident(id=7, first_name="Linh", started=True)
    port = free_port()
    made = world.receiver(
        Webhook, telegram_webhook_url=f"http://127.0.0.1:{port}/hook", telegram_webhook_listen=f"127.0.0.1:{port}"
    )
    world.start(made, world.handler)
    await eventually(lambda: bool(world.state.webhook.info()["url"]))
    people.send_text(world.state, 7, "xin chào")
    await eventually(lambda: world.said_to(7) == ["you said xin chào"])
    await made.stop()


@pytest.mark.parametrize(("change", "problem"), [
    ({"telegram_webhook_url": None}, "KOBAN_TELEGRAM_WEBHOOK_URL"),
    ({"telegram_webhook_secret": None}, "KOBAN_TELEGRAM_WEBHOOK_SECRET"),
    ({"telegram_webhook_secret": SecretStr("has space")}, "KOBAN_TELEGRAM_WEBHOOK_SECRET"),
])
async def test_a_webhook_without_address_or_secret_does_not_start(
    world: World, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        world.receiver(Webhook, **change)
