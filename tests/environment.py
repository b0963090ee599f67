"""What this machine has for the tests, and which tests are left out without it. Run before pytest by `make test`."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared"
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """Return the path of a Chromium on this machine."""
    return next((path for name in _CHROMIUM_NAMES if (path := shutil.which(name))), None)


def postgres_url() -> str | None:
    """Return the URL of a PostgreSQL for tests, in which databases may be made and dropped."""
    return os.environ.get("TEST_DATABASE_URL") or None


def free_port() -> int:
    """Return a port of the loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ci() -> bool:
    """Tell whether nothing may be left out."""
    return os.environ.get("CI") == "true"


def missing() -> list[str]:
    """Return one sentence for each thing that is not here."""
    found = []
    if chromium() is None:
        found.append("Chromium is not installed: the tests in a real browser are left out")
    if postgres_url() is None:
        found.append("TEST_DATABASE_URL is not set: the tests on PostgreSQL are left out")
    return found


def main() -> int:
    """Say what is left out; with CI=true that is a failure."""
    for sentence in missing():
        print(f"left out: {sentence}")
    return 1 if missing() and is_ci() else 0


if __name__ == "__main__":
    sys.exit(main())
