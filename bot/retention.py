"""What is too old goes, per data class, as the deployment file says and as the resident was told."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.deployment import Deployment
from storage import updates
from storage.models import Delivery, DeliveryStatus, Message, Ticket, TicketStatus, Turn

_ENDED = (TicketStatus.CLOSED, TicketStatus.WITHDRAWN)
_SETTLED = (DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.SKIPPED, DeliveryStatus.UNKNOWN,
            DeliveryStatus.CANCELLED)


async def remove_old(session: AsyncSession, *, deployment: Deployment, now: datetime) -> dict[str, int]:
    """Remove what is past its time; returns how many rows went, by data class.

    A notice's deliveries stay for its report; they hold no words.
    """
    def before(data_class: str) -> datetime:
        return now - timedelta(days=deployment.retention_days(data_class))

    ended = select(Ticket.id).where(Ticket.status.in_(_ENDED), Ticket.closed_at < before("tickets"))
    abandoned = select(Ticket.id).where(
        Ticket.status == TicketStatus.INTAKE, Ticket.updated_at < before("intakes")
    )
    gone = {"updates": await updates.forget_handled(session, before=before("updates"))}
    for name, query in (("tickets", ended), ("intakes", abandoned)):
        ids = list(await session.scalars(query))
        await session.execute(delete(Message).where(Message.ticket_id.in_(ids)))
        await session.execute(delete(Ticket).where(Ticket.id.in_(ids)))
        gone[name] = len(ids)
    deliveries = await session.execute(
        delete(Delivery)
        .where(Delivery.notice_id.is_(None), Delivery.status.in_(_SETTLED), Delivery.settled_at < before("deliveries"))
        .returning(Delivery.id)
    )
    gone["deliveries"] = len(deliveries.all())
    turns = await session.execute(delete(Turn).where(Turn.at < before("turns")).returning(Turn.id))
    gone["turns"] = len(turns.all())
    return gone
