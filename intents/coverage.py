"""How far each language is: for every language and topic, what is missing, drafted, stale and checked."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from intents.catalogue import Catalogue
from intents.schema import BASE_TAG, TOPICS, Intent


@dataclass(frozen=True)
class CoverageRow:
    """The answers of one topic in one language; the four counts add up to `n_intents`."""

    tag: str
    topic: str
    n_intents: int
    n_missing: int
    n_drafted: int
    n_stale: int
    n_checked: int


def coverage(catalogue: Catalogue) -> tuple[CoverageRow, ...]:
    """One row for each language that residents can be answered in, and each topic that has answers."""
    rows: list[CoverageRow] = []
    for tag in catalogue.answer_tags():
        for topic in TOPICS:
            counts = {"missing": 0, "drafted": 0, "stale": 0, "checked": 0}
            for intent in catalogue:
                if intent.topic == topic and intent.base is not None:
                    counts[state_of(catalogue, intent, tag)] += 1
            if n := sum(counts.values()):
                rows.append(CoverageRow(tag, topic, n, counts["missing"], counts["drafted"], counts["stale"],
                                        counts["checked"]))
    return tuple(rows)


def state_of(catalogue: Catalogue, intent: Intent, tag: str) -> str:
    """`missing`, `drafted`, `stale` or `checked`: how far one answer is in one language."""
    if tag == BASE_TAG:
        return intent.state
    translation = catalogue.translations.get((tag, intent.id))
    if translation is None:
        return "missing"
    return "stale" if translation.source_rev != intent.rev else translation.state


def table(rows: Iterable[CoverageRow]) -> str:
    """The rows as text: missing/drafted/stale/checked in each cell."""
    cells = {(row.tag, row.topic): row for row in rows}
    topics = [topic for topic in TOPICS if any(key[1] == topic for key in cells)]
    tags = list(dict.fromkeys(key[0] for key in cells))
    lines = ["missing/drafted/stale/checked", "", " ".join(["language ", *(f"{topic:>12}" for topic in topics)])]
    for tag in tags:
        values = [cells[tag, topic] for topic in topics]
        shown = [f"{row.n_missing}/{row.n_drafted}/{row.n_stale}/{row.n_checked}" for row in values]
        lines.append(" ".join([f"{tag:9}", *(f"{value:>12}" for value in shown)]))
    return "\n".join(lines)


def as_csv(rows: Iterable[CoverageRow]) -> str:
    """The rows as CSV with a header, without a line break at the end."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(CoverageRow)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return out.getvalue().rstrip("\n")
