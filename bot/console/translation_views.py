"""What staff see of texts in two languages: beside the messages of a consultation, on a draft's page, in lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.console.auth import visible_tickets
from bot.console.parts import ConsoleParts
from bot.console.rows import TicketRow
from bot.console.ticket_views import Reader
from bot.translation import drafts
from bot.translation.compare import Comparison, Fact, compare, segments
from storage import tickets, translations
from storage.models import Staff, TextState, Ticket, Translation, TranslationKind, TranslationStatus
from storage.tickets import MessageView
from storage.translations import TranslationView

JAPANESE = ("ja", "ja-simple")


@dataclass(frozen=True, slots=True)
class AcrossLanguages:
    """The translations of a consultation, and who could make more.

    of_message: dict of message id → its translations, oldest first. drafts: replies that are not sent.
    replies: dict of message id → what a sent reply was translated from.
    machine: the name of the machine translator; None while it is off. machine_lacks: it does not have the language.
    interpreted: languages for which an interpreter has an account.
    """

    of_message: Mapping[int, Sequence[TranslationView]] = field(default_factory=dict)
    replies: Mapping[int, TranslationView] = field(default_factory=dict)
    drafts: Sequence[TranslationView] = ()
    machine: str | None = None
    machine_lacks: frozenset[str] = frozenset()
    interpreted: frozenset[str] = frozenset()

    def needs_reading(self, message: MessageView, locale: str) -> bool:
        """Tell whether a resident's message has words in a language that needs to be put into Japanese."""
        return (
            message.author == "resident" and bool(message.body.strip())
            and (message.locale or locale) not in JAPANESE
        )


async def across_languages(
    session: AsyncSession, ticket: Ticket, parts: ConsoleParts, languages: Sequence[str]
) -> AcrossLanguages:
    """Return the translations of a ticket. languages: those that its messages and replies are in."""
    of_message: dict[int, list[TranslationView]] = {}
    replies: dict[int, TranslationView] = {}
    open_drafts: list[TranslationView] = []
    for view in await translations.of_ticket(session, ticket, ring=parts.sealer):
        if view.row.kind == TranslationKind.MESSAGE:
            of_message.setdefault(view.row.message_id or 0, []).append(view)
        elif view.row.status == TranslationStatus.DONE:
            replies[view.row.message_id or 0] = view
        else:
            open_drafts.append(view)
    machine = parts.machine
    return AcrossLanguages(
        of_message, replies, open_drafts, machine.name if machine else None,
        frozenset(tag for tag in languages if machine and machine.offers(tag) is False),
        await translations.interpreted(session),
    )


@dataclass(frozen=True, slots=True)
class FactLine:
    """One thing that must stay the same. is_back_kept: None without a back-translation."""

    fact: Fact
    is_back_kept: bool | None
    wanted: str


@dataclass(frozen=True, slots=True)
class DraftPage:
    """A draft with its comparison. original: the Japanese in pieces; back_pieces: the back-translation in pieces.

    readings: dict of message id → its newest Japanese.
    """

    view: TranslationView
    ticket: TicketRow
    original: Sequence[tuple[str, Fact | None]]
    back_pieces: Sequence[tuple[str, Fact | None]]
    lines: Sequence[FactLine]
    comparison: Comparison | None
    back_comparison: Comparison | None
    newer: int
    messages: Sequence[MessageView]
    readings: Mapping[int, TranslationView]
    needs_second: bool
    may_work: bool
    may_edit: bool
    may_approve: bool


_SHOWN_MESSAGES = 4


async def draft_page(session: AsyncSession, ticket: Ticket, row: Translation, reader: Reader) -> DraftPage:
    """Return everything that the page of a draft shows."""
    parts, person = reader.parts, reader.person
    view = translations.opened(row, ticket, ring=parts.sealer)
    japanese = view.japanese or ""
    is_typed = row.state == TextState.TYPED  # written in one language: there is nothing to compare
    found = compare(japanese, view.foreign, row.locale) if view.foreign and not is_typed else None
    back = compare(japanese, view.back, "ja") if view.back and not is_typed else None
    messages = [each for each in await tickets.messages(session, ticket, ring=parts.sealer) if each.author != "note"]
    is_under_way = ticket.status in tickets.IN_QUEUE
    return DraftPage(
        view=view, ticket=reader.row(ticket), comparison=found, back_comparison=back,
        original=segments(japanese, found.facts if found else ()),
        back_pieces=segments(view.back, compare(view.back, japanese, "ja").facts if back else ()) if view.back else (),
        lines=_lines(found, back, row.locale), newer=ticket.n_messages - row.last_seen,
        messages=messages[-_SHOWN_MESSAGES:],
        readings={
            each.row.message_id or 0: each
            for each in await translations.of_ticket(session, ticket, ring=parts.sealer)
            if not each.is_reply and each.japanese
        },
        needs_second=drafts.needs_second_person(parts.deployment, ticket, row.state),
        may_work=is_under_way and ticket.claimed_by_id == person.id,
        may_edit=is_under_way and ticket.claimed_by_id == person.id and drafts.may_edit(row),
        may_approve=is_under_way and drafts.may_approve(row, person),
    )


def _lines(found: Comparison | None, back: Comparison | None, tag: str) -> list[FactLine]:
    if found is None:
        return []
    kept = {(fact.start, fact.end): fact.is_kept for fact in back.facts} if back else {}
    lines = []
    for fact in found.facts:
        wanted = fact.forms[0] if fact.kind == "term" and fact.forms else ""
        lines.append(FactLine(fact, kept.get((fact.start, fact.end)) if back else None, wanted))
    return lines


async def unfinished(
    session: AsyncSession, person: Staff, *, limit: int
) -> list[tuple[Translation, Ticket]]:
    """Return the replies and texts that are under way and that this person may see, oldest first."""
    visible = visible_tickets(person).with_only_columns(Ticket.id)
    rows = await session.execute(
        select(Translation, Ticket).join(Ticket, Ticket.id == Translation.ticket_id)
        .where(
            Translation.status.in_(translations.UNFINISHED), Ticket.status.in_(tickets.IN_QUEUE),
            Ticket.id.in_(visible),
        )
        .order_by(Translation.created_at, Translation.id).limit(limit)
    )
    return [(row[0], row[1]) for row in rows]
