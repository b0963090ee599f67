"""The metadata that every table belongs to."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Integer,
    LargeBinary,
)
from sqlalchemy.orm import DeclarativeBase

from storage.database import UTCDateTime

# SQLite numbers rows only in INTEGER columns, PostgreSQL wants BIGINT for a table that grows for years.
BigId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The metadata that Alembic compares with the database."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UTCDateTime(), dict[str, Any]: JSON(), bytes: LargeBinary(),
    }
