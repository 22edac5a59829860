"""One run at a time on one journal: a lock that goes with its process, however that ends."""

from __future__ import annotations

import os
import sys
import weakref

__all__ = ["lock_file"]

_held: weakref.WeakSet[_Lock] = weakref.WeakSet()


class _Lock:
    """Keeps `fd` open for as long as the lock is to hold; `release` closes it."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        _held.add(self)

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            _held.discard(self)


def lock_file(path: str) -> _Lock:
    """Take the lock of `path` (a file that exists) without waiting.

    Raises:
        BlockingIOError: another process, or another run in this one, holds it.
    """
    fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        _acquire(fd)
    except OSError as error:
        os.close(fd)
        raise BlockingIOError(f"{path} is locked") from error
    return _Lock(fd)


if sys.platform == "win32":
    import msvcrt

    # A locked range can't be read by others, and a report may be read while its batch runs: so
    # the locked byte lies far past the end of any journal.
    _FAR = 1 << 40

    def _acquire(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _acquire(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    # A forked child (a worker of a process pool) shares the open file, and with it the lock: it
    # would keep a killed run's journal locked. Closing the child's copy leaves the parent's lock.
    def _close_in_child() -> None:
        for lock in list(_held):
            lock.release()

    os.register_at_fork(after_in_child=_close_in_child)
