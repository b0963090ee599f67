"""Talking with staff, from the resident's side: consent, the questions, receipt, messages, files, edits, close.

Every question can be answered by buttons, skipped, and left for later; where an intake stands is in its row.
"""

from __future__ import annotations

from dataclasses import replace

from bot import attachments, consultation, priority, safe_screens
from bot.answers import TOPIC_NAMES
from bot.consultation import STEP_CONSENT, STEP_PLACE, STEP_SAFE, STEP_STORY, STEP_TOPIC, Topic
from bot.errors import WrongState
from bot.incoming import Kind
from bot.outgoing import Button, Outgoing, plain
from bot.replies import Response, Scene
from storage import tickets, translations
from storage.models import Message, Ticket, TicketStatus


async def begin(scene: Scene, intent_id: str | None, *, is_named: bool = False) -> Response:
    """Ask for consent to a consultation, or go on with the one under way. is_named: the topic is not our guess."""
    topic = _topic(scene, intent_id)
    ticket = await consultation.open_intake(
        scene.session, scene.chat, topic, deployment=scene.deployment, sealer=scene.sealer, now=scene.now
    )
    if ticket.status != TicketStatus.INTAKE:
        return Response.say(_under_way(scene, ticket))
    if is_named and topic.intent_id not in (None, ticket.topic) and not ticket.n_messages:
        consultation.begin_with(ticket, topic, deployment=scene.deployment)  # an intake left without a word
    return Response.say(question(scene, ticket))


def _topic(scene: Scene, intent_id: str | None) -> Topic:
    intent = scene.screens.catalogue.intent(intent_id) if intent_id else None
    return Topic(intent.id, intent.urgency, intent.sensitive) if intent and intent.base else Topic(None)


def question(scene: Scene, ticket: Ticket) -> Outgoing:
    """Return the question at which the intake stands; one that was left is taken up again."""
    consultation.resume(ticket)
    if ticket.step == STEP_SAFE and scene.chat.safe_contact:
        consultation.advance(ticket)  # that was decided already
    if ticket.step == STEP_CONSENT:
        return _consent(scene, ticket)
    if ticket.step == STEP_SAFE:
        return safe_screens.screen(scene)
    return {STEP_TOPIC: _groups, STEP_STORY: _story}.get(ticket.step or "", _place)(scene, ticket)


def _consent(scene: Scene, ticket: Ticket) -> Outgoing:
    _ = scene.words
    text = "\n\n".join((
        _("You can write to the police staff here. Before that, please read this:"),
        _("• Who reads it: staff of {police} and, if needed, their interpreters. They see a made-up name, not your "
          "Telegram name.", police=scene.deployment.name(scene.chat.locale)),
        _("• How long: what you write is deleted {time} after the consultation is closed. You can delete it "
          "earlier with /delete.", time=_.length(scene.deployment.retention_days("tickets"))),
        _("• Telegram chats with a bot are not end-to-end encrypted. If that worries you, call or go to a police "
          "station."),
        _("• This is not for emergencies. In danger call {emg_110} (police) or {emg_119} (fire, ambulance).",
          **scene.screens.numbers),
        _("Do you agree?"),
    ))
    rows: list[tuple[Button, ...]] = [
        (Button(_("✅ I agree"), data="t:agree"), Button(_("✖️ No, thank you"), data="t:decline"))
    ]
    if ticket.is_sensitive and not scene.chat.safe_contact:
        rows.append((Button(_("🤫 Can another person see your phone?"), data="sc"),))
    return plain(text, *rows, (scene.screens.emergency_button(scene.chat.locale),))


def _ways_out(scene: Scene, ticket: Ticket) -> tuple[Button, ...]:
    _ = scene.words
    return Button(_("⏸ Later"), data="t:later"), Button(_("✖️ Stop"), data=f"t:withdraw:{ticket.receipt}")


def _groups(scene: Scene, ticket: Ticket) -> Outgoing:
    _ = scene.words
    rows = [(Button(_(name), data=f"tp:{topic}"),) for topic, name in TOPIC_NAMES.items()]
    return plain(_("What is it about?"), *rows, (Button(_("⏭ Skip"), data="t:skip_topic"), *_ways_out(scene, ticket)))


async def choose_topic(scene: Scene, meaning: str) -> Response:
    """Take what it is about from its buttons: `tp` the groups, `tp:<group>`, then `tp:=<intent>`."""
    _ = scene.words
    ticket = await tickets.current_for(scene.session, scene.chat)
    if ticket is None or ticket.status != TicketStatus.INTAKE or ticket.consent_at is None:
        return Response(toast=_("This button is too old."))
    if meaning.startswith("="):
        topic = _topic(scene, meaning[1:])
        if topic.intent_id is None:
            return Response(toast=_("This button is too old."))
        consultation.resume(ticket)
        consultation.set_topic(ticket, topic, deployment=scene.deployment)
        if ticket.step == STEP_TOPIC:
            consultation.advance(ticket)
        return Response.say(question(scene, ticket))
    menu = scene.screens.topic_menu(meaning, scene.chat.locale, today=scene.today)
    if menu is None:
        return Response.say(_groups(scene, ticket))
    # The same list as for reading, where a button means an answer to show.
    rows = [(replace(row[0], data=f"tp:={row[0].data[2:]}"),) for row in menu.buttons[:-1] if row[0].data]
    return Response.say(plain(menu.text, *rows, (Button(_("⬅️ Back"), data="tp"), *_ways_out(scene, ticket))))


def _story(scene: Scene, ticket: Ticket) -> Outgoing:
    _ = scene.words
    text = _("What happened? Write it in your own language, in one or more messages. You can also just tap “Skip”.")
    return plain(text, (Button(_("⏭ Skip"), data="t:skip"), *_ways_out(scene, ticket)))


def _place(scene: Scene, ticket: Ticket) -> Outgoing:
    _ = scene.words
    buttons = [
        Button(place.name(scene.chat.locale), data=f"m:{place.code}") for place in scene.deployment.municipalities
    ]
    rows = [tuple(buttons[index : index + 2]) for index in range(0, len(buttons), 2)]
    rows.append((Button(_("⏭ I do not want to say"), data="m:skip"), *_ways_out(scene, ticket)))
    text = _("Where is it about? Choose the city or town. You can write more, too.")
    return plain(text, *rows)


def _under_way(scene: Scene, ticket: Ticket) -> Outgoing:
    _ = scene.words
    text = _("Your consultation {receipt} is under way. What you write here goes to the police staff.",
             receipt=ticket.receipt)
    return plain(text, *_ticket_rows(scene, ticket))


def _ticket_rows(scene: Scene, ticket: Ticket) -> tuple[tuple[Button, ...], ...]:
    _ = scene.words
    return (
        (Button(_("📄 Status"), data="t:status"), Button(_("📋 Find an answer"), data="menu")),
        (Button(_("✅ Settled: close"), data=f"t:close:{ticket.receipt}"),
         Button(_("↩️ Take it back"), data=f"t:withdraw:{ticket.receipt}")),
        (Button(_("🤫 Who can see my phone?"), data="sc"),),
        (scene.screens.emergency_button(scene.chat.locale),),
    )


async def words(scene: Scene, ticket: Ticket) -> Response:
    """Add what the resident sent to the ticket under way."""
    _ = scene.words
    incoming = scene.incoming
    body = incoming.text.strip()
    note: Outgoing | None = None
    if incoming.kind is Kind.LOCATION and incoming.place:
        latitude, longitude = incoming.place
        body = f"📍 {latitude:.5f}, {longitude:.5f}"
        if ticket.step == STEP_PLACE and (near := scene.deployment.nearest_municipality(latitude, longitude)):
            await _add(scene, ticket, body)
            return await _placed(scene, ticket, near.code)
    is_file = False
    if incoming.kind not in (Kind.TEXT, Kind.LOCATION):
        refused = await attachments.refusal(scene.session, ticket, incoming, now=scene.now)
        is_file = refused is None
        note = plain(_file_word(scene, refused))
    if not body and not is_file:
        return Response.say(note or question(scene, ticket))
    before = ticket.step
    was_answered = ticket.status == TicketStatus.ANSWERED
    message = await _add(scene, ticket, body)
    if is_file:
        await attachments.add(scene.session, ticket, message, incoming, sealer=scene.sealer, now=scene.now)
    if ticket.status == TicketStatus.INTAKE:
        said = question(scene, ticket)
        if before == STEP_PLACE:
            said = plain(_("Added. Now choose the place, or say more."), *said.buttons)
        if note is not None and is_file:
            said, note = plain(f"{note.text}\n\n{said.text}", *said.buttons), None
    else:
        lines = [_("✓ Received.") if scene.chat.safe_contact
                 else _("Added to your consultation {receipt}.", receipt=ticket.receipt)]
        if note is not None and is_file:
            lines, note = [note.text], None
        if not scene.chat.safe_contact:
            lines += _expectation(scene, ticket, tells_time=was_answered)
        said = plain("\n\n".join(lines), *_ticket_rows(scene, ticket))
    return Response.say(*([note] if note else []), said)


def _file_word(scene: Scene, refused: str | None) -> str:
    """Say what becomes of a file. refused: why it is not taken; None when it is."""
    _ = scene.words
    if refused is None:
        return _("The file is on its way to the staff. If it cannot be kept, I will tell you.")
    if refused == attachments.TOO_LARGE:
        return _("A file is too large: at most {n} MB. It was not kept.", n=attachments.MAX_BYTES // 1024 // 1024)
    if refused == attachments.TOO_MANY:
        return _("There are {n} files already; this one was not kept. Please describe it in words.",
                 n=attachments.MAX_FILES)
    return _("I cannot pass this on: it was not kept. Please describe it in words, or send a photo or a voice message.")


async def _add(scene: Scene, ticket: Ticket, body: str) -> Message:
    return await consultation.add_words(
        scene.session, ticket, body, deployment=scene.deployment, sealer=scene.sealer, now=scene.now,
        telegram_message_id=scene.incoming.message_id,
    )


async def edited(scene: Scene, ticket: Ticket | None) -> Response:
    """Keep an edit as a revision beside what staff have read; outside a ticket an edit changes nothing."""
    if ticket is None or scene.incoming.message_id is None:
        return Response()
    message = await tickets.revise(
        scene.session, ticket, scene.incoming.message_id, scene.incoming.text.strip(), ring=scene.sealer, now=scene.now
    )
    if message is None:
        return Response()
    consultation.wait_again(ticket, deployment=scene.deployment, now=scene.now)
    _ = scene.words
    if scene.chat.safe_contact:
        return Response.say(plain(_("✓ Received.")))
    return Response.say(plain(_("Your change was added. The staff see the old and the new text.")))


async def press(scene: Scene, action: str, receipt: str) -> Response:
    """Do what a ticket button says; a button of a ticket that is gone says so."""
    _ = scene.words
    ticket = await tickets.current_for(scene.session, scene.chat)
    if action == "reopen":
        return await _reopen(scene, ticket, receipt)
    if action == "status":
        return await status(scene)
    if action.startswith("rate"):
        return await _rate(scene, action[4:], receipt)
    if action == "ja":
        return await _original(scene, *receipt.partition(":")[::2])
    if ticket is None and action == "agree":  # who said no and thinks better of it is asked again
        return await begin(scene, scene.recent_intent)
    is_other = ticket is not None and ticket.receipt != receipt and (receipt or action == "withdraw")
    if ticket is None or is_other:  # an old button does not take back a later consultation
        return Response(toast=_("This consultation is closed."))
    try:
        return await _press(scene, ticket, action)
    except WrongState as refusal:
        return Response(toast=_(refusal.sentence, **refusal.values))


async def _press(scene: Scene, ticket: Ticket, action: str) -> Response:
    _ = scene.words
    is_intake = ticket.status == TicketStatus.INTAKE
    if action == "agree" and is_intake:
        if ticket.consent_at is None:
            consultation.give_consent(ticket, now=scene.now)
        return Response.say(question(scene, ticket))
    if action == "decline" and is_intake and ticket.consent_at is None:
        await consultation.decline_consent(scene.session, ticket)
        return Response.say(plain(
            _("All right. Nothing was sent or kept. You can still ask me anything here."),
            (Button(_("📋 Topics"), data="menu"), scene.screens.emergency_button(scene.chat.locale)),
        ))
    skipped = {"skip_topic": STEP_TOPIC, "skip": STEP_STORY}.get(action)
    if skipped and is_intake and ticket.consent_at is not None:
        consultation.resume(ticket)
        if ticket.step == skipped:  # a second tap does not pass over the next question, unseen
            consultation.advance(ticket)
        return Response.say(question(scene, ticket))
    if action == "later" and is_intake and ticket.consent_at is not None:
        consultation.pause(ticket)
        return Response.say(plain(
            _("All right. Nothing was sent. What you wrote so far is deleted after {time} if you do not go on.",
              time=_.length(scene.deployment.retention_days("intakes"))),
            (Button(_("▶️ Go on"), data="staff"), Button(_("📋 Topics"), data="menu")),
            (scene.screens.emergency_button(scene.chat.locale),),
        ))
    if action == "close" and not is_intake:
        consultation.close_by_resident(scene.session, ticket, now=scene.now)
        text = _("Your consultation {receipt} is closed. We are glad if it is settled.", receipt=ticket.receipt)
        rows: list[tuple[Button, ...]] = [(Button(_("Open it again"), data=f"t:reopen:{ticket.receipt}"),)]
        if consultation.may_rate(ticket, scene.chat):
            text += "\n\n" + _("Did it help? Your answer is kept without your name and without this number.")
            rows.insert(0, consultation.rating_buttons(ticket, _))
        return Response.say(plain(text, *rows))
    if action == "withdraw":
        await consultation.withdraw(scene.session, ticket, now=scene.now)
        return Response.say(plain(_("Your consultation was taken back. The staff will not work on it.")))
    return Response(toast=_("This button is too old."))


async def _rate(scene: Scene, score: str, receipt: str) -> Response:
    """Keep what the resident thought, once; the question is replaced by thanks."""
    _ = scene.words
    ticket = await tickets.latest_for(scene.session, scene.chat.id)
    if (ticket is None or ticket.receipt != receipt or score not in ("1", "2", "3")
            or not consultation.may_rate(ticket, scene.chat)):
        return Response(toast=_("This button is too old."))
    consultation.rate(scene.session, ticket, int(score), now=scene.now)
    thanks = plain(_("Thank you. Good to know."), (Button(_("Open it again"), data=f"t:reopen:{ticket.receipt}"),))
    return Response.say(replace(thanks, edit_message_id=scene.incoming.message_id))


async def _reopen(scene: Scene, current: Ticket | None, receipt: str) -> Response:
    _ = scene.words
    if current is not None:
        return Response.say(_under_way(scene, current))
    ticket = await tickets.latest_for(scene.session, scene.chat.id)
    if (ticket is None or ticket.receipt != receipt or ticket.status != TicketStatus.CLOSED
            or ticket.merged_into_id is not None):
        return Response(toast=_("This consultation cannot be opened again. Please begin a new one."))
    consultation.reopen(scene.session, ticket, deployment=scene.deployment, now=scene.now)
    return Response.say(_under_way(scene, ticket))


async def _original(scene: Scene, receipt: str, number: str) -> Response:
    """Show the Japanese that a reply was translated from, as long as the consultation was not taken back."""
    _ = scene.words
    found = None
    if number.isascii() and number.isdecimal() and len(number) < 9:
        found = await translations.original_of_reply(
            scene.session, scene.chat.id, receipt, int(number), ring=scene.sealer
        )
    if found is None:
        return Response(toast=_("This button is too old."))
    shown = plain(_("This is what the staff wrote in Japanese:") + f"\n\n{found}")
    return Response.say(shown.covered() if scene.chat.safe_contact else shown)


async def choose_place(scene: Scene, code: str) -> Response:
    """Take the municipality from its button; it ends the intake, or just sets the chat's area."""
    place = None if code == "skip" else scene.deployment.municipality(code)
    _ = scene.words
    if code != "skip" and place is None:
        return Response(toast=_("This button is too old."))
    ticket = await tickets.current_for(scene.session, scene.chat)
    if ticket is not None and ticket.status == TicketStatus.INTAKE and ticket.consent_at is not None:
        consultation.resume(ticket)
        if ticket.step != STEP_PLACE:  # a button of an earlier intake: this one has questions before it
            return Response.say(question(scene, ticket))
        return await _placed(scene, ticket, place.code if place else None)
    if place is not None:
        scene.chat.municipality = place.code
        return Response.say(plain(_("Your area is now {place}.", place=place.name(scene.chat.locale))))
    return Response(toast=_("This button is too old."))


async def _placed(scene: Scene, ticket: Ticket, code: str | None) -> Response:
    consultation.set_place(ticket, code, deployment=scene.deployment)
    if code:
        scene.chat.municipality = code
    consultation.submit(scene.session, ticket, deployment=scene.deployment, now=scene.now)
    return Response.say(_receipt(scene, ticket))


def _receipt(scene: Scene, ticket: Ticket) -> Outgoing:
    _ = scene.words
    lines = [_("Your message is with the police staff. Consultation number: {receipt}", receipt=ticket.receipt)]
    lines += _expectation(scene, ticket, tells_time=True)
    lines.append(_("You can add more here at any time. In danger do not wait: call {emg_110} (police) or {emg_119} "
                   "(fire, ambulance).", **scene.screens.numbers))
    return plain("\n\n".join(lines), *_ticket_rows(scene, ticket))


def _expectation(scene: Scene, ticket: Ticket, *, tells_time: bool) -> list[str]:
    """Return by when somebody should read it, as long as that is to come, and whether nobody is on duty now."""
    _ = scene.words
    lines = []
    if tells_time and ticket.promised_at is not None and ticket.promised_at > scene.now:
        lines.append(_("Somebody should read it by {time}.", time=_.moment(ticket.promised_at)))
    if not scene.deployment.duty_for(is_urgent=priority.is_urgent(ticket)).is_on_duty(scene.now):
        lines.append(_("Nobody is on duty for this now."))
    return lines


async def status(scene: Scene) -> Response:
    """Say where the newest consultation stands, and claim no more than is known."""
    _ = scene.words
    ticket = await tickets.latest_for(scene.session, scene.chat.id)
    if ticket is None:
        return Response.say(plain(_("You have no consultation."), (Button(_("💬 Talk to staff"), data="staff"),)))
    if ticket.status == TicketStatus.INTAKE:
        return Response.say(question(scene, ticket))
    said = {
        TicketStatus.OPEN: _("It waits for the staff."),
        TicketStatus.ANSWERED: _("The staff answered. You can write back here."),
        TicketStatus.CLOSED: _("It is closed."),
        TicketStatus.WITHDRAWN: _("You took it back."),
    }[TicketStatus(ticket.status)]
    if ticket.status == TicketStatus.OPEN and ticket.claimed_by_id is not None:
        said = _("A member of the staff is working on it.")
    text = _("Consultation {receipt}: {status}", receipt=ticket.receipt, status=said)
    if ticket.status == TicketStatus.OPEN and ticket.escalated_at is not None:
        text += "\n\n" + _(
            "It is still with us, and the staff now see it marked as late. You do not need to send it again.")
    if ticket.status == TicketStatus.OPEN and ticket.claimed_by_id is None:
        text = "\n\n".join([text, *_expectation(scene, ticket, tells_time=True)])
    if ticket.status in tickets.CURRENT:
        shown = await safe_screens.newest_reply(scene) if scene.chat.safe_contact else ()
        return Response.say(plain(text, *((shown,) if shown else ()), *_ticket_rows(scene, ticket)))
    row: tuple[Button, ...] = (Button(_("💬 Talk to staff"), data="staff"),)
    if ticket.status == TicketStatus.CLOSED:
        row = (Button(_("Open it again"), data=f"t:reopen:{ticket.receipt}"), *row)
    return Response.say(plain(text, row))
