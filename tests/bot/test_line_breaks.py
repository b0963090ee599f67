"""Where a line must not break: a joiner keeps the Burmese negation and loanwords whole, and other text is untouched."""

from __future__ import annotations

import pytest

from bot.line_breaks import JOINER, keep_together
from bot.outgoing import TextBuilder, utf16_length


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("မသေချာရင် ဝန်ထမ်းကို မေးပါ။", "မ|သေချာရင် ဝန်ထမ်းကို မေးပါ။"),
        ("အချိန်မရွေး", "အချိန်မ|ရွေး"),
        ("ဒီချတ်မှာ", "ဒီချ|တ်မှာ"),
        ("အက်ပ်အကောင့်", "အ|က်|ပ်အ|ကော|င့်"),
        ("မက်ဆေ့ချ်", "မ|က်|ဆေ့|ချ်"),
    ],
)
def test_a_negation_and_a_loanword_stay_on_one_line(text: str, kept: str) -> None:
    assert keep_together(text) == kept.replace("|", JOINER)


@pytest.mark.parametrize(
    "text", ["", "110", "Hello.", "မိသားစု ပြောပါမယ်။", "ဓမ္မ", "ខ្ញុំមិនយល់ទេ។", "ฉันไม่เข้าใจ", "警察に 電話して ください。"]
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert keep_together(text) == text


def test_formatting_counts_the_joiners() -> None:
    message = TextBuilder().add("🔔 ").add("မသေချာရင် မေးပါ", "bold").add("။").build()
    (bold,) = message.entities
    assert bold.offset == utf16_length("🔔 ")
    assert bold.length == utf16_length(f"မ{JOINER}သေချာရင် မေးပါ")
