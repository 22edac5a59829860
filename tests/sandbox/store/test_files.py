"""The file of a database: whose it is, by whatever name, and what is left alone."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from resonance_helpers.webhooks.seen import SeenEvents
from resonance_sandbox.app import create_app, issue_credentials
from resonance_sandbox.settings import Settings
from resonance_sandbox.store import Database, DatabaseError, sqlite
from tests.sandbox.test_cli import refused

posix = pytest.mark.skipif(os.name == "nt", reason="links, modes and flock are of POSIX")


def closed(location: str) -> None:
    Database(location).close()


@posix
@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symlink", "hard link"])
def test_a_file_in_use_is_refused_by_any_name(tmp_path: Path, link: object) -> None:
    (tmp_path / "elsewhere").mkdir()
    file, other = tmp_path / "one.db", tmp_path / "elsewhere" / "other.db"
    with contextlib.closing(Database(str(file))):
        link(file, other)  # type: ignore[operator]
        with pytest.raises(DatabaseError, match="in use by another sandbox"):
            Database(str(other))
    closed(str(other))


@pytest.mark.parametrize("name", ["a#1.db", "100%20 sure.db", "a b.db", "50%.db", "Łódź é.db"])
def test_a_path_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    with contextlib.closing(Database(str(tmp_path / name))) as database:
        database.write(lambda connection: connection.exec_driver_sql("CREATE TABLE mark (a)"))
    assert {file.name for file in tmp_path.iterdir()} <= {name, f"{name}.key", f"{name}.lock"}
    with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
        assert connection.execute("SELECT count(*) FROM mark").fetchone() == (0,)


@posix
@pytest.mark.parametrize("name", ["~nobody-of-that-name/a.db", "a" * 300, "a" * 5_000], ids=len)
def test_a_path_that_cannot_be_is_told_in_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatabaseError, match="cannot be used as a database: "):
        Database(name if name.startswith("~") else str(tmp_path / name))


@posix
def test_nothing_is_stored_in_a_file_that_was_moved_away(tmp_path: Path) -> None:
    path, away = tmp_path / "kept.db", tmp_path / "away.db"
    app = create_app(Settings(database=str(path)))
    body = {"tenant": "default", "profile_name": "p", "hrv_vector": [0.5] * 8}
    with TestClient(app, base_url="http://localhost") as client:
        path.rename(away)
        for other in (None, "another file"):
            if other:
                path.write_text(other)
            assert client.post("/profiles", json=body).status_code == 503
            assert client.get("/profiles").status_code == 200
            app.state.clock.advance_to(app.state.clock() + 60)  # what was found before is old
            assert client.get("/health").json()["checks"]["database"]["status"] == "failing"
        away.replace(path)
        assert client.post("/profiles", json=body).status_code == 201
    closed(str(path))


@posix
def test_a_question_mark_in_a_path_is_one(tmp_path: Path) -> None:
    closed(str(tmp_path / "why?mode=ro.db"))
    assert [file.name for file in tmp_path.iterdir()] == ["why?mode=ro.db"]
    with pytest.raises(DatabaseError, match="takes no options"):
        Database(f"sqlite:///{tmp_path}/a.db?mode=ro")


def everything(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.suffix not in (".lock", ".db-shm")
    }


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_of_another_program_is_left_as_it_was(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "theirs.db"
    with contextlib.closing(sqlite3.connect(file)) as theirs:
        theirs.execute(f"PRAGMA journal_mode = {mode}")
        theirs.execute("CREATE TABLE notes (text)")
        theirs.commit()
        before = everything(tmp_path)  # in the log alone, with "wal", while they have it open
        with pytest.raises(DatabaseError, match="not one of this sandbox"):
            Database(str(file))
        assert everything(tmp_path) == before
    before = everything(tmp_path)
    with pytest.raises(DatabaseError, match="not one of this sandbox"):
        Database(str(file))
    assert everything(tmp_path) == before
    with contextlib.closing(sqlite3.connect(file)) as theirs:
        assert theirs.execute("PRAGMA journal_mode").fetchone() == (mode,)


@posix
def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with contextlib.closing(Database(str(tmp_path / "kept.db"))) as database:
            database.prove().result(10)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        seen = SeenEvents(tmp_path / "seen.db")
        modes |= {f.name: stat.S_IMODE(f.stat().st_mode) for f in tmp_path.glob("seen*")}
        del seen
    finally:
        os.umask(before)
    assert {"kept.db", "kept.db-wal", "kept.db-shm", "seen.db"} <= set(modes)
    assert {name: oct(mode) for name, mode in modes.items() if mode != 0o600} == {}


@posix
@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOLCK, "cannot be locked: No locks available"),
        (errno.EOPNOTSUPP, "cannot be locked: Operation not supported"),
        (errno.EAGAIN, "in use by another sandbox"),
    ],
)
def test_a_lock_that_cannot_be_had_is_told_by_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def no(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no)
    with pytest.raises(DatabaseError, match=said):
        Database(str(tmp_path / "a.db"))


def test_a_damaged_page_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    assert "cannot be used" in damaged(file, slice(4096, 40_960))  # tables
    file.unlink()
    assert "cannot be used" in damaged(file, slice(100, 4096))  # the schema


def roots(file: Path) -> dict[str, slice]:
    """Where in the file of a closed database each table and index begins: its first page."""
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        pages = connection.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage")
        return {name: slice((page - 1) * size, page * size) for name, page in pages}


def spoil(file: Path, where: slice) -> None:
    """Write nonsense there, into the very file that a server may have open."""
    with file.open("r+b") as written:
        written.seek(where.start)
        written.write(b"\xa5" * (where.stop - where.start))


def forget(engine: Engine) -> None:
    """Close its connections, and those that somebody holds just then as soon as they come back."""
    old = engine.pool
    engine.dispose()
    event.listen(old, "checkin", lambda connection, _: connection.close())
    old.dispose()


def test_a_damaged_page_is_found_at_the_start_wherever_it_is(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    Database(str(file)).close()
    whole, found = file.read_bytes(), roots(file)
    for where in found.values():
        spoil(file, where)
        with pytest.raises(DatabaseError, match="cannot be used as a database"):
            Database(str(file))
        file.write_bytes(whole)
    Database(str(file)).close()
    assert len(found) > 20


@pytest.mark.parametrize("table", ["profiles", "generations", "idempotency", "deliveries"])
def test_a_page_that_is_damaged_under_a_server_is_a_503(
    tmp_path: Path, table: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.db"
    app = create_app(Settings(database=str(file), allow_loopback_webhooks=True))
    key = issue_credentials(app)["acme_corp"]["api_key"]
    profile = {"tenant": "acme_corp", "profile_name": "p", "hrv_vector": [0.5] * 8}
    request = {"tenant": "acme_corp", "profile_name": "p", "prompt": "x"}
    hook = {"url": "http://127.0.0.1:9/", "events": ["generation.completed"]}
    with TestClient(app, "http://localhost", headers={"Authorization": f"Bearer {key}"}) as client:
        assert client.post("/profiles", json=profile).status_code == 201
        assert client.post("/webhooks", json=hook).status_code == 201
        assert client.post("/hr_generate", json=request).status_code == 200
        for number in range(20):  # what is written meanwhile, by deliveries, goes over it
            spoil(file, roots(file)[table])
            forget(app.state.database._backend.reading)  # what is in memory would hide it
            keyed = {"Idempotency-Key": f"k{number}"}
            said = [
                client.get("/profiles", params={"tenant": "acme_corp"}),
                client.post("/hr_generate", json=request, headers=keyed),
            ]
            if failed := [one for one in said if one.status_code != 200]:
                break
        assert failed
        for one in failed:
            assert one.status_code == 503
            assert one.json()["detail"].lower().endswith("try again later.")
        deadline = time.monotonic() + 60  # a finding is kept for a while
        while client.get("/health").json()["checks"]["database"]["status"] != "failing":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        if table == "deliveries":
            time.sleep(1)  # for what delivers to come upon it
    told = capfd.readouterr().err
    assert "Traceback" not in told
    assert len(told.splitlines()) <= 2


def damaged(file: Path, where: slice) -> str:
    """What a start on a file says that has nonsense in `where`."""
    closed_app = (
        "from resonance_sandbox.app import create_app\n"
        "from resonance_sandbox.settings import Settings\n"
        f"create_app(Settings(database={str(file)!r})).state.database.close()"
    )
    subprocess.run([sys.executable, "-c", closed_app], check=True, timeout=300)
    content = bytearray(file.read_bytes())
    content[where] = b"\xa5" * len(content[where])
    file.write_bytes(content)
    return refused("--database", str(file))


def test_while_another_program_holds_the_write_lock_reads_go_on(tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    app = create_app(Settings(database=str(file)))

    def impatient(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout = 300")  # instead of ten seconds

    engine = app.state.database._backend.reading
    event.listen(engine, "connect", impatient)
    forget(engine)

    def make(client: TestClient, name: str) -> int:
        profile = {"tenant": "default", "profile_name": name, "hrv_vector": [0.5] * 8}
        return client.post("/profiles", json=profile).status_code

    with (
        TestClient(app, "http://localhost") as client,
        contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other,
    ):
        assert make(client, "before") == 201
        other.execute("BEGIN IMMEDIATE")
        assert make(client, "meanwhile") == 503
        assert client.get("/profiles/default/before").status_code == 200
        other.execute("ROLLBACK")
        assert make(client, "meanwhile") == 201


@posix
def test_a_folder_that_somebody_holds_is_left_whatever_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container beside this one, a number that is nobody's here is somebody's."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with contextlib.closing(Database()) as theirs:

        def gone(*_: object) -> None:
            raise ProcessLookupError

        monkeypatch.setattr(os, "kill", gone)
        left = tmp_path / f"{sqlite._TEMPORARY}killed"
        left.mkdir()
        (left / "sandbox.db").touch()
        (tmp_path / f"{sqlite._DRAFT}now").mkdir()
        with contextlib.closing(Database()):
            assert theirs.folder.is_dir()
            assert not left.exists()
            assert (tmp_path / f"{sqlite._DRAFT}now").exists()
            theirs.prove().result(10)
