"""SQLite in WAL mode: a file, or a temporary one."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, text
from sqlalchemy.pool import QueuePool

from .backend import DatabaseError
from .schema import OLDER, VERSION, metadata

__all__ = ["SQLite"]

_TEMPORARY = "resonance-sandbox-"


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
            self._temporary = Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{os.getpid()}-"))
            path = self._temporary / "sandbox.db"
        self._path = path
        self.folder = path.parent
        self.key_file = None if self._temporary else path.with_name(f"{path.name}.key")
        self._lock = None if self._temporary else _FileLock(path)
        try:
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
        return cls(_path(url.database))

    @classmethod
    def file(cls, location: str) -> SQLite:
        """The file at a path."""
        return cls(_path(location))

    def close(self) -> None:
        self.reading.dispose()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _open(self) -> Engine:
        durable = self._temporary is None
        engine = create_engine(
            f"sqlite:///{self._path}",
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=-1,
            connect_args={"check_same_thread": False, "isolation_level": None, "timeout": 10},
        )

        @event.listens_for(engine, "connect")
        def configure(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
            connection.execute("PRAGMA foreign_keys=ON")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # sqlite3 begins transactions too late by itself; the writer's takes its lock at once.
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        try:
            with engine.connect().execution_options(writes=True) as connection, connection.begin():
                version = connection.execute(text("PRAGMA user_version")).scalar_one()
                tables = set(connection.execute(text("SELECT name FROM sqlite_master")).scalars())
                if version not in (VERSION, *OLDER) and (version or tables):
                    whose = "not one of this sandbox"
                    if {"tenants", "profiles", "idempotency"} <= tables:
                        whose = f"of another version of this sandbox ({version}, not {VERSION})"
                    raise DatabaseError(
                        f"{self._path} is an SQLite database, but {whose}; name another file"
                    )
                metadata.create_all(connection)
                connection.execute(text(f"PRAGMA user_version = {VERSION}"))
        except exc.DatabaseError as error:
            engine.dispose()
            reason = str(error.orig).splitlines()[0]
            raise DatabaseError(f"{self._path} cannot be used as a database: {reason}") from None
        except DatabaseError:
            engine.dispose()
            raise
        return engine


class _FileLock:
    """Holds `path` for this process; the system frees it however the process ends."""

    def __init__(self, path: Path) -> None:
        self._file = None
        name = path.with_name(path.name + ".lock")
        try:
            file = open(name, "a+b")  # noqa: SIM115 - held until release
        except OSError as error:
            reason = error.strerror or "it cannot be opened"
            raise DatabaseError(f"{path} cannot be used as a database: {reason}") from None
        try:
            if os.name == "nt":
                import msvcrt

                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
            else:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise DatabaseError(
                f"{path} is in use by another sandbox; stop that one or name another file"
            ) from None
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _path(location: str) -> Path:
    path = Path(location).expanduser().absolute()
    if path.is_dir():
        raise DatabaseError(f"{path} is a directory; name a file in it")
    if not path.parent.is_dir():
        raise DatabaseError(f"there is no directory {path.parent} to hold the database")
    return path


def _sweep() -> None:
    """Delete temporary databases whose process is gone: one that was killed could not."""
    if os.name == "nt":  # where signal 0 is not a question but an end
        return
    for leftover in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}[0-9]*-*"):
        pid = leftover.name.removeprefix(_TEMPORARY).split("-")[0]
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            shutil.rmtree(leftover, ignore_errors=True)
        except (OSError, ValueError):
            continue
