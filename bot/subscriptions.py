"""Notices by the resident's wish: on in two taps (what, where), off in one, at any time."""

from __future__ import annotations

from bot.notice_texts import KIND_NAMES
from bot.outgoing import Button, plain
from bot.replies import Response, Scene
from storage import chats
from storage.models import NoticeKind

ALL = "all"


def _kinds(scene: Scene) -> list[NoticeKind]:
    """Return the kinds that this police sends, in the order of KIND_NAMES."""
    return [kind for kind in KIND_NAMES if kind in scene.deployment.notice.kinds]


async def press(scene: Scene, rest: str) -> Response:
    """Do what a button says: `k:<kind>` asks where, `p:<kind>:<place>` turns on, `x:<kind>` and `off` turn off."""
    _ = scene.words
    action, _colon, value = rest.partition(":")
    if action == "off":
        return await stop(scene)
    if action == "on":  # one tap, for somebody who had them before
        return await _turn_on(scene, ALL, ALL)
    if action == "k" and (value == ALL or value in _kinds(scene)):
        return _ask_place(scene, value)
    if action == "p":
        kind, _colon, place = value.partition(":")
        is_known = place == ALL or scene.deployment.municipality(place) is not None
        if is_known and (kind == ALL or kind in _kinds(scene)):
            return await _turn_on(scene, kind, place)
    if action == "x" and value in _kinds(scene):
        await chats.unsubscribe(scene.session, scene.chat.id, NoticeKind(value))
        return await ask(scene)
    if not rest:
        return await ask(scene)
    return Response(toast=_("This button is too old."))


async def ask(scene: Scene) -> Response:
    """Ask which notices the resident wants; those that are on have a tick, and a tap turns them off."""
    _, session = scene.words, scene.session
    await session.flush()
    have = await chats.subscriptions(session, scene.chat.id)
    rows = [
        (Button(f"✓ {_(KIND_NAMES[kind])}", data=f"sub:x:{kind}") if kind in have
         else Button(_(KIND_NAMES[kind]), data=f"sub:k:{kind}"),)
        for kind in _kinds(scene)
    ]
    rows.append((Button(_("All of them"), data=f"sub:k:{ALL}"),))
    rows.append((Button(_("🔕 No notices"), data="sub:off"),))
    return Response.say(
        plain(_("Which notices do you want from the police here? You can stop them at any time."), *rows)
    )


def _ask_place(scene: Scene, kind: str) -> Response:
    _, tag = scene.words, scene.chat.locale
    places = scene.deployment.municipalities
    near = scene.deployment.municipality(scene.chat.municipality) if scene.chat.municipality else None
    ordered = [place for place in places if place is near] + [place for place in places if place is not near]
    buttons = [Button(place.name(tag), data=f"sub:p:{kind}:{place.code}") for place in ordered]
    rows = [(Button(_("Everywhere"), data=f"sub:p:{kind}:{ALL}"),)]
    rows += [tuple(buttons[index : index + 2]) for index in range(0, len(buttons), 2)]  # type: ignore[misc]
    return Response.say(plain(_("For which place?"), *rows))


async def _turn_on(scene: Scene, kind: str, place: str) -> Response:
    _, tag = scene.words, scene.chat.locale
    kinds = _kinds(scene) if kind == ALL else [NoticeKind(kind)]
    found = None if place == ALL else scene.deployment.municipality(place)
    await scene.session.flush()
    await chats.subscribe(
        scene.session, scene.chat.id, kinds, now=scene.now, municipality=found.code if found else None
    )
    text = _("You get these notices now: {kinds}. Place: {place}. To stop them, tap the button or write /stop.",
             kinds=_.listed(_(KIND_NAMES[each]) for each in kinds),
             place=found.name(tag) if found else _("Everywhere"))
    return Response.say(plain(text, (Button(_("🔕 No notices"), data="sub:off"), Button(_("📢 Notices"), data="sub"))))


async def stop(scene: Scene) -> Response:
    """Turn all of them off. A message about an event that the resident said they come to still arrives."""
    _ = scene.words
    await chats.unsubscribe(scene.session, scene.chat.id)
    text = _("Notices are off. You can still ask me anything.")
    return Response.say(plain(text, (Button(_("🔔 Turn on again"), data="sub:on"),)))
