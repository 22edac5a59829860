"""Which events were handled, so that none is handled twice."""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["EventInProgress", "SeenEvents"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, claim TEXT, until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS seen_until ON seen (until);
"""
_CLAIM = """
INSERT INTO seen VALUES (:id, :claim, :until)
ON CONFLICT (id) DO UPDATE SET claim = :claim, until = :until WHERE until <= :now
"""


class EventInProgress(Exception):
    """The same event is being handled elsewhere. Answer with an error status: should that fail,
    the event has to come again."""


class SeenEvents:
    """The ids of the events that were handled. Safe to share between threads and, with a file,
    between processes.

    >>> seen = SeenEvents("events.db")
    >>> with seen.once(event.id) as first:
    ...     if first:
    ...         handle(event)

    An id goes from unknown to claimed to handled. It is handled once the block has ended; a block
    that raises gives it back, and the event may come again. A claim whose process died lapses.

    Args:
        path: A file of SQLite, or nothing for memory that ends with this object.
        keep: Seconds that a handled id is remembered: longer than any sender tries.
        lease: Seconds until a claim lapses: longer than any handler works.
        clock: Seconds since 1970, like `time.time`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = ":memory:",
        *,
        keep: float = 30 * 86_400,
        lease: float = 60,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keep, self._lease, self._clock = keep, lease, clock
        self._lock = threading.Lock()
        if (
            os.fspath(path) != ":memory:"
        ):  # for its owner alone: SQLite gives -wal and -shm the same
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = sqlite3.connect(
            os.fspath(path), timeout=30, isolation_level=None, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(_SCHEMA)

    @contextmanager
    def once(self, event_id: str) -> Iterator[bool]:
        """Whether this is the first time: then the block handles the event.

        Raises:
            EventInProgress: Somebody is at it now.
        """
        claim = secrets.token_hex(8)
        if not self._claimed(event_id, claim):
            yield False
            return
        try:
            yield True
        except BaseException:
            self._execute("DELETE FROM seen WHERE id = ? AND claim = ?", event_id, claim)
            raise
        until = self._clock() + self._keep
        self._execute("INSERT OR REPLACE INTO seen VALUES (?, NULL, ?)", event_id, until)

    def __contains__(self, event_id: object) -> bool:
        """Whether the event was handled."""
        query = "SELECT 1 FROM seen WHERE id = ? AND claim IS NULL AND until > ?"
        return bool(self._execute(query, event_id, self._clock()))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def __del__(self) -> None:
        if hasattr(self, "_database"):  # it was opened
            self.close()

    def _claimed(self, event_id: str, claim: str) -> bool:
        now = self._clock()
        values = {"id": event_id, "claim": claim, "until": now + self._lease, "now": now}
        with self._lock:
            self._database.execute("DELETE FROM seen WHERE until <= ?", (now,))
            if self._database.execute(_CLAIM, values).rowcount:
                return True
        if event_id in self:
            return False
        raise EventInProgress(f"the event {event_id} is being handled")

    def _execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            return self._database.execute(statement, values).fetchall()
