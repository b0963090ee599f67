"""Safe contact, from the resident's side: switching it, the hours, showing what came, hiding what is there.

What a button means: `sc` the screen, `sc:on|off`, `sc:h:<slot>` and `sc:d:<days>` the times, `sc:any`, `sc:done`,
`sc:show[:<message>]`, `sc:hide`, `sc:ok`.
"""

from __future__ import annotations

from dataclasses import replace

from bot import consultation, intake, safety
from bot.incoming import Kind
from bot.outgoing import Button, Outgoing, plain
from bot.replies import Response, Scene
from bot.safe_screens import delete_this, describe, screen, times
from bot.safety import DAYS, SLOTS, SafeTimes
from storage import audit, tickets, translations
from storage.audit import AuditTag
from storage.models import Lane, TicketStatus

_NEUTRAL = ("sc:on", "sc:done", "sc:ok")  # of the question, the times, and what is said after hiding


async def press(scene: Scene, meaning: str) -> Response:
    """Do what a button of safe contact means."""
    action, _colon, rest = meaning.partition(":")
    chat, _ = scene.chat, scene.words
    if action == "":
        return Response.say(screen(scene))
    if action == "on":
        await _change(scene, AuditTag.RESIDENT_SAFE_ON, is_on=True, chosen=safety.times_of(chat))
        return Response.say(times(scene))
    if action == "off":
        if chat.safe_contact:
            await _change(scene, AuditTag.RESIDENT_SAFE_OFF, is_on=False, chosen=SafeTimes())
        return await _go_on(scene, _("Messages come as usual. You can change this at any time with /safe."))
    if action == "show":
        return await _show(scene, rest)
    if action == "hide":
        return await hide(scene)
    if action == "ok" and scene.incoming.message_id is not None:
        return Response.say(Outgoing("", delete_message_ids=(scene.incoming.message_id,)))
    if not chat.safe_contact:
        return Response.say(screen(scene), toast=_("This button is too old."))
    chosen = safety.times_of(chat)
    if action == "h" and rest.isascii() and rest.isdecimal() and int(rest) < len(SLOTS):
        await _change(scene, AuditTag.RESIDENT_SAFE_CHANGE, is_on=True, chosen=chosen.toggled(int(rest)))
        return Response.say(replace(times(scene), edit_message_id=scene.incoming.message_id))
    if action == "d" and rest in DAYS:
        await _change(scene, AuditTag.RESIDENT_SAFE_CHANGE, is_on=True, chosen=SafeTimes(chosen.hours, rest))
        return Response.say(replace(times(scene), edit_message_id=scene.incoming.message_id))
    if action == "any":
        await _change(scene, AuditTag.RESIDENT_SAFE_CHANGE, is_on=True, chosen=SafeTimes(0, chosen.days))
    if action in ("any", "done"):
        return await _go_on(scene, _("Saved: {times}", times=describe(scene)))
    return Response.say(screen(scene), toast=_("This button is too old."))


async def _change(scene: Scene, tag: AuditTag, *, is_on: bool, chosen: SafeTimes) -> None:
    await safety.change(scene.session, scene.chat, tag, now=scene.now, is_on=is_on, times=chosen)


async def _go_on(scene: Scene, said: str) -> Response:
    """Say so, and go on with the questions of an intake when that is where we are."""
    ticket = await tickets.current_for(scene.session, scene.chat)
    if ticket is not None and ticket.status == TicketStatus.INTAKE and not consultation.is_paused(ticket):
        if ticket.step == consultation.STEP_SAFE:
            consultation.advance(ticket)
        return Response.say(intake.question(scene, ticket))
    _ = scene.words
    rows = ((Button(_("📄 Status"), data="t:status"),),) if ticket is not None else ()
    return Response.say(plain(said, *rows))


async def _show(scene: Scene, number: str) -> Response:
    """Show what came, in place of the word that stood for it. Its words are covered until they are touched.

    Telegram's list of chats shows the newest words of each; covered ones are covered there too.
    """
    if not number:
        return await intake.status(scene)
    _ = scene.words
    said = await tickets.staff_message(
        scene.session, scene.chat.id, int(number), ring=scene.sealer
    ) if number.isascii() and number.isdecimal() and len(number) < 19 else None
    if said is None:
        return Response(toast=_("This button is too old."))
    ticket, message, body = said
    state = await translations.state_of_reply(scene.session, message.id)
    shown = consultation.reply_message(ticket, message, body, _, state=state)
    if scene.chat.safe_contact:
        shown = shown.covered()
    return Response.say(replace(shown, edit_message_id=scene.incoming.message_id))


async def hide(scene: Scene) -> Response:
    """Delete what the bot and the resident wrote here lately, and say honestly what stays."""
    _, chat = scene.words, scene.chat
    chat.last_intent, chat.last_intent_at = None, None  # what was read here does not come up again either
    found = await safety.deletable(scene.session, chat, now=scene.now, pressed=scene.incoming.message_id)
    ticket = await tickets.current_for(scene.session, chat)
    audit.record(scene.session, AuditTag.RESIDENT_CHAT_HIDE, f"ticket:{ticket.id}" if ticket else f"chat:{chat.id}",
                 now=scene.now)
    stays = _("What is older than 48 hours stays until you delete this chat in Telegram.")
    return Response.say(Outgoing(
        " ".join((_("What was written here in the last 48 hours is deleted."), stays)),
        buttons=(delete_this(scene),), delete_message_ids=found, is_silent=True,
        text_if_kept=" ".join((
            _("What was written here in the last 48 hours is deleted, but Telegram did not delete {n} messages."),
            stays,
        )),
    ))


def guarded(scene: Scene, response: Response) -> Response:
    """In safe contact, let nothing make a sound or show its words before they are touched, and add the hide button.

    What is answered at once is seen in the phone's notification and in Telegram's list of chats, too. A card about
    danger stays readable: there a second counts more than who reads it.
    """
    if not scene.chat.safe_contact or not response.messages:
        return response
    asks_for_help = scene.incoming.kind is Kind.BUTTON and scene.incoming.data.partition(":")[0] == "sos"
    response = replace(response, messages=tuple(
        (lane, replace(each if lane is Lane.DANGER or asks_for_help else _covered(each), is_silent=True))
        for lane, each in response.messages
    ))
    _ = scene.words
    lane, last = response.messages[-1]
    is_there = any(button.data in ("sc:hide", "sc:ok") for row in last.buttons for button in row)
    if is_there or not last.text or last.request_location:
        return response
    last = replace(last, buttons=(*last.buttons, (Button(_("🙈 Hide"), data="sc:hide"),)))
    return replace(response, messages=(*response.messages[:-1], (lane, last)))


def _covered(said: Outgoing) -> Outgoing:
    """Return a message with its words covered, but for the screens of safe contact, which tell of nothing else."""
    is_neutral = any(button.data in _NEUTRAL for row in said.buttons for button in row)
    is_covered = bool(said.entities) and said.entities[0] == said.covered().entities[0]
    return said if is_neutral or is_covered or not said.text else said.covered()
