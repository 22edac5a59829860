"""PostgreSQL: a database of a server that somebody else runs, for a sandbox that many share."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, text

from .backend import DatabaseError
from .schema import MARK, VERSION, metadata

__all__ = ["PostgreSQL"]

_LOCK = 0x5265736F  # of this sandbox, in the database's own space of advisory locks
_PATIENCE = "5s"  # for a sandbox that has just been killed to let its lock go


class PostgreSQL:
    """A database that is empty or a sandbox's, and that this sandbox alone has open.

    Whoever writes holds the lock, since the writer's connection takes it: should the server be
    restarted, the next connection takes it anew.

    Args:
        url: as in ``postgresql+psycopg://user:password@host/database``; libpq's own ways to name a
            password (``PGPASSWORD``, ``PGPASSFILE``) keep it out of the list of processes.
    """

    name = "PostgreSQL"
    proof = "SELECT name FROM tenants LIMIT 1 FOR UPDATE"  # a lock that is put down in the row
    folder = Path(tempfile.gettempdir())

    def __init__(self, url: URL) -> None:
        if "@" in f"{url.host}{url.database}":
            raise DatabaseError(
                "the database's URL has more than one @; in a password, write %40 for it"
            )
        self.key_file: Path | None = _key_file(url)
        self._shown = f"the database {url.database or url.username or ''} of {url.host or 'here'}"
        try:
            # Like a reader of SQLite, one sees the same state from its first row to its last.
            self.reading = _engine(url, pool_size=8, isolation_level="REPEATABLE READ")
            self.writing = _engine(url, pool_size=1, max_overflow=0)
        except ModuleNotFoundError as error:
            raise DatabaseError(
                f"PostgreSQL needs {error.name}, which is not installed: "
                "pip install 'resonance-helpers[workshop]'"
            ) from None
        event.listen(self.writing, "connect", self._acquire)
        try:
            with self.writing.begin() as connection:
                self._prepare(connection)
        except exc.SQLAlchemyError as error:
            self.close()
            reason = str(getattr(error, "orig", error)).splitlines()[0]
            if url.password:
                reason = reason.replace(str(url.password), "***")
            raise DatabaseError(f"{self._shown} cannot be used: {reason}") from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.reading.dispose()
        self.writing.dispose()

    def _acquire(self, connection: Any, _: object) -> None:
        from psycopg.errors import LockNotAvailable

        try:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
                connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        except LockNotAvailable:
            connection.close()
            raise DatabaseError(
                f"{self._shown} is in use by another sandbox; stop that one or name another"
            ) from None

    def _prepare(self, connection: Connection) -> None:
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise DatabaseError(
                f"{self._shown} has the encoding {encoding}; make one with UTF8 "
                "(createdb --encoding UTF8 --template template0 NAME)"
            )
        there = inspect(connection)
        tables = there.get_table_names()
        mark = there.get_table_comment("tenants")["text"] if "tenants" in tables else None
        if tables and mark != MARK:
            ours = mark is not None and mark.startswith(MARK.removesuffix(str(VERSION)))
            whose = "those of another version" if ours else "not those"
            raise DatabaseError(
                f"{self._shown} has tables, but {whose} of this sandbox; name an empty one"
            )
        metadata.create_all(connection)


def _key_file(url: URL) -> Path:
    """In the home of whoever runs the sandbox, one for each database and user of it.

    Whether the password stands in the URL, and how, makes no difference.
    """
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    place = url._replace(drivername="postgresql", password=None)
    shown = place.difference_update_query(["password"]).render_as_string()
    name = hashlib.sha256(shown.encode()).hexdigest()[:16]
    return Path(state) / "resonance-sandbox" / f"{name}.key"


def _engine(url: URL, **options: Any) -> Engine:
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,  # a restart of the server costs no request
        connect_args={"connect_timeout": 10, "application_name": "resonance-sandbox"},
        **options,
    )
