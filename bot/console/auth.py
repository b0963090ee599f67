"""Who may come in, and who may see which consultation.

Signing in takes a name, a password and a code of an authenticator, or a one-time link. Attempts that fail slow the
next one down more and more and never lock an account. Consultations are reached through `visible_tickets` and
`access_ticket` only; both fail closed.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import notice_rules
from bot.console import accounts
from bot.console.parts import SESSION_LIFETIME, ConsoleParts
from bot.errors import NotFound, WrongState
from storage import audit
from storage import staff as staff_rows
from storage.audit import AuditTag
from storage.models import Role, Staff, Ticket, TicketStatus

SEE_EVERY_TICKET = frozenset({Role.PROMOTION_OFFICE, Role.ADMINISTRATOR})
SEE_TICKETS_OF_SECTION = frozenset({Role.OPERATOR, Role.INTERPRETER})
SEE_TICKETS_OF_STATION = frozenset({Role.OPERATOR, Role.INTERPRETER, Role.STATION_CHIEF})
TICKET_ROLES = SEE_EVERY_TICKET | SEE_TICKETS_OF_SECTION | SEE_TICKETS_OF_STATION
NOTICE_EDITORS, NOTICE_APPROVERS = notice_rules.EDITORS, notice_rules.APPROVERS
REVIEWERS = frozenset({
    Role.OPERATOR, Role.INTERPRETER, Role.PROMOTION_OFFICE, Role.APPROVER, Role.ADMINISTRATOR,
})  # which texts: bot.reviews.may_review
AUDIT_READERS = frozenset({Role.PROMOTION_OFFICE, Role.ADMINISTRATOR})
RATING_READERS = frozenset({Role.STATION_CHIEF, Role.PROMOTION_OFFICE, Role.ADMINISTRATOR})
ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
RECOVERY_DECIDERS = frozenset({Role.ADMINISTRATOR, Role.PROMOTION_OFFICE})  # the second person
INTERPRETERS = frozenset({Role.INTERPRETER})
EVERYONE = frozenset(Role)

FREE_ATTEMPTS = 3
LONGEST_WAIT_S = 300
_UNKNOWN_NAMES = 1000


def visible_tickets(staff: Staff) -> Select[Ticket]:
    """Return the query of the consultations that this person may see; the list and the page share it.

    One that the resident is still being asked about is nobody's yet. While a transfer is pending both sides see it.
    """
    submitted = select(Ticket).where(Ticket.status != TicketStatus.INTAKE)
    if staff.disabled_at is not None:
        return submitted.where(false())
    if staff.role in SEE_EVERY_TICKET:
        return submitted
    own: list[ColumnElement[bool]] = [false()]
    if staff.role in SEE_TICKETS_OF_SECTION and staff.section_id is not None:
        own += [Ticket.section_id == staff.section_id, Ticket.to_section_id == staff.section_id]
    if staff.role in SEE_TICKETS_OF_STATION and staff.station_id is not None:
        own += [Ticket.station_id == staff.station_id, Ticket.to_station_id == staff.station_id]
    return submitted.where(or_(*own))


def may_see(staff: Staff, ticket: Ticket) -> bool:
    """Tell what `visible_tickets` tells, of one person and one consultation at hand."""
    if staff.disabled_at is not None or ticket.status == TicketStatus.INTAKE:
        return False
    of_section = staff.role in SEE_TICKETS_OF_SECTION and staff.section_id is not None
    of_station = staff.role in SEE_TICKETS_OF_STATION and staff.station_id is not None
    return (
        staff.role in SEE_EVERY_TICKET
        or (of_section and staff.section_id in (ticket.section_id, ticket.to_section_id))
        or (of_station and staff.station_id in (ticket.station_id, ticket.to_station_id))
    )


async def access_ticket(session: AsyncSession, staff: Staff, ticket_id: int, *, for_change: bool = False) -> Ticket:
    """Return a consultation that this person may see.

    for_change: locks the row until the end of the transaction, so that what was checked still holds.

    Raises NotFound when there is none, and, just the same, when it is not for this person.
    """
    query = visible_tickets(staff).where(Ticket.id == ticket_id)
    if for_change:
        query = query.with_for_update()
    ticket: Ticket | None = await session.scalar(query)
    if ticket is None:
        raise NotFound("There is no such consultation, or it is not open to you.")
    return ticket


def wait_after(n_failed: int) -> timedelta:
    """Return how long the next attempt has to wait after so many failures: nothing, then 2, 4, 8 … 300 seconds."""
    if n_failed < FREE_ATTEMPTS:
        return timedelta(0)
    return timedelta(seconds=min(2.0 ** min(n_failed - FREE_ATTEMPTS + 1, 20), LONGEST_WAIT_S))


@dataclass
class UnknownNames:
    """Slows attempts on names that do not exist just as those that do, so that nobody learns which do."""

    seen: OrderedDict[str, tuple[int, datetime]] = field(default_factory=OrderedDict)

    def begin(self, username: str, *, now: datetime) -> timedelta:
        """Count an attempt; returns what is left to wait, in which case it was not counted."""
        n_failed, retry_at = self.seen.get(username, (0, now))
        if retry_at > now:
            return retry_at - now
        self.seen[username] = (n_failed + 1, now + wait_after(n_failed + 1))
        self.seen.move_to_end(username)
        while len(self.seen) > _UNKNOWN_NAMES:
            self.seen.popitem(last=False)
        return timedelta(0)


async def sign_in(parts: ConsoleParts, unknown: UnknownNames, username: str, password: str, code: str) -> str:
    """Check name, password and code, and return the token of a new session.

    Raises WrongState with one sentence for every kind of wrong, or with the seconds to wait.
    """
    now = parts.clock()
    username = username.strip().lower()[:64]
    async with parts.database.transaction() as session:
        person = await staff_rows.by_username(session, username)
        if person is None:
            wait = unknown.begin(username, now=now)
        else:
            wait = await _begin(session, person, now=now)
    if wait > timedelta(0):
        raise WrongState("Too many attempts. Try again in {n} seconds.", n=int(wait.total_seconds()) + 1)
    is_right = await accounts.check_password(person.password_hash if person else None, password)
    async with parts.database.transaction() as session:
        if person is not None and is_right and await _finish(session, parts, person, code, now=now):
            return await _open(session, person, now=now, way="password")
        audit.record(session, AuditTag.STAFF_SESSION_REFUSE, f"staff:{person.id if person else '?'}", now=now)
    raise WrongState("The name, the password or the code is not right.")


async def _begin(session: AsyncSession, person: Staff, *, now: datetime) -> timedelta:
    """Count an attempt on an account; returns what is left to wait."""
    if person.retry_login_at is not None and person.retry_login_at > now:
        return person.retry_login_at - now
    retry_at = now + wait_after(person.n_failed_logins + 1)
    is_counted = await staff_rows.begin_login(session, person, retry_at=retry_at, now=now)
    return timedelta(0) if is_counted else timedelta(seconds=1)


async def _finish(session: AsyncSession, parts: ConsoleParts, person: Staff, code: str, *, now: datetime) -> bool:
    """Check what is left after the password, and use the code up."""
    if person.disabled_at is not None or not accounts.is_set_up(person):
        return False
    step = accounts.totp_step(person, parts.sealer, code, now=now)
    if step is None or not await staff_rows.spend_totp_step(session, person.id, step):
        return False
    await staff_rows.end_login(session, person.id)
    return True


async def sign_in_by_link(parts: ConsoleParts, token: str) -> str:
    """Spend a one-time link and return the token of a new session. Raises WrongState when it is not valid any more."""
    now = parts.clock()
    async with parts.database.transaction() as session:
        if person := await staff_rows.use_login_link(session, token, now=now):
            return await _open(session, person, now=now, way="link")
    raise WrongState("This link was used or is too old. Ask the administrator for a new one.")


async def _open(session: AsyncSession, person: Staff, *, now: datetime, way: str) -> str:
    await staff_rows.forget_sessions(session, now=now)
    audit.record(session, AuditTag.STAFF_SESSION_OPEN, f"staff:{person.id}", now=now, staff_id=person.id, way=way)
    return await staff_rows.open_session(session, person.id, now=now, expires_at=now + SESSION_LIFETIME)
