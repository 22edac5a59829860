"""What PostgreSQL alone could get wrong: its sorting, its lock, a restart, its password."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor

import psutil
import psycopg
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, event, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from resonance_sandbox import SandboxError, Settings, start
from resonance_sandbox.app import create_app
from resonance_sandbox.store import Database, DatabaseError, tenants
from resonance_sandbox.store.postgresql import _key_file
from tests.support.postgres import Postgres


def add(name: str, connection: Connection) -> str:
    connection.execute(insert(tenants).values(name=name, access="open", created_at=""))
    return name


def names(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(select(tenants.c.name).order_by(tenants.c.name)).scalars())


def test_threads_write_and_what_fails_undoes_itself_alone(postgres: Postgres) -> None:
    with contextlib.closing(Database(postgres.database())) as database:

        def fails(connection: Connection) -> None:
            add("half", connection)
            raise ValueError("mine")

        def write(number: int) -> str:
            with pytest.raises(ValueError, match="mine"):
                database.write(fails)
            return database.write(lambda connection: add(f"t{number}", connection))

        with ThreadPoolExecutor(8) as pool:
            written = set(pool.map(write, range(100)))
        with pytest.raises(Exception, match="duplicate key"):
            database.write(lambda connection: add("t1", connection))
        assert written == set(names(database)) == {f"t{number}" for number in range(100)}


def test_names_sort_by_their_characters(postgres: Postgres) -> None:
    given = ["a-b", "a0", "a_b", "aa", "ab", "a_c", "0a"]
    with contextlib.closing(Database(postgres.database())) as database:
        for name in given:
            database.write(lambda connection, name=name: add(name, connection))
        assert names(database) == sorted(given)


def test_one_database_has_one_server(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonance_sandbox.store.postgresql._PATIENCE", "50ms")
    url = postgres.database()
    with (
        contextlib.closing(Database(url)),
        pytest.raises(DatabaseError, match="in use by another") as caught,
    ):
        Database(url)
    assert postgres.password not in str(caught.value)
    Database(url).close()


def test_databases_of_others_are_left_alone(postgres: Postgres) -> None:
    url = postgres.database()
    plain = url.replace("+psycopg", "")
    with psycopg.connect(plain) as connection:
        connection.execute("CREATE TABLE tenants (name text)")
    with pytest.raises(DatabaseError, match="not those of this sandbox"):
        Database(url)
    with psycopg.connect(plain) as connection:
        connection.execute("DROP TABLE tenants")
    Database(url).close()
    with psycopg.connect(plain) as connection:
        connection.execute("COMMENT ON TABLE tenants IS 'ResonanceOS sandbox, version 99'")
    with pytest.raises(DatabaseError, match="those of another version of this sandbox"):
        Database(url)


def test_a_restarted_server_is_found_again(postgres: Postgres) -> None:
    with contextlib.closing(Database(postgres.database())) as database:
        database.write(lambda connection: add("before", connection))
        postgres.restart()
        assert names(database) == ["before"]
        database.write(lambda connection: add("after", connection))
        assert names(database) == ["after", "before"]


def test_while_the_server_is_away_requests_are_503(
    postgres: Postgres, capfd: pytest.CaptureFixture[str]
) -> None:
    app = create_app(Settings(database=postgres.database(), allow_loopback_webhooks=True))
    profile = {"tenant": "default", "hrv_vector": [0.5] * 8}
    hook = {"tenant": "default", "url": "http://127.0.0.1:9/", "events": ["generation.completed"]}
    request = {"tenant": "default", "prompt": "x"}
    with TestClient(app, "http://localhost") as client:

        def asked(name: str) -> list[int]:
            named = {**profile, "profile_name": name}
            keyed = {"Idempotency-Key": name}
            return [
                client.get("/profiles").status_code,
                client.post("/profiles", json=named).status_code,
                client.post("/profiles", json={**named, "profile_name": f"{name}2"}, headers=keyed)
                .status_code,
            ]  # fmt: skip

        assert asked("before") == [200, 201, 201]
        client.post("/webhooks", json=hook)
        client.post("/hr_generate", json=request)  # so that a delivery is pending
        with postgres.stopped():
            assert asked("away") == [503] * 3
            deadline = time.monotonic() + 60  # findings are kept for some seconds
            while client.get("/health").json()["checks"]["database"]["status"] != "failing":
                assert time.monotonic() < deadline
                time.sleep(0.2)
            time.sleep(1.5)  # in which the deliveries look, too
        assert asked("away") == [200, 201, 201]
        deadline = time.monotonic() + 60
        while client.get("/health").json()["status"] != "healthy":
            assert time.monotonic() < deadline
            time.sleep(0.2)
    told = capfd.readouterr().err
    assert "Traceback" not in told
    assert postgres.password not in told


def test_what_may_have_been_stored_is_not_said_to_be_lost(postgres: Postgres) -> None:
    url = postgres.database()
    app = create_app(Settings(database=url))
    plain = url.replace("+psycopg", "")

    @event.listens_for(app.state.database._backend.writing, "commit")
    def cut(connection: Connection) -> None:
        mine = "SELECT pg_backend_pid() FROM profiles WHERE profile_name = 'mine'"
        own = None if cuts else connection.exec_driver_sql(mine).scalar()
        if own is not None:
            cuts.append(own)
            with psycopg.connect(plain, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s, 10000)", (own,))

    cuts: list[int] = []
    profile = {"tenant": "default", "profile_name": "mine", "hrv_vector": [0.5] * 8}
    with TestClient(app, "http://localhost") as client:
        answer = client.post("/profiles", json=profile, headers={"Idempotency-Key": "k"})
        assert (answer.status_code, len(cuts)) == (503, 1)
        assert "not known whether this was stored" in answer.json()["detail"]
        again = client.post("/profiles", json=profile, headers={"Idempotency-Key": "k"})
        assert again.status_code == 201


def test_a_read_only_one_proves_nothing(postgres: Postgres) -> None:
    url = postgres.database()
    with contextlib.closing(Database(url)) as database:
        database.prove().result()
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        postgres.restart()
        with pytest.raises(SQLAlchemyError, match="read-only"):
            database.prove().result()


def test_the_password_is_shown_nowhere(postgres: Postgres) -> None:
    url = postgres.database()
    assert postgres.password not in repr(Settings(database=url))
    with pytest.raises(SandboxError, match="cannot be used") as caught:
        start(database=url.replace("/room", "/no_room"), timeout=120)
    assert postgres.password not in str(caught.value)
    with start(database=url, timeout=120) as sandbox:
        process = psutil.Process(sandbox.pid)
        assert not [word for word in process.cmdline() if postgres.password in word]
        shown = repr(sandbox) + sandbox.log() + str(sandbox.requests())
        assert postgres.password not in shown


def test_the_key_of_a_database_is_found_however_its_password_is_given() -> None:
    forms = ("//me@here/room", "//me:hush@here/room", "//me@here/room?password=hush")
    files = {
        _key_file(make_url(driver + form))
        for driver in ("postgresql:", "postgresql+psycopg:", "postgres:")
        for form in forms
    }
    assert len(files) == 1
    assert _key_file(make_url("postgresql://me@here/other")) not in files
