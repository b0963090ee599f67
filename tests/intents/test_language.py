"""Language detection: what people really type, hints, and what says nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents import language, language_second
from intents.evaluation import language_rows
from intents.language import canonical, detect

LINES = [
    line.split("\t") for line in (Path(__file__).parent / "typed_lines.tsv").read_text(encoding="utf-8").splitlines()
]
SHARED = Path(__file__).parents[3] / "shared" / "lid" / "dev.tsv"


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("zh-CN", "zh-Hans"), ("zh-hans", "zh-Hans"), ("zh", "zh-Hans"), ("zh-TW", "zh-Hant"),
        ("zh_HK", "zh-Hant"),
        ("zh-Hant-TW", "zh-Hant"), ("zh-Hans-HK", "zh-Hans"), ("tl", "fil"), ("fil-PH", "fil"),
        ("pt", "pt-BR"),
        ("pt-pt", "pt-BR"), ("in", "id"), ("EN-us", "en"), ("vi", "vi"), ("ja", "ja"),
        ("ja-JP", "ja"),
        ("ja-simple", "ja-simple"), ("ja-Latn", "ja-Latn"), ("ja-hira", "ja-Hira"), ("my-MM", "my"),
        ("xx", None),
        ("fr", None), ("", None), (None, None), ("-", None), ("e" * 100, None),
    ],
)  # fmt: skip
def test_a_tag_from_outside_becomes_one_of_ours(written: str | None, ours: str | None) -> None:
    assert canonical(written) == ours


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("財布をなくしました", "ja"), ("さいふ", "ja"), ("ｻｲﾌ", "ja"), ("盗難届", "ja"),
        ("I lost my wallet on the train", "en"), ("我的自行车被偷了", "zh-Hans"),
        ("我的腳踏車被偷了", "zh-Hant"),
        ("자전거를 도둑맞았어요", "ko"), ("ㅠㅠ", "ko"), ("Tôi bị mất ví", "vi"),
        ("Perdi minha carteira no trem", "pt-BR"),
        ("Me robaron la bicicleta", "es"), ("กระเป๋าหาย", "th"),
        ("Dompet saya hilang di kereta", "id"),
        ("Nawala ang wallet ko sa tren", "fil"), ("កាបូបខ្ញុំបាត់", "km"),
        ("ပိုက်ဆံအိတ်ပျောက်သွားတယ်", "my"),
        ("Миний түрийвч алга болсон", "mn"), ("मेरो साइकल हरायो", "ne"),
        ("මගේ පසුම්බිය නැති වුණා", "si"),
        ("আমার মানিব্যাগ হারিয়ে গেছে", "bn"), ("Я потерял кошелёк", "ru"),
        ("Я загубив гаманець", "uk"),
        ("Cüzdanımı kaybettim", "tr"), ("मेरा बटुआ खो गया है", "hi"), ("میرا بٹوہ گم ہو گیا", "ur"),
    ],
)  # fmt: skip
def test_a_plain_message_is_heard_in_its_language(text: str, tag: str) -> None:
    assert detect(text).tag == tag


@pytest.mark.parametrize(("kind", "tag", "bar"), [("romaji", "ja", 90), ("vi", "vi", 90), ("ne", "ne", 75)])
def test_bare_letters_are_heard_as_the_language_they_stand_for(kind: str, tag: str, bar: int) -> None:
    texts = [text for found, text in LINES if found == kind]
    right = sum(detect(text).tag == tag for text in texts)
    assert len(texts) == 40
    assert 100 * right / len(texts) >= bar


@pytest.mark.parametrize(
    "text", ["", " ", "110", "🚓🚨", "https://example.org/a?b=c", "@name", "a@b.example", "!?…", "\x00"]
)
def test_what_has_no_letter_has_no_language(text: str) -> None:
    found = detect(text, client="vi", previous="vi")
    assert found.tag is None
    assert not found.sure
    assert found.letters == 0


def test_a_hint_decides_what_the_letters_leave_open() -> None:
    assert detect("安全").tag in ("ja", "zh-Hans", "zh-Hant")
    for tag in ("ja", "zh-Hans", "zh-Hant"):
        assert detect("安全", previous=tag).tag == tag
    assert detect("cancelar", client="pt-br").tag == "pt-BR"
    assert detect("cancelar", client="es").tag == "es"
    assert detect("安全", chosen="ja-simple").tag == "ja"


def test_an_english_telegram_does_not_make_a_message_english() -> None:
    assert detect("Dompet saya hilang di kereta", client="en").tag == "id"
    assert detect("Nawala ang wallet ko sa tren", client="en").tag == "fil"


def test_a_word_of_another_script_does_not_decide_a_sentence() -> None:
    assert detect("someone called from 警察 is it real").tag == "en"
    assert detect("LINEのアカウントを取られた").tag == "ja"
    assert detect("일본 コンビニ에서 지갑을 잃어버렸어요").tag == "ko"


def test_a_doubtful_single_word_is_not_sure() -> None:
    assert not detect("musical").sure
    assert detect("Tôi bị mất ví ở ga tàu").sure


def test_the_second_opinion_is_the_same_every_time() -> None:
    words = ("pausar temporizador", "email folder", "genome university")
    first = [language_second.disagrees(word, "pt") for word in words]
    assert [[language_second.disagrees(word, "pt") for word in words] for _ in range(3)] == [first] * 3


@given(st.text(max_size=300))
def test_any_text_gives_a_detection(text: str) -> None:
    found = detect(text)
    assert found.tag is None or found.tag in language.TAGS
    assert 0.0 <= found.confidence <= 1.0


@pytest.mark.parametrize("text", ["\ud800", "a\ud800b", "क" * 100_000, "word " * 50_000, "\u202e\u0000\u200d", "𠀀𠀁"])
def test_hostile_text_is_read_like_any_other(text: str) -> None:
    detect(text)


@pytest.mark.skipif(not SHARED.exists(), reason=f"{SHARED} is not here: the sample is not part of the project")
def test_the_development_sample_reaches_the_bars() -> None:
    rows = {row.prior: row for row in language_rows(SHARED)}
    assert rows["none"].core >= 97.6
    assert rows["80 % right, else en"].core >= 99.4
    assert rows["always en"].core >= 97.6
