"""Reads the numbers that the deploying police enters for the contacts which differ from one prefecture to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from intents.catalogue import Catalogue
from intents.contacts import COSTS, NUMBER_KINDS, read_hours
from intents.loading import Fields
from intents.schema import Closed, LocalContact, Number

_KEYS = frozenset({"name", "numbers", "hours", "closed", "languages", "languages_vary", "cost", "url"})
_PHONE = re.compile(r"[#0-9+][0-9-]{1,19}")


def read_local_contacts(
    top: Fields, catalogue: Catalogue | None, demo_mark: Mapping[str, str]
) -> Mapping[str, LocalContact]:
    """Read `local_contacts`; each must be a contact to configure.

    demo_mark: the word for “sample” by tag, which is put behind every name of a demo; empty otherwise.
    """
    found: dict[str, LocalContact] = {}
    entries = top.mapping("local_contacts", required=False)
    for contact_id in entries or ():
        assert entries is not None
        if catalogue is not None:
            shared = catalogue.contacts.get(contact_id)
            if shared is None or shared.publish != "configure":
                known = sorted(each.id for each in catalogue.contacts.values() if each.publish == "configure")
                state = "is not in intents/contacts.yaml" if shared is None else f"is `publish: {shared.publish}`"
                entries.problem(f"contact `{contact_id}` {state}; those to configure are {', '.join(known)}",
                                key=contact_id, code="unknown_id")
                continue
        entry = entries.mapping(contact_id)
        if entry is None:
            continue
        local = _read_one(entry, catalogue)
        if not local.numbers and not local.url:
            entry.problem(f"`{contact_id}` has neither a number nor an address; write one, or remove the contact")
        found[contact_id] = _marked(contact_id, local, catalogue, demo_mark) if demo_mark else local
    return MappingProxyType(found)


def _read_one(entry: Fields, catalogue: Catalogue | None) -> LocalContact:
    entry.only(_KEYS)
    names = entry.mapping("name", required=False)
    by_tag = {tag: names.text(tag) or "" for tag in names} if names is not None else {}
    closed = entry.mapping("closed", required=False)
    if closed is not None:
        closed.only({"holidays", "year_end"})
    hours = read_hours(entry, "hours", required=False)
    if hours is not None and hours.text and catalogue is not None and hours.text not in catalogue.contact_texts:
        entry.problem(f"`hours.text` is `{hours.text}`, which `texts` of intents/contacts.yaml does not have",
                      key="hours", code="unknown_id")
    tags = []
    for tag, line in entry.texts("languages", required=False):
        if catalogue is not None and tag not in catalogue.locales:
            entry.problem(f"`{tag}` is not a language that has a folder in locales/; write a tag such as vi", line=line,
                          code="unknown_id")
        tags.append(tag)
    return LocalContact(
        name_ja=by_tag.pop("ja", None),
        name_en=by_tag.pop("en", None),
        names=MappingProxyType(by_tag),
        numbers=_read_numbers(entry),
        hours=hours,
        closed=Closed(_flag(closed, "holidays"), _flag(closed, "year_end")) if closed is not None else None,
        languages=tuple(tags),
        languages_vary=_flag(entry, "languages_vary"),
        cost=entry.choice("cost", COSTS, required=False) or None,
        url=_address(entry, "url"),
    )


def _flag(fields: Fields, key: str) -> bool | None:
    return fields.flag(key) if key in fields else None


def _address(fields: Fields, key: str) -> str | None:
    value = fields.text(key, required=False)
    if value is not None and not re.fullmatch(r"https://[!-~]+", value):
        fields.problem(f"`{fields.prefix}{key}` is `{value}`; it must start with https:// and hold no space", key=key)
    return value


def _read_numbers(entry: Fields) -> tuple[Number, ...]:
    found: list[Number] = []
    for item in entry.mappings("numbers", required=False):
        item.only({*NUMBER_KINDS, "press", "language", "hours"})
        kinds = [kind for kind in NUMBER_KINDS if kind in item]
        if len(kinds) != 1:
            item.problem(f"a number needs exactly one of {', '.join(NUMBER_KINDS)}")
            continue
        kind = kinds[0]
        value = _address(item, kind) if kind in ("url", "chat") else item.text(kind)
        if value and kind in ("phone", "sms") and not _PHONE.fullmatch(value):
            item.problem(f"`{value}` is not a phone number; write digits and hyphens", key=kind, code="type")
        found.append(Number(
            value=value, kind=kind, press=item.text("press", required=False) or "",
            language=item.text("language", required=False), hours=read_hours(item, "hours", required=False),
        ))
    return tuple(found)


def _marked(
    contact_id: str, local: LocalContact, catalogue: Catalogue | None, demo_mark: Mapping[str, str]
) -> LocalContact:
    """Put the word for “sample” behind every name, so that nobody takes a demo's number for a real one."""
    shared = catalogue.contacts[contact_id] if catalogue is not None else None
    name_ja = local.name_ja or (shared.name_ja if shared else None)
    name_en = local.name_en or (shared.name_en if shared else None)
    names = {**(shared.names if shared else {}), **local.names}
    for tag in demo_mark:
        if tag not in ("ja", "en") and (found := name_ja if tag.split("-")[0] == "ja" else name_en):
            names.setdefault(tag, found)
    return replace(
        local,
        name_ja=name_ja and f"{name_ja} [{demo_mark['ja']}]",
        name_en=name_en and f"{name_en} [{demo_mark['en']}]",
        names=MappingProxyType({tag: f"{name} [{demo_mark.get(tag) or demo_mark['en']}]"
                                for tag, name in names.items()}),
    )
