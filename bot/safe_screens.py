"""What the bot says about safe contact: the question, the times, the newest reply behind a button."""

from __future__ import annotations

from bot import safety
from bot.answers import N_
from bot.outgoing import Button, Outgoing, plain
from bot.replies import Scene
from bot.safety import DAYS, SLOTS
from storage import tickets
from storage.models import Author

_DAY_NAMES = {"all": N_("Every day"), "work": N_("Monday to Friday"), "rest": N_("Saturday and Sunday")}


def screen(scene: Scene) -> Outgoing:
    """Return the question whether to be careful, or, when we are, the times."""
    if scene.chat.safe_contact:
        return times(scene)
    _ = scene.words
    text = "\n\n".join((
        _("🤫 Can another person see your phone?"),
        _("Then we are careful: a new message shows no words and makes no sound, it comes only at hours that you "
          "choose, and no notices come. One button deletes what is here."),
    ))
    return plain(text, (Button(_("🤫 Yes, be careful"), data="sc:on"),), (Button(_("No, it is safe"), data="sc:off"),))


def times(scene: Scene) -> Outgoing:
    """Return the choice of safe hours as it stands."""
    _ = scene.words
    chosen = safety.times_of(scene.chat)
    slots = [
        Button(f"{'✅ ' if chosen.has_slot(number) else ''}{first}:00–{end}:00", data=f"sc:h:{number}")
        for number, (first, end) in enumerate(SLOTS)
    ]
    rows = [tuple(slots[index : index + 2]) for index in range(0, len(slots), 2)]
    rows += [(Button(f"{'✅ ' if chosen.days == days else ''}{_(_DAY_NAMES[days])}", data=f"sc:d:{days}"),)
             for days in DAYS]
    done = Button(_("➡️ Done"), data="sc:done")
    rows.append((done,) if chosen.hours else (Button(_("Any hour is safe"), data="sc:any"), done))
    rows.append((Button(_("Switch off: my phone is safe"), data="sc:off"),))
    text = "\n\n".join((
        _("🤫 We are careful now."),
        _("When is a message safe? Tap the hours; tap again to take one out."),
        _("Telegram shows this chat in your list. You can delete it there at any time; write to this bot again when "
          "you need it."),
    ))
    return plain(text, *rows)


def describe(scene: Scene) -> str:
    """Return the safe times in words."""
    _ = scene.words
    chosen = safety.times_of(scene.chat)
    hours = _.listed(f"{first}:00–{end}:00" for first, end in chosen.spans()) or _("Any hour is safe")
    return f"{hours} · {_(_DAY_NAMES.get(chosen.days, _DAY_NAMES['all']))}"


def delete_this(scene: Scene) -> tuple[Button, ...]:
    """Return a row that deletes the message under which it is."""
    _ = scene.words
    return (Button(_("✖️ Delete this message too"), data="sc:ok"),)


async def newest_reply(scene: Scene) -> tuple[Button, ...]:
    """Return a row that shows the newest words of the staff in the current consultation; none when there are none."""
    ticket = await tickets.current_for(scene.session, scene.chat)
    newest = await tickets.newest_by(scene.session, ticket, Author.STAFF) if ticket is not None else None
    _ = scene.words
    return (Button(_("👁 Show the newest message"), data=f"sc:show:{newest}"),) if newest is not None else ()
