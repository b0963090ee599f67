"""Answers of one language as a PO file and back, for translators who work in Poedit or Weblate.

An entry is one part of one answer: its context is `intent/part`, its msgid the base text, its msgstr the translation.
A translation made from an older base is marked fuzzy. Coming back, an entry counts only for the base that it shows:
where the base has changed since the export, the answer keeps the text that it has.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from babel.messages.catalog import Catalog
from babel.messages.pofile import PoFileError, read_po, write_po

from intents.catalogue import Catalogue
from intents.errors import IntentsError
from intents.schema import Intent
from intents.texts import placeholders, typed_digits

_STEP = re.compile(r"steps\.\d+")


@dataclass(frozen=True)
class Imported:
    """What came of an import.

    written: files that were changed. left: one sentence for each answer that was left as it was, and why.
    """

    written: tuple[Path, ...]
    left: tuple[str, ...]


def export_po(catalogue: Catalogue, tag: str, stream: IO[bytes]) -> int:
    """Write every base answer with its translation; returns how many parts have none. Raises IntentsError."""
    _known(catalogue, tag)
    out = Catalog(locale=tag.replace("-", "_"), project="koban answers", charset="utf-8", fuzzy=False)
    n_empty = 0
    for intent in catalogue:
        if intent.base is None:
            continue
        translation = catalogue.translations.get((tag, intent.id))
        theirs = dict(translation.text.parts()) if translation else {}
        is_fuzzy = translation is not None and translation.source_rev != intent.rev
        english = catalogue.translations.get(("en", intent.id))
        hints = dict(english.text.parts()) if english and tag != "en" else {}
        for part, words in intent.base.parts():
            comments = [f"English: {hints[part]}"] if part in hints else []
            if translation is not None:
                comments.append(f"state: {translation.state}")
            n_empty += part not in theirs
            out.add(words, theirs.get(part, ""), context=f"{intent.id}/{part}", auto_comments=comments,
                    flags={"fuzzy"} if is_fuzzy and part in theirs else set())
    write_po(stream, out, width=100)
    return n_empty


def import_po(catalogue: Catalogue, root: Path, tag: str, stream: IO[bytes]) -> Imported:
    """Write the translations of a PO file that are complete, made from the present base, and different.

    What changed is `drafted` again: an import is not an approval. Raises IntentsError for a file that is no PO file
    or a language that is not there.
    """
    _known(catalogue, tag)
    written: list[Path] = []
    left: list[str] = []
    for intent_id, entries in _entries(stream).items():
        intent = catalogue.intents.get(intent_id)
        if intent is None or intent.base is None:
            left.append(f"{intent_id}: there is no such answer")
            continue
        translation = catalogue.translations.get((tag, intent_id))
        texts, problem = _usable(intent, entries)
        if problem:
            left.append(f"{intent_id}: {problem}")
        elif translation is None or dict(translation.text.parts()) != texts or translation.source_rev != intent.rev:
            path = root / "locales" / tag / "intents" / f"{intent_id}.yaml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(as_yaml(intent.rev, texts), encoding="utf-8")
            written.append(path)
    return Imported(tuple(written), tuple(left))


def _known(catalogue: Catalogue, tag: str) -> None:
    locale = catalogue.locales.get(tag)
    if locale is None or tag not in catalogue.answer_tags() or locale.fallback is None:
        raise IntentsError(f"`{tag}` has no translated answers; add the language with `add-locale {tag} NAME`")


def _entries(stream: IO[bytes]) -> dict[str, dict[str, tuple[str, str]]]:
    """Return intent → part → (base, translation) of what a translator has finished; fuzzy and empty ones are not."""
    try:
        read = read_po(stream, abort_invalid=True)
    except (PoFileError, UnicodeDecodeError, ValueError) as error:
        raise IntentsError(f"this is not a PO file: {error}") from error
    found: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for message in read:
        if message.context and isinstance(message.id, str) and isinstance(message.string, str):
            intent_id, _, part = message.context.partition("/")
            found[intent_id]  # an answer without a single finished part is named, too
            if message.string and not message.fuzzy:
                found[intent_id][part] = (message.id, message.string.strip())
    return found


def _usable(intent: Intent, entries: Mapping[str, tuple[str, str]]) -> tuple[dict[str, str], str]:
    """Return the translation by part, or the reason why it cannot be taken."""
    assert intent.base is not None
    wanted = dict(intent.base.parts())
    if any(part in wanted and base != wanted[part] for part, (base, _) in entries.items()):
        return {}, "the base has changed since the export; export again"
    missing = [part for part in wanted if part not in entries]
    if missing:
        return {}, f"not translated: {', '.join(missing)}"
    texts = {part: entries[part][1] for part in wanted}
    for part, text in texts.items():
        if sorted(placeholders(text)) != sorted(placeholders(wanted[part])):
            return {}, f"`{part}` must keep the placeholders {{…}} of the base"
        if digits := typed_digits(text):
            return {}, f"`{part}` types the digits {digits!r}; they come from placeholders"
    return texts, ""


def as_yaml(rev: str, texts: Mapping[str, str]) -> str:
    """Return a translation file. texts: dict of part → text, in the order of an answer."""

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)

    lines = [f'source_rev: "{rev}"', "state: drafted", "answer:"]
    lines += [f"  {part}: {quoted(texts[part])}" for part in ("title", "now")]
    steps = [text for part, text in texts.items() if _STEP.fullmatch(part)]
    lines += ["  steps:", *(f"    - {quoted(step)}" for step in steps)] if steps else []
    lines += [f"  warning: {quoted(texts['warning'])}"] if "warning" in texts else []
    return "\n".join(lines) + "\n"

