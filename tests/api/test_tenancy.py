"""Who may do what. Another's tenant looks exactly like none at all."""

from __future__ import annotations

import pytest
import requests

from .conftest import API, VECTOR, slug

IDS = {"x-request-id", "date", "server-timing", "ratelimit", "x-ratelimit-remaining"}
IDS |= {"x-ratelimit-reset"}

CALLS = [
    ("POST", "/hr_generate", {"prompt": "a", "tenant": "{tenant}"}),
    ("POST", "/hr_generate", {"prompt": "a", "tenant": "{tenant}", "profile_name": "none_such"}),
    ("GET", "/profiles?tenant={tenant}", None),
    ("POST", "/profiles", {"tenant": "{tenant}", "profile_name": "mine", "hrv_vector": VECTOR}),
    ("GET", "/profiles/{tenant}/acme_brand_voice", None),
    ("GET", "/profiles/{tenant}/neutral_professional", None),
    ("GET", "/profiles/{tenant}/none_such", None),
    ("PUT", "/profiles/{tenant}/acme_brand_voice", {"hrv_vector": VECTOR}),
    ("DELETE", "/profiles/{tenant}/acme_brand_voice", None),
    ("GET", "/sandbox/requests?tenant={tenant}", None),
    ("POST", "/sandbox/reset?tenant={tenant}", None),
    ("PUT", "/sandbox/outages?tenant={tenant}", {"components": ["writer"]}),
    ("GET", "/sandbox/faults?tenant={tenant}", None),
]


def _call(api: API, method: str, path: str, body: object, tenant: str) -> requests.Response:
    if isinstance(body, dict):
        body = {key: tenant if value == "{tenant}" else value for key, value in body.items()}
    return api(method, path.replace("{tenant}", tenant), body)


def _face(response: requests.Response) -> tuple[object, ...]:
    """An answer apart from what differs between any two."""
    headers = {k.lower(): v for k, v in response.headers.items() if k.lower() not in IDS}
    body = {k: v for k, v in response.json().items() if k not in ("request_id", "instance")}
    return response.status_code, headers, body


@pytest.mark.parametrize("who", [None, "globex"])
@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_another_tenant_looks_like_none(
    api: API, globex: API, acme: API, who: str | None, method: str, path: str, body: object
) -> None:
    caller = globex if who else api
    theirs = _call(caller, method, path, body, "acme_corp")
    nobodys = _call(caller, method, path, body, "none_such")
    assert (theirs.status_code, slug(theirs)) == (404, "unknown-tenant")
    assert _face(theirs) == _face(nobodys)
    assert acme("GET", "/health").json()["status"] == "healthy"
    assert acme("GET", "/profiles/acme_corp/acme_brand_voice").status_code == 200


def test_a_credential_fixes_the_tenant(acme: API) -> None:
    assert acme.generate().json()["tenant"] == "acme_corp"
    assert acme.generate(tenant="acme_corp").status_code == 200
    assert slug(acme.generate(tenant="default")) == "unknown-tenant"
    assert [t["tenant"] for t in acme("GET", "/tenants").json()["tenants"]] == ["acme_corp"]
    names = {p["profile_name"] for p in acme("GET", "/profiles").json()["profiles"]}
    assert "acme_brand_voice" in names
    assert "house_style" not in names


@pytest.mark.stored
def test_figures_and_logs_are_ones_own(api: API, acme: API, globex: API, admin: API) -> None:
    acme.generate("Anvils")
    assert (acme.stored(), globex.stored(), api.stored()) == (1, 0, 0)
    assert admin.stored() >= 1
    shown = {
        who: [entry["path"] for entry in caller("GET", "/sandbox/requests").json()["requests"]]
        for who, caller in (("acme", acme), ("globex", globex), ("open", api))
    }
    assert "/hr_generate" in shown["acme"]
    assert "/hr_generate" not in shown["globex"] + shown["open"]
    assert len(api.server.requests("acme_corp")) == len(acme.server.requests("acme_corp"))


@pytest.mark.stored
def test_one_idempotency_key_is_another_to_another(api: API, acme: API, globex: API) -> None:
    answers = [caller.generate(Idempotency_Key="same") for caller in (api, acme, globex)]
    assert {answer.json()["tenant"] for answer in answers} == {"default", "acme_corp", "globex"}
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


def test_a_reset_leaves_others_alone(api: API, acme: API) -> None:
    acme.create("mine", "acme_corp")
    acme.generate("Anvils")
    api.server.reset()
    assert acme("GET", "/profiles/acme_corp/mine").status_code == 200
    assert acme.stored() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "nonsense"},
        {"Authorization": ""},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"Authorization": "Bearer one", "X-API-Key": "two"},
        {"Authorization": "Bearer \xe9\xff"},
    ],
    ids=str,
)
def test_a_bad_credential_is_401(api: API, headers: dict[str, str]) -> None:
    response = api("GET", "/profiles", **{k.replace("-", "_"): v for k, v in headers.items()})
    assert (response.status_code, slug(response)) == (401, "invalid-credentials")
    assert response.headers["WWW-Authenticate"].startswith('Bearer realm="resonanceos"')
    assert "wrong" not in response.text


def test_either_header_will_do(api: API) -> None:
    key = str(api.server.credentials["acme_corp"]["api_key"])
    for headers in (
        {"X_API_Key": key},
        {"Authorization": f"bearer {key}"},
        {"Authorization": f"Bearer {key}", "X_API_Key": key},
    ):
        assert api.generate(**{}, tenant="acme_corp", **headers).status_code == 200


def test_keys_are_told_by_their_form_and_kept_out_of_sight(api: API) -> None:
    keys = [held["api_key"] for held in api.server.credentials.values()]
    assert len(set(keys)) == 3
    for key in keys:
        assert key.startswith("ros_sandbox_")
        assert key not in repr(api.server.credentials)
        assert key not in repr(api.server)
    api("GET", "/profiles", Authorization=f"Bearer {keys[0]}")
    assert keys[0] not in str(api.server.requests("acme_corp"))
    assert keys[0] not in api.server.log()
