"""Read the files below `intents/topics/` and `locales/*/intents/` into models, reporting everything that is wrong."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType

from intents.errors import Problem
from intents.loading import Fields, Report, read_mapping
from intents.schema import (
    FACT_KINDS,
    KINDS,
    MAX_STEPS,
    STATES,
    TOPICS,
    URGENCIES,
    AnswerText,
    Contact,
    Fact,
    Intent,
    Review,
    Source,
    Translation,
    Where,
    without_ruby,
)
from intents.texts import fact_problem, fingerprint, placeholders, stray_braces, typed_digits

_BASE_KEYS = frozenset({
    "kind", "section", "urgency", "always", "sensitive", "sources", "review_by", "review", "related", "contacts",
    "facts", "answer", "ruby",
})  # fmt: skip
_ANSWER_KEYS = frozenset({"title", "now", "steps", "warning"})
_TRANSLATION_KEYS = frozenset({"source_rev", "state", "checked_by", "checked_at", "answer"})
_ID = re.compile(r"[a-z][a-z0-9_]*")
_REV = re.compile(r"[0-9a-f]{8}")


def read_answer(fields: Fields, key: str, lines: dict[str, int], *, required: bool = True) -> AnswerText | None:
    """Read title, now, steps and warning; `lines` receives the line of each part."""
    found = fields.mapping(key, required=required)
    if found is None:
        return None
    found.only(_ANSWER_KEYS)
    lines[key] = found.line
    title, now = found.text("title"), found.text("now")
    steps = found.texts("steps", required=False)
    warning = found.text("warning", required=False)
    for part in _ANSWER_KEYS & set(found):
        lines[f"{key}.{part}"] = found.line_of(part)
    for number, (_, line) in enumerate(steps, start=1):
        lines[f"{key}.steps.{number}"] = line
    if len(steps) > MAX_STEPS:
        found.problem(f"{len(steps)} steps; keep at most {MAX_STEPS}", key="steps", code="steps")
    if title is None or now is None:
        return None
    return AnswerText(title, now, tuple(step for step, _ in steps), warning or "")


def check_words(
    answer: AnswerText, key: str, where: Where, facts: Mapping[str, Fact], contacts: Mapping[str, Contact]
) -> list[Problem]:
    """Typed digits and unknown placeholders of one answer text."""
    found: list[Problem] = []

    def add(part: str, message: str, code: str) -> None:
        found.append(Problem(where.path, where.line(f"{key}.{part}"), message, "error", code))

    for part, text in answer.parts():
        if digits := typed_digits(text):
            add(part, f"`{key}.{part}` types the digits {digits!r}; use a contact or a fact in braces", "typed_digits")
        if "{" not in text and "}" not in text:
            continue
        if stray_braces(text):
            add(part, f"`{key}.{part}` has a brace that is not a placeholder; write {{name}}", "placeholder")
        for name in placeholders(text):
            if name in facts:
                continue
            contact = contacts.get(name)
            if contact is None:
                add(part, f"placeholder {{{name}}} is neither a fact of this file nor a contact", "placeholder")
            elif contact.publish != "ok":
                add(part, f"placeholder {{{name}}}: this contact is `{contact.publish}`; list it under `contacts:` "
                    "instead, or leave it out", "placeholder")
            elif contact.first_number is None:
                add(part, f"placeholder {{{name}}}: this contact has no confirmed number", "placeholder")
    return found


def _read_facts(fields: Fields, contacts: Collection[str], fact_sources: Mapping[str, str]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    entries = fields.mapping("facts", required=False)
    for name in entries or ():
        assert entries is not None
        entry = entries.mapping(name)
        if entry is None:
            continue
        entry.only({"kind", "value", "source"})
        if not _ID.fullmatch(name):
            entries.problem(f"fact `{name}` must be small Latin letters, digits and _", key=name)
        if name in contacts:
            entries.problem(f"fact `{name}` has the name of a contact; choose another", key=name, code="duplicate")
        fact = Fact(entry.choice("kind", FACT_KINDS), entry.text("value") or "", entry.text("source") or "")
        if fact.kind and fact.value and (wrong := fact_problem(fact)):
            entry.problem(f"fact `{name}`: {wrong}", key="value", code="fact")
        if fact.source and not fact.source.startswith("https://") and fact.source not in fact_sources:
            entry.problem(f"fact `{name}`: source `{fact.source}` is neither in intents/fact_sources.yaml nor an https "
                          "address", key="source", code="unknown_id")
        facts[name] = fact
    return facts


def _read_review(fields: Fields) -> Review:
    review = fields.mapping("review")
    if review is None:
        return Review()
    review.only({"state", "by", "at", "rev"})
    state = review.choice("state", STATES, default="drafted")
    checked = state == "checked"
    by, at, rev = review.text("by", required=checked), review.date("at", required=checked), review.text(
        "rev", required=checked)
    if rev and not _REV.fullmatch(rev):
        review.problem(f"`review.rev` is `{rev}`; write the 8 hex digits of `python -m intents rev`", key="rev")
    return Review(state, by or "", at, rev or "")


def read_base(
    path: Path, report: Report, *, contacts: Mapping[str, Contact], sections: Collection[str],
    fact_sources: Mapping[str, str],
) -> Intent | None:
    """Read one base file; None when it cannot be used, with the problems reported."""
    before = len(report.errors)
    intent_id, topic = path.stem, path.parent.name
    fields = read_mapping(path, report)
    if fields is None:
        return None
    fields.only(_BASE_KEYS)
    if topic not in TOPICS:
        fields.problem(f"topic folder `{topic}` is unknown; choose one of {', '.join(TOPICS)}", code="unknown_id")
    if not _ID.fullmatch(intent_id):
        fields.problem(f"intent id `{intent_id}` must be small Latin letters, digits and _")
    kind = fields.choice("kind", KINDS, required=False, default="content")
    is_content = kind == "content"
    section = fields.text("section", required=is_content) or ""
    if section and section not in sections:
        fields.problem(f"section `{section}` is not in intents/sections.yaml", key="section", code="unknown_id")
    lines: dict[str, int] = {key: fields.line_of(key) for key in fields}
    sources: list[Source] = []
    for entry in fields.mappings("sources", required=is_content):
        entry.only({"url", "checked"})
        url, checked = entry.text("url"), entry.date("checked")
        if url and not re.match(r"https?://\S+\.\S", url):
            entry.problem(f"source `{url}` must be a web address", key="url", code="type")
        elif url and checked:
            sources.append(Source(url, checked))
    listed = fields.texts("contacts", required=False)
    for contact_id, line in listed:
        if contact_id not in contacts:
            fields.problem(f"contact `{contact_id}` is not in intents/contacts.yaml", line=line, code="unknown_id")
        elif contacts[contact_id].publish == "never":
            fields.problem(f"contact `{contact_id}` must never be shown; remove it", line=line, code="publish")
    facts = _read_facts(fields, contacts, fact_sources)
    base = read_answer(fields, "answer", lines, required=is_content)
    if base is not None and not is_content:
        fields.problem(f"an intent of kind `{kind}` has no answer; its words are interface strings", key="answer")
    ruby = read_answer(fields, "ruby", lines, required=False)
    where = Where(report.name_of(path), MappingProxyType(lines))
    if base is not None:
        report.problems += check_words(base, "answer", where, facts, contacts)
        used = {name for _, text in base.parts() for name in placeholders(text)}
        for name in facts:
            if name not in used:
                report.add(path, fields.line_of("facts"), f"fact `{name}` is used by no text; remove it",
                           severity="warning", code="unused")
        if ruby is not None and not is_same_text(base, ruby):
            report.add(path, fields.line_of("ruby"), "the furigana are of an older text; run "
                       f"`python -m intents furigana {intent_id}`", severity="warning", code="ruby_stale")
            ruby = None
    intent = Intent(
        id=intent_id,
        topic=topic,
        kind=kind,
        section=section,
        urgency=fields.choice("urgency", URGENCIES, required=is_content, default="normal"),
        always=fields.flag("always"),
        sensitive=fields.flag("sensitive"),
        sources=tuple(sources),
        review_by=fields.date("review_by", required=is_content),
        review=_read_review(fields) if is_content or "review" in fields else Review(),
        related=tuple(text for text, _ in fields.texts("related", required=False)),
        contacts=tuple(text for text, _ in listed),
        facts=MappingProxyType(facts),
        base=base,
        ruby=ruby,
        rev=fingerprint(base, facts) if base is not None else "",
        where=where,
    )
    return intent if len(report.errors) == before else None


def is_same_text(base: AnswerText, ruby: AnswerText) -> bool:
    """Whether the text with furigana is the base text once the furigana are taken away."""
    plain = AnswerText(
        without_ruby(ruby.title), without_ruby(ruby.now), tuple(map(without_ruby, ruby.steps)),
        without_ruby(ruby.warning),
    )
    return plain == base


def read_translation(
    path: Path, tag: str, report: Report, *, intents: Mapping[str, Intent], contacts: Mapping[str, Contact],
    known_ids: Collection[str],
) -> Translation | None:
    """Read one translated answer; None when it cannot be used, with the problems reported.

    known_ids: ids of every base file, also of those that could not be read.
    """
    intent_id = path.stem
    intent = intents.get(intent_id)
    if intent is None:
        if intent_id not in known_ids:
            report.add(path, 1, f"there is no intent `{intent_id}` below intents/topics/; rename or remove the file",
                       code="unknown_id")
        return None
    before = len(report.errors)
    fields = read_mapping(path, report)
    if fields is None:
        return None
    fields.only(_TRANSLATION_KEYS)
    source_rev = fields.text("source_rev") or ""
    if source_rev and not _REV.fullmatch(source_rev):
        fields.problem(f"`source_rev` is `{source_rev}`; write the 8 hex digits of `python -m intents rev {intent_id}`",
                       key="source_rev")
    state = fields.choice("state", STATES, default="drafted")
    checked = state == "checked"
    by = fields.text("checked_by", required=checked)
    at: dt.date | None = fields.date("checked_at", required=checked)
    lines: dict[str, int] = {"source_rev": fields.line_of("source_rev")}
    text = read_answer(fields, "answer", lines)
    if intent.base is None:
        fields.problem(f"`{intent_id}` has no answer text to translate; remove the file")
        return None
    if text is None:
        return None
    where = Where(report.name_of(path), MappingProxyType(lines))
    is_stale = source_rev != intent.rev
    found = check_words(text, "answer", where, intent.facts, contacts)
    if not is_stale:  # an older translation may differ: it is listed as stale
        found += compare_shapes(intent.base, text, where)
    report.problems += found
    if len(report.errors) != before:
        return None
    return Translation(tag, intent_id, source_rev, state, text, by or "", at, where)


def compare_shapes(base: AnswerText, text: AnswerText, where: Where) -> list[Problem]:
    """Placeholders and steps that differ between the base and a translation of the same revision."""
    found: list[Problem] = []

    def add(part: str, message: str, code: str) -> None:
        found.append(Problem(where.path, where.line(f"answer.{part}"), message, "error", code))

    if len(base.steps) != len(text.steps):
        add("steps", f"{len(text.steps)} steps, the base has {len(base.steps)}; write the same steps", "steps")
    if bool(base.warning) != bool(text.warning):
        add("warning", "the base has a warning, this has none; translate it" if base.warning
            else "the base has no warning; remove this one", "warning")
    ours = dict(text.parts())
    for part, original in base.parts():
        if part not in ours:
            continue
        wanted, got = sorted(placeholders(original)), sorted(placeholders(ours[part]))
        if wanted != got:
            def names(items: list[str]) -> str:
                return ", ".join(f"{{{item}}}" for item in items) or "none"

            add(part, f"`{part}` has the placeholders {names(got)}, the base has {names(wanted)}; keep them all",
                "placeholder")
    return found


def read_pairs(path: Path, report: Report, *, values: Collection[str] | None = None) -> dict[str, str]:
    """Read a flat `key: text` file such as intents/sections.yaml.

    values: the only values allowed, or None for any.
    """
    fields = read_mapping(path, report)
    if fields is None:
        return {}
    if values is None:
        return {key: fields.text(key) or "" for key in fields}
    return {key: fields.choice(key, values) for key in fields}

