"""Which events were handled, so that none is handled twice."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..client.system import SystemLimitError, needing, told_by_sqlite
from ..client.transport import arguments
from ..client.transport.fork import renewed_in_child

__all__ = ["EventInProgress", "SeenEvents"]

_MEMORY = ":memory:"
_PATIENCE = 30.0
"""Seconds to wait for a file that another process writes."""
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, claim TEXT, until REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS seen_until ON seen (until)",
    "CREATE TABLE IF NOT EXISTS subject (name TEXT PRIMARY KEY, until REAL NOT NULL)",
    "CREATE INDEX IF NOT EXISTS subject_until ON subject (until)",
)
_CLAIM = """
INSERT INTO seen VALUES (:id, :claim, :until)
ON CONFLICT (id) DO UPDATE SET claim = :claim, until = :until WHERE until <= :now
OR CAST(substr(claim, 18) AS REAL) > :until
"""
"""A claim tells when it was made, too: that is a lease ahead where the clock has gone back since,
whoever made it may have died long ago."""
_inherited: list[sqlite3.Connection] = []
"""Connections of a process that was forked: closing one would let go of its locks."""


class EventInProgress(Exception):
    """The same event is being handled elsewhere.

    Answer with an error status: should that fail, the event has to come again.
    """


class SeenEvents:
    """The ids of the events that were handled.

    Safe to share between threads and, with a file, between processes: forked ones, and those that
    are given it by pickle.

    >>> seen = SeenEvents("events.db")
    >>> with seen.once(event.id) as first:
    ...     if first:
    ...         handle(event)

    An id goes from unknown to claimed to handled. It is handled once the block has ended; a block
    that raises gives it back, and the event may come again. A claim whose process died lapses.

    Where handling an event means writing a row, `transaction` writes both together: there is no
    moment at which one stands there without the other.

    Args:
        path: A file of SQLite, or nothing for memory that ends with this object. A new file is its
            owner's alone (mode 0600).
        keep: Seconds that a handled id is remembered: longer than any sender tries.
        lease: Seconds until a claim lapses: longer than any handler works.
        clock: Seconds since 1970, like `time.time`.

    Raises:
        SystemLimitError: The machine has no more files to open, or no room; no event is counted as
            handled for which there was none.
        OSError, sqlite3.Error: The file can't be had, or is none of SQLite's.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = _MEMORY,
        *,
        keep: float = 30 * 86_400,
        lease: float = 60,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = _absolute(arguments.file("path", path))
        self._keep = arguments.span("keep", keep)
        self._lease = arguments.span("lease", lease)
        self._clock = arguments.function("clock", clock)
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None
        self._closed = False
        with self._explained():
            self._database()  # a file that can't be had is known now
        renewed_in_child(self, SeenEvents._forked)

    @contextmanager
    def once(self, event_id: str, subject: str = "") -> Iterator[bool]:
        """Whether this is the first time: then the block handles the event.

        Args:
            event_id: The ``webhook-id``.
            subject: What the event is about, such as a request id: `handled` knows it afterwards.

        Raises:
            EventInProgress: Somebody is at it now.
        """
        _check(event_id, subject)
        claim = f"{secrets.token_hex(8)} {self._clock():.3f}"
        if not self._claimed(event_id, claim):
            yield False
            return
        try:
            yield True
        except BaseException:
            self._execute("DELETE FROM seen WHERE id = ? AND claim = ?", event_id, claim)
            raise
        with self._explained(), self._writing() as database:
            self._handled(database, event_id, subject)

    @contextmanager
    def transaction(self, event_id: str, subject: str = "") -> Iterator[sqlite3.Connection | None]:
        """A transaction on the file in which the event counts as handled; None if it was before.

        >>> with seen.transaction(event.id) as database:
        ...     if database is not None:
        ...         database.execute("INSERT INTO article VALUES (?, ?)", row)

        The block's rows and the event's id are committed together when it ends, and neither is
        where it raises or the process dies. Others wait meanwhile, so keep it short; leave COMMIT
        and ROLLBACK to it.

        Raises:
            EventInProgress: Somebody is at it now, in a block of `once`.
        """
        _check(event_id, subject)
        with self._writing() as database:
            now = self._clock()
            found = database.execute(
                "SELECT claim FROM seen WHERE id = ? AND until > ? "
                "AND ifnull(CAST(substr(claim, 18) AS REAL) <= ?, 1)",
                (event_id, now, now + self._lease),
            ).fetchone()
            if found and found[0] is not None:
                raise EventInProgress(f"the event {event_id} is being handled")
            yield None if found else database
            if not found:
                self._handled(database, event_id, subject)

    def __contains__(self, event_id: object) -> bool:
        """Whether the event was handled."""
        query = "SELECT 1 FROM seen WHERE id = ? AND claim IS NULL AND until > ?"
        return bool(self._execute(query, event_id, self._clock()))

    def handled(self, subjects: Iterable[str]) -> set[str]:
        """Those of the subjects of which an event was handled, by whichever process."""
        query = "SELECT 1 FROM subject WHERE name = ? AND until > ?"
        asked = arguments.texts("subjects", subjects)
        return {name for name in asked if self._execute(query, name, self._clock())}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            if self._opened is not None:
                self._opened.close()

    def __del__(self) -> None:
        if hasattr(self, "_closed"):  # it came as far as that
            self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if not _is_file(self._path):
            raise TypeError("SeenEvents in memory are one process's own; give them a file")
        keep, lease, clock = self._keep, self._lease, self._clock
        return partial(type(self), keep=keep, lease=lease, clock=clock), (self._path,)

    def _claimed(self, event_id: str, claim: str) -> bool:
        now = self._clock()
        values = {"id": event_id, "claim": claim, "until": now + self._lease, "now": now}
        with self._explained(), self._writing() as database:
            database.execute("DELETE FROM seen WHERE until <= ?", (now,))
            database.execute("DELETE FROM subject WHERE until <= ?", (now,))
            if database.execute(_CLAIM, values).rowcount:
                return True
        if event_id in self:
            return False
        raise EventInProgress(f"the event {event_id} is being handled")

    def _handled(self, database: sqlite3.Connection, event_id: str, subject: str) -> None:
        until = self._clock() + self._keep
        database.execute("INSERT OR REPLACE INTO seen VALUES (?, NULL, ?)", (event_id, until))
        if subject:
            database.execute("INSERT OR REPLACE INTO subject VALUES (?, ?)", (subject, until))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The database, in a transaction that nobody else can write in."""
        with self._lock:
            with self._explained():
                database = self._database()
                database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                with self._explained():
                    database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def _execute(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock, self._explained():
            return self._database().execute(statement, values).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        what = f"the seen events can't be kept in {self._path}"
        try:
            with needing(what):
                yield
        except sqlite3.OperationalError as error:
            said = told_by_sqlite(error)
            if said is None or said.errno is None:
                raise
            raise SystemLimitError(said.errno, what) from error

    def _database(self) -> sqlite3.Connection:
        """This process's own connection."""
        if self._closed:
            raise sqlite3.ProgrammingError("these SeenEvents are closed")
        if self._opened is None:
            self._opened = _open(self._path)
        return self._opened

    def _forked(self) -> None:
        # Whoever held the lock did not come along. A copy of memory is this process's own.
        self._lock = threading.RLock()
        if self._opened is not None and self._path != _MEMORY:
            _inherited.append(self._opened)
            self._opened = None


def _check(event_id: str, subject: str) -> None:
    for name, value in (("event_id", event_id), ("subject", subject)):
        try:
            arguments.text(name, value).encode()
        except UnicodeEncodeError:  # known before the event is handled, and not after it
            raise ValueError(f"{name} has half a surrogate in it, which can't be kept") from None


def _is_file(path: str) -> bool:
    return path != _MEMORY and not path.startswith("file:")


def _absolute(path: str) -> str:
    """The same file for a child that is forked later and goes to another folder, as daemons do."""
    return os.path.realpath(path) if _is_file(path) and path else path


def _open(path: str) -> sqlite3.Connection:
    if _is_file(path):
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    database = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        # The switch to WAL is refused at once while another process makes the same file.
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                database.execute("PRAGMA journal_mode = WAL")
                for statement in _SCHEMA:
                    database.execute(statement)
                return database
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)
    except BaseException:
        database.close()
        raise
