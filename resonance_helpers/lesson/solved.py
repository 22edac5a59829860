"""What a learner has solved, remembered beside their working copies.

A check that passes puts one row into a small SQLite file, which lets one writer in at a time and
never stands half-written. There is no address and no key in it. Nothing is remembered elsewhere
than in a folder of working copies, so that a lesson run by a test or for the site starts empty.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

__all__ = ["COPIES", "FILE", "FOLDER", "folder", "record", "solved"]

FOLDER = "RESONANCE_PROGRESS"
"""The environment variable that names the folder to remember in; else it is the current one."""
COPIES = ".lessons.json"
"""The file that marks a folder of working copies."""
FILE = ".progress.db"
"""The file of what is solved."""

_OURS = 0x5265736F  # SQLite's application_id: the file is this project's, and no other's
_PATIENCE = 2.0  # seconds to wait while another kernel writes


def folder() -> Path | None:
    """Where progress is remembered; None where it is not."""
    if named := os.environ.get(FOLDER, "").strip():
        return Path(named)
    try:
        here = Path.cwd()
    except OSError:  # it was deleted meanwhile
        return None
    return here if os.path.isfile(here / COPIES) else None


def record(exercise: str, where: Path | None = None) -> bool:
    """Remember that ``exercise`` (``"profiles.create"``) is solved.

    Returns:
        Whether that is new. A folder that can't be written is no reason to fail a check.
    """
    where = where or folder()
    if where is None or not os.path.isdir(where):
        return False
    for _ in range(2):
        try:
            with closing(_opened(where / FILE)) as database:
                return bool(
                    database.execute(
                        "INSERT OR IGNORE INTO solved VALUES (?, ?)", (exercise, time.time())
                    ).rowcount
                )
        except sqlite3.OperationalError:  # not ours to write, or somebody else's file
            return False
        except sqlite3.DatabaseError:  # damaged: set aside, and start anew
            with contextlib.suppress(OSError):
                os.replace(where / FILE, where / f"{FILE}.damaged")
    return False


def solved(where: Path | None = None) -> dict[str, float]:
    """The exercises that are solved, each with the time (Unix), the first one first."""
    where = where or folder()
    if where is None or not os.path.isfile(where / FILE):
        return {}
    try:
        with closing(_opened(where / FILE)) as database:
            return dict(database.execute("SELECT exercise, at FROM solved ORDER BY at"))
    except sqlite3.DatabaseError:
        return {}


def _opened(path: Path) -> sqlite3.Connection:
    """The database, made where it is missing; an OperationalError where it is another program's."""
    database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        owner = database.execute("PRAGMA application_id").fetchone()[0]
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and owner != _OURS:
            raise sqlite3.OperationalError(f"{path.name} belongs to another program")
        if not tables:
            database.execute(f"PRAGMA application_id = {_OURS}")
            database.execute(
                "CREATE TABLE IF NOT EXISTS solved (exercise TEXT PRIMARY KEY, at REAL)"
            )
    except BaseException:
        database.close()
        raise
    return database
