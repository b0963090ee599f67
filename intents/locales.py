"""Read `locales/<tag>/locale.yaml`: the folders are the list of languages."""

from __future__ import annotations

from pathlib import Path

import babel

from intents.loading import Report, read_mapping
from intents.schema import BASE_TAG, CORE_TAGS, Locale

_KEYS = frozenset({"name", "fallback", "understood_only", "answers_in", "console_only", "yen"})


def babel_tag(tag: str) -> str:
    """The tag for Babel: やさしい日本語 and learners' Japanese follow Japanese."""
    return "ja" if tag.split("-")[0] == "ja" else tag.replace("-", "_")


def load_locales(folder: Path, report: Report) -> dict[str, Locale]:
    """Read every locale folder, the core ones first in their fixed order."""
    tags = [path.name for path in folder.iterdir() if (path / "locale.yaml").is_file()] if folder.is_dir() else []
    order = {tag: number for number, tag in enumerate(CORE_TAGS)}
    tags.sort(key=lambda tag: (order.get(tag, len(order)), tag))
    found: dict[str, Locale] = {}
    for tag in tags:
        path = folder / tag / "locale.yaml"
        fields = read_mapping(path, report)
        if fields is None:
            continue
        fields.only(_KEYS)
        try:
            direction = babel.Locale.parse(babel_tag(tag)).text_direction
        except (babel.UnknownLocaleError, ValueError):
            report.add(path, 1, f"Babel does not know `{tag}`; name the folder by a BCP 47 tag", code="unknown_id")
            continue
        understood_only = fields.flag("understood_only")
        name = fields.text("name")
        fallback = fields.text("fallback", required=tag != BASE_TAG and not understood_only)
        answers_in = fields.text("answers_in", required=understood_only)
        for key, other in (("fallback", fallback), ("answers_in", answers_in)):
            if other is not None and other not in tags:
                fields.problem(f"`{key}` is `{other}`, which has no folder in locales/", key=key, code="unknown_id")
        yen = fields.text("yen", required=False) or ""
        if yen and "{n}" not in yen:
            fields.problem("`yen` must hold {n}, where the amount stands", key="yen")
        if name is None:
            continue
        found[tag] = Locale(
            tag, name, fallback, direction, understood_only, fields.flag("console_only"), answers_in, yen
        )
    for tag in found:
        seen = [tag]
        while (following := found[seen[-1]].fallback) and following in found:
            if following in seen:
                report.add(folder / tag / "locale.yaml", 1, "the fallbacks run in a circle: " + " → ".join(
                    [*seen, following]), code="fallback")
                break
            seen.append(following)
    return found
