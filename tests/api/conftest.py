"""One sandbox for all tests of the contract, and a way to call it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from resonance_sandbox import Sandbox, start
from tests.conftest import POSTGRESQL, SQLITE

UNLIMITED = 10**9
VECTOR = [0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8]


class API:
    """Calls as one caller: anonymous, or with the key of a tenant."""

    def __init__(self, server: Sandbox, who: str | None = None) -> None:
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False
        if who is not None:
            self.session.headers["Authorization"] = f"Bearer {server.credentials[who]['api_key']}"

    def __call__(
        self, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str
    ) -> requests.Response:
        """`body` goes as JSON, `raw` as it is; header names are written with underscores."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        return self.session.request(
            method, self.server.url + path, data=raw, headers=sent, timeout=30
        )

    def generate(self, prompt: str = "Bees in cities", **fields: Any) -> requests.Response:
        headers = {name: fields.pop(name) for name in list(fields) if name[0].isupper()}
        return self("POST", "/hr_generate", {"prompt": prompt, **fields}, **headers)

    def create(self, name: str, tenant: str = "default", **fields: Any) -> requests.Response:
        headers = {key: fields.pop(key) for key in list(fields) if key[0].isupper()}
        body = {"tenant": tenant, "profile_name": name, "hrv_vector": VECTOR, **fields}
        return self("POST", "/profiles", body, **headers)

    def stored(self) -> int:
        """Generations that the server executed and stored."""
        return int(self("GET", "/metrics").json()["generations"]["stored"])


OPTIONS: dict[str, Any] = {
    **{"rate_limit": UNLIMITED, "burst": UNLIMITED, "quota": UNLIMITED},
    **{"allow_loopback_webhooks": True, "webhook_retry": [0.05, 0.1]},
    **{"webhook_timeout": 1.0, "webhook_disable_after": 2},
}
"""A sandbox that keeps no test waiting."""


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    database = None
    if getattr(request, "param", SQLITE) == POSTGRESQL:
        database = request.getfixturevalue("postgres").database()
    with start(database=database, **OPTIONS) as sandbox:
        yield sandbox
        assert "Traceback" not in sandbox.log()


@pytest.fixture
def api(server: Sandbox) -> API:
    """An anonymous caller, before whom nothing has happened."""
    server.reset()
    return API(server)


@pytest.fixture
def acme(server: Sandbox) -> API:
    server.reset("acme_corp")
    return API(server, "acme_corp")


@pytest.fixture
def globex(server: Sandbox) -> API:
    server.reset("globex")
    return API(server, "globex")


@pytest.fixture
def admin(server: Sandbox) -> API:
    return API(server, "admin")


def slug(response: requests.Response) -> str:
    """The problem type of an error, whose form is checked on the way."""
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    body = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert body["request_id"] in body["instance"]
    assert body["title"]
    assert body["detail"].endswith(".")
    prefix, _, name = body["type"].rpartition(":")
    assert prefix == "urn:resonanceos:problem"
    return str(name)
