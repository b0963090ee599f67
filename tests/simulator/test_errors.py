"""Each refusal has Telegram's words, and python-telegram-bot raises the exception it raises in real life."""

from __future__ import annotations

import aiohttp
import pytest
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)

from bot.simulator import people
from bot.simulator.faults import Fault
from bot.simulator.models import Resident
from bot.simulator.server import SimulatorServer
from tests.simulator.conftest import Api


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"chat_id": 99, "text": "hi"}, "chat not found"),
        ({"chat_id": "@nobody", "text": "hi"}, "chat not found"),
        ({"text": "hi"}, "chat_id is empty"),
        ({"text": ""}, "message text is empty"),
        ({"text": " \n "}, "message text is empty"),
        ({"text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "👮" * 2049}, "message is too long"),
        (
            {"text": "<b>x", "parse_mode": "HTML"},
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        ({"text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
        ({"text": "x", "message_thread_id": 5}, "message thread not found"),
        ({"text": "x", "reply_parameters": {"message_id": 55}}, "message to be replied not found"),
        ({"text": "x", "reply_markup": "{"}, "can't parse reply keyboard markup JSON object"),
        (
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "é" * 33}]]}},
            "BUTTON_DATA_INVALID",
        ),
        (
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": ""}]]}},
            "BUTTON_DATA_INVALID",
        ),
        (
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a"}]]}},
            "text buttons are unallowed in the inline keyboard",
        ),
        (
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "b"}] * 9]}},
            "reply markup is too long",
        ),
    ],
)
async def test_a_message_that_telegram_would_refuse_is_refused_in_its_words(
    api: Api, linh: Resident, params: dict[str, object], words: str
) -> None:
    if words != "chat_id is empty":
        params = {"chat_id": linh.id} | params
    assert await api("sendMessage", **params) == (
        400,
        {"ok": False, "error_code": 400, "description": f"Bad Request: {words}"},
    )


async def test_the_longest_text_and_button_pass(bot: Bot, linh: Resident) -> None:
    markup = '{"inline_keyboard":[[{"text":"a","callback_data":"' + "é" * 32 + '"}]]}'
    message = await bot.send_message(
        linh.id, f"<b>{'x' * 4096}</b>", parse_mode="HTML", api_kwargs={"reply_markup": markup}
    )
    assert len(message.text or "") == 4096


async def test_an_unknown_token_is_401_and_a_malformed_one_404(api: Api, simulator: SimulatorServer) -> None:
    async with api.session.get(f"{api.url}/bot999:wrong/getMe") as answer:
        assert answer.status == 401
        assert (await answer.json())["description"] == "Unauthorized: invalid token specified"
    async with api.session.get(f"{api.url}/botnonsense/getMe") as answer:
        assert (answer.status, (await answer.json())["description"]) == (404, "Not Found")
    stranger = Bot("999:wrong", base_url=f"{simulator.url}/bot")
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()


async def test_an_unknown_method_and_an_unknown_path_are_404(api: Api) -> None:
    assert await api("sendTelepathy") == (
        404,
        {"ok": False, "error_code": 404, "description": "Not Found: method not found"},
    )
    async with api.session.get(f"{api.url}/elsewhere") as answer:
        assert (await answer.json())["description"] == "Not Found"


async def test_methods_are_found_in_any_case_by_get_and_by_form(api: Api, linh: Resident) -> None:
    base = f"{api.url}/bot{api.token}"
    async with api.session.get(f"{base}/SENDMESSAGE", params={"chat_id": linh.id, "text": "one"}) as answer:
        assert (await answer.json())["result"]["text"] == "one"
    async with api.session.post(f"{base}/sendmessage", data={"chat_id": str(linh.id), "text": "two"}) as answer:
        assert (await answer.json())["result"]["text"] == "two"


async def test_leaving_the_server_is_refused(api: Api) -> None:
    assert (await api("logOut"))[0] == 400
    assert (await api("close"))[0] == 400


async def test_a_chat_by_its_state(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    state = simulator.state
    people.set_blocked(state, linh.id, True)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(linh.id, "x")
    people.set_blocked(state, linh.id, False)
    await bot.send_message(linh.id, "x")
    people.deactivate(state, linh.id)
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(linh.id, "x")
    stranger = state.add_resident("Stranger")
    with pytest.raises(Forbidden, match="can't initiate conversation"):
        await bot.send_message(stranger.id, "x")
    state.add_group(-100200, "Staff", kind="supergroup")
    people.kick(state, -100200)
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(-100200, "x")


async def test_a_group_that_moved_names_its_new_id(bot: Bot, simulator: SimulatorServer) -> None:
    simulator.state.add_group(-5, "Staff")
    simulator.state.migrate(-5, -1001234567890)
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(-5, "x")
    assert caught.value.new_chat_id == -1001234567890
    await bot.send_message(-1001234567890, "x")


async def test_a_rule_blocks_chats_by_their_id(api: Api, bot: Bot, simulator: SimulatorServer) -> None:
    simulator.state.add_residents(1000, 10)
    await api.sim("rules", {"modulo": 10, "remainder": 3, "status": "blocked"})
    with pytest.raises(Forbidden):
        await bot.send_message(1003, "x")
    await bot.send_message(1004, "x")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(code=400), BadRequest),
        (Fault(code=401), InvalidToken),
        (Fault(code=403), Forbidden),
        (Fault(code=409), Conflict),
        (Fault(code=500), NetworkError),
        (Fault(retry_after=7), RetryAfter),
        (Fault(html=True), NetworkError),
        (Fault(close=True), NetworkError),
    ],
)
async def test_a_fault_strikes_once_and_nothing_is_delivered(
    bot: Bot,
    simulator: SimulatorServer,
    linh: Resident,
    fault: Fault,
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # otherwise RetryAfter warns about its own future
    fault.method = "sendmessage"
    simulator.state.faults.add(fault)
    with pytest.raises(error):
        await bot.send_message(linh.id, "x")
    assert simulator.state.from_bot(linh.id) == []
    await bot.send_message(linh.id, "x")
    assert [call.fault is None for call in simulator.state.calls_to("sendMessage")] == [False, True]


async def test_a_gateway_page_is_html(api: Api, simulator: SimulatorServer) -> None:
    await api.sim("faults", {"html": True, "code": 502})
    async with api.session.get(f"{api.url}/bot{api.token}/getMe") as answer:
        assert (answer.status, answer.content_type) == (502, "text/html")
        assert "502 Bad Gateway" in await answer.text()


async def test_a_message_can_be_delivered_though_the_bot_is_told_otherwise(
    api: Api, bot: Bot, simulator: SimulatorServer, linh: Resident
) -> None:
    await api.sim("faults", {"method": "sendMessage", "close": True, "after_delivery": True})
    with pytest.raises(NetworkError):
        await bot.send_message(linh.id, "once")
    await bot.send_message(linh.id, "once")
    assert len(simulator.state.from_bot(linh.id)) == 2
    assert (await api.sim("stats"))["duplicates"] == 1


async def test_an_answer_after_the_timeout_comes_too_late_though_delivered(
    bot: Bot, simulator: SimulatorServer, linh: Resident
) -> None:
    simulator.state.faults.add(Fault(method="sendMessage", delay=1.0, after_delivery=True))
    with pytest.raises(TimedOut):
        await bot.send_message(linh.id, "slow", read_timeout=0.1)
    assert len(simulator.state.from_bot(linh.id)) == 1


async def test_a_fault_may_wait_for_its_chat_and_skip_calls(
    bot: Bot, simulator: SimulatorServer, linh: Resident
) -> None:
    other = simulator.state.add_resident("Arjun", "ne", started=True)
    simulator.state.faults.add(Fault(chat_id=linh.id, skip=1, times=2, code=500))
    await bot.send_message(other.id, "x")
    await bot.send_message(linh.id, "passes")
    for _ in range(2):
        with pytest.raises(NetworkError):
            await bot.send_message(linh.id, "struck")
    await bot.send_message(linh.id, "passes again")


async def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    async with api.session.post(f"{api.url}/bot{api.token}/getMe", data=b"{", headers=headers) as answer:
        assert answer.status == 400


async def test_another_host_name_or_origin_may_not_use_the_control_side(api: Api) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        async with api.session.get(f"{api.url}/_sim/stats", headers=headers) as answer:
            assert answer.status == 403


async def test_the_server_listens_on_this_machine_only(simulator: SimulatorServer) -> None:
    assert simulator.url.startswith("http://127.0.0.1:")
    async with aiohttp.ClientSession() as session, session.get(f"{simulator.url}/bot{simulator.token}/getMe") as answer:
        assert answer.status == 200
