"""Machine translation: what leaves, what comes back, and what happens when nothing does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import doctor
from bot.config import Settings
from bot.redaction import put_back, take_out
from bot.translation.libretranslate import LibreTranslate
from bot.translation.machine import Machine, NotTranslated, machine_of
from bot.translation.textra import TexTra
from tests.bot.translators import FakeLibre, FakeTexTra, FakeTranslator, serving

PRIVATE = "Gọi 090-1234-5678, a@b.example, thẻ AB12345678CD, @handle_1, https://x.example/me?a=b@c.example"


@pytest.fixture
def libre() -> Iterator[FakeTranslator]:
    with serving(FakeLibre()) as fake:
        yield fake


@pytest.fixture
def textra() -> Iterator[FakeTranslator]:
    with serving(FakeTexTra()) as fake:
        yield fake


@pytest.fixture(params=["libre", "textra"])
def fake(request: pytest.FixtureRequest) -> FakeTranslator:
    found: FakeTranslator = request.getfixturevalue(request.param)
    return found


def machine(fake: FakeTranslator, **changes: object) -> Machine:
    if isinstance(fake, FakeTexTra):
        return Machine(TexTra(fake.url, fake.login, fake.key, fake.secret), **changes)  # type: ignore[arg-type]
    assert isinstance(fake, FakeLibre)
    return Machine(LibreTranslate(fake.url, fake.key), **changes)  # type: ignore[arg-type]


async def test_a_text_is_translated_in_both_directions(fake: FakeTranslator) -> None:
    fake.words = {("ja", "vi", "こんにちは"): "Xin chào", ("vi", "ja", "Xin chào"): "やあ"}
    asking = machine(fake)
    assert (await asking.translate("こんにちは", "ja", "vi")).text == "Xin chào"
    assert (await asking.translate("Xin chào", "vi", "ja")).text == "やあ"
    assert (await asking.translate("こんにちは", "ja-simple", "vi")).text == "Xin chào"


async def test_what_points_at_a_person_stays_here_and_comes_back(fake: FakeTranslator) -> None:
    found = await machine(fake).translate(PRIVATE, "vi", "ja")
    assert found.text == f"ja({PRIVATE})"
    assert found.lost == ()
    (sent,) = fake.texts()
    for secret in ("1234", "b.example", "AB12345678CD", "handle_1", "x.example"):
        assert secret not in sent


async def test_what_lost_its_place_is_told(fake: FakeTranslator) -> None:
    fake.words = {(*pair, "電話は[#1]か[#2]"): "Call 【＃ 2 】" for pair in (("ja", "vi"),)}
    found = await machine(fake).translate("電話は03-1111-2222か03-3333-4444", "ja", "vi")
    assert found.text == "Call 03-3333-4444"
    assert found.lost == ("03-1111-2222",)


@pytest.mark.parametrize("text", [
    "[#1] と 090-1234-5678", "\U000f0000 1234567", "https://t.me/a 12345 [#2]", "no number", "[#٣] 0123456",
])
def test_taking_out_and_putting_back_changes_nothing(text: str) -> None:
    bare, taken = take_out(text)
    assert put_back(bare, taken) == (text.replace("\U000f0000", ""), ())


@given(st.text(alphabet="a1@.[]#【 0９-/:ht\U000f0001", max_size=40))
def test_any_text_comes_back_as_it_was(text: str) -> None:
    assert put_back(*take_out(text))[0] == text.replace("\U000f0001", "")


async def test_what_the_service_does_not_offer_is_said_and_not_sent(fake: FakeTranslator) -> None:
    asking = machine(fake)
    assert asking.offers("km") is None, "it was not asked yet"
    with pytest.raises(NotTranslated, match="does not offer"):
        await asking.translate("こんにちは", "ja", "km")
    assert fake.texts() == []
    assert (asking.offers("km"), asking.offers("vi")) == (False, True)


async def test_the_list_of_the_service_decides_about_its_codes(libre: FakeTranslator, textra: FakeTranslator) -> None:
    assert await machine(libre).languages() == {"en", "vi", "pt-BR", "zh-Hans"}
    assert await machine(textra).languages() == {"en", "vi", "zh-Hans", "pt-BR", "fil"}
    await machine(textra).translate("あ", "ja", "vi")
    assert textra.asked[-1][0] == "/api/mt/generalNT_ja_vi/", "the preferred engine"
    await machine(textra).translate("あ", "ja", "fil")
    assert textra.asked[-1][0] == "/api/mt/voicetraNT_ja_fp/"


async def test_the_list_is_asked_for_once_an_hour(libre: FakeTranslator) -> None:
    now = [0.0]
    asking = machine(libre, clock=lambda: now[0])
    for _ in range(3):
        await asking.translate("あ", "ja", "vi")
    assert [path for path, _ in libre.asked].count("/languages") == 1
    now[0] = 3601
    await asking.translate("あ", "ja", "vi")
    assert [path for path, _ in libre.asked].count("/languages") == 2


async def test_a_hiccup_is_tried_once_more_and_no_more(fake: FakeTranslator) -> None:
    asking = machine(fake)
    await asking.languages()
    answers = iter([(503, b"busy"), None])
    fake.trouble = lambda _path, fields: next(answers) if "q" in fields or "text" in fields else None
    assert (await asking.translate("あ", "ja", "vi")).text == "vi(あ)"
    fake.asked.clear()
    fake.trouble = lambda _path, _fields: (503, b"busy")
    with pytest.raises(NotTranslated, match="does not answer"):
        await asking.translate("あ", "ja", "vi")
    assert len(fake.asked) == 2


@pytest.mark.parametrize("answer", [
    b"<html>", {}, [1], {"translatedText": None}, {"error": "x"}, {"resultset": None}, {"resultset": {"code": "x"}},
    {"resultset": {"code": 0, "result": {"text": ""}}}, {"translatedText": "  "}, b"\xff",
])
async def test_nonsense_is_not_a_translation(fake: FakeTranslator, answer: object) -> None:
    asking = machine(fake)
    await asking.languages()
    fake.trouble = lambda _path, _fields: (200, answer)
    with pytest.raises(NotTranslated):
        await asking.translate("あ", "ja", "vi")


async def test_a_slow_service_and_one_that_is_away_cost_the_time_limit_at_most(fake: FakeTranslator) -> None:
    asking = machine(fake, timeout_s=0.3)
    await asking.languages()

    def slow(_path: str, _fields: dict[str, str]) -> None:
        time.sleep(1)

    fake.trouble = slow
    started = time.monotonic()
    with pytest.raises(NotTranslated, match="does not answer"):
        await asking.translate("あ", "ja", "vi")
    assert time.monotonic() - started < 0.9
    with pytest.raises(NotTranslated):
        await Machine(LibreTranslate("http://127.0.0.1:9"), timeout_s=0.3).translate("あ", "ja", "vi")
    await asyncio.sleep(1)


async def test_a_token_is_used_again_renewed_in_time_and_after_a_refusal(textra: FakeTranslator) -> None:
    now = [0.0]
    asking = Machine(TexTra(textra.url, "police", "textra-key", "textra-secret", clock=lambda: now[0]))

    def n_tokens() -> int:
        return [path for path, _ in textra.asked].count("/oauth2/token.php")

    await asking.translate("あ", "ja", "vi")
    await asking.translate("い", "ja", "vi")
    assert n_tokens() == 1
    now[0] = 3600 - 30
    await asking.translate("う", "ja", "vi")
    assert n_tokens() == 2
    textra.tokens.clear()  # the server was started anew
    assert (await asking.translate("え", "ja", "vi")).text == "vi(え)"
    assert n_tokens() == 3


async def test_wrong_keys_are_no_reason_to_ask_twice(libre: FakeTranslator, textra: FakeTranslator) -> None:
    for wrong in (Machine(LibreTranslate(libre.url, "other")), Machine(TexTra(textra.url, "police", "k", "s"))):
        with pytest.raises(NotTranslated):
            await wrong.translate("あ", "ja", "vi")
    assert len(textra.asked) == 1
    assert len(libre.texts()) == 1


async def test_no_word_key_or_token_is_logged(fake: FakeTranslator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.trouble = lambda _path, fields: (400, {"error": "秘密の言葉"}) if {"q", "text"} & set(fields) else None
    with pytest.raises(NotTranslated) as caught:
        await machine(fake).translate("秘密の言葉", "ja", "vi")
    said = caplog.text + str(caught.value)
    for word in ("秘密", "libre-key", "textra-key", "textra-secret", "token-"):
        assert word not in said
    assert "did not translate" in said


async def test_a_text_that_is_too_long_is_not_sent(fake: FakeTranslator) -> None:
    with pytest.raises(NotTranslated, match="too long"):
        await machine(fake).translate("あ" * 4001, "ja", "vi")
    assert fake.asked == []


def test_it_is_off_unless_it_is_named() -> None:
    assert machine_of(Settings()) is None
    assert machine_of(Settings(translator_url="http://127.0.0.1:5000")) is None
    made = machine_of(Settings(translator_provider="textra", translator_engine=" patentNT , generalNT"))
    assert made is not None
    assert made.name == "TexTra"
    assert made.provider.engines == ("patentNT", "generalNT")  # type: ignore[attr-defined]


async def test_the_doctor_tells_what_is_missing(libre: FakeTranslator) -> None:
    async def look(**settings: str) -> tuple[str, str]:
        environment = {f"KOBAN_TRANSLATOR_{name.upper()}": value for name, value in settings.items()}
        (check,) = await doctor.examine(environment, only=["machine translation"])
        return check.state, check.said

    assert await look() == ("ok", "turned off; staff write themselves or ask an interpreter")
    state, said = await look(provider="textra", url=libre.url)
    assert (state, said) == (
        "error", "TexTra without KOBAN_TRANSLATOR_LOGIN and KOBAN_TRANSLATOR_KEY and KOBAN_TRANSLATOR_SECRET")
    state, said = await look(provider="libretranslate", url=libre.url, key="libre-key")
    assert state == "warning"
    assert "does not offer" in said
    assert "km" in said
    assert " vi" not in said
    assert (await look(provider="libretranslate", url="http://127.0.0.1:9"))[0] == "error"
