"""What this machine has no more of: open files, threads, room to write; said with what to do."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

__all__ = ["SystemLimitError", "needing", "told_by_sqlite", "way_out"]

_FILES = (
    "close files, clients and programs that are not needed, or let this program open more "
    "(`ulimit -n 4096` before it starts)"
)
_ROOM = "free some room, or give a path on another disk"
_FIXES = {
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.ENOSPC: _ROOM,
    getattr(errno, "EDQUOT", errno.ENOSPC): _ROOM,
    errno.EROFS: "give a path on a disk that can be written",
    errno.EAGAIN: "end threads and programs that are not needed, or ask for fewer at once",
    errno.ENOMEM: "end programs that are not needed",
    errno.ENOBUFS: "close connections that are not needed",
}


class SystemLimitError(OSError):
    """The machine has no more of what is needed. Nothing was begun; its text says what to do."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(number, what)
        self._reason = "No more threads" if number == errno.EAGAIN else os.strerror(number)

    def __str__(self) -> str:
        return f"{self.args[1]}: {self._reason}.{way_out(self.errno)}"


def way_out(number: int | None) -> str:
    """What to do about such an error, as a sentence with a space before; else nothing."""
    fix = _FIXES.get(number or 0)
    return f" Fix: {fix}." if fix else ""


@contextmanager
def needing(what: str) -> Iterator[None]:
    """Say it so where the block gets no file, thread or room.

    Args:
        what: What can't be done then, as in "the receiver can't listen".

    Raises:
        SystemLimitError: In place of the system's own error.
    """
    try:
        yield
    except OSError as error:
        said = isinstance(error, SystemLimitError | BlockingIOError)
        if error.errno is None or error.errno not in _FIXES or said:
            raise
        raise SystemLimitError(error.errno, what) from None
    except RuntimeError as error:
        if "new thread" not in str(error):
            raise
        raise SystemLimitError(errno.EAGAIN, what) from None


def told_by_sqlite(error: Exception) -> OSError | None:
    """What the system said, where SQLite could not go on for want of files or room."""
    import sqlite3

    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_CANTOPEN:  # the file, or one of those beside it
        return _out_of_files(4)
    number = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS}.get(code)
    return None if number is None else OSError(number, os.strerror(number))


def _out_of_files(count: int) -> OSError | None:
    """The system's error, if not so many more can be opened."""
    with ExitStack() as opened:
        try:
            for _ in range(count):
                opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            return error
    return None
