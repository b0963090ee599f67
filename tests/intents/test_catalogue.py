"""The catalogue: which answer a resident gets, in which words, and when none."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from intents.catalogue import load_catalogue
from intents.contacts import parse_hours
from intents.errors import CatalogueError
from intents.schema import Fact, LocalContact, Number, with_furigana, without_ruby
from intents.texts import format_fact
from tests.intents.trees import BASE, CARD_REV, ENGLISH, make_tree, write

TODAY = dt.date(2026, 11, 24)
ROOT = Path(__file__).resolve().parents[2]


def test_the_real_catalogue_loads() -> None:
    catalogue = load_catalogue(ROOT, strict=True)
    assert len([intent for intent in catalogue if intent.base is not None]) >= 66
    assert {intent.id for intent in catalogue if intent.topic == "bot"} >= {"talk_to_staff", "privacy", "delete_data"}
    assert len(catalogue.contacts) == 64


def test_every_real_answer_renders_in_every_language_without_a_brace_left() -> None:
    catalogue = load_catalogue(ROOT, strict=True)
    for intent in catalogue:
        for tag in catalogue.answer_tags():
            answer = catalogue.answer(intent.id, tag, today=TODAY, furigana=True)
            if intent.base is None:
                assert answer is None
                continue
            assert answer is not None
            for text in (answer.title, answer.now, *answer.steps, answer.warning):
                assert "{" not in text, (intent.id, tag, text)
                assert "}" not in text, (intent.id, tag, text)


def test_no_contact_that_must_be_checked_or_configured_is_shown_in_a_real_answer() -> None:
    catalogue = load_catalogue(ROOT, strict=True)
    for intent in catalogue:
        answer = catalogue.answer(intent.id, "en", today=TODAY)
        for contact in answer.contacts if answer else ():
            assert catalogue.contacts[contact.id].publish == "ok", (intent.id, contact.id)


def test_an_answer_is_given_in_the_residents_language(tmp_path: Path) -> None:
    answer = load_catalogue(make_tree(tmp_path)).answer("lost_card", "en", today=TODAY)
    assert answer is not None
    assert (answer.tag, answer.wanted_tag, answer.stale, answer.state) == ("en", "en", False, "drafted")
    assert answer.now == "Go to the police. In danger call 110."
    assert answer.steps == ("Go within 14 days.", "It costs 5,000 Japanese yen.")
    assert answer.checked == dt.date(2026, 11, 20)


def test_a_missing_language_falls_back_and_says_so(tmp_path: Path) -> None:
    catalogue = load_catalogue(make_tree(tmp_path))
    answer = catalogue.answer("lost_card", "vi", today=TODAY)
    assert answer is not None
    assert (answer.tag, answer.wanted_tag) == ("en", "vi")
    other = catalogue.answer("other", "vi", today=TODAY)
    assert other is not None
    assert other.tag == "ja-simple"


def test_a_language_that_is_only_understood_is_answered_in_plain_japanese(tmp_path: Path) -> None:
    answer = load_catalogue(make_tree(tmp_path)).answer("lost_card", "ja-Latn", today=TODAY)
    assert answer is not None
    assert answer.tag == "ja-simple"
    assert answer.steps[1] == "5,000円が いります。"


def test_an_unknown_language_is_answered_in_english(tmp_path: Path) -> None:
    assert load_catalogue(make_tree(tmp_path)).chain("xx") == ("en", "ja-simple")


def test_an_expired_answer_is_not_shown(tmp_path: Path) -> None:
    catalogue = load_catalogue(make_tree(tmp_path))
    assert catalogue.answer("lost_card", "en", today=dt.date(2027, 5, 31)) is not None
    assert catalogue.answer("lost_card", "en", today=dt.date(2027, 6, 1)) is None


def test_held_words_are_skipped_and_nothing_unchecked_is_shown(tmp_path: Path) -> None:
    catalogue = load_catalogue(make_tree(tmp_path))
    assert catalogue.answer("lost_card", "en", today=TODAY, unchecked="hold") is None
    checked = BASE.replace("{state: drafted}", f"{{state: checked, by: 鈴木, at: 2026-11-23, rev: {CARD_REV}}}")
    catalogue = load_catalogue(make_tree(tmp_path, base=checked))
    answer = catalogue.answer("lost_card", "en", today=TODAY, unchecked="hold")
    assert answer is not None
    assert (answer.tag, answer.state) == ("ja-simple", "checked")


def test_a_checked_translation_counts_as_drafted_once_the_base_has_changed(tmp_path: Path) -> None:
    english = ENGLISH.replace("{rev}", "00000000").replace("drafted", "checked\nchecked_by: A\nchecked_at: 2026-11-23")
    answer = load_catalogue(make_tree(tmp_path, english=english)).answer("lost_card", "en", today=TODAY)
    assert answer is not None
    assert (answer.stale, answer.state) == (True, "drafted")


def test_a_review_of_another_text_does_not_count(tmp_path: Path) -> None:
    base = BASE.replace("{state: drafted}", "{state: checked, by: 鈴木, at: 2026-11-23, rev: 00000000}")
    assert load_catalogue(make_tree(tmp_path, base=base)).intents["lost_card"].state == "drafted"


def test_furigana_are_given_in_brackets_when_the_stored_ones_fit(tmp_path: Path) -> None:
    ruby = """ruby:
  title: カードを なくした とき
  now: "{警察|けいさつ}に {行|い}って ください。あぶない ときは {emg_110} です。"
  steps: ["{card_days}{日|にち}までに {行|い}って ください。", "{fee}が いります。"]
  warning: うそを {言|い}わないで ください。
"""
    catalogue = load_catalogue(make_tree(tmp_path, base=BASE + ruby))
    answer = catalogue.answer("lost_card", "ja-simple", today=TODAY, furigana=True)
    assert answer is not None
    assert answer.now == "警察（けいさつ）に 行（い）って ください。あぶない ときは 110 です。"
    assert answer.has_furigana
    plain = catalogue.answer("lost_card", "ja-simple", today=TODAY)
    assert plain is not None
    assert plain.now == "警察に 行って ください。あぶない ときは 110 です。"


def test_furigana_of_an_older_text_are_left_away(tmp_path: Path) -> None:
    ruby = "ruby: {title: ふるい, now: ふるい}\n"
    catalogue = load_catalogue(make_tree(tmp_path, base=BASE + ruby))
    answer = catalogue.answer("lost_card", "ja-simple", today=TODAY, furigana=True)
    assert answer is not None
    assert not answer.has_furigana
    assert [problem.code for problem in catalogue.problems] == ["ruby_stale"]


def test_only_confirmed_contacts_are_shown_until_the_police_enters_its_own(tmp_path: Path) -> None:
    catalogue = load_catalogue(make_tree(tmp_path))
    answer = catalogue.answer("lost_card", "en", today=TODAY)
    assert answer is not None
    assert [contact.id for contact in answer.contacts] == ["helpline"]
    local = {"stations": LocalContact(numbers=(Number("026-000-0000"),), hours=parse_hours("always", None))}
    answer = catalogue.with_local_contacts(local).answer("lost_card", "en", today=TODAY)
    assert answer is not None
    stations = answer.contacts[1]
    assert (stations.id, stations.numbers[0].value, stations.hours) == ("stations", "026-000-0000", "at any time")
    assert [contact.id for contact in answer.contacts] == ["helpline", "stations"]


def test_a_local_value_for_an_unknown_contact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        load_catalogue(make_tree(tmp_path)).with_local_contacts({"nobody": LocalContact()})


def test_a_contact_says_its_hours_its_key_and_the_languages_it_really_speaks(tmp_path: Path) -> None:
    catalogue = load_catalogue(make_tree(tmp_path))
    shown = catalogue.shown_contacts(("helpline", "emg_110"), "vi")
    assert shown[0].hours.startswith("T2–T6 09:00–17:00 (closed on public holidays")
    assert shown[0].numbers[0].note == "then press 2"
    assert shown[0].languages_text == "Tiếng Anh, tiếng Việt"
    assert (shown[0].speaks, shown[1].speaks) == (True, None)
    assert catalogue.shown_contacts(("helpline",), "th")[0].speaks is False


def test_names_of_contacts_are_translated_beside_the_answers(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/vi/contacts.yaml", "names: {helpline: Đường dây}\ntexts: {free: miễn phí}\n")
    catalogue = load_catalogue(root)
    assert catalogue.shown_contacts(("helpline", "emg_110"), "vi")[0].name == "Đường dây"
    assert catalogue.shown_contacts(("emg_110",), "vi")[0].cost == "miễn phí"


def test_the_fingerprint_changes_with_words_and_values_and_nothing_else(tmp_path: Path) -> None:
    first = load_catalogue(make_tree(tmp_path)).intents["lost_card"].rev
    assert first == CARD_REV
    same = BASE.replace("urgency: normal", "urgency: today").replace("source: card.1", "source: card.2")
    assert load_catalogue(make_tree(tmp_path, base=same)).intents["lost_card"].rev == first
    for old, new in (("うそを", "ウソを"), ("value: 14", "value: 15")):
        changed = load_catalogue(make_tree(tmp_path, base=BASE.replace(old, new)), strict=False)
        assert changed.intents["lost_card"].rev != first


def test_a_bad_translation_is_left_out_while_the_bot_runs(tmp_path: Path) -> None:
    root = make_tree(tmp_path, english=ENGLISH.replace("{{fee}}", "5000 yen"))
    with pytest.raises(CatalogueError):
        load_catalogue(root)
    catalogue = load_catalogue(root, strict=False)
    answer = catalogue.answer("lost_card", "en", today=TODAY)
    assert answer is not None
    assert answer.tag == "ja-simple"
    assert {problem.code for problem in catalogue.problems} == {"typed_digits", "placeholder"}


def test_without_contacts_nothing_can_be_answered_and_loading_refuses(tmp_path: Path) -> None:
    root = make_tree(tmp_path, contacts="texts: {}\ncontacts: {}\n")
    with pytest.raises(CatalogueError):
        load_catalogue(root, strict=False)


def test_a_language_without_names_of_contacts_gets_the_english_ones(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/ja-simple/contacts.yaml", 'names: {emg_110: "{警察|けいさつ}の {電話|でんわ}"}\n')
    catalogue = load_catalogue(root)
    assert catalogue.shown_contacts(("emg_110",), "vi")[0].name == "Police emergency"
    shown = catalogue.shown_contacts(("emg_110",), "ja-simple", furigana=True)[0]
    assert shown.name == "警察（けいさつ）の 電話（でんわ）"


def test_an_officer_is_shown_the_official_japanese_names(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/ja-simple/contacts.yaml", 'names: {helpline: "でんわ"}\n')
    answer = load_catalogue(root).in_japanese("lost_card", today=TODAY)
    assert answer is not None
    assert (answer.contacts[0].name, answer.title) == ("相談電話", "カードを なくした とき")


@pytest.mark.parametrize(
    ("kind", "value", "plain", "furigana"),
    [
        ("yen", "12000", "12,000円", "12,000円（えん）"),
        ("date", "2027-04-01", "2027年4月1日", "2027年（ねん）4月（がつ）1日（ついたち）"),
        ("date", "2026-11-23", "2026年11月23日", "2026年（ねん）11月（がつ）23日（にち）"),
        ("time", "17:15", "午後5時15分", "午後（ごご）5時（じ）15分（ふん）"),
        ("time", "08:30", "午前8時30分", "午前（ごぜん）8時（じ）30分（ぷん）"),
        ("time", "12:00", "午後12時", "午後（ごご）12時（じ）"),
        ("number", "1400", "1,400", "1,400"),
    ],
)
def test_typed_values_in_plain_japanese_are_read_right(kind: str, value: str, plain: str, furigana: str) -> None:
    written = format_fact(Fact(kind, value), "ja-simple")
    assert (without_ruby(written), with_furigana(written)) == (plain, furigana)


@pytest.mark.parametrize(
    ("tag", "day", "fee", "clock_text"),
    [
        ("en", "April 1, 2027", "5,000 Japanese yen", "5:15 PM"),
        ("zh-Hans", "2027年4月1日", "5,000日元", "17:15"),
        ("vi", "1 tháng 4, 2027", "5.000 yên Nhật", "17:15"),
        ("th", "1 เมษายน ค.ศ. 2027", "5,000 เยนญี่ปุ่น", "17:15"),
    ],
)
def test_typed_values_are_written_as_each_language_does(tag: str, day: str, fee: str, clock_text: str) -> None:
    assert format_fact(Fact("time", "17:15"), tag) == clock_text
    assert format_fact(Fact("date", "2027-04-01"), tag) == day
    assert format_fact(Fact("yen", "5000"), tag) == fee
