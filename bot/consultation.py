"""The life of a ticket: intake, open, claim, reply, note, close, reopen, withdraw. Every deed writes its audit entry.

Its deadlines are in bot/deadlines.py, transfers in bot/transfers.py, merges in bot/merges.py.

The caller owns the transaction. What is refused is raised as bot.errors.Refused with a sentence for the person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import deadlines, outbox, priority, transfers
from bot.deployment import Deployment
from bot.errors import AlreadyClaimed, StaleReply, WrongState
from bot.i18n import TOKYO, Strings
from bot.outgoing import Button, Outgoing, TextBuilder
from bot.translation import labels
from storage import audit, deliveries, staff, tickets
from storage.audit import AuditTag
from storage.models import (
    Author,
    Chat,
    Lane,
    Message,
    Rating,
    Staff,
    TextState,
    Ticket,
    TicketStatus,
    Translation,
)
from storage.sealing import Sealer

CONSENT_VERSION = "2026-11"
STEP_CONSENT = "consent"
STEP_TOPIC = "topic"
STEP_SAFE = "safe"
STEP_STORY = "story"
STEP_PLACE = "place"
STEPS = (STEP_CONSENT, STEP_TOPIC, STEP_SAFE, STEP_STORY, STEP_PLACE)
_LATER = "later:"  # before the step at which the resident left the intake for now
OUTCOMES = ("advised", "handed_over", "reported", "no_reply", "duplicate", "other")
MAX_REPLY_LENGTH = 3500  # characters, so that the heading still fits one Telegram message


@dataclass(frozen=True, slots=True)
class Topic:
    """What the consultation is about, as far as the catalogue knows. urgency: now, today or normal."""

    intent_id: str | None
    urgency: str = "normal"
    is_sensitive: bool = False


def _priority(topic: Topic) -> int:
    return priority.BY_URGENCY[topic.urgency] + (priority.CARE if topic.is_sensitive else 0)


def _subject(ticket: Ticket) -> str:
    return f"ticket:{ticket.id}"


async def open_intake(
    session: AsyncSession, chat: Chat, topic: Topic, *, deployment: Deployment, sealer: Sealer, now: datetime
) -> Ticket:
    """Begin a consultation, or return the one that is already under way. Nothing is in the queue before `submit`."""
    if current := await tickets.current_for(session, chat):
        return current
    route = deployment.route(topic.intent_id, chat.municipality)
    ticket = await tickets.add(
        session, chat=chat, topic=topic.intent_id, section_id=route.section_id, ring=sealer, now=now,
        is_sensitive=topic.is_sensitive,
        priority=_priority(topic),
    )
    ticket.station_id = route.station_id
    ticket.step = STEP_CONSENT
    return ticket


def begin_with(ticket: Ticket, topic: Topic, *, deployment: Deployment) -> None:
    """Let an intake in which nothing was written be about something else, with the questions that belong to it."""
    set_topic(ticket, topic, deployment=deployment)
    if ticket.consent_at is not None:
        ticket.step = STEP_CONSENT
        advance(ticket)


def give_consent(ticket: Ticket, *, now: datetime) -> None:
    """Record that the resident agreed, to which text, and when."""
    _require(ticket, (TicketStatus.INTAKE,))
    ticket.consent_version, ticket.consent_at, ticket.step = CONSENT_VERSION, now, STEP_CONSENT
    advance(ticket)


def advance(ticket: Ticket) -> None:
    """Go to the next question of an intake: safe contact only where it matters, and nothing that is known already."""
    _require(ticket, (TicketStatus.INTAKE,))
    is_asked = {STEP_TOPIC: ticket.topic is None, STEP_SAFE: ticket.is_sensitive, STEP_STORY: ticket.n_messages == 0}
    following = STEPS[STEPS.index(ticket.step or STEP_CONSENT) + 1 :]
    ticket.step = next(step for step in following if is_asked.get(step, True))


def pause(ticket: Ticket) -> None:
    """Leave an intake for now; what the resident writes from here on is a question to the bot again."""
    _require(ticket, (TicketStatus.INTAKE,))
    if not is_paused(ticket):
        ticket.step = f"{_LATER}{ticket.step}"


def resume(ticket: Ticket) -> None:
    """Come back to an intake that was left."""
    ticket.step = ticket.step.removeprefix(_LATER) if ticket.step else None


def is_paused(ticket: Ticket) -> bool:
    """Tell whether the resident left this intake for now."""
    return ticket.status == TicketStatus.INTAKE and (ticket.step or "").startswith(_LATER)


def set_topic(ticket: Ticket, topic: Topic, *, deployment: Deployment) -> None:
    """Record what it is about, and with it the section and how pressing it is."""
    _require(ticket, (TicketStatus.INTAKE,))
    route = deployment.route(topic.intent_id, ticket.municipality)
    ticket.topic, ticket.section_id, ticket.station_id = topic.intent_id, route.section_id, route.station_id
    ticket.is_sensitive, ticket.priority = topic.is_sensitive, _priority(topic)


async def decline_consent(session: AsyncSession, ticket: Ticket) -> None:
    """Forget an intake that was not agreed to; it held no words."""
    if ticket.status == TicketStatus.INTAKE:
        await session.delete(ticket)
        tickets.forget_preloaded(session)


async def add_words(
    session: AsyncSession, ticket: Ticket, body: str, *, deployment: Deployment, sealer: Sealer, now: datetime,
    telegram_message_id: int | None,
) -> Message:
    """Add what the resident wrote. After an answer the ticket waits for staff again, and the time runs."""
    _require(ticket, tickets.CURRENT)
    if ticket.consent_at is None:
        raise WrongState("Please agree first.")
    message = await tickets.add_message(
        session, ticket, Author.RESIDENT, body, ring=sealer, now=now, locale=ticket.locale,
        telegram_message_id=telegram_message_id,
    )
    wait_again(ticket, deployment=deployment, now=now)
    if ticket.status == TicketStatus.INTAKE and ticket.step in (STEP_TOPIC, STEP_STORY):
        ticket.step = STEP_PLACE
    return message


def wait_again(ticket: Ticket, *, deployment: Deployment, now: datetime) -> None:
    """Let an answered ticket wait for staff: the resident said something new, or something else."""
    if ticket.status == TicketStatus.ANSWERED:
        ticket.status = TicketStatus.OPEN
        deadlines.wake(ticket, deployment=deployment, now=now)


def set_place(ticket: Ticket, municipality: str | None, *, deployment: Deployment) -> None:
    """Record where it is and choose the station. None: the resident would rather not say."""
    ticket.municipality = municipality
    route = deployment.route(ticket.topic, municipality)
    ticket.station_id = route.station_id


def submit(session: AsyncSession, ticket: Ticket, *, deployment: Deployment, now: datetime) -> None:
    """Put the consultation into the queue, with the time by which somebody will have read it."""
    _require(ticket, (TicketStatus.INTAKE,))
    ticket.status, ticket.step = TicketStatus.OPEN, None
    ticket.created_at = ticket.updated_at = now
    deadlines.begin(ticket, deployment=deployment, now=now)
    audit.record(session, AuditTag.RESIDENT_TICKET_OPEN, _subject(ticket), now=now, section=ticket.section_id,
                 station=ticket.station_id, topic=ticket.topic)


async def claim(session: AsyncSession, ticket: Ticket, officer: Staff, *, now: datetime) -> None:
    """Make the ticket this officer's. Raises AlreadyClaimed with the name of whoever has it."""
    if transfers.is_receiver(ticket, officer) and not transfers.is_owner(ticket, officer):
        raise WrongState("Accept the transfer first; then the consultation is yours.")
    if not await tickets.claim(session, ticket.id, officer.id, now=now):
        await session.refresh(ticket)
        if ticket.claimed_by_id == officer.id:
            return
        if ticket.claimed_by_id is None:
            raise WrongState("This consultation is closed.")
        names = await staff.names(session)
        raise AlreadyClaimed("{name} has this consultation.", name=names.get(ticket.claimed_by_id, "?"))
    await session.refresh(ticket)
    audit.record(session, AuditTag.STAFF_TICKET_CLAIM, _subject(ticket), now=now, staff_id=officer.id)


async def release(session: AsyncSession, ticket: Ticket, officer: Staff, *, now: datetime) -> None:
    """Give the ticket back to the section."""
    await require_claim(session, ticket, officer)
    ticket.claimed_by_id, ticket.claimed_at, ticket.updated_at = None, None, now
    audit.record(session, AuditTag.STAFF_TICKET_RELEASE, _subject(ticket), now=now, staff_id=officer.id)


async def reply(
    session: AsyncSession,
    ticket: Ticket,
    chat: Chat,
    officer: Staff,
    body: str,
    *,
    last_seen: int,
    deployment: Deployment,
    strings: Strings,
    sealer: Sealer,
    now: datetime,
    translation: Translation | None = None,
    is_alone: bool = False,
) -> Message:
    """Send the officer's words to the resident through the outbox.

    last_seen: the number of the newest message on the page that the officer wrote from.
    translation: what the words come from, or where they waited for a second person; bot.translation.drafts decides.
    is_alone: goes out without a second person, for a reason that is kept.
    Raises StaleReply when something was added since, AlreadyClaimed and WrongState.
    """
    body = body.strip()
    if not body:
        raise WrongState("Write something first.")
    if len(body) > MAX_REPLY_LENGTH:
        raise WrongState("This is too long: at most {n} characters.", n=MAX_REPLY_LENGTH)
    _require(ticket, tickets.IN_QUEUE)
    await require_claim(session, ticket, officer)
    if last_seen != ticket.n_messages:
        raise StaleReply("Something was added while you were writing. Read it, then send again.")
    is_approved = translation is not None and translation.approved_by_id is not None
    if deployment.needs_four_eyes(ticket.topic) and not is_approved and not is_alone:
        raise WrongState("This goes out only after a second person has approved it.")
    message = await tickets.add_message(
        session, ticket, Author.STAFF, body, ring=sealer, now=now, staff_id=officer.id, locale=chat.locale
    )
    ticket.status = TicketStatus.ANSWERED
    ticket.first_reply_at = ticket.first_reply_at or now
    deadlines.rest(ticket, deployment=deployment, now=now)
    await outbox.queue(
        session, chat, reply_message(ticket, message, body, strings, state=translation.state if translation else None),
        lane=Lane.ANSWER, sealer=sealer, now=now,
        message_id=message.id,
    )
    told = {} if translation is None else {
        "translation": translation.id, "state": translation.state, "approved_by": translation.approved_by_id
    }
    audit.record(session, AuditTag.STAFF_TICKET_REPLY, _subject(ticket), now=now, staff_id=officer.id,
                 message=message.number, **told)
    return message


def reply_message(
    ticket: Ticket, message: Message, body: str, strings: Strings, *, state: str | None = None
) -> Outgoing:
    """Return a staff reply as the resident sees it: who speaks, who translated, and what can be done next.

    state: of a translated text; None for what staff wrote themselves.
    """
    _ = strings
    text = TextBuilder().line(_("A member of the police staff writes ({receipt}):", receipt=ticket.receipt), "bold")
    text.line().line(body).line()
    rows = [(Button(_("It is settled: close"), data=f"t:close:{ticket.receipt}"),)]
    if state is not None and (origin := labels.origin(state, strings)):
        text.line(f"⚠️ {origin}" if state == TextState.MACHINE else origin, "italic")
        rows.insert(0, (labels.original_button(ticket.receipt, message.number, strings),))
    text.add(_("To answer, just write here."), "italic")
    return text.build(tuple(rows))


async def add_note(
    session: AsyncSession, ticket: Ticket, officer: Staff, body: str, *, sealer: Sealer, now: datetime
) -> Message:
    """Add an internal note. It has no delivery, and nothing makes one from it."""
    if not body.strip():
        raise WrongState("Write something first.")
    message = await tickets.add_message(
        session, ticket, Author.NOTE, body.strip(), ring=sealer, now=now, staff_id=officer.id
    )
    audit.record(session, AuditTag.STAFF_TICKET_NOTE, _subject(ticket), now=now, staff_id=officer.id,
                 message=message.number)
    return message


async def close(
    session: AsyncSession,
    ticket: Ticket,
    chat: Chat | None,
    officer: Staff,
    outcome: str,
    *,
    strings: Strings,
    sealer: Sealer,
    now: datetime,
) -> None:
    """Close the ticket with an outcome and tell the resident how to come back."""
    _require(ticket, tickets.IN_QUEUE)
    await require_claim(session, ticket, officer)
    if transfers.is_pending(ticket):
        raise WrongState("A transfer waits for its receiver. Take it back before you close the consultation.")
    if outcome not in OUTCOMES:
        raise WrongState("Choose an outcome.")
    ticket.status, ticket.outcome, ticket.closed_at, ticket.updated_at = TicketStatus.CLOSED, outcome, now, now
    deadlines.end(ticket)
    if chat is not None:
        said = closed_message(ticket, strings, may_rate=may_rate(ticket, chat))
        await outbox.queue(session, chat, said, lane=Lane.ANSWER, sealer=sealer, now=now)
    audit.record(session, AuditTag.STAFF_TICKET_CLOSE, _subject(ticket), now=now, staff_id=officer.id,
                 outcome=outcome)


def closed_message(ticket: Ticket, strings: Strings, *, may_rate: bool = False) -> Outgoing:
    """Return what the resident reads when staff close the consultation."""
    _ = strings
    text = TextBuilder().line(_("The police staff closed your consultation {receipt}.", receipt=ticket.receipt))
    text.add(_("If something is not settled, open it again with the button, or write here at any time."))
    again = (Button(_("Open it again"), data=f"t:reopen:{ticket.receipt}"),)
    if not may_rate:
        return text.build((again,))
    text.line().line().add(_("Did it help? Your answer is kept without your name and without this number."))
    return text.build((rating_buttons(ticket, strings), again))


def rating_buttons(ticket: Ticket, strings: Strings) -> tuple[Button, ...]:
    """Return the three answers to whether it helped."""
    _ = strings
    names = (_("🙂 Yes"), _("😐 Partly"), _("🙁 No"))
    return tuple(Button(name, data=f"t:rate{score}:{ticket.receipt}")
                 for name, score in zip(names, (3, 2, 1), strict=True))


def may_rate(ticket: Ticket, chat: Chat) -> bool:
    """Tell whether to ask if it helped: once, and never on a phone that another person may read."""
    return ticket.status == TicketStatus.CLOSED and not ticket.is_rated and not chat.safe_contact


def rate(session: AsyncSession, ticket: Ticket, score: int, *, now: datetime) -> None:
    """Keep what the resident thought, apart from the consultation: which one it was is not kept, nor the day.

    score: 1 not helped, 2 partly, 3 helped.
    """
    _require(ticket, (TicketStatus.CLOSED,))
    if ticket.is_rated or score not in (1, 2, 3):
        raise WrongState("This consultation was rated already.")
    ticket.is_rated = True
    month = now.astimezone(TOKYO).date().replace(day=1)
    session.add(Rating(month=month, locale=ticket.locale, section_id=ticket.section_id, score=score))


def reopen(
    session: AsyncSession, ticket: Ticket, *, deployment: Deployment, now: datetime, officer: Staff | None = None
) -> None:
    """Put a closed ticket back into the queue, with the officer who had it."""
    _require(ticket, (TicketStatus.CLOSED,))
    if ticket.merged_into_id is not None:
        raise WrongState("This consultation goes on in another one. Undo the merge first.")
    ticket.status, ticket.outcome, ticket.closed_at, ticket.updated_at = TicketStatus.OPEN, None, None, now
    deadlines.wake(ticket, deployment=deployment, now=now, promise=False)
    tickets.forget_preloaded(session)
    audit.record(session, AuditTag.STAFF_TICKET_REOPEN, _subject(ticket), now=now,
                 staff_id=officer.id if officer else None)


async def withdraw(session: AsyncSession, ticket: Ticket, *, now: datetime) -> None:
    """Take the ticket back as the resident asks; a reply that still waits is not sent any more."""
    close_by_resident(session, ticket, now=now, withdrawn=True)
    await deliveries.cancel_replies(session, ticket.id, reason="the consultation was taken back", now=now)


def close_by_resident(session: AsyncSession, ticket: Ticket, *, now: datetime, withdrawn: bool = False) -> None:
    """Close the ticket because the resident says it is settled, or takes it back."""
    _require(ticket, tickets.CURRENT)
    ticket.status = TicketStatus.WITHDRAWN if withdrawn else TicketStatus.CLOSED
    ticket.closed_at = ticket.updated_at = now
    deadlines.end(ticket)
    transfers.lapse(ticket)
    tag = AuditTag.RESIDENT_TICKET_WITHDRAW if withdrawn else AuditTag.RESIDENT_TICKET_CLOSE
    audit.record(session, tag, _subject(ticket), now=now)


def _require(ticket: Ticket, states: Sequence[TicketStatus]) -> None:
    if ticket.status not in states:
        raise WrongState("This consultation is closed.")


async def require_claim(session: AsyncSession, ticket: Ticket, officer: Staff) -> None:
    """Raise unless the ticket is this officer's; AlreadyClaimed says whose it is."""
    if ticket.claimed_by_id is None:
        raise WrongState("Take this consultation first.")
    if ticket.claimed_by_id != officer.id:
        names = await staff.names(session)
        raise AlreadyClaimed("{name} has this consultation.", name=names.get(ticket.claimed_by_id, "?"))
