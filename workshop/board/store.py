"""What a board keeps: reports of attendees, who are numbers, in one SQLite file of the room."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Report", "Store"]

SCHEMA = """
CREATE TABLE IF NOT EXISTS room (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS seats (
    tenant TEXT PRIMARY KEY, number INTEGER UNIQUE NOT NULL, raised REAL) STRICT;
CREATE TABLE IF NOT EXISTS reports (
    number INTEGER NOT NULL, exercise TEXT NOT NULL, outcome TEXT NOT NULL, wrong INTEGER,
    at REAL NOT NULL) STRICT;
"""
MOST = 2_000
"""Reports that are kept of one attendee; of more, the oldest go."""


@dataclass(frozen=True, slots=True)
class Report:
    """How one check went.

    `wrong` is the place among the wrong answers that are expected of the exercise, None for another
    one; `at` is Unix time.
    """

    number: int
    exercise: str
    outcome: str
    wrong: int | None
    at: float


class Store:
    """The reports of a room. Any thread may use it."""

    def __init__(self, path: Path, *, scripted: bool = False) -> None:
        """Open or make the file `path`, which its owner alone can read.

        Raises:
            ValueError: It is of a real room, and this is to be a `scripted` one.
        """
        path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._base.executescript(SCHEMA)
        if scripted and not self.scripted and self.reports():
            self.close()
            raise ValueError(f"{path} is of a real room: a rehearsal would be counted with it")
        if scripted:
            self._base.execute("INSERT OR REPLACE INTO room VALUES ('scripted', 'yes')")

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @property
    def scripted(self) -> bool:
        """Whether any of this came from a script."""
        with self._lock:
            found = self._base.execute("SELECT value FROM room WHERE name = 'scripted'").fetchone()
        return found is not None

    def seat(self, tenants: Iterable[str]) -> dict[str, int]:
        """Each attendee's number; newcomers get one of their own, in no order that tells a name."""
        tenants = set(tenants)
        with self._lock:
            held = dict(self._base.execute("SELECT tenant, number FROM seats"))
            new = sorted({_pseudonym(one) for one in tenants} - held.keys())
            numbers = list(range(len(held) + 1, len(held) + len(new) + 1))
            secrets.SystemRandom().shuffle(numbers)
            self._base.executemany(
                "INSERT INTO seats (tenant, number) VALUES (?, ?)",
                zip(new, numbers, strict=True),
            )
            held = dict(self._base.execute("SELECT tenant, number FROM seats"))
        return {one: held[_pseudonym(one)] for one in tenants}

    def add(self, report: Report) -> None:
        """Keep a report."""
        with self._lock:
            self._base.execute(
                "INSERT INTO reports VALUES (?, ?, ?, ?, ?)",
                (report.number, report.exercise, report.outcome, report.wrong, report.at),
            )
            self._base.execute(
                "DELETE FROM reports WHERE rowid IN (SELECT rowid FROM reports WHERE number = ? "
                "ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
                (report.number, MOST),
            )

    def raise_hand(self, number: int, at: float | None) -> None:
        """Note that an attendee has a question since `at`; None: no longer."""
        with self._lock:
            self._base.execute("UPDATE seats SET raised = ? WHERE number = ?", (at, number))

    def reports(self) -> list[Report]:
        """All reports in the order in which they came, which is that of each attendee's checks."""
        with self._lock:
            rows = self._base.execute("SELECT * FROM reports ORDER BY rowid").fetchall()
        return [Report(*row) for row in rows]

    def hands(self) -> dict[int, float]:
        """Whose hand is up, and since when."""
        with self._lock:
            rows = self._base.execute("SELECT number, raised FROM seats WHERE raised NOT NULL")
            return dict(rows.fetchall())


def _pseudonym(tenant: str) -> str:
    return hashlib.sha256(f"board {tenant}".encode()).hexdigest()
