"""The journal of a batch: a file from which a killed run goes on without doing anything twice.

It is a database of SQLite, so that it can be queried with ``sqlite3`` also while the batch runs.

The promise rests on two rules. A request is on the disk (fsync) before it leaves, many to one
transaction; so whatever may have reached the server is known after a crash, with the idempotency
key that it went out with. An answer is written when it comes (those that come together, together)
and outlives a kill, but not a loss of power; then its request goes out again under the same key,
and the server replays it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from reprlib import repr as bounded_repr
from typing import Any, NamedTuple

from ..client.transport.arguments import file
from .journal_file import (
    APPLICATION,
    BROKEN,
    VERSION,
    JournalDamaged,
    JournalError,
    JournalInUse,
    JournalMismatch,
    check_kind,
    connect,
    create,
    damaged,
    explained,
    explanation,
    locked,
)

__all__ = [
    "Answers",
    "Entry",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalInUse",
    "JournalMismatch",
    "as_json",
]

SCHEMA = """
CREATE TABLE batch (
    id TEXT NOT NULL,              -- every idempotency key begins with it
    began REAL NOT NULL            -- in seconds since 1970
);
CREATE TABLE requests (
    item INTEGER PRIMARY KEY,      -- the place in the batch, from 0
    key TEXT NOT NULL,             -- the idempotency key
    request TEXT NOT NULL,         -- the arguments of generate_content, as JSON
    sent REAL,                     -- since when it may have had an effect; NULL: it has had none
    crc INTEGER NOT NULL           -- the CRC-32 of item and request
);
CREATE TABLE answers (
    item INTEGER PRIMARY KEY,
    success INTEGER NOT NULL CHECK (success IN (0, 1)),
    final INTEGER NOT NULL CHECK (final IN (0, 1)),  -- 1: no later run sends the request again
    attempts INTEGER NOT NULL,     -- 0: it was never sent
    started REAL NOT NULL,         -- when the first attempt began
    seconds REAL NOT NULL,         -- from then to the answer
    result TEXT NOT NULL,          -- the answer, or the error, as JSON
    crc INTEGER NOT NULL           -- the CRC-32 of the rest of the row
);
"""
_SEND = """
INSERT INTO requests VALUES (?, ?, ?, ?, ?) ON CONFLICT (item) DO UPDATE
SET request = excluded.request, sent = coalesce(sent, excluded.sent), crc = excluded.crc
"""
_FIND = """
SELECT request, requests.crc, sent, success, final
FROM requests LEFT JOIN answers USING (item) WHERE item = ?
"""
_ANSWERS = """
SELECT item, request, requests.crc, success, final, attempts, started, seconds, result, answers.crc
FROM answers JOIN requests USING (item) ORDER BY item
"""
_KNOWN = "SELECT coalesce(max(item) + 1, 0) FROM requests"


class Entry(NamedTuple):
    """What a journal knows of an item.

    Attributes:
        request: The request, as JSON.
        sent: Since when it may have had an effect, in seconds since 1970; None if it has had
            none: it was never sent, or each attempt is known to have done nothing.
        success: Whether it was done; None as long as there is no answer.
        final: Whether there is one that is the last word.
    """

    request: str
    sent: float | None
    success: bool | None
    final: bool

    @property
    def settled(self) -> bool:
        """Whether the answer stands whatever a later run brings.

        What has had no effect is judged anew: it may have been mended.
        """
        return self.final and self.sent is not None


class Journal:
    """A journal open for writing, and locked. `Journal(path)` begins one or takes up an old one.

    Safe for threads. Beside it lies ``<path>-lock``, empty, which is locked while a run goes on,
    and SQLite's own ``-wal`` and ``-shm``, which go when it is closed.

    Args:
        path: The file; its directory must exist. A new one can be read by its owner alone.
        clock: Seconds since 1970.

    Attributes:
        id: What the idempotency keys of this batch begin with.
        known: One more than the highest item that earlier runs have written down.

    Raises:
        JournalInUse: Another run holds it.
        JournalDamaged: It was altered, or is no journal.
        JournalError: It can't be opened or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = Path(os.fsdecode(path))
        self._clock = clock
        self._mutex = threading.Lock()
        with explained(self.path):
            # The lock is on the file, by whichever name it is called.
            file = Path(os.path.realpath(self.path))
            if os.path.lexists(file):
                check_kind(file, self.path)
        self._lock = locked(file, self.path)
        try:
            with explained(self.path):
                create(file)
                self._database = connect(file)
                self._begin()
        except BaseException:
            self.close()
            raise

    def key(self, item: int) -> str:
        """The idempotency key of an item: the same in every run over this journal."""
        return f"{self.id}-{item}"

    def find(self, item: int) -> Entry | None:
        """What is known of an item, or None."""
        if item >= self.known:
            return None
        with self._mutex, explained(self.path):
            row = self._database.execute(_FIND, (item,)).fetchone()
        if row is None:
            return None
        request, crc, sent, success, final = row
        if crc != _crc(request, item):
            raise damaged(self.path)
        return Entry(request, sent, None if success is None else bool(success), bool(final))

    def send(self, requests: Iterable[tuple[int, str]]) -> None:
        """Write down requests that are about to leave: the item and its JSON.

        They are on the disk when this returns.

        Raises:
            JournalError: The disk is full or failing; none of them may be sent.
        """
        now = self._clock()
        rows = [
            (item, self.key(item), request, now, _crc(request, item)) for item, request in requests
        ]
        with self._mutex, explained(self.path):
            self._commit()
            self._database.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                self._database.executemany(_SEND, rows)
                # A failure that is tried again counts no more.
                known = [(item,) for item, *_ in rows if item < self.known]
                self._database.executemany("DELETE FROM answers WHERE item = ?", known)
            self._database.execute("PRAGMA synchronous = NORMAL")

    def answer(
        self,
        item: int,
        *,
        success: bool,
        final: bool,
        harmless: bool = False,
        attempts: int,
        started: float,
        seconds: float,
        result: Mapping[str, Any],
    ) -> None:
        """Write down how an item ended; `commit` makes it stand.

        Args:
            item: Its place in the batch.
            success: Whether it was done.
            final: Whether no later run tries it again.
            harmless: Whether it is known to have had no effect, so that its key does not age.
            attempts: How often it was tried.
            started: When the first attempt began, in seconds since 1970.
            seconds: From then to now.
            result: The answer, or the error's dict.
        """
        fields = (int(success), int(final), attempts, float(started), float(seconds))
        text = as_json(result)
        row = (item, *fields, text, _crc(text, item, *fields))
        statement = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        with self._mutex:
            try:
                if not self._database.in_transaction:
                    self._database.execute("BEGIN")
                self._database.execute(statement, row)
                if harmless:
                    self._database.execute(
                        "UPDATE requests SET sent = NULL WHERE item = ?", (item,)
                    )
            except BROKEN as error:
                raise explanation(self.path, error) from error

    def commit(self) -> None:
        """Let all answers so far outlive a kill. Many to one commit cost the least."""
        with self._mutex, explained(self.path):
            self._commit()

    def _commit(self) -> None:
        if self._database.in_transaction:
            self._database.execute("COMMIT")

    def refuse(self, item: int, request: Mapping[str, Any], **answer: Any) -> None:
        """Write down an item that is never sent, whatever it is, with its answer."""
        text = as_json(request)
        row = (item, self.key(item), text, None, _crc(text, item))
        with self._mutex, explained(self.path):
            self._database.execute("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?)", row)
        self.answer(item, **answer)

    def close(self) -> None:
        """Bring all to the disk, unlock and close.

        Closing twice is fine; writing after it is an error.
        """
        with self._mutex:
            database = getattr(self, "_database", None)
            if database is not None:
                # Back to one plain file, which can be copied, and read where nothing can be
                # written; unless somebody reads it now.
                with suppress(*BROKEN):
                    self._commit()
                    database.execute("PRAGMA busy_timeout = 0")
                    database.execute("PRAGMA journal_mode = DELETE")
                database.close()
            self._lock.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _begin(self) -> None:
        """Make the tables where there are none; check what is there."""
        database = self._database
        with self._transaction():
            if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in SCHEMA.split(";\n")[:-1]:
                    database.execute(statement)
                database.execute(f"PRAGMA application_id = {APPLICATION}")
                database.execute(f"PRAGMA user_version = {VERSION}")
                values = (uuid.uuid4().hex, self._clock())
                database.execute("INSERT INTO batch VALUES (?, ?)", values)
        # Only now, so that the number of the application is in the file itself.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        self.id: str = database.execute("SELECT id FROM batch").fetchone()[0]
        self.known: int = database.execute(_KNOWN).fetchone()[0]
        query = "SELECT 1 FROM requests WHERE key <> ? || '-' || item LIMIT 1"
        if (
            database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok"
            or database.execute(query, (self.id,)).fetchone()
        ):
            raise damaged(self.path)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with suppress(*BROKEN):  # some errors have rolled it back already
                self._database.execute("ROLLBACK")
            raise


class Answers:
    """The answers in a journal, read anew each time they are gone through, in the items' order.

    Each is a dict with ``item``, ``request``, ``success``, ``final``, ``attempts``, ``started``,
    ``seconds`` and ``result``.

    Args:
        path: The journal; a run may write to it meanwhile.

    Raises:
        FileNotFoundError: There is no such file.
        JournalDamaged: It was altered, or is no journal.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(file("journal", path))
        self._file = self.path.absolute()  # wherever the program goes meanwhile

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self._reading() as database:
            for item, request, asked, *fields, result, crc in database.execute(_ANSWERS):
                if asked != _crc(request, item) or crc != _crc(result, item, *fields):
                    raise damaged(self.path)
                success, final, attempts, started, seconds = fields
                yield {
                    "item": item,
                    "request": json.loads(request),
                    "result": json.loads(result),
                    "success": bool(success),
                    "final": bool(final),
                    "attempts": attempts,
                    "started": started,
                    "seconds": seconds,
                }

    def about(self) -> tuple[int, float]:
        """How many items are known, and when the batch began, in seconds since 1970."""
        with self._reading() as database:
            row = database.execute(f"SELECT ({_KNOWN}), began FROM batch").fetchone()
        return row or (0, 0.0)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        file = Path(os.path.realpath(self._file))
        file.stat()  # there has to be one
        with explained(self.path):
            if not check_kind(file, self.path):
                database = sqlite3.connect(":memory:")
                database.executescript(SCHEMA)  # a run is about to begin it
            else:
                database = connect(file, "mode=ro")
            try:
                yield database
            finally:
                database.close()


def as_json(value: Mapping[str, Any]) -> str:
    """A dict as JSON; a field that JSON can't say by Python's description of it, cut short."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return json.dumps({str(name): _sayable(field) for name, field in value.items()})


def _sayable(value: Any) -> Any:
    try:
        json.dumps(value)
        return value
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return bounded_repr(value)
    except Exception:  # a number of too many digits, say
        return f"a value of type {type(value).__name__}"


def _crc(text: str, *fields: float) -> int:
    return zlib.crc32(f"{fields}{text}".encode())
