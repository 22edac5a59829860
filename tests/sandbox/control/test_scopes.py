"""Who may do what only a sandbox can, and what a reset never gives back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from resonance_sandbox.app import create_app, issue_credentials
from resonance_sandbox.auth import store
from resonance_sandbox.settings import Settings
from resonance_sandbox.store import credentials, secrets

ROUTES = [
    ("POST", "/sandbox/reset", None),
    ("GET", "/sandbox/requests", None),
    ("GET", "/sandbox/outages", None),
    ("PUT", "/sandbox/outages", {"components": []}),
    ("GET", "/sandbox/faults", None),
    ("POST", "/sandbox/faults", {"kind": "unavailable"}),
    ("DELETE", "/sandbox/faults", None),
    ("DELETE", "/sandbox/faults/f1", None),
]


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app(Settings(rate_limit=10**6, burst=10**6))
    app.state.issued = issue_credentials(app)
    with TestClient(app, base_url="http://localhost") as opened:
        yield opened


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def key_of(client: TestClient, tenant: str) -> str:
    return str(client.app.state.issued[tenant]["api_key"])  # type: ignore[attr-defined]


def made(client: TestClient, *scopes: str) -> dict[str, str]:
    answer = client.post(
        "/api_keys",
        json={"scopes": scopes, "tenant": "acme_corp"},
        headers=bearer(key_of(client, "admin")),
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()
    return found


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_each_asks_for_the_scope(
    client: TestClient, method: str, path: str, body: dict[str, object] | None
) -> None:
    lesser = bearer(made(client, "profiles:read", "profiles:write", "generate")["key"])
    answer = client.request(method, path, json=body, headers=lesser)
    assert answer.status_code == 403
    assert answer.json()["type"].endswith("insufficient-scope")
    for usual in (bearer(made(client, "sandbox")["key"]), bearer(key_of(client, "acme_corp")), {}):
        answer = client.request(method, path, json=body, headers=usual)
        assert answer.status_code in (200, 201, 204) or path.endswith("/f1"), answer.text


@pytest.mark.parametrize("settings", [{"shared": True}, {"host": "0.0.0.0", "allow_remote": True}])
def test_where_others_come_too_a_stranger_resets_nothing(settings: dict[str, object]) -> None:
    app = create_app(Settings(**settings))  # type: ignore[arg-type]
    with TestClient(app, base_url="http://localhost") as client:
        assert client.post("/hrv", json={"text": "One. Two."}).status_code == 200
        for method, path, body in ROUTES:
            assert client.request(method, path, json=body).status_code == 401, path


def test_a_reset_revives_nothing(client: TestClient) -> None:
    admin = bearer(key_of(client, "admin"))
    first = key_of(client, "acme_corp")
    extra = made(client, "generate")
    assert client.delete(f"/api_keys/{extra['id']}", headers=admin).status_code == 204
    identity = first.split("_")[2]
    assert client.delete(f"/api_keys/{identity}", headers=admin).status_code == 204
    globex = key_of(client, "globex")
    rotated = client.post(
        f"/api_keys/{globex.split('_')[2]}/rotate", json={"overlap_seconds": 0}, headers=admin
    ).json()["key"]
    for tenant in ("acme_corp", "globex"):
        answer = client.post(f"/sandbox/reset?tenant={tenant}", headers=admin)
        assert answer.status_code == 204
    for ended in (first, extra["key"], globex):
        assert client.get("/profiles", headers=bearer(ended)).status_code == 401
    assert client.get("/profiles", headers=bearer(rotated)).status_code == 200


@pytest.mark.parametrize("how", ["revoked", "reset"])
def test_a_key_is_over_though_the_connection_broke_as_that_was_committed(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Whether it was is not known then, as with PostgreSQL behind a network, so it is looked at."""
    admin, ended = bearer(key_of(client, "admin")), made(client, "profiles:read")
    database = client.app.state.database  # type: ignore[attr-defined]
    submit = database.submit

    def broken(work: Any) -> Future[Any]:
        submit(work).result()
        future: Future[Any] = Future()
        future.set_exception(
            OperationalError("COMMIT", {}, OSError("closed"), connection_invalidated=True)
        )
        return future

    monkeypatch.setattr(database, "submit", broken)
    if how == "revoked":
        answer = client.delete(f"/api_keys/{ended['id']}", headers=admin)
    else:
        answer = client.post("/sandbox/reset?tenant=acme_corp", headers=admin)
    assert answer.status_code == 503
    monkeypatch.setattr(database, "submit", submit)
    assert client.get("/profiles", headers=bearer(ended["key"])).status_code == 401


def test_a_key_is_over_though_the_database_fails_right_after_it_was_revoked(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, ended = bearer(key_of(client, "admin")), made(client, "profiles:read")
    directory = client.app.state.directory  # type: ignore[attr-defined]
    database = directory._database

    class Away:
        def reading(self) -> None:
            raise OperationalError("SELECT", {}, OSError("unable to open database file"))

    monkeypatch.setattr(directory, "_database", Away())
    assert client.delete(f"/api_keys/{ended['id']}", headers=admin).status_code == 503
    assert client.get("/profiles", headers=bearer(ended["key"])).status_code == 503
    assert client.get("/health").status_code == 200
    monkeypatch.setattr(directory, "_database", database)
    assert client.get("/profiles", headers=bearer(ended["key"])).status_code == 401
    assert client.delete(f"/api_keys/{ended['id']}", headers=admin).status_code == 404


def test_keys_that_are_made_and_revoked_leave_nothing(client: TestClient) -> None:
    admin = bearer(key_of(client, "admin"))

    def rows() -> tuple[int, int]:
        with client.app.state.database.reading() as connection:  # type: ignore[attr-defined]
            counts = (
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (credentials, secrets)
            )
            return next(counts), next(counts)

    before = rows()
    for _ in range(60):
        identity = made(client, "generate")["id"]
        assert client.delete(f"/api_keys/{identity}", headers=admin).status_code == 204
    assert rows() == before


def test_starts_on_one_file_leave_the_secrets_of_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_STARTS", 3)
    settings, issued = Settings(database=str(tmp_path / "kept.db")), list[str]()
    for number in range(5):
        app = create_app(settings)
        issued.append(issue_credentials(app)["acme_corp"]["api_key"])
        if number < 4:
            app.state.database.close()
    with TestClient(app, "http://localhost") as client:
        statuses = [client.get("/tenants", headers=bearer(key)).status_code for key in issued]
        with app.state.database.reading() as connection:
            counted = select(secrets.c.credential, func.count()).group_by(secrets.c.credential)
            kept = {name: count for name, count in connection.execute(counted)}  # noqa: C416
    assert statuses == [401] * 2 + [200] * 3
    assert set(kept.values()) == {3}


def test_many_wrong_components_are_refused_in_few_words(client: TestClient) -> None:
    answer = client.put("/sandbox/outages", json={"components": ["x"] * 19_000})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "components"
    assert len(answer.content) < 2_000
