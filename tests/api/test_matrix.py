"""Every caller, with every kind of credential, at every route, naming every other tenant: what is
another's looks as if it did not exist, and no word of it comes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from resonance_sandbox import Sandbox, start

from .conftest import API, UNLIMITED, VECTOR
from .oauth_flow import Browser, service_token
from .test_schema import DOCUMENT
from .test_tenancy import IDS

TENANTS = ("default", "demo_tenant", "acme_corp", "globex")
OPEN = ("default", "demo_tenant")
NOBODY = "none_such"


@dataclass(frozen=True)
class Names:
    """What a route can name of a tenant; each name of a real one is a canary."""

    tenant: str
    profile: str
    key: str
    webhook: str
    event: str


ABSENT = Names(NOBODY, "none_such", "0123456789ab", "wh_0123456789ab", f"msg_{'0' * 32}")

Call = Callable[[API, Names], requests.Response]


def hook(tenant: str, **fields: str) -> dict[str, Any]:
    """A webhook to be made, at a port where nothing listens."""
    return {"url": "http://127.0.0.1:9/", "events": ["profile.created"], "tenant": tenant, **fields}


NAMING: dict[tuple[str, str], Call] = {
    ("post", "/hr_generate"): lambda api, of: api.generate(
        tenant=of.tenant, profile_name=of.profile
    ),
    ("get", "/profiles"): lambda api, of: api("GET", f"/profiles?tenant={of.tenant}"),
    ("post", "/profiles"): lambda api, of: api.create("planted", of.tenant),
    ("get", "/profiles/{tenant}/{profile_name}"): lambda api, of: api(
        "GET", f"/profiles/{of.tenant}/{of.profile}"
    ),
    ("put", "/profiles/{tenant}/{profile_name}"): lambda api, of: api(
        "PUT", f"/profiles/{of.tenant}/{of.profile}", {"hrv_vector": VECTOR}
    ),
    ("delete", "/profiles/{tenant}/{profile_name}"): lambda api, of: api(
        "DELETE", f"/profiles/{of.tenant}/{of.profile}"
    ),
    ("get", "/api_keys"): lambda api, of: api("GET", f"/api_keys?tenant={of.tenant}"),
    ("post", "/api_keys"): lambda api, of: api(
        "POST", "/api_keys", {"tenant": of.tenant, "scopes": ["generate"]}
    ),
    ("post", "/api_keys/{id}/rotate"): lambda api, of: api(
        "POST", f"/api_keys/{of.key}/rotate", {}
    ),
    ("delete", "/api_keys/{id}"): lambda api, of: api("DELETE", f"/api_keys/{of.key}"),
    ("get", "/webhooks"): lambda api, of: api("GET", f"/webhooks?tenant={of.tenant}"),
    ("post", "/webhooks"): lambda api, of: api("POST", "/webhooks", hook(of.tenant)),
    ("get", "/webhooks/{id}"): lambda api, of: api("GET", f"/webhooks/{of.webhook}"),
    ("patch", "/webhooks/{id}"): lambda api, of: api(
        "PATCH", f"/webhooks/{of.webhook}", {"description": "changed"}
    ),
    ("delete", "/webhooks/{id}"): lambda api, of: api("DELETE", f"/webhooks/{of.webhook}"),
    ("post", "/webhooks/{id}/rotate_secret"): lambda api, of: api(
        "POST", f"/webhooks/{of.webhook}/rotate_secret", {}
    ),
    ("post", "/webhooks/{id}/enable"): lambda api, of: api(
        "POST", f"/webhooks/{of.webhook}/enable"
    ),
    ("post", "/webhooks/{id}/test"): lambda api, of: api("POST", f"/webhooks/{of.webhook}/test"),
    ("post", "/webhooks/{id}/redeliver"): lambda api, of: api(
        "POST", f"/webhooks/{of.webhook}/redeliver?since=2026-01-01T00:00:00Z"
    ),
    ("get", "/webhooks/{id}/deliveries"): lambda api, of: api(
        "GET", f"/webhooks/{of.webhook}/deliveries"
    ),
    ("get", "/webhooks/{id}/deliveries/{delivery}"): lambda api, of: api(
        "GET", f"/webhooks/{of.webhook}/deliveries/{of.event}"
    ),
    ("post", "/webhooks/{id}/deliveries/{delivery}/redeliver"): lambda api, of: api(
        "POST", f"/webhooks/{of.webhook}/deliveries/{of.event}/redeliver"
    ),
    ("get", "/sandbox/requests"): lambda api, of: api(
        "GET", f"/sandbox/requests?tenant={of.tenant}"
    ),
    ("post", "/sandbox/reset"): lambda api, of: api("POST", f"/sandbox/reset?tenant={of.tenant}"),
    ("get", "/sandbox/outages"): lambda api, of: api("GET", f"/sandbox/outages?tenant={of.tenant}"),
    ("put", "/sandbox/outages"): lambda api, of: api(
        "PUT", f"/sandbox/outages?tenant={of.tenant}", {"components": ["writer"]}
    ),
    ("get", "/sandbox/faults"): lambda api, of: api("GET", f"/sandbox/faults?tenant={of.tenant}"),
    ("post", "/sandbox/faults"): lambda api, of: api(
        "POST", f"/sandbox/faults?tenant={of.tenant}", {"kind": "503"}
    ),
    ("delete", "/sandbox/faults"): lambda api, of: api(
        "DELETE", f"/sandbox/faults?tenant={of.tenant}"
    ),
}
"""Routes that name a tenant, or something that is one's."""

OWN: dict[tuple[str, str], Call] = {
    ("get", "/health"): lambda api, of: api("GET", "/health"),
    ("get", "/tenants"): lambda api, of: api("GET", "/tenants"),
    ("get", "/profiles"): lambda api, of: api("GET", "/profiles?limit=200"),
    ("post", "/hrv"): lambda api, of: api("POST", "/hrv", {"text": "Tea is hot."}),
    ("get", "/metrics"): lambda api, of: api("GET", "/metrics"),
    ("get", "/api_keys"): lambda api, of: api("GET", "/api_keys"),
    ("get", "/webhooks"): lambda api, of: api("GET", "/webhooks"),
    ("get", "/sandbox/requests"): lambda api, of: api("GET", "/sandbox/requests"),
}
"""Routes that name nothing, and answer with what is the caller's own."""

ELSEWHERE = {
    ("post", "/tenants"): "test_endpoints, test_api_keys: for administrators alone",
    ("post", "/oauth/token"): "test_oauth: what is another client's",
    ("post", "/oauth/revoke"): "test_oauth: what is another client's",
    ("get", "/oauth/authorize"): "test_oauth: another tenant's app and user",
    ("get", "/.well-known/oauth-authorization-server"): "the same for everybody",
    ("get", "/.well-known/jwks.json"): "the same for everybody",
}


def test_every_route_is_in_the_matrix() -> None:
    described = {
        (method, path) for path, operations in DOCUMENT["paths"].items() for method in operations
    }
    known = NAMING.keys() | OWN.keys() | ELSEWHERE.keys()
    assert not described - known, "a new route has to be tried here"


@pytest.fixture(scope="module")
def house() -> Iterator[Sandbox]:
    """A sandbox of its own: it is full of canaries."""
    with start(
        rate_limit=UNLIMITED,
        burst=UNLIMITED,
        quota=UNLIMITED,
        allow_loopback_webhooks=True,
    ) as server:
        yield server


@pytest.fixture(scope="module")
def names(house: Sandbox) -> dict[str, Names]:
    """Canaries in each tenant: a webhook, a profile that it hears of, and a key."""
    admin = API(house, "admin")
    found = {}
    for tenant in TENANTS:
        profile = f"canary_of_{tenant}"
        body = hook(tenant, description=f"secret of {tenant}")
        webhook = admin("POST", "/webhooks", body).json()["id"]
        assert admin.create(profile, tenant, description=f"secret of {tenant}").status_code == 201
        body = {"tenant": tenant, "scopes": ["generate"], "name": f"secret of {tenant}"}
        key = admin("POST", "/api_keys", body).json()["id"]
        assert admin.generate(tenant=tenant, profile_name=profile).status_code == 200
        (event,) = admin("GET", f"/webhooks/{webhook}/deliveries").json()["deliveries"]
        found[tenant] = Names(tenant, profile, key, webhook, event["id"])
    return found


@pytest.fixture(scope="module")
def callers(house: Sandbox) -> dict[tuple[str, str], API]:
    """Who calls, by tenant and kind of credential."""
    admin = API(house, "admin")
    usual = ["generate", "profiles:read", "profiles:write", "metrics:read", "webhooks", "sandbox"]

    def key(tenant: str, *scopes: str) -> str:
        body = {"tenant": tenant, "scopes": scopes}
        return str(admin("POST", "/api_keys", body).json()["key"])

    def bearer(token: str, header: str = "Authorization") -> API:
        api = API(house)
        api.session.headers[header] = f"Bearer {token}" if header == "Authorization" else token
        return api

    found = {("nobody", "anonymous"): API(house)}
    for tenant in TENANTS:
        found[tenant, "key"] = bearer(key(tenant, *usual))
        found[tenant, "x-api-key"] = bearer(key(tenant, *usual), "X-API-Key")
        found[tenant, "narrow key"] = bearer(key(tenant, "profiles:read"))
        found[tenant, "manager's key"] = bearer(key(tenant, *usual, "admin"))
    for tenant in ("acme_corp", "globex"):
        found[tenant, "service token"] = bearer(service_token(house, tenant).json()["access_token"])
        found[tenant, "user token"] = bearer(Browser(house, tenant).tokens()["access_token"])
    return found


KINDS = ("key", "x-api-key", "narrow key", "manager's key")
CALLERS = [
    ("nobody", "anonymous"),
    *((tenant, kind) for tenant in TENANTS for kind in KINDS),
    *((tenant, kind) for tenant in TENANTS[2:] for kind in ("service token", "user token")),
]


def face(answer: requests.Response) -> tuple[Any, ...]:
    """An answer apart from what differs between any two."""
    headers = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in IDS}
    body = {k: v for k, v in answer.json().items() if k not in ("request_id", "instance")}
    return answer.status_code, headers, body


@pytest.mark.parametrize(("tenant", "kind"), CALLERS)
def test_what_is_ones_own_says_nothing_of_others(
    callers: dict[tuple[str, str], API], names: dict[str, Names], tenant: str, kind: str
) -> None:
    """Runs first: later the log of its own requests names what it asked for in vain."""
    api = callers[tenant, kind]
    mine = OPEN if tenant in ("nobody", *OPEN) else (tenant,)
    for route, call in OWN.items():
        answer = call(api, ABSENT)
        assert answer.status_code in (200, 401, 403), (route, answer.text)
        # Open tenants share their log and figures, as they share their callers.
        for victim in set(TENANTS) - set(mine):
            of = names[victim]
            canary = f"{of.profile}|{of.key}|{of.webhook}|{of.event}|secret of {victim}"
            assert not re.search(canary, answer.text), (victim, route)


@pytest.mark.parametrize(("tenant", "kind"), CALLERS)
def test_what_is_anothers_looks_like_nothing(
    callers: dict[tuple[str, str], API], names: dict[str, Names], tenant: str, kind: str
) -> None:
    api = callers[tenant, kind]
    for victim in TENANTS:
        if victim == tenant or (tenant == "nobody" and victim in OPEN):
            continue
        for route, call in NAMING.items():
            theirs, nothing = call(api, names[victim]), call(api, ABSENT)
            assert theirs.status_code in (401, 403, 404), (victim, route, theirs.text)
            assert face(theirs) == face(nothing), (victim, route)
            seen = theirs.text + str(theirs.headers)
            assert victim not in seen, (victim, route)
            assert "canary" not in seen, (victim, route)


def test_nothing_was_changed(house: Sandbox, names: dict[str, Names]) -> None:
    """Runs last: all that was tried above left every tenant as it was."""
    admin = API(house, "admin")
    for tenant, own in names.items():
        profile = admin("GET", f"/profiles/{tenant}/{own.profile}").json()
        assert profile["description"] == f"secret of {tenant}"
        assert admin("GET", f"/profiles/{tenant}/planted").status_code == 404
        keys = admin("GET", f"/api_keys?tenant={tenant}").json()["api_keys"]
        kept = next(key for key in keys if key["id"] == own.key)
        assert kept["previous_expires_at"] is None
        (webhook,) = admin("GET", f"/webhooks?tenant={tenant}").json()["webhooks"]
        assert webhook["id"] == own.webhook
        assert webhook["previous_secret_expires_at"] is None
        sent = admin("GET", f"/webhooks/{own.webhook}/deliveries").json()["deliveries"]
        assert [delivery["id"] for delivery in sent] == [own.event]
        assert admin("GET", f"/sandbox/outages?tenant={tenant}").json()["components"] == []
        assert admin("GET", f"/sandbox/faults?tenant={tenant}").json()["faults"] == []
