"""What to say to an operator when the database of a command cannot be used."""

from __future__ import annotations

import socket

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

_NO_TABLE = ("no such table", "no such column", "UndefinedTable", "UndefinedColumn")
_SAID_BY_DRIVER = (OperationalError, ProgrammingError, InterfaceError)


def sentence_of(error: Exception) -> str | None:
    """Return one sentence about a database that does not answer or has not our tables; None for any other error.

    The driver's own text is left out: it may hold an address, or a row.
    """
    if isinstance(error, _SAID_BY_DRIVER) and any(words in str(error.orig) for words in _NO_TABLE):
        return "the database has not the tables of this version: run `koban migrate`"
    is_of_driver = isinstance(error, _SAID_BY_DRIVER) or type(error).__module__.startswith("asyncpg.")
    if is_of_driver or isinstance(error, ConnectionError | TimeoutError | socket.gaierror):
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        return f"the database cannot be used ({type(cause).__name__}): `koban doctor` says what to do"
    return None
