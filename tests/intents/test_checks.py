"""`python -m intents check` finds what a reader of one language would stumble over."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from intents.__main__ import main
from intents.catalogue import load_catalogue
from intents.checks import check_all, facts_to_confirm, open_facts
from intents.coverage import coverage, table
from intents.errors import Problem
from intents.scripts import character_problems
from tests.intents.trees import BASE, CARD_REV, ENGLISH, OTHER, make_tree, write

ROOT = Path(__file__).resolve().parents[2]


def found(root: Path, *, only: str | None = None) -> list[Problem]:
    return [problem for problem in check_all(root, only=only)[1] if problem.code != "missing"
            and "danger_cards" not in problem.path]


def codes(root: Path) -> set[str]:
    return {problem.code for problem in found(root)}


def test_a_good_tree_has_no_errors(tmp_path: Path) -> None:
    assert found(make_tree(tmp_path)) == []


def test_the_real_tree_has_no_errors() -> None:
    errors = [str(problem) for problem in check_all(ROOT)[1] if problem.severity == "error"]
    assert errors == []


@pytest.mark.parametrize(
    ("tag", "text", "code"),
    [
        ("en", "Go to the polic\u0435 box", "script_mix"),
        ("mn", "Цагдаа\u0064аа очно уу", "script_mix"),
        ("en", "Go to the コウバン now", "foreign_script"),
        ("vi", "Đến gặp полиция", "foreign_script"),
        ("ko", "경찰서 警察署 로 가세요", "foreign_script"),
        ("zh-Hans", "請去警察局", "han"),
        ("zh-Hant", "请去警察局", "han"),
        ("en", "Go\u200b there", "invisible"),
        ("en", "Go\ufeff there", "invisible"),
        ("ur", "\u2067پولیس", "direction"),
        ("ur", "پولیس\u2069", "direction"),
        ("vi", "a\u0301", "nfc"),
    ],
)
def test_a_wrong_character_is_found(tag: str, text: str, code: str) -> None:
    assert code in {found_code for _, found_code, _ in character_problems(text, tag)}


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("en", "Show your 「在留カード」 (residence card) on LINE 👨‍👩‍👧"),
        ("vi", "Đưa thẻ cư trú (在留カード) cho cảnh sát"),
        ("zh-Hans", "请去「交番」或警察署，LINE 也可以"),
        ("zh-Hant", "請去「交番」或警察署"),
        ("mn", "Цагдаад LINE-аар бичээрэй"),
        ("ne", "प्रहरी कार्यालयमा जानुहोस् र र\u200dयाल"),
        ("km", "សូមទៅ\u200bប៉ូលិស"),
        ("ur", "پولیس کو \u2068 110 \u2069 پر کال کریں"),
        ("ja-simple", "けいさつに 電話して ください。LINEでも いいです。"),
    ],
)
def test_a_right_text_is_left_alone(tag: str, text: str) -> None:
    assert list(character_problems(text, tag)) == []


def test_a_stale_translation_is_a_warning_with_its_line(tmp_path: Path) -> None:
    problems = found(make_tree(tmp_path, english=ENGLISH.replace("{rev}", "00000000")))
    assert [(item.code, item.severity, item.line) for item in problems] == [("stale", "warning", 1)]


def test_a_changed_web_address_is_found(tmp_path: Path) -> None:
    base = BASE.replace("うそを", "https://a.example/x を 見て ください。うそを")
    root = make_tree(tmp_path, base=base, english=None)
    rev = load_catalogue(root).intents["lost_card"].rev
    english = ENGLISH.format(rev=rev).replace("Do not", "See https://a.example/y first. Do not")
    write(root, "locales/en/intents/lost_card.yaml", english)
    assert codes(root) == {"url"}


def test_an_answer_that_does_not_fit_one_message_is_found(tmp_path: Path) -> None:
    long = ENGLISH.replace("Do not lie.", "Do not lie. " * 400)
    assert codes(make_tree(tmp_path, english=long)) == {"length"}


def test_the_glossary_is_kept(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/en/glossary.yaml", "terms:\n  - {ja: カード, use: residence card, avoid: [lost your]}\n")
    assert sorted(item.message.split("”")[0] for item in found(root) if item.code == "glossary") == [
        "the base says カード; the glossary wants “residence card",
        "“lost your",
    ]
    write(root, "locales/en/glossary.yaml", "terms:\n  - {ja: カード, use: [a b, card]}\n  - {ja: 猫, use: cat}\n")
    assert found(root) == []


def utterances(*lines: str) -> str:
    rest = [f'  - "line {number} of {lines}"' for number in range(6)]
    return "\n".join(["short:", "  - a b", "  - c d", "question:", "  - e", "  - f", "  - g", "story:",
                      *(f'  - "{line}"' for line in lines), *rest, "rough:", "  - h", "  - i", "  - j"])


def test_one_sentence_in_two_intents_is_found_whatever_its_case_and_marks(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/en/utterances/lost_card.yaml", 'story: ["I dropped my card!", "one more"]\n')
    write(root, "locales/en/utterances/other.yaml", 'story: ["i dropped my CARD"]\n')
    problems = [item for item in found(root) if item.code == "duplicate"]
    assert [(item.path, item.severity) for item in problems] == [("locales/en/utterances/other.yaml", "error")]
    assert "locales/en/utterances/lost_card.yaml:1 (lost_card)" in problems[0].message


def test_a_sentence_of_the_development_set_must_not_be_trained_on(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/en/utterances/lost_card.yaml", 'story: ["I dropped my card"]\n')
    held_out = 'lost_card:\n  short: ["My card fell"]\n  story:\n    - "I dropped my card."\n'
    write(root, "tests/utterances/en.yaml", held_out)
    problems = [item for item in found(root) if item.code == "duplicate"]
    assert [(item.path, item.line) for item in problems] == [("tests/utterances/en.yaml", 4)]


def test_unknown_utterance_keys_and_intents_and_small_counts_are_found(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/en/utterances/other.yaml", "stories: [a]\nshort: [b]\n")
    write(root, "locales/en/utterances/nobody.yaml", utterances("x"))
    write(root, "locales/en/danger.yaml", 'police_now: ["he has a knife"]\nlookalikes: ["He has a knife!"]\n')
    assert {(item.path.rpartition("/")[2], item.code) for item in found(root)} == {
        ("other.yaml", "unknown_key"), ("other.yaml", "count"), ("nobody.yaml", "unknown_id"),
        ("danger.yaml", "duplicate"),
    }


def test_words_around_contacts_keep_their_placeholder_and_type_no_digit(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    write(root, "locales/vi/contacts.yaml", 'texts: {then_press: "bấm 2"}\n')
    assert codes(root) == {"placeholder", "typed_digits"}


def test_one_intent_is_checked_alone(tmp_path: Path) -> None:
    root = make_tree(tmp_path, other=OTHER.replace("jinshin", "nobody"))
    assert found(root, only="lost_card") == []
    assert found(root, only="other")


def test_what_the_police_must_confirm_is_listed(tmp_path: Path) -> None:
    lines = [str(problem) for problem in facts_to_confirm(load_catalogue(make_tree(tmp_path)))]
    assert any("{fee} = 5000 (card.2): knowledge-only" in line for line in lines)
    assert not any("{card_days}" in line for line in lines)
    assert any("stations (警察署): enter it in the deployment file; used by lost_card" in line for line in lines)
    assert any("rumour (うわさ): open the official page before release" in line for line in lines)


def test_coverage_counts_add_up(tmp_path: Path) -> None:
    catalogue = load_catalogue(make_tree(tmp_path, english=ENGLISH.replace("{rev}", "00000000")))
    rows = {row.tag: row for row in coverage(catalogue)}
    assert {row.n_missing + row.n_drafted + row.n_stale + row.n_checked for row in rows.values()} == {2}
    assert (rows["en"].n_stale, rows["en"].n_missing) == (1, 1)
    assert (rows["ja-simple"].n_drafted, rows["vi"].n_missing) == (2, 2)
    assert set(rows) == {"ja-simple", "en", "vi"}
    assert "1/0/1/0" in table(rows.values())


def test_the_command_fails_on_an_error_and_prints_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_tree(tmp_path, base=BASE.replace("seian", "nobody"), english=None)
    assert main(["check", "--root", str(root), "--only", "lost_card"]) == 1
    assert "intents/topics/crime/lost_card.yaml:1: error: section `nobody`" in capsys.readouterr().out
    assert main(["check", "--root", str(make_tree(tmp_path)), "--only", "lost_card"]) == 0
    assert main(["check", "--root", str(root), "--only", "nobody"]) == 2


def test_the_command_prints_fingerprints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_tree(tmp_path)
    assert main(["rev", "--root", str(root), "lost_card"]) == 0
    assert capsys.readouterr().out == f"{CARD_REV}\n"
    assert main(["rev", "--root", str(root), "nobody"]) == 1


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the real content."""
    shutil.copytree(ROOT / "locales", tmp_path / "locales")
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "data")
    shutil.copytree(ROOT / "intents", tmp_path / "intents", ignore=ignored)
    return tmp_path


def test_a_new_intent_is_written_once_and_reported_until_it_is_filled_in(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["add-intent", "--root", str(copied), "traffic/parked_car"]
    assert main(command) == 0
    assert main(["check", "--root", str(copied), "--only", "parked_car"]) == 1
    out = capsys.readouterr().out
    for key in ("section", "review_by", "answer.title", "answer.now", "sources[1].url"):
        assert f"`{key}` is empty" in out or f"`{key}` is missing" in out, (key, out)
    assert main(command) == 1
    assert main(["add-intent", "--root", str(copied), "nowhere/parked_car"]) == 1


def test_a_new_language_is_written_once_and_falls_back_at_once(copied: Path) -> None:
    command = ["add-locale", "--root", str(copied), "it", "Italiano"]
    assert main(command) == 0
    catalogue = load_catalogue(copied, strict=True)
    assert catalogue.locales["it"].name == "Italiano"
    assert catalogue.chain("it") == ("it", "en", "ja-simple")
    assert [item for item in check_all(copied)[1] if item.severity == "error" and "locales/it" in item.path] == []
    assert main(command) == 1
    assert main(["add-locale", "--root", str(copied), "xx-YY", "Nothing"]) == 1
    assert main(["add-locale", "--root", str(copied), "../evil", "Nothing"]) == 1


def test_every_unconfirmed_fact_is_put_to_the_police(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = load_catalogue(ROOT, strict=False)
    found = open_facts(ROOT, catalogue)
    assert [problem for problem in found if problem.severity == "error"] == []
    unconfirmed = [item for item, confidence in catalogue.fact_sources.items() if confidence != "confirmed"]
    assert len(found) == len(unconfirmed) > 200
    assert main(["check", "--facts"]) == 0
    assert f"{len(unconfirmed)} statements" in capsys.readouterr().out


def test_a_statement_that_is_missing_or_confirmed_is_an_error(tmp_path: Path) -> None:
    catalogue = load_catalogue(ROOT, strict=False)
    (tmp_path / "intents").mkdir()
    (tmp_path / "intents/open_facts.yaml").write_text('call_110.1: "確認済み。"\n', "utf-8")
    errors = [problem.message for problem in open_facts(tmp_path, catalogue) if problem.severity == "error"]
    assert "call_110.1 is confirmed: remove it" in errors
    assert "call_110.3 is single-source and not listed" in errors
