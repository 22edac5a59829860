"""The database: one thread writes, in groups; readers never wait for it.

Concurrent writers of SQLite wait for one another with timeouts and sleeps. So all writes go
through one queue to one thread, which runs whatever has gathered there in one transaction, each
in a savepoint of its own, and answers when it has been committed: a group costs one sync. On
PostgreSQL the same saves round trips.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, delete, exc, insert
from sqlalchemy.engine import make_url

from .backend import Backend, DatabaseError
from .schema import idempotency
from .sqlite import SQLite

__all__ = ["Database"]

T = TypeVar("T")
Work = Callable[[Connection], T]

_GROUP = 256


class Database:
    """One open database.

    Args:
        location: path of an SQLite file (made if there is none) or its ``sqlite:///`` URL, or the
            ``postgresql://`` URL of a database; None for a temporary file, deleted by `close`.

    Attributes:
        after_commit: called by the writer's thread after each transaction; it must not block.
        stuck: the last that somebody wanted to store could not be, for the database's own reasons.
        damaged: some of what is stored has turned out to be unreadable.

    Raises:
        DatabaseError: it cannot be opened.
    """

    def __init__(self, location: str | None = None) -> None:
        self._backend = _open(location)
        self.after_commit: Callable[[], None] = lambda: None
        self.stuck = False
        self.damaged = False
        self._proof = self._proves  # one object, to be told from what others want to store
        self._queue: queue.SimpleQueue[tuple[Work[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)
        self._thread.start()

    @property
    def system(self) -> str:
        """What keeps the data: SQLite or PostgreSQL."""
        return self._backend.name

    @property
    def folder(self) -> Path:
        """A directory on the disk that the sandbox fills."""
        return self._backend.folder

    @property
    def key_file(self) -> Path | None:
        """Where a key is kept that has to be outside the database.

        None where the database ends with this process.
        """
        return self._backend.key_file

    @property
    def waiting(self) -> int:
        """Writes in the queue."""
        return self._queue.qsize()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading; blocks, so not for the event loop."""
        try:
            with self._backend.reading.connect() as connection:
                yield connection
        except exc.DatabaseError as error:
            self.damaged |= _is_damage(error)
            raise

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

    def prove(self) -> Future[None]:
        """Have the writer commit what changes nothing.

        The future fails where nothing can be stored, as on a full disk.
        """
        return self.submit(self._proof)

    async def prove_room(self) -> None:
        """Store 64 KiB and delete them again: what a small write that still fits does not prove.

        Raises:
            SQLAlchemyError: there is no room.
        """
        mine = idempotency.c.scope == "*room"
        row = {"scope": "*room", "key": "*room", "fingerprint": "", "status": 0, "headers": "[]"}
        added = insert(idempotency).values(**row, body=bytes(1 << 16), created_at=0.0)
        for statement in (delete(idempotency).where(mine), added, delete(idempotency).where(mine)):
            await asyncio.wrap_future(self.submit(partial(_execute, statement)))

    def _proves(self, connection: Connection) -> None:
        connection.exec_driver_sql(self._backend.proof).close()

    def close(self) -> None:
        """Commit what is queued, then close; deletes a temporary database."""
        self._queue.put(None)
        self._thread.join()
        self._backend.close()

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
            failures = _commit(self._backend.writing, group)
            self.damaged |= any(_is_damage(failure) for _, failure in failures)
            if any(isinstance(failure, exc.OperationalError) for _, failure in failures):
                self.stuck = True
            elif any(failure is None and work is not self._proof for work, failure in failures):
                self.stuck = False
            self.after_commit()


def _is_damage(error: BaseException | None) -> bool:
    """Whether that is SQLite's word for a damaged file, or PostgreSQL's for damaged data."""
    return type(error) in (exc.DatabaseError, exc.InternalError)


def _execute(statement: Executable, connection: Connection) -> None:
    connection.execute(statement)


def _commit(
    engine: Engine, group: list[tuple[Work[Any], Future[Any]]]
) -> list[tuple[Work[Any], BaseException | None]]:
    outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
    try:
        # A connection for each group: what a failed commit leaves of one goes with it.
        with engine.begin() as connection:
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
    works = {id(future): work for work, future in group}
    return [(works[id(future)], failure) for future, _, failure in outcomes]


def _open(location: str | None) -> Backend:
    if location is None:
        return SQLite(None)
    if "://" not in location:
        return SQLite.file(location)
    try:
        url = make_url(location)
    except (exc.ArgumentError, ValueError):
        raise DatabaseError("the database's URL cannot be read; try sqlite:///file.db") from None
    if url.get_backend_name() in ("postgresql", "postgres"):
        from .postgresql import PostgreSQL

        return PostgreSQL(url)
    if url.get_backend_name() == "sqlite":
        return SQLite.at(url)
    raise DatabaseError(
        "the sandbox keeps its data in SQLite or PostgreSQL; name a file, or a database as in "
        "postgresql://user@host/name"
    )
