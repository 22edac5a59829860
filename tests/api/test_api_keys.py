"""API keys: made, shown once, scoped, ended, rotated, revoked."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from resonance_sandbox import Sandbox, start

from .conftest import API, UNLIMITED, slug
from .oauth_flow import service_token

KEY = re.compile(r"ros_sandbox_([0-9a-f]{12})_[0-9A-Za-z]{49}")


@pytest.fixture(autouse=True)
def clean(server: Sandbox) -> None:
    for tenant in ("acme_corp", "globex"):
        server.reset(tenant)


def make(admin: API, **fields: Any) -> dict[str, Any]:
    answer = admin("POST", "/api_keys", {"tenant": "acme_corp", "scopes": ["generate"], **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def using(server: Sandbox, key: str) -> API:
    api = API(server)
    api.session.headers["Authorization"] = f"Bearer {key}"
    return api


def status(server: Sandbox, key: str) -> int:
    return using(server, key)("GET", "/tenants").status_code


@pytest.mark.stored
def test_a_key_is_shown_once_and_never_again(server: Sandbox, admin: API) -> None:
    body = {"tenant": "acme_corp", "scopes": ["generate", "generate"], "name": "Nightly batch"}
    answer = admin("POST", "/api_keys", body)
    made = answer.json()
    found = KEY.fullmatch(made["key"])
    assert found
    assert found[1] == made["id"]
    assert answer.headers["Location"] == f"/api_keys/{made['id']}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (made["scopes"], made["name"], made["tenant"]) == (
        ["generate"],
        "Nightly batch",
        "acme_corp",
    )
    assert made["expires_at"] is None
    listed = admin("GET", "/api_keys?tenant=acme_corp")
    assert made["id"] in [key["id"] for key in listed.json()["api_keys"]]
    assert made["key"][-49:] not in listed.text
    assert using(server, made["key"]).generate().json()["tenant"] == "acme_corp"


def test_a_replay_does_not_show_it_again(admin: API) -> None:
    body = {"tenant": "acme_corp", "scopes": ["generate"]}
    first, again = (admin("POST", "/api_keys", body, Idempotency_Key="one") for _ in range(2))
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.status_code == 201
    assert again.json() == {**first.json(), "key": None}
    path = f"/api_keys/{first.json()['id']}/rotate"
    rotated, again = (admin("POST", path, {}, Idempotency_Key="two") for _ in range(2))
    assert again.json() == {**rotated.json(), "key": None}


def test_a_key_can_do_what_its_scopes_say(server: Sandbox, admin: API) -> None:
    reader = using(server, make(admin, scopes=["profiles:read"])["key"])
    assert reader("GET", "/profiles").status_code == 200
    for refused in (
        reader.generate(),
        reader.create("x", "acme_corp"),
        reader("GET", "/metrics"),
        reader("GET", "/api_keys"),
        reader("POST", "/tenants", {"tenant": "x"}),
    ):
        assert (refused.status_code, slug(refused)) == (403, "insufficient-scope")
        assert "insufficient_scope" in refused.headers["WWW-Authenticate"]


def test_a_key_ends_when_it_was_said_to(server: Sandbox, admin: API) -> None:
    made = make(admin, scopes=["profiles:read"], expires_in=1)
    created, ends = made["created_at"], made["expires_at"]
    assert ends > created
    assert status(server, made["key"]) == 200
    server.clock.advance(seconds=1)
    assert status(server, made["key"]) == 401


def test_a_rotation_overlaps(server: Sandbox, admin: API) -> None:
    made = make(admin, scopes=["profiles:read"])
    path = f"/api_keys/{made['id']}/rotate"
    rotated = admin("POST", path, {"overlap_seconds": 1}).json()
    assert rotated["id"] == made["id"]
    assert rotated["key"] != made["key"]
    assert rotated["previous_expires_at"]
    assert [status(server, key) for key in (made["key"], rotated["key"])] == [200, 200]
    server.clock.advance(seconds=1)
    assert [status(server, key) for key in (made["key"], rotated["key"])] == [401, 200]
    at_once = admin("POST", path, {"overlap_seconds": 0}).json()
    assert at_once["previous_expires_at"] is None
    assert [status(server, key) for key in (rotated["key"], at_once["key"])] == [401, 200]


def test_a_second_rotation_does_not_make_the_first_secret_live_longer(
    server: Sandbox, admin: API
) -> None:
    made = make(admin, scopes=["profiles:read"])
    path = f"/api_keys/{made['id']}/rotate"
    admin("POST", path, {"overlap_seconds": 1})
    admin("POST", path, {"overlap_seconds": 600})
    server.clock.advance(seconds=1)
    assert status(server, made["key"]) == 401


def test_only_so_many_secrets_live_together(server: Sandbox, admin: API) -> None:
    made = make(admin, scopes=["profiles:read"])
    path = f"/api_keys/{made['id']}/rotate"
    keys = [made["key"], *(admin("POST", path, {}).json()["key"] for _ in range(7))]
    assert [status(server, key) for key in keys] == [401] * 3 + [200] * 5


@pytest.mark.stored
def test_a_rotated_key_keeps_its_idempotency_records(server: Sandbox, admin: API) -> None:
    made = make(admin)
    sent = using(server, made["key"]).generate("Anvils", Idempotency_Key="mine")
    rotated = admin("POST", f"/api_keys/{made['id']}/rotate", {}).json()
    again = using(server, rotated["key"]).generate("Anvils", Idempotency_Key="mine")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.content == sent.content


def test_a_revoked_key_ends_with_the_answer(server: Sandbox, admin: API) -> None:
    for _ in range(5):
        made = make(admin, scopes=["profiles:read"])
        rotated = admin("POST", f"/api_keys/{made['id']}/rotate", {}).json()
        assert admin("DELETE", f"/api_keys/{made['id']}").status_code == 204
        assert [status(server, key) for key in (made["key"], rotated["key"])] == [401, 401]
        assert slug(admin("DELETE", f"/api_keys/{made['id']}")) == "unknown-api-key"
        assert slug(admin("POST", f"/api_keys/{made['id']}/rotate", {})) == "unknown-api-key"


def test_no_request_is_lost_while_a_key_rotates(server: Sandbox, admin: API) -> None:
    made = make(admin, scopes=["profiles:read"])
    current = [made["key"]]

    def work(_: int) -> int:
        return status(server, current[-1])

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(work, number) for number in range(120)]
        for _ in range(3):
            path = f"/api_keys/{made['id']}/rotate"
            current.append(admin("POST", path, {"overlap_seconds": 30}).json()["key"])
    assert Counter(answer.result() for answer in answers) == {200: 120}


def test_a_manager_of_one_tenant_stays_there(server: Sandbox, admin: API) -> None:
    boss = using(server, make(admin, scopes=["admin", "generate"])["key"])
    theirs = make(admin, tenant="globex")
    listed = boss("GET", "/api_keys").json()["api_keys"]
    assert {key["tenant"] for key in listed} == {"acme_corp"}
    made = boss("POST", "/api_keys", {"scopes": ["generate"]})
    assert made.json()["tenant"] == "acme_corp"
    body = {"scopes": ["generate"], "tenant": "globex"}
    assert slug(boss("POST", "/api_keys", body)) == "unknown-tenant"
    assert slug(boss("GET", "/api_keys?tenant=globex")) == "unknown-tenant"
    assert slug(boss("DELETE", f"/api_keys/{theirs['id']}")) == "unknown-api-key"
    assert slug(boss("POST", f"/api_keys/{theirs['id']}/rotate", {})) == "unknown-api-key"
    wider = boss("POST", "/api_keys", {"scopes": ["generate", "webhooks"]})
    assert (wider.status_code, slug(wider)) == (403, "insufficient-scope")
    assert slug(boss("POST", "/tenants", {"tenant": "new"})) == "tenant-not-allowed"
    assert using(server, theirs["key"]).generate().status_code == 200


def test_who_rotates_a_key_gets_no_scope_by_it(server: Sandbox, admin: API) -> None:
    boss = using(server, make(admin, scopes=["admin", "generate"])["key"])
    wider = make(admin, scopes=["generate", "webhooks"])
    refused = boss("POST", f"/api_keys/{wider['id']}/rotate", {})
    assert (refused.status_code, slug(refused)) == (403, "insufficient-scope")
    assert using(server, wider["key"]).generate().status_code == 200
    own = boss("POST", "/api_keys", {"scopes": ["generate"]}).json()
    assert boss("POST", f"/api_keys/{own['id']}/rotate", {}).status_code == 200
    assert boss("DELETE", f"/api_keys/{wider['id']}").status_code == 204


def test_the_administrators_own_key_is_out_of_reach(server: Sandbox, admin: API) -> None:
    key = server.credentials["admin"]["api_key"]
    identity = key.split("_")[2]
    assert identity not in admin("GET", "/api_keys").text
    assert slug(admin("DELETE", f"/api_keys/{identity}")) == "unknown-api-key"
    assert admin("GET", "/api_keys").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"scopes": "generate"}, "scopes"),
        ({"scopes": ["all"]}, "scopes[0]"),
        ({"scopes": ["generate"], "expires_in": 0}, "expires_in"),
        ({"scopes": ["generate"], "expires_in": 1.5}, "expires_in"),
        ({"scopes": ["generate"], "expires_in": True}, "expires_in"),
        ({"scopes": ["generate"], "expires_in": 10**12}, "expires_in"),
        ({"scopes": ["generate"], "name": "x" * 101}, "name"),
        ({"scopes": ["generate"], "tenant": "No Such"}, "tenant"),
    ],
    ids=str,
)
def test_bad_input_is_named(admin: API, body: dict[str, Any], field: str) -> None:
    answer = admin("POST", "/api_keys", body)
    assert (answer.status_code, slug(answer)) == (422, "validation-failed")
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("overlap", [-1, 604_801, "1", None, 0.5])
def test_a_bad_overlap_is_named(admin: API, overlap: Any) -> None:
    made = make(admin)
    answer = admin("POST", f"/api_keys/{made['id']}/rotate", {"overlap_seconds": overlap})
    assert answer.json()["errors"][0]["field"] == "overlap_seconds"


def test_a_tenant_has_so_many_keys(admin: API) -> None:
    for _ in range(99):
        make(admin)
    body = {"tenant": "acme_corp", "scopes": ["generate"]}
    one_more = admin("POST", "/api_keys", body)
    assert (one_more.status_code, slug(one_more)) == (409, "api-key-limit")
    make(admin, tenant="globex")
    idle = admin("GET", "/api_keys?tenant=acme_corp").json()["api_keys"][-1]["id"]
    admin("DELETE", f"/api_keys/{idle}")
    make(admin)


def test_keys_outlive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with start(database=path) as server:
        made = make(API(server, "admin"), scopes=["profiles:read"])
        ended = make(API(server, "admin"), scopes=["profiles:read"])
        API(server, "admin")("DELETE", f"/api_keys/{ended['id']}")
    with start(database=path) as server:
        assert [status(server, key["key"]) for key in (made, ended)] == [200, 401]


def test_in_a_still_sandbox_ids_and_times_are_the_same_on_every_run() -> None:
    def run() -> list[Any]:
        with start(still=True, rate_limit=UNLIMITED) as server:
            admin = API(server, "admin")
            made = make(admin, expires_in=3600)
            path = f"/api_keys/{made['id']}/rotate"
            rotated = admin("POST", path, {"overlap_seconds": 60}).json()
            listed = admin("GET", "/api_keys").json()
            return [{**made, "key": ""}, {**rotated, "key": ""}, listed]

    first = run()
    assert first == run()
    assert first[0]["expires_at"] == "2026-01-01T01:00:00Z"
    assert first[1]["previous_expires_at"] == "2026-01-01T00:01:00Z"


def test_x_api_key_takes_no_token(server: Sandbox) -> None:
    token = service_token(server).json()["access_token"]
    url = f"{server.url}/profiles"
    assert requests.get(url, headers={"X-API-Key": token}, timeout=30).status_code == 401
    bearer = {"Authorization": f"Bearer {token}"}
    assert requests.get(url, headers=bearer, timeout=30).status_code == 200
