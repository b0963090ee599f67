"""Answers as PO files and back, through the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from bot.i18n import ROOT
from intents.__main__ import main
from intents.catalogue import load_catalogue

INTENT = "stolen_bicycle"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the content, small enough to copy for each test."""
    for part in ("intents", "locales/vi", "locales/en", "locales/ja-simple", "locales/ja"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("*.npz", "*.py", "utterances"))
    catalogue = load_catalogue(tmp_path, strict=False)
    for translation in catalogue.translations.values():  # none is stale here, whatever is being translated now
        file = tmp_path / translation.where.path
        file.write_text(file.read_text("utf-8").replace(
            f'"{translation.source_rev}"', f'"{catalogue.intents[translation.intent_id].rev}"'), "utf-8")
    return tmp_path


def export(tree: Path, tag: str = "vi") -> Path:
    path = tree / f"{tag}.po"
    assert main(["export-po", tag, str(path), "--root", str(tree)]) == 0
    return path


def edit(path: Path, part: str, text: str) -> None:
    with path.open("rb") as stream:
        catalog = read_po(stream)
    message = next(each for each in catalog if each.context == f"{INTENT}/{part}")
    message.string = text
    with path.open("wb") as stream:
        write_po(stream, catalog)


def bring_back(tree: Path, path: Path) -> int:
    return main(["import-po", "vi", str(path), "--root", str(tree)])


def test_what_is_exported_and_imported_unchanged_writes_nothing(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in (tree / "locales/vi/intents").iterdir()}
    assert bring_back(tree, export(tree)) == 0
    assert "0 answers written" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in before} == before


def test_a_corrected_text_comes_back_as_a_draft(tree: Path) -> None:
    path = export(tree)
    edit(path, "title", "Mất xe đạp hoặc xe máy")
    assert bring_back(tree, path) == 0
    translation = load_catalogue(tree, strict=False).translations["vi", INTENT]
    assert translation.text.title == "Mất xe đạp hoặc xe máy"
    assert translation.state == "drafted"
    assert translation.source_rev == load_catalogue(tree, strict=False).intents[INTENT].rev


@pytest.mark.parametrize(("part", "text", "reason"), [
    ("title", "Gọi 110 khi mất xe đạp", "digits"),
    ("title", "Mất xe đạp {emg_110}", "placeholders"),
    ("title", "", "not translated: title"),
])
def test_a_text_that_would_break_the_answer_is_left(
    tree: Path, capsys: pytest.CaptureFixture[str], part: str, text: str, reason: str
) -> None:
    path = export(tree)
    before = (tree / f"locales/vi/intents/{INTENT}.yaml").read_bytes()
    edit(path, part, text)
    assert bring_back(tree, path) == 1
    assert reason in capsys.readouterr().err
    assert (tree / f"locales/vi/intents/{INTENT}.yaml").read_bytes() == before


def test_a_translation_of_an_older_base_is_left(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = export(tree)
    base = tree / f"intents/topics/crime/{INTENT}.yaml"
    text = base.read_text("utf-8")
    base.write_text(text[: text.index("ruby:")].replace("写真も いいです。", "写真も 見せて ください。"), "utf-8")
    edit(path, "title", "Mất xe")
    assert bring_back(tree, path) == 1
    assert "the base has changed" in capsys.readouterr().err


def test_a_stale_translation_is_fuzzy_until_somebody_has_looked(tree: Path) -> None:
    file = tree / f"locales/vi/intents/{INTENT}.yaml"
    rev = load_catalogue(tree, strict=False).intents[INTENT].rev
    file.write_text(file.read_text("utf-8").replace(rev, "00000000"), "utf-8")
    with export(tree).open("rb") as stream:
        messages = [each for each in read_po(stream) if (each.context or "").startswith(f"{INTENT}/")]
    assert messages
    assert all(each.fuzzy for each in messages)


def test_what_is_no_po_file_or_no_language_is_said_plainly(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tree / "wrong.po"
    wrong.write_bytes(b"\xff\xfe not a po file \x00")
    assert bring_back(tree, wrong) == 1
    assert "not a PO file" in capsys.readouterr().err
    assert main(["export-po", "xx", str(tree / "xx.po"), "--root", str(tree)]) == 1
    assert "add-locale xx" in capsys.readouterr().err


def test_a_mistaken_language_leaves_the_file_that_is_there(tree: Path) -> None:
    path = export(tree)
    before = path.read_bytes()
    assert main(["export-po", "xx", str(path), "--root", str(tree)]) == 1
    assert path.read_bytes() == before
