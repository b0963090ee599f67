"""Messages as plain values: entities count in UTF-16, nothing typed can break them, everything fits."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.outgoing import (
    MAX_TEXT_UNITS,
    About,
    Button,
    Document,
    Entity,
    Outgoing,
    StoredFile,
    TextBuilder,
    plain,
    utf16_length,
)


def test_offsets_count_utf16_units() -> None:
    built = TextBuilder().add("😀 ").add("bold", "bold").build()
    assert [(entity.offset, entity.length) for entity in built.entities] == [(3, 4)]


@given(st.lists(st.tuples(st.text(max_size=3000), st.sampled_from([None, "bold", "italic"])), max_size=6))
def test_whatever_is_written_fits_and_its_entities_lie_inside(parts: list[tuple[str, str | None]]) -> None:
    builder = TextBuilder()
    for text, kind in parts:
        builder.add(text, kind)
    built = builder.build()
    assert utf16_length(built.text) <= MAX_TEXT_UNITS
    for entity in built.entities:
        assert entity.length > 0


@given(st.text())
def test_a_message_survives_the_outbox(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    message = plain(text, (Button("x", data="menu"), Button("y", url="https://example.org")))
    assert Outgoing.from_json(message.to_json()) == message


def test_no_field_of_a_message_is_lost_in_the_outbox() -> None:
    changed: dict[str, Any] = {
        "text": "a", "entities": (Entity("bold", 0, 1), Entity("text_link", 0, 1, "https://example.org")),
        "buttons": ((Button("x", data="menu"),),), "edit_message_id": 7, "request_location": "where", "is_silent": True,
        "is_unprompted": True, "delete_message_ids": (1, 2), "text_if_kept": "b", "about": About.REPLY,
        "about_message_id": 8, "document": Document("a.ics", "BEGIN", "text/calendar"),
        "file": StoredFile(3, True, "a.png", "image/png"), "about_part_ids": (5, 6),
        "before": (Outgoing("", file=StoredFile(4, False, "a.pdf", "application/pdf")),),
    }
    assert set(changed) == {each.name for each in fields(Outgoing)}, "a new field needs a value here"
    message = Outgoing(**changed)
    assert Outgoing.from_json(message.to_json()) == message


@pytest.mark.parametrize("data", ["", "x" * 65, "あ" * 22])
def test_a_button_whose_data_telegram_would_refuse_is_refused_here(data: str) -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        Button("x", data=data)
