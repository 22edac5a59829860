"""The file of a journal: made, locked and opened, and what is wrong with it in a sentence."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..client.system import told_by_sqlite, way_out

__all__ = [
    "APPLICATION",
    "BROKEN",
    "VERSION",
    "JournalDamaged",
    "JournalError",
    "JournalInUse",
    "JournalMismatch",
    "check_kind",
    "connect",
    "create",
    "damaged",
    "explained",
    "explanation",
    "locked",
]

APPLICATION = 0x5265734A
"""``ResJ``: by this number in its header, SQLite and ``file`` tell a journal from other
databases."""

VERSION = 2

PATIENCE = 30.0
"""Seconds to wait for a lock that somebody who only reads can hold for a moment."""


class JournalError(RuntimeError):
    """The journal can't be used; nothing was sent."""


class JournalInUse(JournalError):
    """Another run writes to this journal."""


class JournalMismatch(JournalError):
    """The journal belongs to another batch."""


class JournalDamaged(JournalError):
    """What the file holds has changed since it was written, or it is no journal at all."""


_opening = threading.Lock()

BROKEN = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; the latter where it quotes a damaged name."""


def locked(file: Path, path: Path) -> sqlite3.Connection:
    """The lock of a journal, which goes with its process, however that ends.

    It is an exclusive transaction on an empty database beside it. (On the journal itself it would
    keep out those who read.)
    """
    lock = file.with_name(f"{file.name}-lock")
    with _opening:
        create(lock)
        database = connect(lock, "mode=rw", patience=0)
        try:
            database.execute("PRAGMA journal_mode = MEMORY")  # one file less
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            database.close()
            if _is_held(error):
                raise JournalInUse(
                    f"the journal {path} is in use by another run; wait for it to end, or give "
                    "this batch a journal of its own. If there is no other run, its file system "
                    "has no locks: put the journal on a local disk"
                ) from error
            raise explanation(path, error) from error
    return database


def create(file: Path) -> None:
    """Make a file that only its owner can read, if there is none.

    One that is there is not even opened: to close it again would drop SQLite's locks on it.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise JournalError(
            f"the journal {file} can't be opened: {error.strerror}.{way_out(error.errno)}"
        ) from error


def connect(file: Path, how: str = "mode=rw", *, patience: float = PATIENCE) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{file.as_uri()}?{how}",
        uri=True,
        timeout=patience,
        isolation_level=None,
        check_same_thread=False,
    )


def check_kind(file: Path, path: Path) -> bool:
    """Whether the file is a journal; False if it is empty. Nothing in it or beside it changes.

    Raises:
        JournalDamaged: It is something else.
    """
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not file.is_file():  # a device or a pipe, which seems to be empty
        raise _no_journal(path)
    if not file.stat().st_size:
        return False
    database = connect(file, "mode=ro&immutable=1")
    try:
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError:
        application = version = None
    finally:
        database.close()
    if application != APPLICATION:
        raise _no_journal(path)
    if version != VERSION:
        raise JournalDamaged(
            f"{path} was written by another version of this package; "
            "finish its batch there, or begin with another journal"
        )
    return True


def _no_journal(path: Path) -> JournalDamaged:
    return JournalDamaged(f"{path} is not the journal of a batch; give another path")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (*BROKEN, OSError, ValueError) as error:  # the latter of a name that can't be one
        raise explanation(path, error) from error


def explanation(path: Path, error: Exception) -> JournalError:
    if isinstance(error, UnicodeDecodeError):
        return damaged(path)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return damaged(path)
    if _is_held(error):  # by no run, of which each has the lock first
        return JournalInUse(
            f"the journal {path} is held by another program, such as one that reads it and has "
            "not ended its transaction; end that first"
        )
    said = error if isinstance(error, OSError) else told_by_sqlite(error)
    why, fix = (str(error), "") if said is None else (said.strerror, way_out(said.errno))
    return JournalError(f"the journal {path} can't be read or written: {why}.{fix}")


def _is_held(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def damaged(path: Path) -> JournalDamaged:
    return JournalDamaged(
        f"the journal {path} is damaged: what it holds has changed since it was written; "
        "take a copy of it from before, or begin with another journal"
    )
