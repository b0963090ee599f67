"""The review of answers: lists by language and section, one text beside its base, and the decisions about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import reviews
from bot.console import answer_views
from bot.console.pages import render
from bot.console.parts import form_of, parts_of, staff_of, tag_of
from bot.console.rows import topic_name
from bot.errors import NotFound, Refused, WrongState
from intents.schema import BASE_TAG, TOPICS, Intent
from storage import reviews as review_rows
from storage.models import ReviewKind

STATES = ("drafted", "stale", "missing", "expired", "expiring", "checked")
_PREFIX = "rev:"  # a checked box of the list is named by its intent and holds the fingerprint that was shown


async def index(request: Request) -> Response:
    """List the answers of one language, for one section, group of topics or state."""
    return await _index(request, dict(request.query_params))


async def _index(
    request: Request, wanted: dict[str, str], status: int = 200, *, error: Refused | None = None
) -> Response:
    parts, person = parts_of(request), staff_of(request)
    await reviews.refresh(parts.database, parts.screens)
    catalogue = parts.screens.catalogue
    tags = tuple(catalogue.answer_tags())
    tag = wanted.get("tag", "")
    if tag not in tags:
        tag = BASE_TAG
    sections = sorted({intent.section for intent in catalogue if intent.base is not None})
    chosen = {
        "tag": tag,
        "section": wanted["section"] if wanted.get("section") in sections else "",
        "topic": wanted["topic"] if wanted.get("topic") in TOPICS else "",
        "state": wanted["state"] if wanted.get("state") in STATES else "",
    }
    rows = list(answer_views.rows(
        catalogue, tag, today=parts.today, section=chosen["section"], topic=chosen["topic"], state=chosen["state"],
    ))
    waiting = {
        row.intent.id: _shown(request, row.intent, tag) for row in rows
        if row.state in ("drafted", "stale") and reviews.may_review(person, catalogue, row.intent.id, tag)
    }
    return render(
        request, "answers/list.html", status, rows=rows, chosen=chosen, tags=tags, sections=sections,
        section_names=parts.screens.catalogue.sections, topics=TOPICS, states=STATES, waiting=waiting, error=error,
        base_tag=BASE_TAG,
    )


def _shown(request: Request, intent: Intent, tag: str) -> dict[str, object]:
    """Return a text beside its base, and the fingerprint of what is shown."""
    catalogue = parts_of(request).screens.catalogue
    assert intent.base is not None
    base = answer_views.parts_of_answer(catalogue, intent, intent.ruby or intent.base, BASE_TAG)
    translation = catalogue.translations.get((tag, intent.id))
    return {
        "base": base,
        "text": answer_views.parts_of_answer(catalogue, intent, translation.text, tag) if translation else None,
        "rev": reviews.current_rev(catalogue, intent.id, tag) if translation or tag == BASE_TAG else "",
    }


async def approve_many(request: Request) -> Response:
    """Approve every chosen text of a list, all or none, after the person said that each was read."""
    parts, form = parts_of(request), form_of(request)
    wanted = {name: form(name) for name in ("tag", "section", "topic", "state")}
    chosen = {name.removeprefix(_PREFIX): form(name) for name in form.fields if name.startswith(_PREFIX)}
    try:
        if not chosen:
            raise WrongState("Choose at least one text.")
        if form("read") != "yes":
            raise WrongState("Confirm that you have read every chosen text.")
        async with parts.database.transaction() as session:
            for intent_id, rev in chosen.items():
                reviews.approve(session, parts.screens.catalogue, staff_of(request), intent_id, wanted["tag"],
                                rev=rev, now=parts.clock())
    except Refused as error:
        return await _index(request, wanted, 409, error=error)
    await reviews.refresh(parts.database, parts.screens)
    return RedirectResponse(f"/content/answers?{urlencode(wanted | {'done': 'answer-approve'})}", 303)


async def show(request: Request) -> Response:
    """Show a text beside its base, with furigana, sources, state and history."""
    return await _page(request)


def _named(request: Request) -> tuple[Intent, str]:
    """Return the intent and the tag of the address. Raises NotFound."""
    catalogue = parts_of(request).screens.catalogue
    intent, tag = catalogue.intents.get(request.path_params["intent"]), request.path_params["tag"]
    if intent is None or intent.base is None or tag not in catalogue.answer_tags():
        raise NotFound("There is no such answer.")
    return intent, tag


async def _page(request: Request, status: int = 200, *, error: Refused | None = None) -> Response:
    parts, person = parts_of(request), staff_of(request)
    await reviews.refresh(parts.database, parts.screens)
    catalogue = parts.screens.catalogue
    intent, tag = _named(request)
    async with parts.database.reading() as session:
        history = await review_rows.history(session, intent.id, tag)
    shown = _shown(request, intent, tag)
    state = answer_views.state_of(catalogue, intent, tag, today=parts.today)
    approved = next((row for row in history if row.kind == ReviewKind.APPROVE), None)
    is_changed = approved is not None and approved.rev != shown["rev"]
    translation = catalogue.translations.get((tag, intent.id))
    may = bool(shown["rev"]) and reviews.may_review(person, catalogue, intent.id, tag)
    return render(
        request, "answers/page.html", status, intent=intent, title=topic_name(parts, intent.id, tag_of(request)),
        locale=tag, base_tag=BASE_TAG, shown=shown, state=state,
        history=history, approved=approved, translation=translation, error=error,
        earlier=answer_views.earlier_parts(approved.text) if approved is not None and is_changed else None,
        section_name=catalogue.sections.get(intent.section, intent.section),
        facts=[(name, catalogue.fill(f"{{{name}}}", intent, BASE_TAG), fact.source,
                catalogue.fact_sources.get(fact.source, "")) for name, fact in intent.facts.items()],
        contacts=catalogue.shown_contacts(intent.contacts, "ja"),
        tags=tuple(catalogue.answer_tags()), next_review=(parts.today + timedelta(days=365)).isoformat(),
        may={
            "approve": may and state != "checked",
            "withdraw": may and state == "checked",
            "same": may and tag == BASE_TAG and is_changed and state != "checked",
        },
    )


async def approve(request: Request) -> Response:
    """Approve the text that was shown."""
    form = form_of(request)

    def decide(session: AsyncSession, intent: Intent, tag: str) -> None:
        parts = parts_of(request)
        if form("read") != "yes":
            raise WrongState("Confirm that you have read the text.")
        reviews.approve(session, parts.screens.catalogue, staff_of(request), intent.id, tag, rev=form("rev"),
                        now=parts.clock(), review_by=_day(form("review_by")))

    return await _decide(request, decide, "answer-approve")


async def withdraw(request: Request) -> Response:
    """Take an approval back."""

    def decide(session: AsyncSession, intent: Intent, tag: str) -> None:
        parts = parts_of(request)
        reviews.withdraw(session, parts.screens.catalogue, staff_of(request), intent.id, tag,
                         rev=form_of(request)("rev"), now=parts.clock())

    return await _decide(request, decide, "answer-withdraw")


async def say_same_meaning(request: Request) -> Response:
    """Say that a corrected base answer means what the approved one meant."""

    def decide(session: AsyncSession, intent: Intent, tag: str) -> None:
        parts, form = parts_of(request), form_of(request)
        if tag != BASE_TAG:
            raise WrongState("Only a base answer can keep its approval this way.")
        reviews.say_same_meaning(session, parts.screens.catalogue, staff_of(request), intent.id, rev=form("rev"),
                                 old_rev=form("old_rev"), now=parts.clock())

    return await _decide(request, decide, "answer-same")


async def _decide(request: Request, decide: Callable[[AsyncSession, Intent, str], None], done: str) -> Response:
    parts = parts_of(request)
    intent, tag = _named(request)
    try:
        async with parts.database.transaction() as session:
            decide(session, intent, tag)
    except Refused as error:
        return await _page(request, 409, error=error)
    await reviews.refresh(parts.database, parts.screens)
    return RedirectResponse(f"/content/answers/{intent.id}/{tag}?done={done}", 303)


def _day(text: str) -> date | None:
    """Read a field of type date; None when it is empty. Raises WrongState."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise WrongState("This is not a date.") from None
