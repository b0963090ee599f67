"""What the resident decides about their own data: what is kept, a copy of it, and its erasure."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from bot import events, safe_screens, safety
from bot.i18n import TOKYO
from bot.notice_texts import KIND_NAMES
from bot.outgoing import Button, Outgoing, plain, utf16_length
from bot.replies import Response, Scene
from storage import attachments, audit, chats, erasures, tickets, translations
from storage.audit import AuditTag
from storage.models import Author, Erasure, Ticket, TranslationStatus

_PART = 3000  # UTF-16 units of an export in one message, so that the joiners of Burmese still fit


def privacy(scene: Scene) -> Outgoing:
    """Say what is kept, for how long, and what the resident can do."""
    _ = scene.words
    text = "\n\n".join((
        _("What we keep: your language, your area if you chose one, and what you send to the staff after you agree. We "
          "do not keep your Telegram name, photo or telephone number."),
        _("Questions to the bot are deleted as soon as they are answered. Consultations are deleted {time} after they "
          "are closed.", time=_.length(scene.deployment.retention_days("tickets"))),
        _("Messages in Telegram itself stay on your phone and with Telegram. You can delete the chat there."),
        _("/export shows everything we keep. /delete erases it. /stop ends notices."),
    ))
    return plain(text, (
        Button(_("🗑 Delete my data"), data="del"), Button(_("🔕 No notices"), data="sub:off"),
    ))


async def export(scene: Scene) -> list[Outgoing]:
    """Return everything that is kept about this chat, readable, in as many messages as it takes."""
    _, chat, session = scene.words, scene.chat, scene.session
    place = scene.deployment.municipality(chat.municipality) if chat.municipality else None
    kinds = await chats.subscriptions(session, chat.id)
    lines = [
        _("This is everything we keep about this chat:"),
        _("Language: {language}", language=scene.screens.language_name(chat.locale)),
        _("Area: {place}", place=place.name(chat.locale) if place else "–"),
        _("Notices: {kinds}", kinds=_.listed(_(name) for kind, name in KIND_NAMES.items() if kind in kinds) or "–"),
        _("Name that the staff see: {name}", name=chat.pseudonym),
        *await events.shown_answers(scene),
    ]
    if chat.safe_contact:
        lines.append(f"🤫 {safe_screens.describe(scene)}")
    for ticket in await session.scalars(select(Ticket).where(Ticket.chat_id == chat.id).order_by(Ticket.id)):
        lines.append("\n" + _("Consultation {receipt} of {time}", receipt=ticket.receipt,
                              time=_.moment(ticket.created_at)))
        files = await attachments.of_ticket(session, ticket.id)
        japanese = {
            view.row.message_id: view.japanese
            for view in await translations.of_ticket(session, ticket, ring=scene.sealer)
            if view.row.status == TranslationStatus.DONE
        }
        for message in await tickets.messages(session, ticket, ring=scene.sealer):
            if message.author in (Author.RESIDENT, Author.STAFF):
                who = _("You") if message.author == Author.RESIDENT else _("Staff")
                for at, body in message.revisions:
                    lines.append(f"[{at.astimezone(TOKYO):%Y-%m-%d %H:%M}] {who}: {body}")
                for file in files.get(message.id, ()):
                    kept = f"{file.mime}, {file.n_bytes} B, SHA-256 {file.sha256}" if file.sha256 else "–"
                    lines.append(f"    📎 {file.kind}: {kept}")
                if text := japanese.get(message.id):
                    lines.append(_("In Japanese: {text}", text=text))
    audit.record(session, AuditTag.RESIDENT_DATA_EXPORT, f"chat:{chat.id}", now=scene.now)
    whole = "\n".join(lines)
    return [plain(part) for part in _parts(whole)]


def _parts(whole: str) -> list[str]:
    """Cut a text so that nothing is lost: Telegram counts a sign beyond the first plane as two, and so do we."""
    parts: list[str] = []
    part: list[str] = []
    length = 0
    for sign in whole:
        n_units = utf16_length(sign)
        if length + n_units > _PART:
            parts.append("".join(part))
            part, length = [], 0
        part.append(sign)
        length += n_units
    return [*parts, "".join(part)]


async def ask_before_erasing(scene: Scene) -> Outgoing:
    """Say what erasing means and what would go, show the proof of an earlier erasure, and ask once more."""
    _ = scene.words
    amount = await erasures.count(scene.session, scene.chat, up_to=scene.now)
    parts = [
        _("Shall I delete everything we keep about this chat: settings, notices, and all consultations with their "
          "messages? The staff cannot read them any more. This cannot be undone."),
        _("Consultations: {n}. Messages: {m}.", n=amount.n_tickets, m=amount.n_messages),
    ]
    if earlier := await erasures.latest_of(scene.session, scene.chat):
        parts.append(_("Your data was deleted before:") + "\n" + _proof(scene, earlier))
    return plain("\n\n".join(parts), (
        Button(_("🗑 Yes, delete all"), data="del:yes"), Button(_("No, keep it"), data="del:no")
    ))


async def erase_or_keep(scene: Scene, answer: str) -> Response:
    """Erase on `yes`; anything else but `no` asks."""
    _ = scene.words
    if answer == "no":
        return Response(toast=_("Nothing was deleted."))
    if answer != "yes":
        return Response.say(await ask_before_erasing(scene))
    # On a phone that another person may read, the words in Telegram's chat go too, as far as it lets us.
    is_careful = scene.chat.safe_contact
    in_chat = await safety.deletable(
        scene.session, scene.chat, now=scene.now, pressed=scene.incoming.message_id
    ) if is_careful else ()
    erasure = await erase(scene)
    text = "\n\n".join((
        _("Everything was deleted: {n} consultations, all settings and notices. Only a blank record of this chat "
          "remains, so that this message could reach you.", n=erasure.n_tickets),
        _proof(scene, erasure),
        _("If a backup copy is ever used, your data is deleted from it again."),
    ))
    rows = (safe_screens.delete_this(scene),) if is_careful else ()
    said = plain(text, *rows)
    return Response.say(replace(
        said.covered() if is_careful else said, delete_message_ids=in_chat, is_silent=is_careful
    ))


def _proof(scene: Scene, erasure: Erasure) -> str:
    _ = scene.words
    return "\n".join((
        _("Proof of deletion {receipt}, {time}", receipt=erasure.receipt, time=_.moment(erasure.erased_at)),
        _("Consultations: {n}. Messages: {m}.", n=erasure.n_tickets, m=erasure.n_messages),
    ))


async def erase(scene: Scene) -> Erasure:
    """Remove every row about this chat, make its own row blank, and keep a receipt of it."""
    session, chat = scene.session, scene.chat
    amount = await erasures.erase(session, chat, now=scene.now, keep_update_id=scene.incoming.update_id)
    erasure = erasures.record(session, chat, amount, now=scene.now)
    audit.record(session, AuditTag.RESIDENT_DATA_ERASE, f"erasure:{erasure.receipt}", now=scene.now,
                 consultations=amount.n_tickets)
    return erasure
