"""Requests about the bot itself, by button, command or words: language, notices, privacy, export, erasure, menu."""

from __future__ import annotations

from bot import events, intake, personal_data, safe_screens, safe_talk, subscriptions, trials
from bot.notice_channels import START, topic_of
from bot.outgoing import Button, Outgoing, plain
from bot.replies import Response, Scene
from intents.danger import Danger
from intents.matcher import BOT_REQUESTS
from storage.models import Lane, Turn

STAFF_CODE = "staff-"  # before the code with which staff link their chat: `/link staff-…`, or in a link to the bot
# What a command does, by the bot request of the same meaning.
COMMANDS = {
    "start": "start", "help": "what_can_you_do", "menu": "menu", "sos": "sos", "language": "change_language",
    "staff": "talk_to_staff", "status": "ticket_status", "notices": "notices", "stop": "stop_notices",
    "privacy": "privacy", "export": "export_data", "delete": "delete_data", "furigana": "furigana",
    "safe": "safe_contact", "hide": "hide",
}


async def command(scene: Scene) -> Response:
    """Do what a command says; an unknown one gets the menu."""
    name, _space, rest = scene.incoming.text.partition(" ")
    name = name.lower()
    if name in ("start", "link") and rest.startswith(STAFF_CODE):
        code = rest.removeprefix(STAFF_CODE).strip()
        return Response.say(await trials.link_chat(scene.session, scene.chat, code, now=scene.now))
    if name == "start" and rest.startswith(START):
        return _opened_at(scene, *topic_of(rest))
    return await request(scene, COMMANDS.get(name, "menu"))


def _opened_at(scene: Scene, topic: str, tag: str) -> Response:
    """Show who came from a channel the topic of the link. The channel's language is a proposal, as any other."""
    chat, screens = scene.chat, scene.screens
    if not chat.locale_is_chosen and tag in screens.offered_tags:
        chat.locale = tag
    shown = _show(scene, topic)
    if chat.locale_is_chosen:
        return shown
    welcome = screens.welcome(chat.locale, scene.deployment.name(chat.locale))
    return Response.say(welcome, *(message for _lane, message in shown.messages))


async def request(scene: Scene, name: str) -> Response:
    """Do what a resident asked of the bot itself."""
    _, screens, tag = scene.words, scene.screens, scene.chat.locale
    if name == "talk_to_staff":
        return await intake.begin(scene, scene.recent_intent)
    if name == "ticket_status":
        return await intake.status(scene)
    if name == "stop_notices":
        return await subscriptions.stop(scene)
    if name in ("start_notices", "notices"):
        return await subscriptions.ask(scene)
    if name == "hide":
        return await safe_talk.hide(scene)
    if name == "export_data":
        return Response.say(*await personal_data.export(scene))
    if name == "delete_data":
        return Response.say(await personal_data.ask_before_erasing(scene))
    if name == "sos":
        return _help(screens.emergency_menu(tag))
    simple = {
        "start": lambda: screens.welcome(tag, scene.deployment.name(tag)),
        "change_language": lambda: screens.languages(tag),
        "privacy": lambda: personal_data.privacy(scene),
        "furigana": lambda: _furigana_choice(scene),
        "safe_contact": lambda: safe_screens.screen(scene),
        "what_can_you_do": lambda: screens.welcome(tag, scene.deployment.name(tag)),
    }
    if name == "start":
        return Response.say(simple["start"](), screens.languages(tag))
    return Response.say(simple.get(name, lambda: screens.menu(tag))())


def smalltalk(scene: Scene, name: str, *, is_new: bool) -> Outgoing:
    """Answer a greeting, thanks, or "what can you do"."""
    _, screens, tag = scene.words, scene.screens, scene.chat.locale
    if name == "thanks":
        return plain(_("You are welcome. Write again whenever you need."), (screens.emergency_button(tag),))
    if name == "what_can_you_do" or is_new:
        return screens.welcome(tag, scene.deployment.name(tag))
    return plain(
        _("Hello. What can I do for you?"),
        (Button(_("📋 Topics"), data="menu"), Button(_("💬 Talk to staff"), data="staff")),
        (screens.emergency_button(tag), Button(_("🌐 Language"), data="lang")),
    )


async def press(scene: Scene) -> Response:
    """Do what a button means; one that no longer means anything says so and shows the menu."""
    verb, _colon, rest = scene.incoming.data.partition(":")
    screens, tag = scene.screens, scene.chat.locale
    if verb == "a":
        return _show(scene, rest)
    if verb == "ja":
        found = screens.in_japanese(rest, today=scene.today)
        return Response.say(found) if found else _too_old(scene)
    if verb == "h":
        return await _helped(scene, *rest.rpartition(":")[::2])
    if verb == "staff":
        return await intake.begin(scene, rest or scene.recent_intent, is_named=bool(rest))
    if verb == "lang":
        return _choose_language(scene, rest)
    if verb == "menu":
        menu = screens.topic_menu(rest, tag, today=scene.today) if rest else screens.menu(tag)
        return Response.say(menu) if menu else _too_old(scene)
    if verb == "sos":
        return _help(screens.danger_card(Danger(rest), tag) if rest in set(Danger) else screens.emergency_menu(tag))
    if verb == "m":
        return await intake.choose_place(scene, rest)
    if verb == "t":
        action, _colon, receipt = rest.partition(":")
        return await intake.press(scene, action, receipt)
    if verb == "tp":
        return await intake.choose_topic(scene, rest)
    if verb == "sc":
        return await safe_talk.press(scene, rest)
    if verb == "sub":
        return await subscriptions.press(scene, rest)
    if verb == "ev":
        return await events.press(scene, *rest.partition(":")[::2])
    if verb == "furi" and rest in ("on", "off"):
        scene.chat.wants_furigana = rest == "on"
        _ = scene.words
        return Response(toast=_("Done."))
    if verb == "do" and rest in BOT_REQUESTS:
        return await request(scene, rest)
    if verb == "del":
        return await personal_data.erase_or_keep(scene, rest)
    return _too_old(scene)


def _help(card: Outgoing) -> Response:
    """Send what was asked for in danger before everything else, and readable on every phone."""
    return Response(((Lane.DANGER, card),))


def _show(scene: Scene, intent_id: str) -> Response:
    chat = scene.chat
    found = scene.screens.answer(intent_id, chat.locale, today=scene.today, furigana=chat.wants_furigana)
    if found is None:
        return _too_old(scene)
    chat.last_intent, chat.last_intent_at = intent_id, scene.now
    return Response.say(found)


def _too_old(scene: Scene) -> Response:
    _ = scene.words
    return Response.say(scene.screens.menu(scene.chat.locale), toast=_("This button is too old."))


async def _helped(scene: Scene, intent_id: str, verdict: str) -> Response:
    """Record the verdict on an answer. It is kept without the chat."""
    _ = scene.words
    if verdict not in ("0", "1") or scene.screens.catalogue.intent(intent_id) is None:
        return _too_old(scene)
    scene.session.add(Turn(
        at=scene.now, locale=scene.chat.locale, outcome="verdict", intent_id=intent_id, helped=verdict == "1"
    ))
    if verdict == "1":
        return Response(toast=_("Thank you. Good to know."))
    return Response.say(
        plain(_("Sorry. Write it in other words, or talk to staff."),
              (Button(_("💬 Talk to staff"), data=f"staff:{intent_id}"), Button(_("📋 Topics"), data="menu"))),
        toast=_("Thank you."),
    )


def _choose_language(scene: Scene, tag: str) -> Response:
    if not tag:
        return Response.say(scene.screens.languages(scene.chat.locale))
    if tag not in scene.screens.offered_tags:
        return _too_old(scene)
    scene.chat.locale, scene.chat.locale_is_chosen = tag, True
    _ = scene.words
    said = [plain(
        _("From now on I answer in {language}.", language=scene.screens.language_name(tag)),
        (Button(_("📋 Topics"), data="menu"), Button(_("💬 Talk to staff"), data="staff")),
        (scene.screens.emergency_button(tag),),
    )]
    if scene.recent_intent and (shown := _show(scene, scene.recent_intent)):
        said += [message for _lane, message in shown.messages]
    return Response.say(*said)


def _furigana_choice(scene: Scene) -> Outgoing:
    _ = scene.words
    return plain(
        _("Shall Japanese text carry its reading, as in 警察（けいさつ）?"),
        (Button(_("Yes"), data="furi:on"), Button(_("No"), data="furi:off")),
    )
