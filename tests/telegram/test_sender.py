"""One message, one call: what arrives on the phone, and what each refusal of Telegram becomes."""

from __future__ import annotations

import asyncio
import logging
import socket

import pytest
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from bot.config import Settings
from bot.errors import NOT_BEGUN, DeliveryError, SettingsError
from bot.outgoing import MAX_TEXT_UNITS, Button, Entity, Outgoing, TextBuilder, plain
from bot.simulator import people
from bot.simulator.faults import Fault
from bot.simulator.server import SimulatorServer
from bot.telegram.limiter import Limiter
from bot.telegram.request import AiohttpRequest, FloodControl, NotConnected, call
from bot.telegram.sender import Sender, bot_for, create_bot
from storage.models import Lane

RESIDENT = 7
HOSTILE = (
    "<b>not bold</b> &amp; <script>alert(1)</script> *a* _b_ [c](d) `e` {f} %s \\u0041",
    "مرحبا \u202eabc\u202c بالعالم",  # right to left, and an override
    "a\u200bb\u200dc\ufeffd\u2060e",  # zero width
    "👩‍👩‍👧‍👦🇯🇵" * 20,
    "ក្រុមប៉ូលីស ရဲစခန်း สถานีตำรวจ प्रहरी",
    "line\nbreak\ttab  two spaces",
    "あ" * MAX_TEXT_UNITS,
    "𠮷" * (MAX_TEXT_UNITS // 2),
)


@pytest.fixture
def sender(simulator: SimulatorServer, bot: Bot) -> Sender:
    simulator.state.add_resident(id=RESIDENT, first_name="Linh", started=True)
    return Sender(bot, Limiter(rate=1000))


def last_call(simulator: SimulatorServer, method: str) -> dict[str, object]:
    return next(each.params for each in reversed(simulator.state.calls) if each.method == method)


async def failure(sender: Sender, outgoing: Outgoing | None = None, lane: Lane = Lane.ANSWER) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await sender.send(RESIDENT, outgoing or plain("hello"), lane)
    return caught.value


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_words_arrive_unchanged(simulator: SimulatorServer, sender: Sender, text: str) -> None:
    message_id = await sender.send(RESIDENT, plain(text), Lane.ANSWER)
    assert simulator.state.chats[RESIDENT].messages[message_id]["text"] == text


async def test_entities_and_buttons_arrive_as_they_were_built(simulator: SimulatorServer, sender: Sender) -> None:
    built = TextBuilder().line("👮 Đồn cảnh sát", "bold").add("nguồn", "text_link", url="https://www.npa.go.jp/").build((
        (Button("👍", data="h:x:1"), Button("site", url="https://www.npa.go.jp/")), (Button("🆘", data="sos"),),
    ))
    message_id = await sender.send(RESIDENT, built, Lane.ANSWER)
    message = simulator.state.chats[RESIDENT].messages[message_id]
    assert [(each["type"], each["offset"], each["length"]) for each in message["entities"]] == [
        (each.kind, each.offset, each.length) for each in built.entities
    ]
    assert message["entities"][1]["url"] == "https://www.npa.go.jp/"
    assert [[each["text"] for each in row] for row in message["reply_markup"]["inline_keyboard"]] == [
        ["👍", "site"], ["🆘"]
    ]
    assert last_call(simulator, "sendMessage")["link_preview_options"] == {"is_disabled": True}


async def test_a_silent_message_makes_no_sound(simulator: SimulatorServer, sender: Sender) -> None:
    await sender.send(RESIDENT, Outgoing("quiet", is_silent=True), Lane.NOTICE)
    assert last_call(simulator, "sendMessage")["disable_notification"] is True


async def test_the_location_button_is_shown_once(simulator: SimulatorServer, sender: Sender) -> None:
    await sender.send(RESIDENT, Outgoing("where?", request_location="📍 Send"), Lane.ANSWER)
    keyboard = simulator.state.chats[RESIDENT].keyboard
    assert keyboard is not None
    assert keyboard["one_time_keyboard"] is True
    assert keyboard["keyboard"][0][0] == {"text": "📍 Send", "request_location": True}


async def test_an_edit_changes_the_message(simulator: SimulatorServer, sender: Sender) -> None:
    message_id = await sender.send(RESIDENT, plain("before"), Lane.ANSWER)
    edited = await sender.send(RESIDENT, Outgoing("after", edit_message_id=message_id), Lane.ANSWER)
    assert edited == message_id
    assert simulator.state.chats[RESIDENT].messages[message_id]["text"] == "after"


async def test_an_edit_that_changes_nothing_is_done(sender: Sender) -> None:
    message_id = await sender.send(RESIDENT, plain("same"), Lane.ANSWER)
    assert await sender.send(RESIDENT, Outgoing("same", edit_message_id=message_id), Lane.ANSWER) == message_id


async def test_an_edit_of_a_message_that_is_gone_is_sent_anew(simulator: SimulatorServer, sender: Sender) -> None:
    message_id = await sender.send(RESIDENT, Outgoing("anew", edit_message_id=9999), Lane.ANSWER)
    assert simulator.state.chats[RESIDENT].messages[message_id]["text"] == "anew"


async def test_refused_formatting_leaves_the_words(
    simulator: SimulatorServer, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.state.faults.add(Fault("sendMessage", code=400, description="Bad Request: can't parse entities: no"))
    outgoing = Outgoing("words", entities=(Entity("bold", 0, 5),), buttons=((Button("b", data="d"),),))
    message_id = await sender.send(RESIDENT, outgoing, Lane.ANSWER)
    message = simulator.state.chats[RESIDENT].messages[message_id]
    assert message["text"] == "words"
    assert "reply_markup" not in message
    assert "refused the formatting" in caplog.text


async def test_a_blocked_chat_is_for_good(simulator: SimulatorServer, sender: Sender) -> None:
    people.set_blocked(simulator.state, RESIDENT, True)
    error = await failure(sender)
    assert (error.permanent, error.is_blocked) == (True, True)


async def test_a_deactivated_account_is_for_good(simulator: SimulatorServer, sender: Sender) -> None:
    people.deactivate(simulator.state, RESIDENT)
    error = await failure(sender)
    assert (error.permanent, error.is_blocked) == (True, True)


async def test_an_unknown_chat_is_for_good(sender: Sender) -> None:
    with pytest.raises(DeliveryError) as caught:
        await sender.send(404_404, plain("hello"), Lane.ANSWER)
    assert caught.value.permanent


async def test_a_429_says_how_long_and_whether_for_every_chat(simulator: SimulatorServer, sender: Sender) -> None:
    simulator.state.faults.add(Fault("sendMessage", retry_after=9, times=1))
    error = await failure(sender)
    assert (error.retry_after, error.permanent, error.whole_lane) == (9, False, False)
    simulator.state.add_resident(id=8, first_name="Mai", started=True)
    simulator.state.faults.add(Fault("sendMessage", retry_after=2, times=1))
    with pytest.raises(DeliveryError) as caught:
        await sender.send(8, plain("notice"), Lane.NOTICE)
    assert (caught.value.retry_after, caught.value.whole_lane) == (2, True)


async def test_a_message_that_is_called_off_before_its_turn_says_so(simulator: SimulatorServer, bot: Bot) -> None:
    simulator.state.add_resident(id=RESIDENT, first_name="Linh", started=True)
    limiter = Limiter(rate=1)
    turn = await limiter.acquire("another chat", Lane.ANSWER)
    waiting = asyncio.create_task(Sender(bot, limiter).send(RESIDENT, plain("hello"), Lane.ANSWER))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError) as caught:
        await waiting
    assert NOT_BEGUN in caught.value.__notes__
    assert not simulator.state.calls
    limiter.done(turn)


async def test_a_chat_that_must_wait_long_is_not_called_but_a_danger_card_is_tried(
    simulator: SimulatorServer, sender: Sender
) -> None:
    simulator.state.faults.add(Fault("sendMessage", retry_after=60, times=1))
    await failure(sender)
    n_calls = simulator.state.stats.n_calls
    error = await failure(sender)
    assert error.retry_after is not None
    assert 55 < error.retry_after <= 60
    assert simulator.state.stats.n_calls == n_calls
    assert await sender.send(RESIDENT, plain("🆘"), Lane.DANGER) > 0


@pytest.mark.parametrize("fault", [
    Fault("sendMessage", code=502, html=True), Fault("sendMessage", code=500), Fault("sendMessage", code=503),
])
async def test_trouble_at_telegram_passes(simulator: SimulatorServer, sender: Sender, fault: Fault) -> None:
    simulator.state.faults.add(Fault(fault.method, code=fault.code, html=fault.html))
    error = await failure(sender)
    assert (error.permanent, error.may_be_delivered, error.retry_after) == (False, False, None)
    assert "<" not in error.reason
    assert await sender.send(RESIDENT, plain("hello"), Lane.ANSWER) > 0


async def test_a_closed_socket_may_hide_a_delivery(simulator: SimulatorServer, sender: Sender) -> None:
    simulator.state.faults.add(Fault("sendMessage", close=True, after_delivery=True))
    error = await failure(sender)
    assert (error.permanent, error.may_be_delivered) == (False, True)
    assert simulator.state.stats.n_delivered == 1


async def test_an_answer_that_comes_too_late_may_hide_a_delivery(simulator: SimulatorServer, sender: Sender) -> None:
    simulator.state.faults.add(Fault("sendMessage", delay=1.0, after_delivery=True))
    error = await failure(sender)
    assert (error.permanent, error.may_be_delivered) == (False, True)


async def test_a_server_that_cannot_be_reached_delivered_nothing() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        request = AiohttpRequest(connect_timeout=1)
        sender = Sender(bot_for("1:token", f"http://127.0.0.1:{nobody.getsockname()[1]}", request), Limiter())
        error = await failure(sender)
        await request.shutdown()
    assert (error.permanent, error.may_be_delivered) == (False, False)


async def test_a_wrong_token_is_the_operators_fault_and_is_said_once(
    simulator: SimulatorServer, caplog: pytest.LogCaptureFixture
) -> None:
    request = AiohttpRequest()
    sender = Sender(bot_for("1:wrong", simulator.url, request), Limiter())
    errors = [await failure(sender), await failure(sender)]
    await request.shutdown()
    assert [error.permanent for error in errors] == [False, False]
    assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == 1


async def test_a_flood_of_buttons_never_raises(simulator: SimulatorServer, sender: Sender) -> None:
    await sender.answer_button("no such query", "toast")
    simulator.state.faults.add(Fault("answerCallbackQuery", close=True))
    await sender.answer_button("no such query")
    await sender.typing(RESIDENT)


async def test_a_long_toast_is_cut(simulator: SimulatorServer, sender: Sender) -> None:
    await sender.send(RESIDENT, plain("press", (Button("b", data="d"),)), Lane.ANSWER)
    query = people.tap(simulator.state, RESIDENT, data="d")
    await sender.answer_button(query.id, "あ" * 500)
    assert query.answer is not None
    assert query.answer["text"] == "あ" * 200


async def test_paid_rates_are_asked_for_notices_only(simulator: SimulatorServer, sender: Sender) -> None:
    await sender.send(RESIDENT, plain("answer"), Lane.ANSWER)
    assert "allow_paid_broadcast" not in last_call(simulator, "sendMessage")
    await sender.send(RESIDENT, plain("notice"), Lane.NOTICE)
    assert last_call(simulator, "sendMessage")["allow_paid_broadcast"] is True


async def test_neither_token_nor_words_are_ever_logged(
    simulator: SimulatorServer, sender: Sender, bot: Bot, caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    caplog.set_level(logging.DEBUG)
    async with create_bot(settings):
        pass
    secret = simulator.token.split(":")[1]
    reasons = []
    faults = (Fault(close=True), Fault(code=502, html=True), Fault(code=400), Fault(retry_after=1), Fault(code=418))
    for fault in faults:
        fault.method = "sendMessage"
        simulator.state.faults.add(fault)
        reasons.append((await failure(sender, plain("private words"), Lane.DANGER)).reason)
    await bot.set_my_commands([("sos", "private words")])
    try:
        await call(bot, "sendMessage\x00bad", {"text": "private words"})
    except TelegramError as error:
        reasons.append(str(error))
    for text in (caplog.text, *reasons):
        assert secret not in text
        assert "private words" not in text


@pytest.fixture
def settings(simulator: SimulatorServer) -> Settings:
    return Settings(telegram_token=simulator.token, telegram_api_url=simulator.url)  # type: ignore[arg-type]


async def test_create_bot_makes_no_call_and_closes_its_connections(
    simulator: SimulatorServer, settings: Settings
) -> None:
    async with create_bot(settings) as bot:
        assert simulator.state.stats.n_calls == 0
        assert (await bot.get_me()).is_bot
    with pytest.raises(SettingsError, match="KOBAN_TELEGRAM_TOKEN"):
        async with create_bot(settings.model_copy(update={"telegram_token": None})):
            pass


async def test_the_librarys_own_calls_work_with_forms_and_files(simulator: SimulatorServer, bot: Bot) -> None:
    simulator.state.add_resident(id=RESIDENT, first_name="Linh", started=True)
    message = await bot.send_message(RESIDENT, "mất xe đạp & <b>")
    assert message.text == "mất xe đạp & <b>"
    sent = await bot.send_document(RESIDENT, b"a,b\n1,2\n", filename="日本語 ünï.csv", caption="x")
    assert sent.document is not None
    file = await bot.get_file(sent.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"a,b\n1,2\n"


async def test_statuses_become_the_errors_that_say_what_can_help(simulator: SimulatorServer, bot: Bot) -> None:
    simulator.state.faults.add(Fault("getMe", code=413, html=True))
    with pytest.raises(BadRequest):
        await call(bot, "getMe", {})
    simulator.state.faults.add(Fault("getMe", code=429, html=True))
    with pytest.raises(FloodControl) as caught:
        await call(bot, "getMe", {})
    assert caught.value.seconds == 5


async def test_waiting_for_a_free_connection_is_bounded_and_sends_nothing(simulator: SimulatorServer) -> None:
    request = AiohttpRequest(connect_timeout=0.1, read_timeout=5, max_connections=1)
    bot = bot_for(simulator.token, simulator.url, request)
    simulator.state.faults.add(Fault("getMe", delay=1.0))
    first = asyncio.create_task(call(bot, "getMe", {}))
    await asyncio.sleep(0.05)
    with pytest.raises(NotConnected):
        await call(bot, "getMe", {})
    assert (await first)["is_bot"]
    assert simulator.state.stats.n_calls == 1
    await request.shutdown()


async def test_what_is_to_be_hidden_is_deleted_and_what_could_not_be_is_told(
    simulator: SimulatorServer, sender: Sender
) -> None:
    old = await sender.send(RESIDENT, plain("old"), Lane.ANSWER)
    simulator.state.clock.advance(49 * 3600)
    mine = await sender.send(RESIDENT, plain("mine"), Lane.ANSWER)
    theirs = people.send_text(simulator.state, RESIDENT, "theirs")["message_id"]
    report = Outgoing("all gone", delete_message_ids=(theirs, mine, 99_999), text_if_kept="{n} left")
    await sender.send(RESIDENT, report, Lane.ANSWER)
    left = simulator.state.chats[RESIDENT].messages
    assert [each["text"] for each in left.values()] == ["old", "all gone"]
    again = Outgoing("all gone", delete_message_ids=(old, theirs, mine), text_if_kept="{n} left")
    last = await sender.send(RESIDENT, again, Lane.ANSWER)
    assert left[last]["text"] == "1 left"


async def test_a_message_without_words_only_deletes(simulator: SimulatorServer, sender: Sender) -> None:
    message_id = await sender.send(RESIDENT, plain("a report"), Lane.ANSWER)
    assert await sender.send(RESIDENT, Outgoing("", delete_message_ids=(message_id,)), Lane.ANSWER) is None
    assert not simulator.state.chats[RESIDENT].messages


async def test_more_than_a_hundred_are_deleted_in_parts(simulator: SimulatorServer, sender: Sender) -> None:
    ids = tuple([await sender.send(RESIDENT, plain(f"{n}"), Lane.ANSWER) for n in range(120)])
    await sender.send(RESIDENT, Outgoing("", delete_message_ids=ids), Lane.ANSWER)
    assert not simulator.state.chats[RESIDENT].messages


async def test_all_of_a_long_chat_is_deleted_though_telegram_asks_to_wait(
    simulator: SimulatorServer, sender: Sender
) -> None:
    ids = []
    for n in range(620):
        ids.append(people.send_text(simulator.state, RESIDENT, f"word {n}")["message_id"])
    simulator.state.faults.add(Fault("deleteMessage", code=429, retry_after=1))
    report = Outgoing("all gone", delete_message_ids=tuple(ids), text_if_kept="{n} left")
    await sender.send(RESIDENT, report, Lane.ANSWER)
    assert [each["text"] for each in simulator.state.chats[RESIDENT].messages.values()] == ["all gone"]


async def test_a_deletion_whose_outcome_is_not_known_is_tried_again(simulator: SimulatorServer, sender: Sender) -> None:
    message_id = await sender.send(RESIDENT, plain("a word"), Lane.ANSWER)
    simulator.state.faults.add(Fault("deleteMessage", code=500))
    error = await failure(sender, Outgoing("all gone", delete_message_ids=(message_id,)))
    assert not error.permanent
    assert not simulator.state.chats[RESIDENT].messages, "the first call took it already"
