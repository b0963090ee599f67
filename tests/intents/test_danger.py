"""Danger in the words alone: what must raise the card, what must not, and what may never happen."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intents import danger
from intents.danger import Danger, assess
from intents.danger_rules import GUARDS, SPACED, compile_rule

FOLDER = Path(danger.__file__).parent / "data" / "danger"
POLICE, MEDICAL, CRISIS = Danger.POLICE_NOW, Danger.MEDICAL_FIRE_NOW, Danger.CRISIS_NOW

FIRM = [
    ("there's a man standing in my kitchen", POLICE), ("hes got a knife and he wont leave", POLICE),
    ("HELPPP MY HUSBAND IS HITTING ME", POLICE),
    ("someone is following me from the station", POLICE),
    ("my baby is blue", MEDICAL), ("he collapsed and isn’t breathing", MEDICAL),
    ("the kitchen is on fire!!!", MEDICAL),
    ("I took all the pills", CRISIS), ("i dont want to live anymore", CRISIS),
    ("知らない男が玄関をこわして入ってきた", POLICE), ("しらないひとが へやに います", POLICE),
    ("dareka ga ie ni haitte kita", POLICE),
    ("父がたおれて うごきません", MEDICAL), ("ちが とまらない", MEDICAL),
    ("kaji desu tasukete", MEDICAL),
    ("もう死にたい", CRISIS), ("shinitai", CRISIS),
    ("有人拿刀在我家门口", POLICE), ("我老公正在打我", POLICE), ("家裡有陌生人", POLICE),
    ("孩子噎住了脸发紫", MEDICAL),
    ("房子著火了", MEDICAL), ("我不想活了", CRISIS), ("活著沒有意義", CRISIS),
    ("모르는 남자가 집에 들어왔어요", POLICE), ("칼을 들고 있어요", POLICE),
    ("아기가 숨을 안 쉬어요", MEDICAL), ("죽고 싶어요", CRISIS),
    ("có người lạ đang phá cửa nhà em", POLICE), ("co nguoi la dang pha cua nha em", POLICE),
    ("bố em bất tỉnh rồi", MEDICAL),
    ("phong ben chay roi cuu voi", MEDICAL), ("em không muốn sống nữa", CRISIS),
    ("em muon chet qua", CRISIS),
    ("tem um homem dentro da minha casa", POLICE), ("meu marido está me batendo agora", POLICE),
    ("ele não está respirando", MEDICAL),
    ("quero morrer", CRISIS), ("hay un hombre en mi cocina", POLICE),
    ("me esta siguiendo un tipo", POLICE),
    ("mi bebé no respira", MEDICAL), ("no quiero vivir más", CRISIS),
    ("มีคนแปลกหน้าเข้ามาในบ้าน", POLICE), ("แฟนกำลังตีหนู", POLICE),
    ("พ่อหมดสติ ปลุกไม่ตื่น", MEDICAL), ("ไม่อยากมีชีวิตอยู่แล้ว", CRISIS),
    ("ada orang asing masuk ke kamar saya", POLICE), ("suami saya mukulin saya sekarang", POLICE),
    ("dia gak bisa napas", MEDICAL),
    ("aku mau mati aja", CRISIS), ("may lalaki sa loob ng bahay ko", POLICE),
    ("sinasaktan ako ng asawa ko ngayon", POLICE),
    ("hindi na humihinga si tatay", MEDICAL), ("gusto ko nang mamatay", CRISIS),
    ("មានចោរចូលផ្ទះខ្ញុំ", POLICE), ("ប្តីកំពុងវាយខ្ញុំ", POLICE), ("កូនខ្ញុំសន្លប់", MEDICAL),
    ("ខ្ញុំចង់ស្លាប់", CRISIS),
    ("သူခိုး အိမ်ထဲဝင်နေတယ်", POLICE), ("ယောက်ျားက ရိုက်နေတယ်", POLICE),
    ("အဖေ သတိလစ်သွားတယ်", MEDICAL), ("သေချင်တယ်", CRISIS),
    ("Танихгүй хүн гэрт орж ирлээ", POLICE), ("Нөхөр намайг зодож байна", POLICE),
    ("Аав ухаан алдчихлаа", MEDICAL), ("Үхмээр байна", CRISIS),
    ("घरभित्र चोर पस्यो", POLICE), ("श्रीमानले मलाई कुट्दै हुनुहुन्छ", POLICE),
    ("बुवा बेहोस हुनुभयो", MEDICAL), ("मलाई मर्न मन छ", CRISIS),
    ("ghar bhitra chor pasyo", POLICE), ("malai marna man lagyo", CRISIS), ("ma marna chahanchhu", CRISIS),
]  # fmt: skip

QUIET = [
    "my phone died", "how do I call 110?", "I'm dying of heat lol",
    "the movie was about a man with a knife",
    "fire drill tomorrow at work", "this homework is killing me", "I lost my wallet", "hello",
    "where is the koban",
    "スマホが死んだ", "110番は どうやって かけますか", "暑くて死にそう", "火災訓練は何時からですか",
    "財布をなくしました",
    "手机没电死了", "怎么打110", "笑死我了", "電影裡有人拿刀", "消防演習是幾點", "我想换驾照",
    "배고파 죽겠다", "110은 어떻게 전화해요?", "영화에서 칼 들고 쫓아오는 장면",
    "지갑을 잃어버렸어요",
    "điện thoại em chết rồi", "gọi 110 thế nào ạ", "cười chết mất",
    "em muốn đổi bằng lái", "em muon hoi doi bang lai xe",
    "meu celular morreu", "como eu ligo pro 110?", "morrendo de rir", "se murió mi celular",
    "cómo llamo al 110",
    "me muero de hambre", "มือถือตาย", "โทรแจ้งตำรวจเบอร์อะไร", "ร้อนจะตายอยู่แล้ว", "hp saya mati",
    "gimana cara nelpon 110?",
    "ketawa sampai mati", "namatay yung phone ko", "paano tumawag ng pulis", "patay gutom na ako",
    "ទូរស័ព្ទខ្ញុំងាប់ហើយ", "ក្តៅសឹងស្លាប់", "ဖုန်းသေသွားတယ်", "ရယ်ရတာ သေတော့မယ်", "Утас үхчихлээ",
    "Инээж үхэх нь",
    "मेरो फोन मर्यो", "हाँसेर मरियो", "phone maryo", "", "110", "🔥🔥", "...",
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), FIRM)
def test_danger_now_raises_the_card_in_every_language(text: str, kind: Danger) -> None:
    assert assess(text).firm == kind


@pytest.mark.parametrize("text", QUIET)
def test_an_idiom_a_question_or_a_film_raises_nothing(text: str) -> None:
    assert assess(text).firm is None


@pytest.mark.parametrize(
    "text",
    [
        "yesterday a man broke into my house",
        "昨日 夫に殴られました",
        "tuần trước chồng đánh em",
        "上周我老公打我",
        "ontem meu marido me bateu",
    ],
)
def test_danger_of_the_past_is_soft(text: str) -> None:
    found = assess(text)
    assert found.firm is None
    assert found.soft == POLICE


def test_typing_does_not_matter() -> None:
    for text in (
        "THERE IS A MAN IN MY HOUSE",
        "there is a man in my houseeeee!!!",
        "ｔｈｅｒｅ ｉｓ ａ ｍａｎ ｉｎ ｍｙ ｈｏｕｓｅ",
    ):
        assert assess(text).firm == POLICE
    assert assess("he is\u200b not brea\u200dthing").firm == MEDICAL
    assert assess("タスケテ　オトコガ　ヘヤニ　ハイッテキタ").firm == POLICE
    assert assess("ｶｼﾞﾃﾞｽ").firm == MEDICAL


def test_the_end_of_a_long_message_is_read_too() -> None:
    assert assess("I am writing to you because of many things. " * 100 + "He has a knife and he is in my house.").firm


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
def test_every_language_has_its_phrases_and_guards(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    sections = [line.strip("[]") for line in lines if line.startswith("[")]
    patterns = [line for line in lines if line.strip() and not line.startswith(("#", "["))]
    known = {*map(str, Danger), *(f"soft {kind}" for kind in Danger), *GUARDS}
    assert set(sections) == known
    assert len(patterns) >= 60


def test_every_pattern_compiles_and_can_be_found_by_its_own_words() -> None:
    for rules in danger._rule_sets().values():
        rules.warm()


def test_a_pattern_without_a_word_is_refused() -> None:
    with pytest.raises(ValueError, match="no word"):
        compile_rule("~ (now)?", "now", SPACED)


def test_a_gap_does_not_cross_a_sentence() -> None:
    rule = compile_rule("knife ~ house", "police_now", SPACED)
    assert re.search(rule.pattern, "a knife in my house")
    assert not re.search(rule.pattern, "i bought a knife. my house is small")


@given(st.text(max_size=400))
def test_any_text_can_be_assessed(text: str) -> None:
    found = assess(text)
    assert found.firm is None or found.soft is None


@pytest.mark.parametrize("text", ["\ud800\x00", "a" * 100_000, "(" * 5_000, "死" * 20_000, "he has a " * 20_000])
def test_hostile_text_is_assessed_like_any_other(text: str) -> None:
    assess(text)
