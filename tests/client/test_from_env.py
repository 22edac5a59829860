"""A client of what the environment describes, by the names that `resonance judge` hands out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ApiKeyAuth, AuthenticatedAPIClient, ResonanceOSAPIClient
from resonance_helpers.client.auth import OAuth2ClientCredentials
from resonance_helpers.client.errors import InsecureTransportError

NAMES = ["URL", "API_KEY", "CLIENT_ID", "CLIENT_SECRET", "ALLOW_HTTP"]


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(auth="required") as running:
        yield running


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets some of the variables, and unsets the others."""

    def setting(**values: str) -> None:
        for name in NAMES:
            monkeypatch.delenv(f"RESONANCE_{name}", raising=False)
        for name, value in values.items():
            monkeypatch.setenv(f"RESONANCE_{name}", value)

    return setting


@pytest.mark.parametrize("kind", [ResonanceOSAPIClient, AuthenticatedAPIClient])
def test_a_key_or_a_client(server: sandbox.Sandbox, env: Any, kind: Any) -> None:
    acme = server.credentials["acme_corp"]
    pair = {"CLIENT_ID": acme["client_id"], "CLIENT_SECRET": acme["client_secret"]}
    key = {"API_KEY": f"{acme['api_key']}\n"}
    both = pair | key
    for given, auth in ((key, ApiKeyAuth), (pair, OAuth2ClientCredentials), (both, ApiKeyAuth)):
        env(URL=server.url, **given)
        with kind.from_env(on_error="raise", timeout=20) as api:
            assert type(api) is kind
            assert isinstance(api.auth, auth)
            assert api.get_profiles()["count"] > 0
            assert (api.timeout, api.on_error) == (20, "raise")
            for secret in (acme["api_key"], acme["client_secret"]):
                assert secret not in repr(api) + repr(api.auth) + repr(vars(api))


def test_a_stranger(server: sandbox.Sandbox, env: Any) -> None:
    env(URL=f"  {server.url} ", API_KEY=" ")
    api = ResonanceOSAPIClient.from_env()
    assert (api.base_url, api.auth) == (server.url, None)
    assert api.health_check()["status"] == "healthy"


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ({}, LookupError, "RESONANCE_URL is not set. Fix: "),
        ({"URL": " "}, LookupError, "RESONANCE_URL is not set. Fix: "),
        ({"URL": "example.com"}, ValueError, "RESONANCE_URL has to begin with http"),
        ({"URL": "https://a:b@example.com"}, ValueError, "RESONANCE_URL can't hold credentials"),
        ({"URL": "https://example.com?a"}, ValueError, "RESONANCE_URL can't have a query"),
        ({"API_KEY": "a\u20acb"}, ValueError, "RESONANCE_API_KEY can't be used: .* characters"),
        ({"API_KEY": '"abcdefgh"'}, ValueError, "quotation mark"),
        ({"ALLOW_HTTP": "true"}, ValueError, "RESONANCE_ALLOW_HTTP is 'true'. Fix: set it to 1"),
        ({"CLIENT_ID": "x"}, LookupError, "RESONANCE_CLIENT_SECRET is not set"),
        ({"CLIENT_SECRET": "canary"}, LookupError, "RESONANCE_CLIENT_ID is not set, .* Fix: "),
        ({"CLIENT_ID": "x", "CLIENT_SECRET": "canary\u20ac"}, ValueError, "CLIENT_SECRET can't be"),
        ({"URL": "http://example.com", "API_KEY": "canary"}, InsecureTransportError, "allow_http"),
    ],
)
def test_an_error_names_the_variable(
    env: Any, values: dict[str, str], kind: type[Exception], message: str
) -> None:
    env(**({"URL": "https://example.com"} | values if values else {}))
    with pytest.raises(kind, match=message) as raised:
        ResonanceOSAPIClient.from_env()
    assert "canary" not in str(raised.value)


def test_credentials_may_travel_in_the_open_where_that_is_said(env: Any) -> None:
    env(URL="http://example.com", API_KEY="x", ALLOW_HTTP="1")
    assert ResonanceOSAPIClient.from_env().base_url == "http://example.com"
    with pytest.raises(InsecureTransportError):
        ResonanceOSAPIClient.from_env(allow_http=False)
