"""What happens to one resident message: danger, requests about the bot, an open ticket, answer, choices, or staff.

The whole decision is `respond`, top to bottom. It changes rows of the session it is given and returns what to say; the
caller owns the transaction and the outbox. `respond_without_database` is what is left when the database is away.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot import consultation, intake, safe_talk, typed, wishes
from bot.answers import Screens
from bot.classifier import RemoteClassifier
from bot.deployment import Deployment
from bot.incoming import Incoming, Kind
from bot.outgoing import Button, Outgoing, plain
from bot.replies import Response, Scene
from intents import danger as dangers
from intents import language
from intents.danger import Assessment, Danger
from intents.understand import Understander, Understanding
from storage import chats, tickets
from storage.models import Chat, ChatState, Lane, TicketStatus, Turn
from storage.sealing import Sealer

_START_LOCALE = "en"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """What deciding needs; built once."""

    screens: Screens
    understander: Understander
    deployment: Deployment
    sealer: Sealer
    classifier: RemoteClassifier | None = None

    @property
    def asks_others(self) -> bool:
        """Whether understanding a message may take a question over the network."""
        return self.classifier is not None


def understand(incoming: Incoming, parts: Parts) -> Understanding | None:
    """Do the part that costs: what the words mean. Pure, for a thread; None when there are no words to understand."""
    if incoming.kind is Kind.COMMAND:
        return _beside_a_command(incoming, parts)
    if incoming.kind is Kind.BUTTON or not incoming.text.strip():
        return None
    found = parts.understander.understand(
        incoming.text, language_code=incoming.language_code, phrases=Assessment() if incoming.is_calm else None
    )
    is_doubtful = found.outcome in ("choices", "fallback") and not found.danger and not found.soft_danger
    if parts.classifier is None or not is_doubtful or incoming.is_for_staff:
        return found
    named = parts.classifier.choose(incoming.text)
    return found.led_by(named) if named else found


def _beside_a_command(incoming: Incoming, parts: Parts) -> Understanding | None:
    """Look for danger in the words after a command; None for a command alone, or with a code as links have them."""
    words = incoming.text.partition(" ")[2].strip()
    if " " not in words:
        return None
    return parts.understander.understand(words, language_code=incoming.language_code)


def _danger_in(text: str, parts: Parts) -> Assessment:
    """Look for danger with the phrases and, where these are not sure, with the models; they too are in the process."""
    assessed = dangers.assess(text)
    if assessed.firm or not text.strip():
        return assessed
    try:
        found = parts.understander.understand(text, phrases=assessed)
    except Exception as error:
        log.error("a message cannot be understood (%s)", type(error).__name__)
        return assessed
    return Assessment(found.danger, found.soft_danger)


def respond_without_database(incoming: Incoming, parts: Parts, *, is_kept: bool = True) -> tuple[Outgoing, ...]:
    """Return the danger card, or a plain word about what does not work now, with nothing but the process itself.

    is_kept: whether the message will be answered later.
    """
    screens = parts.screens
    client = language.canonical(incoming.language_code)
    written = language.detect(incoming.text, client=client)
    tag = _speakable(written.tag or client, screens)
    if incoming.kind is Kind.BUTTON and incoming.data.startswith("sos"):
        _, _, kind = incoming.data.partition(":")
        if kind in set(Danger):
            return (screens.danger_card(Danger(kind), tag),)
        return (screens.emergency_menu(tag),)
    assessed = _danger_in(incoming.text, parts)
    if found := assessed.firm or assessed.soft:
        return (screens.danger_card(found, tag, soft=assessed.firm is None),)
    if client and not written.sure:
        tag = _speakable(client, screens)  # `/start` and “ok” are in no language: their letters would say English
    _ = screens.words(tag)
    if not is_kept:
        return (
            screens.emergency_menu(tag),
            plain(_("Something in this bot does not work right now. Your message could not be answered and is not "
                    "kept. Please write it again later. In danger call {emg_110} (police) or {emg_119} (fire, "
                    "ambulance).", **screens.numbers)),
        )
    return (
        screens.emergency_menu(tag),
        plain(_("Something in this bot does not work right now. Your message is kept and will be answered as soon as "
                "it works again. In danger call {emg_110} (police) or {emg_119} (fire, ambulance).",
                **screens.numbers)),
    )


async def respond(
    session: AsyncSession, incoming: Incoming, parts: Parts, *, now: datetime, understanding: Understanding | None
) -> tuple[Chat, Response]:
    """Decide what the bot says to one thing that a resident did.

    understanding: of `understand`, made before the transaction; None when there are no words.
    Returns the chat and what to send to it, in order.
    """
    chat, is_new = await chats.get_or_create(
        session, incoming.address, sealer=parts.sealer, locale=_first_locale(incoming, parts), now=now
    )
    chat.seen_at = now
    if is_new and (
        understanding is None or incoming.kind is Kind.COMMAND or understanding.outcome == "bot_request"
    ):
        await session.flush()  # what follows may need the chat's id
    if incoming.kind is Kind.BLOCKED:
        await chats.mark_blocked(session, chat.id)
        return chat, Response()
    if chat.state == ChatState.BLOCKED:
        chat.state = ChatState.ACTIVE
    offered = _settle_language(chat, incoming, parts, understanding, is_new=is_new)
    scene = Scene(session, chat, incoming, parts.screens, parts.deployment, parts.sealer, now)

    if typed.is_emergency(scene):
        scene = scene.tapping("sos")
    understanding = typed.settled(scene, understanding)
    card = _danger_card(scene, understanding)
    response = await _respond(scene, understanding, is_new=is_new)
    if card is not None:
        _count(scene, "danger", None)
        response = Response(messages=((Lane.DANGER, card), *response.messages), toast=response.toast)
    elif offered and response.messages:
        response = response.and_say(_language_offer(scene, offered))
    return chat, safe_talk.guarded(scene, _with_emergency_button(scene, response))


def _with_emergency_button(scene: Scene, response: Response) -> Response:
    """Add the emergency button where nothing that is said carries it.

    Not to the screens of safe contact, which tell somebody who looks over a shoulder of nothing else.
    """
    if not response.messages:
        return response
    meanings = [button.data or "" for _lane, said in response.messages for row in said.buttons for button in row]
    lane, last = response.messages[-1]
    if any(each.partition(":")[0] in ("sos", "sc") for each in meanings) or not last.text or last.document:
        return response
    last = replace(last, buttons=(*last.buttons, (scene.screens.emergency_button(scene.chat.locale),)))
    return replace(response, messages=(*response.messages[:-1], (lane, last)))


def _danger_card(scene: Scene, understanding: Understanding | None) -> Outgoing | None:
    if understanding is None:
        return None
    found = understanding.danger or understanding.soft_danger
    if found is None:
        return None
    return scene.screens.danger_card(Danger(found), scene.chat.locale, soft=understanding.danger is None)


async def _respond(scene: Scene, understanding: Understanding | None, *, is_new: bool) -> Response:
    incoming, chat = scene.incoming, scene.chat
    if incoming.kind is Kind.BUTTON:
        return await wishes.press(scene)
    if incoming.kind is Kind.COMMAND:
        return await wishes.command(scene)
    if incoming.kind is Kind.UNBLOCKED:
        return Response()
    ticket = await tickets.current_for(scene.session, chat)
    if incoming.kind is Kind.EDIT:
        return await intake.edited(scene, ticket)
    if meant := typed.button(scene, ticket):
        return await wishes.press(scene.tapping(meant))
    request = understanding.bot_request if understanding and not understanding.danger else None
    is_in_talk = ticket is not None and (ticket.status != TicketStatus.INTAKE or ticket.consent_at is not None)
    if ticket is not None and is_in_talk and not consultation.is_paused(ticket):
        _count(scene, "ticket", ticket.topic)
        said = await intake.words(scene, ticket)
        if not request or request == "talk_to_staff":
            return said
        # It may be a wish or a part of the story (“make him stop”): the staff get the words in any case.
        _count(scene, "request", request)
        wished = await wishes.request(scene, request)
        return Response((*said.messages, *wished.messages), wished.toast)
    if request:
        _count(scene, "request", request)
        return await wishes.request(scene, request)
    if understanding is None:
        return _without_words(scene)
    if good := typed.all_clear(scene):
        return Response.say(good)
    return await _answer(scene, understanding, is_new=is_new)


async def _answer(scene: Scene, understanding: Understanding, *, is_new: bool) -> Response:
    chat, screens = scene.chat, scene.screens
    if scene.recent_intent:
        understanding = understanding.following(scene.recent_intent, n_chars=len(scene.incoming.text))
    outcome, top = understanding.outcome, understanding.intents[0].intent_id
    is_firm = understanding.danger is not None
    if outcome == "answer":
        if found := screens.answer(top, chat.locale, today=scene.today, furigana=chat.wants_furigana):
            chat.last_intent, chat.last_intent_at, chat.n_misses = top, scene.now, 0
            _count(scene, "answer", top)
            return Response.say(found)
        outcome = "choices"
    if is_firm or (understanding.soft_danger and outcome == "fallback"):
        return Response()  # the card alone: a question now would stand between a person and the telephone
    if outcome == "choices":
        chat.n_misses = 0
        _count(scene, "choices", top)
        return Response.say(screens.choices(understanding.choices or (top,), chat.locale, today=scene.today))
    if outcome == "smalltalk":
        _count(scene, "smalltalk", top)
        return Response.say(wishes.smalltalk(scene, top, is_new=is_new))
    chat.n_misses += 1
    _count(scene, "fallback", None)
    return Response.say(screens.fallback(chat.locale, again=chat.n_misses > 1))


def _without_words(scene: Scene) -> Response:
    """Say honestly what becomes of a thing that is not text, outside a consultation."""
    _ = scene.words
    staff = Button(_("💬 Talk to staff"), data="staff")
    kind = scene.incoming.kind
    if kind is Kind.LOCATION:
        if scene.incoming.place and (near := scene.deployment.nearest_municipality(*scene.incoming.place)):
            scene.chat.municipality = near.code
            return Response.say(plain(
                _("Thank you. Your area is now {place}. The exact point was not kept.",
                  place=near.name(scene.chat.locale)), (staff,), (scene.screens.emergency_button(scene.chat.locale),),
            ))
        return Response.say(plain(_("This place is not in our area. The exact point was not kept."), (staff,)))
    if kind is Kind.TEXT:  # reading it failed
        return Response.say(scene.screens.fallback(scene.chat.locale, again=True))
    if kind is Kind.STICKER:
        return Response.say(scene.screens.menu(scene.chat.locale))
    text = _("I can only read text. The file was not kept. Please write what you want to know, or talk to staff.")
    return Response.say(plain(text, (staff,), (scene.screens.emergency_button(scene.chat.locale),)))


def _settle_language(
    chat: Chat, incoming: Incoming, parts: Parts, understanding: Understanding | None, *, is_new: bool
) -> str | None:
    """Let detection propose: it moves a chat whose language nobody chose; for a chosen one it returns an offer.

    A short word never flips a running conversation: that takes three words, or their like, and certainty.
    """
    if incoming.kind in (Kind.BUTTON, Kind.COMMAND, Kind.EDIT) or not incoming.text.strip():
        return None
    if is_new and understanding:  # it was read with all that is known of a new chat
        if understanding.language and (understanding.language_sure or incoming.language_code is None):
            chat.locale = _speakable(understanding.language, parts.screens)
        return None
    if understanding and _speakable(understanding.language, parts.screens) == chat.locale:
        return None  # the language of the chat is a hint for itself alone
    detected = language.detect(
        incoming.text, client=language.canonical(incoming.language_code), previous=None if is_new else chat.locale
    )
    if detected.tag is None:
        return None
    tag = _speakable(detected.tag, parts.screens)
    if tag == chat.locale:
        return None
    is_long = detected.letters >= 12 or len(incoming.text.split()) >= 3
    if (is_new and (detected.sure or incoming.language_code is None)) or (
        not chat.locale_is_chosen and detected.sure and is_long
    ):
        chat.locale = tag
        return None
    return tag if detected.sure and is_long else None


def _language_offer(scene: Scene, tag: str) -> Outgoing:
    """Offer the language the resident seems to write, in that language and in their own."""
    name = scene.screens.language_name(tag)
    _ = scene.screens.words(tag)
    text = _("Shall I answer in {language}?", language=name)
    return plain(f"🌐 {text}", (Button(name, data=f"lang:{tag}"), Button("🌐 …", data="lang")))


def _first_locale(incoming: Incoming, parts: Parts) -> str:
    return _speakable(language.canonical(incoming.language_code), parts.screens)


def _speakable(tag: str | None, screens: Screens) -> str:
    """Return the locale of a chat whose resident writes or reads `tag`.

    It may be one that has no answers yet: cards and answers then fall back, and say so.
    """
    if tag is None:
        return _START_LOCALE
    if tag == "ja":
        return "ja-simple"
    tags = screens.catalogue.answer_tags()
    return next((each for each in screens.catalogue.chain(tag) if each in tags), _START_LOCALE)


def _count(scene: Scene, outcome: str, intent_id: str | None) -> None:
    scene.session.add(Turn(at=scene.now, locale=scene.chat.locale, outcome=outcome, intent_id=intent_id))

