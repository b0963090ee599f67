"""Drafts of replies: made by a machine or an interpreter, looked at, approved where that is needed, then sent.

Nothing is sent by itself, and nothing is sent that differs from what was looked at. Whoever wrote, translated or
proposed a draft cannot be its second person. The caller owns the transaction.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import consultation
from bot.deployment import Deployment
from bot.errors import StaleReply, WrongState
from bot.i18n import Strings
from bot.translation import second
from bot.translation.interpreting import checked, checked_note, record
from storage import tickets, translations
from storage.audit import AuditTag
from storage.models import (
    Author,
    Chat,
    Message,
    Staff,
    TextState,
    Ticket,
    Translation,
    TranslationKind,
    TranslationStatus,
)
from storage.sealing import Sealer
from storage.tickets import MessageView
from storage.translations import TranslationView


def needs_second_person(deployment: Deployment, ticket: Ticket, state: str | None) -> bool:
    """Tell whether a reply goes out only after another person approved it.

    On the topics that the deployment names every reply does; on a sensitive topic what a machine wrote.
    """
    is_machine = state in (TextState.MACHINE, TextState.MACHINE_CHECKED)
    return deployment.needs_four_eyes(ticket.topic) or (ticket.is_sensitive and is_machine)


def may_edit(row: Translation) -> bool:
    """Tell whether staff may change the text for the resident: an interpreter's word stays as it is, or goes back."""
    return row.status == TranslationStatus.DRAFT and row.state in (TextState.MACHINE, TextState.TYPED)


def may_approve(row: Translation, person: Staff) -> bool:
    """Tell whether a person may be the second one for a draft that waits for approval."""
    authors = (row.author_id, row.proposed_by_id, row.interpreter_id)
    return row.status == TranslationStatus.PROPOSED and person.id not in authors


async def read_by_machine(
    session: AsyncSession, ticket: Ticket, officer: Staff, message: MessageView, japanese: str, *, provider: str,
    sealer: Sealer, now: datetime,
) -> Translation:
    """Keep a machine's Japanese of a resident's message."""
    if message.author != Author.RESIDENT:
        raise WrongState("Only what the resident wrote is sent to be read.")
    row = await translations.add(
        session, ticket, TranslationKind.MESSAGE, TranslationStatus.DONE, locale=message.locale or ticket.locale,
        author_id=officer.id, ring=sealer, now=now, message_id=message.id, revision=len(message.revisions),
        foreign=message.body, japanese=japanese,
    )
    row.state, row.provider = TextState.MACHINE, provider
    record(session, AuditTag.STAFF_TRANSLATION_MACHINE, row, officer, now=now, provider=provider)
    return row


async def write_by_machine(
    session: AsyncSession, ticket: Ticket, officer: Staff, *, japanese: str, foreign: str, back: str | None,
    locale: str, provider: str, sealer: Sealer, now: datetime,
) -> Translation:
    """Keep a machine's draft of a reply, with its back-translation when there is one."""
    await _require_desk(session, ticket, officer)
    row = await translations.add(
        session, ticket, TranslationKind.REPLY, TranslationStatus.DRAFT, locale=locale, author_id=officer.id,
        ring=sealer, now=now, japanese=checked(japanese), foreign=checked(foreign), back=back,
    )
    row.state, row.provider = TextState.MACHINE, provider
    record(session, AuditTag.STAFF_TRANSLATION_MACHINE, row, officer, now=now, provider=provider)
    return row


async def save(
    session: AsyncSession, ticket: Ticket, row: Translation, officer: Staff, *, foreign: str, back: str | None,
    sealer: Sealer, now: datetime,
) -> None:
    """Keep a changed text of a machine's draft and its new back-translation, None when there is none."""
    await _require_desk(session, ticket, officer)
    if row.status != TranslationStatus.DRAFT:
        raise WrongState("This draft is not on your desk any more.")
    view = translations.opened(row, ticket, ring=sealer)
    if checked(foreign) != view.foreign and not may_edit(row):
        raise WrongState("An interpreter answers for this text. Send it back to the interpreters with a note instead.")
    translations.put(row, ticket, ring=sealer, foreign=checked(foreign), back=back)
    row.updated_at = now


async def propose_own(
    session: AsyncSession, ticket: Ticket, officer: Staff, body: str, *, locale: str, last_seen: int, sealer: Sealer,
    now: datetime,
) -> Translation:
    """Let a reply that the officer wrote in the resident's language wait for a second person.

    last_seen: the number of the newest message on the page that the officer wrote from. Raises StaleReply.
    """
    body = checked(body)
    await _require_desk(session, ticket, officer)
    if last_seen != ticket.n_messages:
        raise StaleReply("Something was added while you were writing. Read it, then send again.")
    row = await translations.add(
        session, ticket, TranslationKind.REPLY, TranslationStatus.DRAFT, locale=locale, author_id=officer.id,
        ring=sealer, now=now, foreign=body,
    )
    row.state = TextState.TYPED
    await propose(session, ticket, row, officer, body, sealer=sealer, now=now)
    return row


async def propose(
    session: AsyncSession, ticket: Ticket, row: Translation, officer: Staff, text: str, *, sealer: Sealer, now: datetime
) -> None:
    """Ask for a second person. text: what the officer looked at."""
    await _require_desk(session, ticket, officer)
    if may_edit(row) and row.state == TextState.TYPED:  # nothing is compared with it: what is typed now is what counts
        _retype(row, ticket, checked(text), sealer=sealer)
    _require_draft(row, ticket, text, sealer=sealer)
    row.status, row.proposed_by_id, row.proposed_at, row.updated_at = (
        TranslationStatus.PROPOSED, officer.id, now, now
    )
    record(session, AuditTag.STAFF_TRANSLATION_PROPOSE, row, officer, now=now, state=row.state)


async def send(
    session: AsyncSession, ticket: Ticket, chat: Chat, row: Translation, officer: Staff, text: str, *, last_seen: int,
    deployment: Deployment, strings: Strings, sealer: Sealer, now: datetime,
) -> Message:
    """Send a draft that needs no second person. text: what the officer looked at."""
    view = _require_draft(row, ticket, text, sealer=sealer)
    if needs_second_person(deployment, ticket, row.state):
        raise WrongState("This goes out only after a second person has approved it.")
    return await _deliver(session, ticket, chat, view, officer, last_seen=last_seen, deployment=deployment,
                          strings=strings, sealer=sealer, now=now)


async def approve(
    session: AsyncSession, ticket: Ticket, chat: Chat, row: Translation, approver: Staff, *, last_seen: int,
    deployment: Deployment, strings: Strings, sealer: Sealer, now: datetime,
) -> Message:
    """Approve a draft as the second person, and send it in the name of whoever proposed it."""
    _require_proposed(row)
    if not may_approve(row, approver):
        raise WrongState("Who wrote, translated or proposed a draft cannot approve it. Another person has to.")
    proposer = await session.get(Staff, row.proposed_by_id)
    if proposer is None or ticket.claimed_by_id != proposer.id:
        raise WrongState("Who proposed this does not have the consultation any more. Return the draft.")
    row.approved_by_id, row.approved_at = approver.id, now
    record(session, AuditTag.STAFF_TRANSLATION_APPROVE, row, approver, now=now, proposed_by=proposer.id)
    view = translations.opened(row, ticket, ring=sealer)
    return await _deliver(session, ticket, chat, view, proposer, last_seen=last_seen, deployment=deployment,
                          strings=strings, sealer=sealer, now=now)


def keep_back(
    session: AsyncSession, ticket: Ticket, row: Translation, person: Staff, *, foreign: str, back: str, provider: str,
    sealer: Sealer, now: datetime,
) -> None:
    """Keep a machine's Japanese of a reply that staff typed. foreign: the text that it was made from."""
    if row.status not in (TranslationStatus.DRAFT, TranslationStatus.PROPOSED) or row.state != TextState.TYPED:
        raise WrongState("This draft is not on your desk any more.")
    if translations.opened(row, ticket, ring=sealer).foreign != foreign:
        raise StaleReply("The text was changed. Look at the comparison of the new text, then send it.")
    translations.put(row, ticket, ring=sealer, back=back)
    record(session, AuditTag.STAFF_TRANSLATION_MACHINE, row, person, now=now, provider=provider)


async def send_alone(
    session: AsyncSession, ticket: Ticket, chat: Chat, row: Translation, officer: Staff, reason: str, *,
    last_seen: int, n_others: int, deployment: Deployment, strings: Strings, sealer: Sealer, now: datetime,
) -> Message:
    """Send a reply that waits without a second person, where that is allowed. The reason stays beside it.

    n_others: how many people could be the second one.
    """
    _require_proposed(row)
    await _require_desk(session, ticket, officer)
    if row.proposed_by_id != officer.id:
        raise WrongState("Only who asked for approval can send it alone.")
    why = second.why_alone(ticket, row, n_others=n_others, deployment=deployment, now=now)
    if why is None:
        raise WrongState("This goes out only after a second person has approved it.")
    if not reason.strip():
        raise WrongState("Write why it cannot wait.")
    translations.put(row, ticket, ring=sealer, note=checked_note(reason))
    record(session, AuditTag.STAFF_TRANSLATION_ALONE, row, officer, now=now, why=why, state=row.state)
    view = translations.opened(row, ticket, ring=sealer)
    return await _deliver(session, ticket, chat, view, officer, last_seen=last_seen, deployment=deployment,
                          strings=strings, sealer=sealer, now=now, is_alone=True)


def refuse(
    session: AsyncSession, ticket: Ticket, row: Translation, person: Staff, note: str, *, sealer: Sealer, now: datetime
) -> None:
    """Put a proposed draft back on the desk, with a note; the proposer may take it back without one."""
    _require_proposed(row)
    if not note.strip() and person.id != row.proposed_by_id:
        raise WrongState("Write why it goes back.")
    translations.put(row, ticket, ring=sealer, note=checked_note(note) or None)
    row.status, row.proposed_by_id, row.proposed_at, row.updated_at = TranslationStatus.DRAFT, None, None, now
    record(session, AuditTag.STAFF_TRANSLATION_REFUSE, row, person, now=now)


async def discard(session: AsyncSession, ticket: Ticket, row: Translation, officer: Staff, *, now: datetime) -> None:
    """Throw an unfinished translation away; its words go with it."""
    if row.status not in translations.UNFINISHED:
        raise WrongState("This was sent or thrown away already.")
    if row.kind == TranslationKind.REPLY and ticket.status in tickets.IN_QUEUE and officer.id != row.author_id:
        await consultation.require_claim(session, ticket, officer)
    row.status, row.updated_at = TranslationStatus.DISCARDED, now
    row.japanese_sealed = row.foreign_sealed = row.back_sealed = row.note_sealed = None
    record(session, AuditTag.STAFF_TRANSLATION_DISCARD, row, officer, now=now)


async def _deliver(
    session: AsyncSession, ticket: Ticket, chat: Chat, view: TranslationView, officer: Staff, *, last_seen: int,
    deployment: Deployment, strings: Strings, sealer: Sealer, now: datetime, is_alone: bool = False,
) -> Message:
    if chat.locale != view.row.locale:
        if view.row.state == TextState.TYPED:
            raise StaleReply("The resident has chosen another language since. Put it back and write the reply anew.")
        raise StaleReply("The resident has chosen another language since. Have the reply translated anew.")
    message = await consultation.reply(
        session, ticket, chat, officer, view.foreign or "", last_seen=last_seen, deployment=deployment,
        strings=strings, sealer=sealer, now=now, translation=view.row, is_alone=is_alone,
    )
    view.row.message_id, view.row.status, view.row.updated_at = message.id, TranslationStatus.DONE, now
    return message


async def _require_desk(session: AsyncSession, ticket: Ticket, officer: Staff) -> None:
    if ticket.status not in tickets.IN_QUEUE:
        raise WrongState("This consultation is closed.")
    await consultation.require_claim(session, ticket, officer)


def _require_draft(row: Translation, ticket: Ticket, text: str, *, sealer: Sealer) -> TranslationView:
    view = translations.opened(row, ticket, ring=sealer)
    if row.status != TranslationStatus.DRAFT or not view.foreign:
        raise WrongState("This draft is not on your desk any more.")
    if text.strip() != view.foreign:
        raise StaleReply("The text was changed. Look at the comparison of the new text, then send it.")
    return view


def _retype(row: Translation, ticket: Ticket, text: str, *, sealer: Sealer) -> None:
    if text != translations.opened(row, ticket, ring=sealer).foreign:
        translations.put(row, ticket, ring=sealer, foreign=text, back=None)
    translations.put(row, ticket, ring=sealer, note=None)
    row.last_seen = ticket.n_messages


def _require_proposed(row: Translation) -> None:
    if row.status != TranslationStatus.PROPOSED:
        raise WrongState("This draft does not wait for approval any more.")
