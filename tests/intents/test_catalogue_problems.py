"""Every mistake an author can make is reported with its file and line, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from intents.catalogue import load_catalogue
from intents.errors import CatalogueError, Problem
from tests.intents.trees import BASE, CONTACTS, ENGLISH, make_tree, write

BASE_FILE = "intents/topics/crime/lost_card.yaml"


def problems(root: Path) -> list[Problem]:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(root)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("section: seian", "section: nobody", 1, "section `nobody` is not in intents/sections.yaml"),
        ("section: seian", "sektion: seian", 1, "unknown key `sektion`; did you mean `section`?"),
        ("urgency: normal", "urgency: soon", 2, "choose one of now, today, normal"),
        ("always: false", "always: maybe", 3, "must be true or false"),
        ("https://www.example.go.jp/a", "example", 6, "must be a web address"),
        ("checked: 2026-11-20", "checked: 20.11.2026", 6, "YYYY-MM-DD"),
        ("review_by: 2027-05-31", "review_by: 2027-02-30", 8, "a real day as YYYY-MM-DD"),
        ("{state: drafted}", "{state: checked}", 9, "`review.by` is missing"),
        ("related: [other]", "related: [nobody]", 10, "related intent `nobody` does not exist"),
        ("[helpline,", "[nobody,", 11, "contact `nobody` is not in intents/contacts.yaml"),
        ("value: 14", "value: soon", 13, "`soon` is not a number"),
        ("source: card.1", "source: card.9", 13, "`card.9` is neither in intents/fact_sources.yaml"),
        ("kind: yen", "kind: money", 14, "choose one of number, yen, date, time, text"),
        ("{emg_110}", "{emergency}", 17, "placeholder {emergency} is neither a fact of this file nor a contact"),
        ("{emg_110}", "{rumour}", 17, "this contact is `check_first`"),
        ("{emg_110}", "{stations}", 17, "this contact is `configure`"),
        ("{emg_110}", "110", 17, "types the digits '110'"),
        ("{emg_110}", "１１０", 17, "types the digits '１１０'"),
        ("{emg_110}", "{Emg 110}", 17, "a brace that is not a placeholder"),
        ('"{card_days}日までに 行って ください。"', "{card_days}日までに", 19, "valid YAML"),
        ("title: カードを なくした とき", "title:", 16, "`answer.title` is empty"),
    ],
)
def test_a_mistake_in_a_base_file_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert old in BASE
    found = problems(make_tree(tmp_path, base=BASE.replace(old, new, 1), english=None))
    assert any(item.path == BASE_FILE and item.line == line and words in item.message for item in found), found


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("state: drafted", "state: perfect", 2, "choose one of drafted, checked"),
        ("state: drafted", "state: checked", 1, "`checked_by` is missing"),
        ("{{emg_110}}", "110", 5, "types the digits '110'"),
        ("{{emg_110}}", "၁၁၀", 5, "types the digits '၁၁၀'"),
        ("{{card_days}}", "{{fee}}", 7, "`steps.1` has the placeholders {fee}, the base has {card_days}"),
        ("    - It costs {{fee}}.\n", "", 7, "1 steps, the base has 2"),
        ("  warning: Do not lie.\n", "", 4, "the base has a warning"),
        ("source_rev: {rev}", "source_rev: latest", 1, "8 hex digits"),
    ],
)
def test_a_mistake_in_a_translation_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert old in ENGLISH
    found = problems(make_tree(tmp_path, english=ENGLISH.replace(old, new, 1)))
    where = {(item.path, item.line) for item in found if words in item.message}
    assert where == {("locales/en/intents/lost_card.yaml", line)}, found


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    base = BASE.replace("seian", "nobody").replace("normal", "soon").replace("{emg_110}", "110")
    english = ENGLISH.replace("drafted", "perfect")
    found = problems(make_tree(tmp_path, base=base, english=english))
    assert len([item for item in found if item.path == BASE_FILE]) == 3


def test_a_doubled_key_and_a_doubled_intent_are_reported(tmp_path: Path) -> None:
    root = make_tree(tmp_path, base=BASE + "urgency: now\n", english=None)
    write(root, "intents/topics/fraud/other.yaml", BASE)
    messages = [item.message for item in problems(root)]
    assert any("`urgency` stands twice" in message for message in messages)
    assert any("the intent `other` stands also in intents/topics/crime/other.yaml" in message for message in messages)


def test_a_translation_of_no_intent_is_reported(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/en/intents/lost_cart.yaml", ENGLISH.format(rev="00000000"))
    assert [item.code for item in problems(root)] == ["unknown_id"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('{phone: "110"}', '{phone: "one one zero"}', "is not a phone number"),
        ('"09:00-17:00"', '"9 to 5"', "times `9 to 5` are not understood"),
        ("{mon-fri:", "{weekdays:", "days `weekdays` are not understood"),
        ("hours: always", "hours: {text: whenever}", "names the text `whenever`"),
        ("publish: ok", "publish: maybe", "choose one of ok, check_first, configure, never"),
        ("languages: [en, vi]", "languages: [english]", "is not a BCP 47 tag"),
    ],
)
def test_a_mistake_in_a_contact_is_reported(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in CONTACTS
    found = problems(make_tree(tmp_path, contacts=CONTACTS.replace(old, new, 1)))
    assert any(item.path == "intents/contacts.yaml" and words in item.message for item in found), found


def test_fallbacks_in_a_circle_and_unknown_folders_are_reported(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/en/locale.yaml", "name: English\nfallback: vi\n")
    write(root, "locales/klingon-XX/locale.yaml", "name: tlhIngan Hol\nfallback: en\n")
    messages = [item.message for item in problems(root)]
    assert any("circle" in message for message in messages)
    assert any("Babel does not know `klingon-XX`" in message for message in messages)


def test_a_revision_that_looks_like_a_number_stays_text(tmp_path: Path) -> None:
    catalogue = load_catalogue(make_tree(tmp_path, english=ENGLISH.replace("{rev}", "12345678")))
    assert catalogue.translations["en", "lost_card"].source_rev == "12345678"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"- a\n- b\n", b"a: [1\n", b"a: *b\n", b"? [x]\n: y\n"])
def test_any_broken_file_is_a_problem_and_not_a_crash(tmp_path: Path, content: bytes) -> None:
    root = make_tree(tmp_path)
    (root / "locales/en/intents/lost_card.yaml").write_bytes(content)
    (root / "locales/en/contacts.yaml").write_bytes(content)
    assert {item.path for item in problems(root)} >= {"locales/en/intents/lost_card.yaml", "locales/en/contacts.yaml"}
