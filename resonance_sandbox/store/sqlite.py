"""SQLite in WAL mode: a file, or a temporary one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, text
from sqlalchemy.pool import QueuePool

from .backend import DatabaseError
from .schema import OLDER, VERSION, make

__all__ = ["SQLite"]

_TEMPORARY = "resonance-sandbox-"
_NAME = "sandbox.db"
_DRAFT = "resonance-starting-"
_STARTING = 60.0  # seconds in which a temporary folder gets its database and its name


class SQLite:
    """A file that this process alone has open.

    Args:
        path: where it is (made if there is none); None for a temporary one, deleted by `close`.
    """

    name = "SQLite"
    proof = f"PRAGMA user_version = {VERSION}"

    def __init__(self, path: Path | None) -> None:
        self._temporary: Path | None = None
        if path is None:
            _sweep()
            self._temporary, self._lock = _temporary()
            path = self._temporary / _NAME
        else:
            self._lock = _FileLock(path)
        self._path = path
        self.folder = path.parent
        self.key_file = None if self._temporary else path.with_name(f"{path.name}.key")
        try:
            self._look()
            self.reading = self._open()
        except BaseException:
            self._release()
            raise
        self.writing: Engine = self.reading.execution_options(writes=True)

    @classmethod
    def at(cls, url: URL) -> SQLite:
        """The file of a ``sqlite:///`` URL."""
        if not url.database or url.database == ":memory:":
            raise DatabaseError(
                "the sandbox keeps its data in an SQLite file; name one, as in sqlite:///file.db"
            )
        if url.query:
            raise DatabaseError(
                "a database's URL takes no options after a ?; name a file with ? by its path"
            )
        return cls(_path(url.database))

    @classmethod
    def file(cls, location: str) -> SQLite:
        """The file at a path."""
        return cls(_path(location))

    def close(self) -> None:
        self.reading.dispose()
        self._release()

    def _release(self) -> None:
        self._lock.release()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _open(self) -> Engine:
        durable = self._temporary is None
        engine = create_engine(
            URL.create("sqlite", database=str(self._path)),  # a path, which may have ? and # in it
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=-1,
            connect_args={"check_same_thread": False, "isolation_level": None, "timeout": 10},
        )

        @event.listens_for(engine, "connect")
        def configure(connection: sqlite3.Connection, _: object) -> None:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
                connection.execute("PRAGMA foreign_keys=ON")
            except sqlite3.Error:  # the pool forgets it, and does not close it
                connection.close()
                raise

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # sqlite3 begins transactions too late by itself; the writer's takes its lock at once.
            writes = connection.get_execution_options().get("writes", False)
            if writes and durable and not self._lock.holds(self._path):
                # SQLite would go on writing to a file that has no name, and is gone with us.
                gone = sqlite3.OperationalError("its file was moved or deleted; put it back")
                raise exc.OperationalError("BEGIN IMMEDIATE", {}, gone)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                make(connection)
                connection.execute(text(f"PRAGMA user_version = {VERSION}"))
        except exc.DatabaseError as error:
            engine.dispose()
            raise self._unusable(error.orig) from None
        return engine

    def _look(self) -> None:
        """Refuse a file that is another program's, before anything of it is changed.

        Raises:
            DatabaseError: it is no database of this version of the sandbox.
        """
        # Without a log beside it, nothing but the file has to be opened, as one that never changes.
        logged = self._path.with_name(f"{self._path.name}-wal").exists()
        uri = f"{self._path.as_uri()}?mode=ro{'' if logged else '&immutable=1'}"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10)) as connection:
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
                ours = version in (VERSION, *OLDER)
                # All pages are looked at now, not by whichever request comes upon a damaged one.
                damage = ours and connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok"
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from None
        if damage:
            raise DatabaseError(
                f"{self._path} cannot be used as a database: it is damaged; put back a copy of it, "
                "or name another file"
            )
        if not ours and (version or tables):
            whose = "not one of this sandbox"
            if {"tenants", "profiles", "idempotency"} <= tables:
                whose = f"of another version of this sandbox ({version}, not {VERSION})"
            raise DatabaseError(
                f"{self._path} is an SQLite database, but {whose}; name another file"
            )

    def _unusable(self, error: BaseException | None) -> DatabaseError:
        reason = (str(error).splitlines() or ["unknown"])[0]
        return DatabaseError(f"{self._path} cannot be used as a database: {reason}")


class _FileLock:
    """Holds the file at `path` for this process; the system frees it however the process ends.

    It is the file that is locked, by whatever name (a link, say) somebody opens it; SQLite's own
    locks are of another kind and do not meet it. On Windows, where they would, a file beside it is.

    Made here, the file is for its owner alone: SQLite gives its -wal and -shm the same mode.
    """

    def __init__(self, path: Path) -> None:
        name = path.with_name(path.name + ".lock") if os.name == "nt" else path
        self._file: int | None = None
        try:
            file = os.open(name, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            raise DatabaseError(f"{path} cannot be used as a database: {reason}") from None
        try:
            if os.name == "nt":
                import msvcrt

                msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(file)
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise DatabaseError(
                    f"{path} cannot be locked: {error.strerror}; name a file on a local disk"
                ) from None
            raise DatabaseError(
                f"{path} is in use by another sandbox; stop that one or name another file"
            ) from None
        self._file = file

    def holds(self, path: Path) -> bool:
        """Whether the file that is locked is the one that stands at `path`."""
        if self._file is None or os.name == "nt":  # where a file in use keeps its name
            return True
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(self._file), path.stat())
        return False

    def release(self) -> None:
        """Let the file go, once; SQLite has to have closed it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _path(location: str) -> Path:
    try:
        path = Path(location).expanduser().absolute()
        taken, held = path.is_dir(), path.parent.is_dir()
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no such user
        reason = getattr(error, "strerror", None) or "its ~ is nobody's home"
        raise DatabaseError(f"{location[:200]} cannot be used as a database: {reason}") from None
    if taken:
        raise DatabaseError(f"{path} is a directory; name a file in it")
    if not held:
        raise DatabaseError(f"there is no directory {path.parent} to hold the database")
    return path


def _temporary() -> tuple[Path, _FileLock]:
    """A new folder, with a database file in it that is locked.

    It has its name once the lock is held: no sweep of another sandbox sees it unlocked.
    """
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT))
    lock = _FileLock(draft / _NAME)
    if os.name == "nt":  # where nobody sweeps, and a folder in use keeps its name
        return draft, lock
    return draft.rename(draft.with_name(_TEMPORARY + draft.name.removeprefix(_DRAFT))), lock


def _sweep() -> None:
    """Delete temporary databases that nobody holds: one that was killed could not.

    The lock tells, not the number of a process: in a container beside this one, the same number
    is another's.
    """
    if os.name == "nt":  # where the lock is not the file's own
        return
    folder = Path(tempfile.gettempdir())
    for leftover in (*folder.glob(f"{_TEMPORARY}*"), *folder.glob(f"{_DRAFT}*")):
        with contextlib.suppress(OSError, DatabaseError):
            made = leftover.name.startswith(_TEMPORARY)
            if not made and time.time() - leftover.stat().st_mtime < _STARTING:
                continue  # it is being made this moment
            lock = _FileLock(leftover / _NAME)
            shutil.rmtree(leftover, ignore_errors=True)
            lock.release()
