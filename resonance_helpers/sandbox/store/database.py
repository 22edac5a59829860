"""An SQLite database in WAL mode: one thread writes, in groups; readers never wait for it.

Concurrent writers of SQLite wait for one another with timeouts and sleeps. So all writes go
through one queue to one thread, which runs whatever has gathered there in one transaction, each
in a savepoint of its own, and answers when it has been committed: a group costs one sync.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from .schema import metadata

__all__ = ["Database", "DatabaseError"]

T = TypeVar("T")
Work = Callable[[Connection], T]

_GROUP = 256
_VERSION = 3
_OLDER = (2,)  # what they lack are whole tables
_TEMPORARY = "resonance-sandbox-"


class DatabaseError(RuntimeError):
    """The database cannot be opened; the message is one sentence for the person who named it."""


class Database:
    """One open database.

    Args:
        location: path of a file (made if there is none) or its ``sqlite:///`` URL; None for a
            temporary file, deleted by `close`.

    Attributes:
        after_commit: called by the writer's thread after each transaction; it must not block.
    """

    def __init__(self, location: str | None = None) -> None:
        self._temporary: Path | None = None
        if location is None:
            _sweep()
            self._temporary = Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{os.getpid()}-"))
            self.path = self._temporary / "sandbox.db"
        else:
            self.path = _path(location)
        self.after_commit: Callable[[], None] = lambda: None
        self._lock = None if self._temporary else _FileLock(self.path)
        try:
            self._engine = self._open()
        except BaseException:
            self._release()
            raise
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)
        self._thread.start()

    @property
    def temporary(self) -> bool:
        """Whether it ends with this process."""
        return self._temporary is not None

    @property
    def waiting(self) -> int:
        """Writes in the queue."""
        return self._queue.qsize()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading; blocks, so not for the event loop."""
        with self._engine.connect() as connection:
            yield connection

    def submit(self, work: Work[T]) -> Future[T]:
        """Run `work` in the writer's next transaction; the future is done once it is committed.

        What `work` raises undoes `work` alone and becomes the future's exception.
        """
        future: Future[T] = Future()
        if not self._thread.is_alive():
            future.set_exception(DatabaseError("the database is closed"))
            return future
        self._queue.put((work, future))
        return future

    def write(self, work: Work[T]) -> T:
        """`submit`, and wait for it."""
        return self.submit(work).result()

    def close(self) -> None:
        """Commit what is queued, then close; deletes a temporary database."""
        self._queue.put(None)
        self._thread.join()
        self._engine.dispose()
        self._release()

    def _open(self) -> Engine:
        durable = self._temporary is None
        engine = create_engine(
            f"sqlite:///{self.path}",
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
                tables = connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()
                if version not in (_VERSION, *_OLDER) and (version or tables):
                    raise DatabaseError(
                        f"{self.path} is an SQLite database, but not one of this sandbox; "
                        "name another file"
                    )
                metadata.create_all(connection)
                connection.execute(text(f"PRAGMA user_version = {_VERSION}"))
        except exc.DatabaseError as error:
            engine.dispose()
            reason = str(error.orig).splitlines()[0]
            raise DatabaseError(f"{self.path} cannot be used as a database: {reason}") from None
        except DatabaseError:
            engine.dispose()
            raise
        return engine

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)

    def _run(self) -> None:
        stopping = False
        while not stopping:
            first = self._queue.get()
            if first is None:
                return
            group = [first]
            while len(group) < _GROUP:
                try:
                    job = self._queue.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    stopping = True
                    break
                group.append(job)
            _commit(self._engine, group)
            self.after_commit()


def _commit(engine: Engine, group: list[tuple[Work[Any], Future[Any]]]) -> None:
    outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
    try:
        # A connection for each group: what a failed commit leaves of one goes with it.
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            for work, future in group:
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    with connection.begin_nested():
                        outcomes.append((future, work(connection), None))
                except Exception as error:
                    outcomes.append((future, None, error))
    except Exception as error:
        # The commit itself failed (a full disk, say): nothing of the group stands.
        outcomes = [(future, None, error) for _, future in group if not future.cancelled()]
    for future, result, failure in outcomes:
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(result)


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
    if "://" in location:
        try:
            url = make_url(location)
        except exc.ArgumentError:
            raise DatabaseError(
                "the database's URL cannot be read; try sqlite:///file.db"
            ) from None
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            raise DatabaseError(
                "the sandbox keeps its data in an SQLite file; name one, as in sqlite:///file.db"
            )
        location = url.database
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
