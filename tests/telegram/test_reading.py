"""From raw updates to plain values: every kind, nothing personal kept, and nothing that a stranger sends raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.incoming import Incoming, Kind
from bot.telegram.reading import ALLOWED_UPDATES, CALM, MAX_TEXT, URGENT, marks_of, slim, to_incoming
from tests.telegram.conftest import CRY

PERSON = {"id": 7, "is_bot": False, "first_name": "Nguyễn Thị Linh", "last_name": "Lan", "username": "linh_99",
          "language_code": "vi"}
CHAT = {"id": 7, "type": "private", "first_name": "Nguyễn Thị Linh", "username": "linh_99"}
FILE = {"file_id": "F", "file_unique_id": "U", "file_size": 9}


def message(**content: Any) -> dict[str, Any]:
    return {"update_id": 5, "message": {"message_id": 3, "date": 1, "chat": CHAT, "from": PERSON, **content}}


def read(**content: Any) -> Incoming | None:
    """Read a message as the handler does: reduced, stored as JSON, read back."""
    kept = slim(message(**content))
    return to_incoming(json.loads(json.dumps(kept))) if kept else None


@pytest.mark.parametrize(("content", "expected"), [
    ({"text": "mất xe đạp"}, Incoming(5, 7, Kind.TEXT, 3, "mất xe đạp", language_code="vi")),
    ({"text": "/start"}, Incoming(5, 7, Kind.COMMAND, 3, "start", language_code="vi")),
    ({"text": "/start@koban_bot campaign_7"}, Incoming(5, 7, Kind.COMMAND, 3, "start campaign_7", language_code="vi")),
    ({"text": "/help\nxin chào"}, Incoming(5, 7, Kind.COMMAND, 3, "help xin chào", language_code="vi")),
    ({"text": f"/help {CRY}"}, Incoming(5, 7, Kind.TEXT, 3, f"/help {CRY}", language_code="vi")),
    ({"text": "/ 110"}, Incoming(5, 7, Kind.TEXT, 3, "/ 110", language_code="vi")),
    ({"photo": [{**FILE, "file_id": "small", "width": 1, "height": 1}, {**FILE, "width": 9, "height": 9}],
      "caption": "hư rồi"}, Incoming(5, 7, Kind.PHOTO, 3, "hư rồi", language_code="vi", file_id="F", file_size=9)),
    ({"voice": {**FILE, "duration": 3}}, Incoming(5, 7, Kind.VOICE, 3, language_code="vi", file_id="F", file_size=9)),
    ({"audio": {**FILE, "duration": 3, "performer": "x"}},
     Incoming(5, 7, Kind.VOICE, 3, language_code="vi", file_id="F", file_size=9)),
    ({"document": {**FILE, "file_name": "Linh.pdf"}, "caption": "giấy tờ"},
     Incoming(5, 7, Kind.DOCUMENT, 3, "giấy tờ", language_code="vi", file_id="F", file_size=9)),
    ({"video": {**FILE, "duration": 3, "width": 1, "height": 1}},
     Incoming(5, 7, Kind.DOCUMENT, 3, language_code="vi", file_id="F", file_size=9)),
    ({"sticker": {**FILE, "width": 1, "height": 1, "is_animated": False, "is_video": False, "type": "regular",
                  "emoji": "🙏"}}, Incoming(5, 7, Kind.STICKER, 3, language_code="vi", file_id="F", file_size=9)),
    ({"location": {"latitude": 35.5, "longitude": 139.25}},
     Incoming(5, 7, Kind.LOCATION, 3, language_code="vi", place=(35.5, 139.25))),
    ({"venue": {"title": "x"}, "location": {"latitude": 35.5, "longitude": 139.25}},
     Incoming(5, 7, Kind.LOCATION, 3, language_code="vi", place=(35.5, 139.25))),
    ({"contact": {"phone_number": "+8190", "first_name": "Mai"}}, Incoming(5, 7, Kind.OTHER, 3, language_code="vi")),
    ({"dice": {"emoji": "🎲", "value": 3}}, Incoming(5, 7, Kind.OTHER, 3, language_code="vi")),
    ({"poll": {}}, Incoming(5, 7, Kind.OTHER, 3, language_code="vi")),
    ({"video_note": {**FILE, "duration": 1, "length": 9}}, Incoming(5, 7, Kind.OTHER, 3, language_code="vi")),
    ({"animation": FILE, "document": FILE},
     Incoming(5, 7, Kind.DOCUMENT, 3, language_code="vi", file_id="F", file_size=9)),
    ({"pinned_message": {}}, None),
    ({"text": ""}, None),
    ({"text": 7}, None),
    ({"location": {"latitude": 95, "longitude": 0}}, None),
    ({"location": {"latitude": "x", "longitude": None}}, None),
])
def test_each_kind_of_message_becomes_plain_values(content: dict[str, Any], expected: Incoming | None) -> None:
    assert read(**content) == expected


def test_an_edit_carries_the_new_words() -> None:
    raw = {"update_id": 6, "edited_message": message(text="mới")["message"]}
    assert to_incoming(raw) == Incoming(6, 7, Kind.EDIT, 3, "mới", language_code="vi")


def test_a_moving_location_is_no_edit() -> None:
    raw = {"update_id": 6, "edited_message": message(location={"latitude": 1, "longitude": 2})["message"]}
    assert to_incoming(raw) is None


def test_a_button_carries_its_meaning() -> None:
    raw = {"update_id": 6, "callback_query": {
        "id": "77", "from": PERSON, "chat_instance": "1", "data": "a:x", "message": message(text="old")["message"],
    }}
    assert to_incoming(raw) == Incoming(6, 7, Kind.BUTTON, 3, data="a:x", language_code="vi", callback_id="77")


def test_a_button_of_a_message_that_is_gone_still_finds_its_chat() -> None:
    raw = {"update_id": 6, "callback_query": {"id": "77", "from": PERSON, "chat_instance": "1", "data": "sos"}}
    assert to_incoming(raw) == Incoming(6, 7, Kind.BUTTON, None, data="sos", language_code="vi", callback_id="77")


@pytest.mark.parametrize(("status", "kind"), [("kicked", Kind.BLOCKED), ("member", Kind.UNBLOCKED)])
def test_blocking_and_unblocking_are_told(status: str, kind: Kind) -> None:
    raw = {"update_id": 6, "my_chat_member": {
        "chat": CHAT, "from": PERSON, "date": 1, "old_chat_member": {"user": PERSON, "status": "member"},
        "new_chat_member": {"user": PERSON, "status": status, "until_date": 0},
    }}
    assert to_incoming(raw) == Incoming(6, 7, kind, language_code="vi")


@pytest.mark.parametrize("chat", [{"id": -1, "type": "group", "title": "g"}, {"id": -100, "type": "supergroup"},
                                  {"id": -100, "type": "channel"}, {"type": "private"}, {"id": True, "type": "private"},
                                  {"id": 2**63, "type": "private"}, "7", None])
def test_only_private_chats_are_read(chat: Any) -> None:
    assert to_incoming({"update_id": 5, "message": {**message(text="x")["message"], "chat": chat}}) is None


def test_nothing_that_names_a_person_is_kept() -> None:
    raw = message(
        text="xin chào", forward_origin={"type": "user", "sender_user": PERSON, "date": 1},
        reply_to_message=message(text="secret")["message"], contact={"phone_number": "+819012345678"},
        sender_chat=CHAT, via_bot=PERSON, author_signature="Linh",
    )
    kept = json.dumps(slim(raw), ensure_ascii=False)
    for word in ("Linh", "linh_99", "Lan", "+8190", "secret"):
        assert word not in kept
    assert "xin chào" in kept


@pytest.mark.parametrize("raw", [
    message(text=CRY), message(photo=[{**FILE, "width": 1, "height": 1}], caption=CRY), message(text=f"/x {CRY}"),
    {"update_id": 1, "edited_message": message(text=CRY)["message"]},
    {"update_id": 1, "callback_query": {"id": "1", "from": PERSON, "data": "sos:police_now"}},
])
def test_calls_for_help_are_urgent_in_every_form(raw: dict[str, Any]) -> None:
    kept = slim(raw)
    assert kept is not None
    assert marks_of(kept) == {URGENT: True, CALM: False}


def test_other_words_and_buttons_are_not_urgent() -> None:
    for raw in (message(text="hi"), {"update_id": 1, "callback_query": {"id": "1", "from": PERSON, "data": "menu"}}):
        kept = slim(raw)
        assert kept is not None
        assert marks_of(kept) == {URGENT: False, CALM: "message" in kept}


def test_an_overlong_text_is_cut() -> None:
    found = read(text="x" * 10_000)
    assert found is not None
    assert len(found.text) == MAX_TEXT


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "id", "chat", "from", "type", "text", "message", "data", "photo", "voice", "file_id", "sticker", "location",
            "message_id", "latitude", "longitude", "new_chat_member", "status", "user", "language_code", "caption",
        ]), inner, max_size=6),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["update_id", *ALLOWED_UPDATES]), _anything), _anything)
@settings(max_examples=300, deadline=None)
def test_no_update_whatever_it_holds_raises(raw: dict[str, Any], content: Any) -> None:
    for each in (raw, {**message(text="x"), "message": {**message()["message"], "chat": CHAT, "text": content,
                                                          "photo": content, "location": content, "voice": content}}):
        kept = slim(each)
        if kept is not None:
            json.dumps(kept)
            marks_of(kept)
        to_incoming(each)
