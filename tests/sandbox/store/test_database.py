"""The database: one writer, groups, savepoints, and files that cannot be one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text

from resonance_sandbox.store import Database, DatabaseError, tenants
from resonance_sandbox.store.schema import events, webhooks


def add(name: str, connection: Connection) -> str:
    connection.execute(insert(tenants).values(name=name, access="open", created_at=""))
    return name


def names(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(connection.execute(select(tenants.c.name)).scalars())


def test_32_threads_write_and_none_fails() -> None:
    with contextlib.closing(Database()) as database:

        def write(number: int) -> str:
            return database.write(lambda connection: add(f"t{number}", connection))

        with ThreadPoolExecutor(32) as pool:
            written = set(pool.map(write, range(1000)))
        assert written == names(database) == {f"t{number}" for number in range(1000)}


def test_what_fails_undoes_itself_alone() -> None:
    with contextlib.closing(Database()) as database:
        hold = threading.Event()
        held = database.submit(lambda connection: hold.wait(10))

        def fails(connection: Connection) -> None:
            add("half", connection)
            raise ValueError("mine")

        first = database.submit(lambda connection: add("first", connection))
        failing = database.submit(fails)
        twice = database.submit(lambda connection: add("first", connection))
        last = database.submit(lambda connection: add("last", connection))
        assert database.waiting >= 4
        hold.set()
        assert held.result(10)
        assert (first.result(10), last.result(10)) == ("first", "last")
        with pytest.raises(ValueError, match="mine"):
            failing.result(10)
        with pytest.raises(Exception, match="UNIQUE"):
            twice.result(10)
        assert names(database) == {"first", "last"}


def test_readers_do_not_wait_for_the_writer() -> None:
    with contextlib.closing(Database()) as database:
        database.write(lambda connection: add("before", connection))
        inside, leave = threading.Event(), threading.Event()

        def slow(connection: Connection) -> None:
            add("during", connection)
            inside.set()
            assert leave.wait(10)

        writing = database.submit(slow)
        assert inside.wait(10)
        assert names(database) == {"before"}
        leave.set()
        writing.result(10)
        assert names(database) == {"before", "during"}


def test_a_file_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "kept.db"
    for location, name in ((str(path), "one"), (f"sqlite:///{path}", "two")):
        with contextlib.closing(Database(location)) as database:
            database.write(lambda connection, name=name: add(name, connection))
    with contextlib.closing(Database(str(path))) as database:
        assert names(database) == {"one", "two"}


def test_one_from_before_webhooks_gets_their_tables(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with contextlib.closing(Database(str(path))) as database:
        database.write(lambda connection: add("kept", connection))
    with contextlib.closing(sqlite3.connect(path)) as old:
        for table in ("attempts", "deliveries", "events", "webhooks"):
            old.execute(f"DROP TABLE {table}")
        old.execute("PRAGMA user_version = 2")
        old.commit()

    with contextlib.closing(Database(str(path))) as database:
        assert names(database) == {"kept"}
        with database.reading() as connection:
            assert connection.execute(select(func.count()).select_from(webhooks)).scalar() == 0


def test_one_from_before_a_column_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    Database(str(path)).close()
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.execute("ALTER TABLE events DROP COLUMN request_id")
        old.execute("INSERT INTO events (id, tenant, type, body) VALUES ('e', 't', 'k', 'b')")
        old.execute("PRAGMA user_version = 3")
        old.commit()

    with (
        contextlib.closing(Database(str(path))) as database,
        database.reading() as connection,
    ):
        assert connection.execute(select(events.c.id, events.c.request_id)).one() == ("e", None)


def test_a_temporary_one_leaves_nothing() -> None:
    database = Database()
    folder = database.folder
    assert folder.is_dir()
    database.close()
    assert not folder.exists()
    with pytest.raises(DatabaseError):
        database.write(lambda connection: None)


def test_files_that_cannot_be_one(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not a database, but long enough to look into " * 50)
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE t (x)")
    newer = tmp_path / "newer.db"
    Database(str(newer)).close()
    with contextlib.closing(sqlite3.connect(newer)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for location, reason in (
        (str(newer), r"of another version of this sandbox \(99, not \d+\)"),
        (str(notes), "cannot be used as a database"),
        (str(other), "not one of this sandbox"),
        (str(tmp_path), "is a directory"),
        (str(tmp_path / "none" / "a.db"), "there is no directory"),
        ("postgresql://user:secret@127.0.0.1:1/db", "database db of 127.0.0.1 cannot be used"),
        ("postgresql://user:pass@secret@host/db", "write %40"),
        ("postgresql://user:pass@secret/@host/db", "write %40"),
        ("mysql://user:secret@host/db", "SQLite or PostgreSQL"),
        ("sqlite://", "SQLite file"),
        ("nonsense://", "SQLite or PostgreSQL"),
        ("sqlite:///:memory:", "SQLite file"),
    ):
        with pytest.raises(DatabaseError, match=reason) as caught:
            Database(location)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)
    assert notes.read_text().startswith("not a database")


def test_one_file_has_one_server(tmp_path: Path) -> None:
    path = str(tmp_path / "one.db")
    with (
        contextlib.closing(Database(path)),
        pytest.raises(DatabaseError, match="in use by another"),
    ):
        Database(path)
    Database(path).close()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_killed_mid_write_nothing_is_torn(tmp_path: Path) -> None:
    """Each unit writes two rows. Whenever the process dies, both are there or neither, and all
    that was reported as committed is."""
    path = tmp_path / "torn.db"
    code = f"""
        import sys
        from sqlalchemy import insert
        from resonance_sandbox.store import Database, tenants
        database = Database({str(path)!r})
        first = int(sys.argv[1])

        def pair(number):
            def work(connection):
                for half in "ab":
                    connection.execute(
                        insert(tenants).values(name=f"{{number}}{{half}}", access="", created_at="")
                    )
                return number
            return work

        def report(future):
            print(future.result(), flush=True)

        while True:
            for number in range(first, first + 50):
                future = database.submit(pair(number))
                future.add_done_callback(report)
            future.result()
            first += 50
    """
    reported: set[int] = set()
    for round_ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(round_ * 1_000_000)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        reported.add(int(process.stdout.readline()))
        time.sleep(0.02 * round_)
        process.kill()
        rest, _ = process.communicate()
        reported |= {int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")}
        with contextlib.closing(Database(str(path))) as database, database.reading() as connection:
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
            halves = connection.execute(
                select(func.rtrim(tenants.c.name, "ab"), func.count()).group_by(
                    func.rtrim(tenants.c.name, "ab")
                )
            ).all()
        assert {count for _, count in halves} == {2}
        assert reported <= {int(number) for number, _ in halves}
