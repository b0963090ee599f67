"""Webhook delivery: the secret, the order, the retries, and methods given as the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from telegram import Bot

from bot.simulator import people
from bot.simulator.models import Resident
from bot.simulator.server import SimulatorServer
from tests.simulator.conftest import Api


class Receiver:
    """A bot's webhook. answers: what to reply next; 200 when there is nothing."""

    def __init__(self) -> None:
        self.seen: list[dict[str, object]] = []
        self.secrets: list[str | None] = []
        self.answers: list[Callable[[], web.Response]] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.url = ""
        self.n_open = self.most_open = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.n_open += 1
        self.most_open = max(self.most_open, self.n_open)
        try:
            update = await request.json()
            self.seen.append(update)
            self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
            if gate := self.gates.get(update["message"]["chat"]["id"]):
                await gate.wait()
            return self.answers.pop(0)() if self.answers else web.Response()
        finally:
            self.n_open -= 1

    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.seen]  # type: ignore[index]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    await runner.cleanup()


async def until(question: Callable[[], object], seconds: float = 3.0) -> None:
    async with asyncio.timeout(seconds):
        while not question():  # noqa: ASYNC110 - the question is about another server
            await asyncio.sleep(0.01)


async def test_an_update_is_posted_with_the_secret_and_counts_as_taken(
    bot: Bot, simulator: SimulatorServer, linh: Resident, receiver: Receiver
) -> None:
    people.send_text(simulator.state, linh.id, "waiting since before")
    await bot.set_webhook(receiver.url, secret_token="a-Secret_1", max_connections=7)
    people.send_text(simulator.state, linh.id, "new")
    await until(lambda: len(simulator.state.updates) == 0)
    assert receiver.texts() == ["waiting since before", "new"]
    assert receiver.secrets == ["a-Secret_1"] * 2
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count, info.max_connections) == (receiver.url, 0, 7)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"secret_token": "with space"}, "secret token contains unallowed characters"),
        ({"secret_token": "x" * 257}, "secret token is too long"),
        ({"url": "ftp://127.0.0.1/"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ({"url": "https://example.com/"}, "bad webhook: the simulator calls only this machine"),
    ],
)
async def test_a_bad_webhook_is_refused(api: Api, params: dict[str, str], words: str) -> None:
    status, body = await api("setWebhook", **({"url": "http://127.0.0.1:9/"} | params))
    assert (status, body["description"]) == (400, f"Bad Request: {words}")


async def test_setting_it_twice_in_a_second_is_too_many(api: Api, simulator: SimulatorServer) -> None:
    assert (await api("setWebhook", url="http://127.0.0.1:9/"))[0] == 200
    status, body = await api("setWebhook", url="http://127.0.0.1:9/")
    assert (status, body["parameters"]) == (429, {"retry_after": 1})
    simulator.state.clock.advance(1)
    assert (await api("setWebhook", url="http://127.0.0.1:9/"))[0] == 200


async def test_a_failure_is_retried_at_once_then_after_two_then_four_seconds(
    api: Api, simulator: SimulatorServer, linh: Resident, receiver: Receiver
) -> None:
    receiver.answers = [lambda: web.Response(status=500)] * 4
    await api("setWebhook", url=receiver.url)
    people.send_text(simulator.state, linh.id, "x")
    await until(lambda: len(receiver.seen) == 2)
    for n, seconds in ((3, 2), (4, 4), (5, 8)):
        await asyncio.sleep(0.05)
        simulator.state.clock.advance(seconds - 1)
        await asyncio.sleep(0.1)
        assert len(receiver.seen) == n - 1
        simulator.state.clock.advance(1)
        await until(lambda: len(receiver.seen) == n)  # noqa: B023 - asked before the loop goes on
    await until(lambda: len(simulator.state.updates) == 0)
    info = (await api("getWebhookInfo"))[1]["result"]
    assert info["last_error_message"] == "Wrong response from the webhook: 500 Internal Server Error"


async def test_retry_after_is_honoured(
    api: Api, simulator: SimulatorServer, linh: Resident, receiver: Receiver
) -> None:
    receiver.answers = [lambda: web.Response(status=503, headers={"Retry-After": "30"})]
    await api("setWebhook", url=receiver.url)
    people.send_text(simulator.state, linh.id, "x")
    await until(lambda: len(receiver.seen) == 1)
    simulator.state.clock.advance(20)
    await asyncio.sleep(0.1)
    assert len(receiver.seen) == 1
    simulator.state.clock.advance(15)
    await until(lambda: len(receiver.seen) == 2)


async def test_one_chat_keeps_its_order_and_does_not_hold_up_another(
    api: Api, simulator: SimulatorServer, linh: Resident, receiver: Receiver
) -> None:
    other = simulator.state.add_resident("Arjun", "ne")
    gate = receiver.gates[linh.id] = asyncio.Event()
    await api("setWebhook", url=receiver.url)
    people.send_text(simulator.state, linh.id, "a1")
    people.send_text(simulator.state, linh.id, "a2")
    people.send_text(simulator.state, other.id, "b1")
    await until(lambda: len(receiver.seen) == 2)
    await asyncio.sleep(0.05)
    assert sorted(receiver.texts()) == ["a1", "b1"]
    gate.set()
    await until(lambda: len(receiver.seen) == 3)
    assert receiver.texts()[-1] == "a2"


async def test_no_more_than_max_connections_at_once(api: Api, simulator: SimulatorServer, receiver: Receiver) -> None:
    await api("setWebhook", url=receiver.url, max_connections=3)
    for n in range(12):
        resident = simulator.state.add_resident(f"R{n}")
        receiver.gates[resident.id] = gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.05 + n / 100, gate.set)
        people.send_text(simulator.state, resident.id, "x")
    await until(lambda: len(simulator.state.updates) == 0)
    assert receiver.most_open == 3


async def test_a_method_in_the_answer_is_carried_out_but_not_a_setting(
    api: Api, simulator: SimulatorServer, linh: Resident, receiver: Receiver
) -> None:
    receiver.answers = [
        lambda: web.json_response({"method": "sendMessage", "chat_id": linh.id, "text": "from the answer"}),
        lambda: web.json_response({"method": "setMyName", "name": "Mallory"}),
    ]
    await api("setWebhook", url=receiver.url)
    people.send_text(simulator.state, linh.id, "x")
    people.send_text(simulator.state, linh.id, "y")
    await until(lambda: len(simulator.state.updates) == 0)
    assert [m["text"] for m in simulator.state.from_bot(linh.id)] == ["from the answer"]
    assert (await api("getMyName"))[1]["result"]["name"] != "Mallory"


async def test_an_update_nobody_takes_is_dropped_after_a_day(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    await api("setWebhook", url="http://127.0.0.1:9/")
    people.send_text(simulator.state, linh.id, "x")
    await asyncio.sleep(0.1)
    info = (await api("getWebhookInfo"))[1]["result"]
    assert (info["pending_update_count"], info["last_error_message"]) == (1, "Connection refused")
    simulator.state.clock.advance(24 * 3600 + 1)
    assert (await api("getWebhookInfo"))[1]["result"]["pending_update_count"] == 0


async def test_gone_for_a_day_removes_the_webhook(
    api: Api, simulator: SimulatorServer, linh: Resident, receiver: Receiver
) -> None:
    receiver.answers = [lambda: web.Response(status=410)] * 99
    await api("setWebhook", url=receiver.url)
    people.send_text(simulator.state, linh.id, "x")
    await until(lambda: len(receiver.seen) == 2)
    await asyncio.sleep(0.05)
    simulator.state.clock.advance(23 * 3600)
    await until(lambda: simulator.state.webhook.url == "")


async def test_pending_updates_can_be_dropped(
    api: Api, simulator: SimulatorServer, linh: Resident, receiver: Receiver
) -> None:
    people.send_text(simulator.state, linh.id, "old")
    await api("setWebhook", url=receiver.url, drop_pending_updates=True)
    people.send_text(simulator.state, linh.id, "new")
    await until(lambda: receiver.seen)
    await asyncio.sleep(0.05)
    assert receiver.texts() == ["new"]
