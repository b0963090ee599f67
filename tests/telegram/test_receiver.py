"""Polling: stored before confirmed, once, in order; and what happens when the database is away."""

from __future__ import annotations

from tests.telegram.conftest import World, eventually

from bot.simulator import people
from bot.telegram.receiver import Polling


async def test_a_message_is_answered(world: World) -> None:
    world.state.add_resident(id=7, first_name="Linh", language_code="vi", started=True)
    people.send_text(world.state, 7, "mất xe đạp")
    polling = world.receiver(Polling)
    world.start(polling, world.handler)
    await eventually(lambda: world.said_to(7) == ["you said mất xe đạp"])
    await polling.stop()
