"""Sending, editing, deleting, tapping, files and the rest, with the real python-telegram-bot."""

from __future__ import annotations

import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest

from bot.simulator import files, people
from bot.simulator.models import Config, Resident
from bot.simulator.server import SimulatorServer
from tests.simulator.conftest import NO_LIMITS, Api

KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="yes")]])


async def test_an_edit_that_changes_nothing_is_refused(bot: Bot, linh: Resident) -> None:
    message = await bot.send_message(linh.id, "<b>x</b>", parse_mode="HTML", reply_markup=KEYBOARD)
    with pytest.raises(
        BadRequest, match=r"(?i)message is not modified: specified new message content and reply markup are"
    ):
        await message.edit_text(" <b>x</b>", parse_mode="HTML", reply_markup=KEYBOARD)
    edited = await message.edit_text("x", reply_markup=KEYBOARD)
    assert isinstance(edited, Message)
    assert edited.edit_date
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await message.edit_reply_markup(KEYBOARD)
    edited = await message.edit_text("x")
    assert isinstance(edited, Message)
    assert edited.reply_markup is None


async def test_only_ones_own_and_known_messages_can_be_edited(
    bot: Bot, simulator: SimulatorServer, linh: Resident
) -> None:
    theirs = people.send_text(simulator.state, linh.id, "mine")
    with pytest.raises(BadRequest, match=r"(?i)message can't be edited"):
        await bot.edit_message_text("x", linh.id, theirs["message_id"])
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await bot.edit_message_text("x", linh.id, 999)


async def test_a_caption_is_edited_as_a_caption(bot: Bot, linh: Resident) -> None:
    message = await bot.send_document(linh.id, b"hello", filename="a.txt", caption="one")
    edited = await message.edit_caption("two")
    assert isinstance(edited, Message)
    assert edited.caption == "two"
    with pytest.raises(BadRequest, match=r"(?i)there is no text in the message to edit"):
        await message.edit_text("x")
    with pytest.raises(BadRequest, match=r"(?i)message caption is too long"):
        await message.edit_caption("x" * 1025)


async def test_messages_are_deleted_within_two_days(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    theirs = people.send_text(simulator.state, linh.id, "mine")
    ours = [await bot.send_message(linh.id, str(n)) for n in range(3)]
    await bot.delete_message(linh.id, theirs["message_id"])
    await bot.delete_messages(linh.id, [ours[0].message_id, 999])
    assert [m["text"] for m in simulator.state.transcript(linh.id)] == ["1", "2"]
    with pytest.raises(BadRequest, match=r"(?i)message to delete not found"):
        await ours[0].delete()
    simulator.state.clock.advance(48 * 3600 + 1)
    with pytest.raises(BadRequest, match=r"(?i)message can't be deleted for everyone"):
        await ours[1].delete()


async def test_a_tap_is_answered_once_and_in_time(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    await bot.send_message(linh.id, "?", reply_markup=KEYBOARD)
    query = people.tap(simulator.state, linh.id, text="Yes")
    update = (await bot.get_updates())[0]
    assert update.callback_query is not None
    assert update.callback_query.data == "yes"
    assert update.callback_query.message is not None
    await update.callback_query.answer("thanks", show_alert=True)
    assert query.answer == {"text": "thanks", "show_alert": True, "url": ""}
    with pytest.raises(BadRequest, match=r"(?i)query is too old and response timeout expired or query ID is invalid"):
        await update.callback_query.answer()
    late = people.tap(simulator.state, linh.id, data="yes")
    simulator.state.clock.advance(61)
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_callback_query(late.id)


async def test_the_answer_to_a_tap_is_at_most_200_characters(
    api: Api, bot: Bot, simulator: SimulatorServer, linh: Resident
) -> None:
    await bot.send_message(linh.id, "?", reply_markup=KEYBOARD)
    query = people.tap(simulator.state, linh.id, data="yes")
    assert (await api("answerCallbackQuery", callback_query_id=query.id, text="x" * 201))[0] == 400
    assert (await api("answerCallbackQuery", callback_query_id=query.id, text="x" * 200))[0] == 200


async def test_nobody_can_tap_a_button_that_is_not_there(api: Api, linh: Resident) -> None:
    async with api.session.post(f"{api.url}/_sim/tap", json={"resident_id": linh.id, "data": "forged"}) as answer:
        assert answer.status == 400


async def test_files_go_up_and_come_down(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    sent = await bot.send_document(linh.id, b"\x00binary\xff", filename="報告 書.bin", caption="see")
    assert sent.document is not None
    assert sent.document.file_name == "報告 書.bin"
    again = await bot.send_document(linh.id, sent.document.file_id)
    assert again.document is not None
    file = await bot.get_file(again.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"\x00binary\xff"
    photo = await bot.send_photo(linh.id, files.sample_png(64, 32))
    assert (photo.photo[0].width, photo.photo[0].height) == (64, 32)
    voice = await bot.send_voice(linh.id, files.sample_voice(3))
    assert voice.voice is not None
    assert voice.to_dict()["voice"]["duration"] == 3
    with pytest.raises(BadRequest, match=r"(?i)wrong file identifier"):
        await bot.send_document(linh.id, "nonsense")
    with pytest.raises(BadRequest, match=r"(?i)can't use file of type Document as Photo"):
        await bot.send_photo(linh.id, sent.document.file_id)
    with pytest.raises(BadRequest, match=r"(?i)IMAGE_PROCESS_FAILED"):
        await bot.send_photo(linh.id, b"not an image")
    with pytest.raises(BadRequest, match=r"(?i)invalid file_id"):
        await bot.get_file("nonsense")


async def test_a_file_above_twenty_megabytes_cannot_be_downloaded(
    api: Api, simulator: SimulatorServer, linh: Resident
) -> None:
    stored = simulator.state.files.add("document", bytes(20 * 1024 * 1024 + 1), name="big", mime="")
    status, body = await api("getFile", file_id=stored.file_id)
    assert (status, body["description"]) == (400, "Bad Request: file is too big")
    async with api.session.get(f"{api.url}/file/bot{api.token}/{stored.path}") as answer:
        assert answer.status == 404


async def test_old_files_are_forgotten_when_memory_is_full(linh: Resident) -> None:
    async with SimulatorServer(Config(keep_bytes=100)) as simulator:
        first = simulator.state.files.add("document", b"x" * 60, name="a", mime="")
        second = simulator.state.files.add("document", b"x" * 60, name="b", mime="")
        assert simulator.state.files.get(first.file_id) is None
        assert simulator.state.files.get(second.file_id) is second


async def test_what_a_resident_sends_arrives_whole(api: Api, bot: Bot, linh: Resident) -> None:
    for body in (
        {"kind": "text", "text": "/start"},
        {"kind": "photo", "caption": "look"},
        {"kind": "document"},
        {"kind": "voice"},
        {"kind": "sticker"},
        {"kind": "location", "latitude": 35.68, "longitude": 139.76},
        {"kind": "contact", "phone_number": "+819012345678"},
    ):
        await api.sim("send", {"resident_id": linh.id} | body)
    messages = [update.message for update in await bot.get_updates()]
    assert all(message is not None for message in messages)
    command, photo, document, voice, sticker, location, contact = (m for m in messages if m is not None)
    assert command.from_user is not None
    assert (command.text, command.from_user.language_code) == ("/start", "vi")
    assert (photo.caption, len(photo.photo)) == ("look", 1)
    assert document.document is not None
    assert voice.voice is not None
    assert bytes(await (await voice.voice.get_file()).download_as_bytearray())[:4] == b"OggS"
    assert sticker.sticker is not None
    assert location.location is not None
    assert contact.contact is not None
    assert contact.contact.user_id == linh.id


async def test_an_edit_by_a_resident_arrives_as_an_edit(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    message = people.send_text(simulator.state, linh.id, "bike")
    people.edit_text(simulator.state, linh.id, message["message_id"], "bicycle")
    edited = (await bot.get_updates())[1].edited_message
    assert edited is not None
    assert (edited.text, edited.message_id) == ("bicycle", message["message_id"])


async def test_blocking_tells_the_bot(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    people.set_blocked(simulator.state, linh.id, True)
    people.set_blocked(simulator.state, linh.id, False)
    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [c.new_chat_member.status for c in changes if c] == ["kicked", "member"]


async def test_copies_lose_their_author_and_forwards_keep_it(
    bot: Bot, simulator: SimulatorServer, linh: Resident
) -> None:
    staff = simulator.state.add_group(-100, "Staff", kind="supergroup")
    original = people.send_text(simulator.state, linh.id, "help")
    await bot.copy_message(staff.id, linh.id, original["message_id"])
    forwarded = await bot.forward_message(staff.id, linh.id, original["message_id"])
    assert forwarded.forward_origin is not None
    assert [m["text"] for m in simulator.state.transcript(staff.id)] == ["help", "help"]
    with pytest.raises(BadRequest, match=r"(?i)message to copy not found"):
        await bot.copy_message(staff.id, linh.id, 999)
    with pytest.raises(BadRequest, match=r"(?i)message to forward not found"):
        await bot.forward_message(staff.id, linh.id, 999)


async def test_forum_topics_open_close_and_are_missed_when_absent(bot: Bot, simulator: SimulatorServer) -> None:
    simulator.state.add_group(-100, "Staff", kind="supergroup", is_forum=True)
    topic = await bot.create_forum_topic(-100, "Ticket 7")
    message = await bot.send_message(-100, "x", message_thread_id=topic.message_thread_id)
    assert message.message_thread_id == topic.message_thread_id
    await bot.close_forum_topic(-100, topic.message_thread_id)
    with pytest.raises(BadRequest, match=r"(?i)TOPIC_CLOSED|Topic_closed"):
        await bot.send_message(-100, "x", message_thread_id=topic.message_thread_id)
    await bot.reopen_forum_topic(-100, topic.message_thread_id)
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(-100, "x", message_thread_id=4242)


async def test_commands_are_kept_per_scope_and_language(api: Api, bot: Bot, linh: Resident) -> None:
    await bot.set_my_commands([BotCommand("help", "Help")])
    scope = BotCommandScopeAllPrivateChats()
    await bot.set_my_commands([BotCommand("help", "Trợ giúp")], scope=scope, language_code="vi")
    assert (await bot.get_my_commands())[0].description == "Help"
    assert await bot.get_my_commands(language_code="ne") == ()
    assert (await api.sim(f"chats/{linh.id}"))["commands"][0]["description"] == "Trợ giúp"
    await bot.delete_my_commands(scope=scope, language_code="vi")
    assert (await api.sim(f"chats/{linh.id}"))["commands"][0]["description"] == "Help"
    for wrong in ({"language_code": "fil"}, {"commands": [{"command": "Ä", "description": "x"}]}):
        params = {"commands": [{"command": "help", "description": "x"}]} | wrong
        assert (await api("setMyCommands", **params))[0] == 400


async def test_the_profile_has_texts_per_language(bot: Bot, api: Api) -> None:
    await bot.set_my_description("Police help")
    await bot.set_my_description("Cảnh sát", language_code="vi")
    assert (await bot.get_my_description("vi")).description == "Cảnh sát"
    assert (await bot.get_my_description("ne")).description == "Police help"
    assert (await api("setMyShortDescription", short_description="x" * 121))[0] == 400


async def test_actions_pins_members_and_chats(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    await bot.send_chat_action(linh.id, ChatAction.TYPING)
    message = await bot.send_message(linh.id, "pinned", protect_content=True)
    await message.pin()
    chat = await bot.get_chat(linh.id)
    assert chat.pinned_message is not None
    assert (chat.first_name, chat.pinned_message.text) == ("Linh", "pinned")
    assert (await bot.get_chat_member(linh.id, linh.id)).status == "member"
    with pytest.raises(BadRequest, match=r"(?i)message to pin not found"):
        await bot.pin_chat_message(linh.id, 999)
    with pytest.raises(BadRequest, match=r"(?i)wrong parameter action in request"):
        await bot.send_chat_action(linh.id, "dancing")


async def test_the_call_log_and_the_chats_are_bounded() -> None:
    config = Config(keep_calls=5, keep_messages=3, open_chats=True, limits=NO_LIMITS)
    async with SimulatorServer(config) as simulator:
        async with Bot(simulator.token, base_url=f"{simulator.url}/bot") as bot:
            for n in range(10):
                await bot.send_message(42, str(n))
        assert [call.params["text"] for call in simulator.state.calls] == ["5", "6", "7", "8", "9"]
        assert [m["text"] for m in simulator.state.transcript(42)] == ["7", "8", "9"]


async def test_the_call_log_tells_parameters_and_statuses_but_no_file_contents(
    api: Api, bot: Bot, linh: Resident
) -> None:
    await bot.send_document(linh.id, b"secret contents", filename="a.txt")
    await api("sendMessage", chat_id=1, text="x")
    calls = await api.sim("calls?method=SendDocument")
    assert [(call["status"], call["chat_id"]) for call in calls] == [(200, linh.id)]
    assert "secret" not in str(calls)
    assert (await api.sim("calls?chat_id=1"))[0]["description"] == "Bad Request: chat not found"


async def test_reset_forgets_everything(api: Api, bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    await bot.send_message(linh.id, "x")
    await api.sim("reset", {})
    assert await api.sim("chats") == []
    assert (await api.sim("stats"))["delivered"] == 0


async def test_changes_are_streamed(api: Api, bot: Bot, linh: Resident) -> None:
    async with api.session.get(f"{api.url}/_sim/events") as stream:
        assert b"hello" in await stream.content.readline()
        await bot.send_message(linh.id, "streamed")
        while b'"kind":"message"' not in (line := await stream.content.readline()):
            pass
        assert b"streamed" in line


async def test_a_test_can_wait_for_what_the_bot_does(bot: Bot, simulator: SimulatorServer, linh: Resident) -> None:
    import asyncio

    waiting = asyncio.create_task(simulator.state.until(lambda: simulator.state.from_bot(linh.id)))
    await asyncio.sleep(0)
    await bot.send_message(linh.id, "here")
    assert (await waiting)[0]["text"] == "here"
    with pytest.raises(TimeoutError):
        await simulator.state.until(lambda: False, seconds=0.05)
