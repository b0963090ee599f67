"""Events: the invitation and the answers to it, seats and waiting list, reminders, change, cancellation.

Staff see how many come, in which languages and from where; never who.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot import notices, outbox
from bot.answers import Screens
from bot.errors import NotFound, WrongState
from bot.event_texts import Invitation, buttons_of, calendar_file
from bot.notice_rules import EDITORS, RUNNERS, require_role, require_state
from bot.notice_texts import choose_text
from bot.outgoing import Outgoing, plain
from bot.replies import Response, Scene
from storage import audit, events
from storage import notices as notice_rows
from storage.audit import AuditTag
from storage.database import Database
from storage.models import (
    Chat,
    Event,
    EventAnswer,
    EventReply,
    Lane,
    Notice,
    NoticePurpose,
    NoticeStatus,
    Staff,
    Urgency,
)
from storage.sealing import Sealer

MAX_PLACE = 200
MOST_SEATS = 100_000
# A reminder is due when the event begins within this time; it is left out for an event that is nearer than the second.
REMINDERS = (("day", timedelta(hours=24), timedelta(hours=6)), ("hours", timedelta(hours=2), timedelta(0)))


@dataclass(frozen=True, slots=True)
class EventFacts:
    """What staff write about an event. point: latitude and longitude in degrees; seats: None is without limit."""

    place: str
    starts_at: datetime
    ends_at: datetime
    seats: int | None = None
    languages: tuple[str, ...] = ()
    point: tuple[float, float] | None = None

    def check(self) -> None:
        """Raise WrongState for what cannot be."""
        if not 1 <= len(self.place.strip()) <= MAX_PLACE:
            raise WrongState("An event needs a place of at most {n} characters.", n=MAX_PLACE)
        if self.ends_at <= self.starts_at:
            raise WrongState("The event would end before it begins.")
        if self.seats is not None and not 1 <= self.seats <= MOST_SEATS:
            raise WrongState("The number of seats is not right.")
        if self.point is not None and not (-90 <= self.point[0] <= 90 and -180 <= self.point[1] <= 180):
            raise WrongState("The point on the map is not right.")


async def put(session: AsyncSession, notice: Notice, facts: EventFacts, editor: Staff, *, now: datetime) -> None:
    """Write the event into a draft. The notice is then not sent after the event has begun."""
    require_role(editor, EDITORS)
    require_state(notice, notices.EDITABLE)
    facts.check()
    _fill(await session.get(Event, notice.id) or _new(session, notice), facts)
    notice.revision += 1
    notice.author_id, notice.updated_at = editor.id, now
    if notice.expires_at is None or notice.expires_at > facts.starts_at:
        notice.expires_at = facts.starts_at
    _record(session, AuditTag.STAFF_EVENT_CHANGE, notice, editor, now=now)


async def change(session: AsyncSession, notice: Notice, facts: EventFacts, editor: Staff, *, now: datetime) -> None:
    """Change an event whose invitations are out. Those who come or wait are told of another time or place."""
    require_role(editor, RUNNERS)
    facts.check()
    event = await _open_event(session, notice, now=now)
    before = Invitation.of(event)
    _fill(event, facts)
    notice.updated_at = now
    _record(session, AuditTag.STAFF_EVENT_CHANGE, notice, editor, now=now)
    after = Invitation.of(event)
    if (before.place, before.starts_at, before.ends_at) != (after.place, after.starts_at, after.ends_at):
        key = f"change:{notice.id}:{int(now.timestamp())}"
        await _tell_guests(session, notice, NoticePurpose.CHANGE, key, expires_at=event.starts_at, now=now)


async def cancel(session: AsyncSession, notice: Notice, person: Staff, *, now: datetime) -> None:
    """Cancel an event: what is queued is not sent, those who come or wait are told."""
    require_role(person, RUNNERS)
    event = await _open_event(session, notice, now=now)
    event.cancelled_at = notice.updated_at = now
    if notice.status in (NoticeStatus.SENDING, NoticeStatus.PAUSED):
        await notices.cancel(session, notice, person, now=now)
    _record(session, AuditTag.STAFF_EVENT_CANCEL, notice, person, now=now)
    await _tell_guests(session, notice, NoticePurpose.CANCELLATION, f"cancellation:{notice.id}",
                       expires_at=event.ends_at, now=now)


async def _open_event(session: AsyncSession, notice: Notice, *, now: datetime) -> Event:
    event = await events.locked(session, notice.id)
    if event is None:
        raise NotFound("There is no such event.")
    if event.cancelled_at is not None or event.starts_at <= now:
        raise WrongState("The event was cancelled or has begun.")
    if notice.status in (NoticeStatus.DRAFT, NoticeStatus.REVIEW, NoticeStatus.APPROVED, NoticeStatus.SCHEDULED):
        raise WrongState("Nobody was invited yet: change the notice itself.")
    return event


async def _tell_guests(
    session: AsyncSession, notice: Notice, purpose: NoticePurpose, once_key: str, *, expires_at: datetime, now: datetime
) -> bool:
    """Add the message to guests; the clockwork sends it. False when it is there already."""
    added = await notice_rows.add_once(
        session, once_key, name=notice.name, kind=notice.kind, status=NoticeStatus.SCHEDULED, purpose=purpose,
        urgency=Urgency.IMPORTANT, original_id=notice.id, audience={}, missing="fallback", send_at=now,
        expires_at=expires_at, created_at=now, updated_at=now,
    )
    return added is not None


async def remind(database: Database, *, now: datetime) -> int:
    """Add the reminders that are due, each once, whatever was down in between; returns how many."""
    async with database.reading() as session:
        found = [
            (notice_id, name)
            for name, before, at_least in REMINDERS
            for notice_id in await events.to_remind(session, after=now + at_least, until=now + before)
        ]
    n_added = 0
    for notice_id, name in found:
        async with database.transaction() as session:
            event, notice = await session.get(Event, notice_id), await notices.get(session, notice_id)
            if event is not None and event.cancelled_at is None:
                # The time is in the key: after a change of time there is a reminder again.
                key = f"reminder:{notice_id}:{name}:{int(event.starts_at.timestamp())}"
                n_added += await _tell_guests(
                    session, notice, NoticePurpose.REMINDER, key, expires_at=event.starts_at, now=now
                )
    return n_added


async def press(scene: Scene, notice_id: str, action: str) -> Response:
    """Do what a button under an invitation says."""
    _ = scene.words
    wanted = int(notice_id) if notice_id.isascii() and notice_id.isdecimal() and len(notice_id) < 10 else -1
    event = await events.locked(scene.session, wanted)
    if event is None or action not in ("yes", "no", "ics"):
        return Response(toast=_("This button is too old."))
    if event.cancelled_at is not None or event.starts_at <= scene.now:
        return Response.say(plain(_("This event is over or was cancelled.")))
    await scene.session.flush()
    if not await events.was_invited(scene.session, wanted, scene.chat.id):
        return Response(toast=_("This button is too old."))
    if action == "ics":
        return Response.say(await _calendar(scene, event))
    if action == "no":
        await _answer(scene, event, EventAnswer.NOT_NOW)
        return Response.say(plain(_("All right. You are not on the list.")))
    return Response.say(await _come(scene, event))


async def _come(scene: Scene, event: Event) -> Outgoing:
    _ = scene.words
    mine = await events.answer_of(scene.session, event.notice_id, scene.chat.id)
    answer = mine.answer if mine is not None else EventAnswer.NOT_NOW
    if answer == EventAnswer.NOT_NOW:
        counts = await events.count(scene.session, event.notice_id)
        # Nobody passes those who wait, even when a seat has just become free.
        is_full = event.seats is not None and (
            counts.get(EventAnswer.COMING, 0) >= event.seats or counts.get(EventAnswer.WAITING, 0) > 0
        )
        answer = EventAnswer.WAITING if is_full else EventAnswer.COMING
        await _answer(scene, event, EventAnswer(answer))
    if answer == EventAnswer.WAITING:
        text = _("All seats are taken. You are on the waiting list. I will tell you when a seat is free.")
    else:
        text = _("You are on the list. I will remind you the day before and two hours before.")
    return plain(text, *buttons_of(Invitation.of(event), _, is_invited=True))


async def _answer(scene: Scene, event: Event, answer: EventAnswer) -> None:
    mine = await events.answer_of(scene.session, event.notice_id, scene.chat.id)
    if mine is None:
        scene.session.add(EventReply(
            notice_id=event.notice_id, chat_id=scene.chat.id, answer=answer, answered_at=scene.now
        ))
    else:
        mine.answer, mine.answered_at = answer, scene.now
    await scene.session.flush()


async def _calendar(scene: Scene, event: Event) -> Outgoing:
    _ = scene.words
    notice = await notices.get(scene.session, event.notice_id)
    title = await _title(scene.session, notice, scene.chat, scene.screens)
    file = calendar_file(Invitation.of(event), title, now=scene.now)
    return replace(plain(_("Open this file to put the event into your calendar.")), document=file)


async def _title(session: AsyncSession, notice: Notice, chat: Chat, screens: Screens) -> str:
    texts = await notice_rows.texts_of(session, notice.id)
    text = choose_text(texts, chat.locale, missing="fallback", locales=screens.catalogue.locales)
    return text.title if text else notice.name


async def give_free_seats(database: Database, *, screens: Screens, sealer: Sealer, now: datetime) -> int:
    """Give the free seats of every event to those who wait longest, and tell them; returns how many."""
    async with database.reading() as session:
        found = await events.with_free_seats(session, now=now)
    n_given = 0
    for notice_id in found:
        async with database.transaction() as session:
            event = await events.locked(session, notice_id)
            if event is None or event.cancelled_at is not None:
                continue
            while waiting := await events.next_for_seat(session, event):
                reply, chat = waiting
                reply.answer = EventAnswer.COMING
                await session.flush()
                _ = screens.words(chat.locale)
                title = await _title(session, await notices.get(session, notice_id), chat, screens)
                text = f"🎟 {title}\n\n" + _("There is a seat for you now. You are on the list.")
                said = plain(text, *buttons_of(Invitation.of(event), _, is_invited=True))
                await outbox.queue(session, chat, said, lane=Lane.ANSWER, sealer=sealer, now=now)
                n_given += 1
    return n_given


async def shown_answers(scene: Scene) -> list[str]:
    """Return a line for each answer of a chat, for the copy of its data."""
    _ = scene.words
    said = {
        EventAnswer.COMING: _("✅ I will come"), EventAnswer.WAITING: _("On the waiting list"),
        EventAnswer.NOT_NOW: _("Not now"),
    }
    return [
        f"🗓 {_.moment(event.starts_at)} · {event.place}: {said[EventAnswer(reply.answer)]}"
        for reply, event in await events.answers_of_chat(scene.session, scene.chat.id)
    ]


def _new(session: AsyncSession, notice: Notice) -> Event:
    event = Event(notice_id=notice.id)
    session.add(event)
    return event


def _fill(event: Event, facts: EventFacts) -> None:
    event.place, event.starts_at, event.ends_at = facts.place.strip(), facts.starts_at, facts.ends_at
    event.seats, event.languages = facts.seats, list(facts.languages)
    event.latitude, event.longitude = facts.point or (None, None)


def _record(session: AsyncSession, tag: AuditTag, notice: Notice, person: Staff, *, now: datetime) -> None:
    audit.record(session, tag, f"notice:{notice.id}", now=now, staff_id=person.id)

