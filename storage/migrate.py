"""Bring the database to a revision, and tell where it stands. Uses Alembic; the scripts are in storage/migrations."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage.database import Database


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """Return the revision that this code wants."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


async def current_revision(database: Database) -> str | None:
    """Return the revision of the database; None when it is empty."""
    async with database.engine.connect() as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


def is_known(revision: str) -> bool:
    """Tell whether this code has a revision."""
    return revision in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def upgrade_on(connection: Connection, revision: str) -> None:
    """Bring the database up to a revision in the caller's transaction."""
    command.upgrade(_config(connection), revision)


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database up to a revision."""
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def downgrade(database: Database, revision: str) -> None:
    """Bring the database down to a revision; `base` empties it."""
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


def write_revision(connection: Connection, message: str) -> None:
    """Write a new migration from the difference between the models and the database (for developers)."""
    command.revision(_config(connection), message=message, autogenerate=True)
