"""Other people's OAuth clients complete their flows, knowing the address of the metadata alone."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from oauthlib.oauth2 import BackendApplicationClient
from requests_oauthlib import OAuth2Session

from resonance_sandbox import Sandbox

from .oauth_flow import REDIRECT, Browser, returned

SCOPE = "generate profiles:read"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both libraries want TLS or to be told; the sandbox is on loopback."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def metadata(server: Sandbox) -> dict[str, Any]:
    url = f"{server.url}/.well-known/oauth-authorization-server"
    found: dict[str, Any] = requests.get(url, timeout=30).json()
    return found


def consented(server: Sandbox, url: str) -> str:
    """Where the browser ends that was sent to `url`."""
    browser = Browser(server)
    page = browser.session.get(url, allow_redirects=False, timeout=30)
    answer = browser.submit(browser.sign_in(page), decision="allow")
    assert "code" in returned(answer)
    return answer.headers["Location"]


def works(session: requests.Session, server: Sandbox) -> None:
    session.trust_env = False
    answer = session.post(f"{server.url}/hr_generate", json={"prompt": "tea"}, timeout=30)
    assert (answer.status_code, answer.json()["tenant"]) == (200, "acme_corp")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_client_credentials(server: Sandbox, metadata: dict[str, Any], method: str) -> None:
    held = server.credentials["acme_corp"]
    with AuthlibSession(
        held["client_id"], held["client_secret"], token_endpoint_auth_method=method, scope=SCOPE
    ) as session:
        session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        works(session, server)
        session.revoke_token(metadata["revocation_endpoint"], token=session.token["access_token"])
        refused = session.get(f"{server.url}/profiles", timeout=30)
        assert refused.status_code == 401


def test_authlib_authorization_code(server: Sandbox, metadata: dict[str, Any]) -> None:
    verifier = "v" * 50
    with AuthlibSession(
        server.credentials["acme_corp"]["app_client_id"],
        scope=SCOPE,
        redirect_uri=REDIRECT,
        code_challenge_method=metadata["code_challenge_methods_supported"][0],
        token_endpoint_auth_method="none",
    ) as session:
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier
        )
        session.fetch_token(
            metadata["token_endpoint"],
            authorization_response=consented(server, url),
            state=state,
            code_verifier=verifier,
        )
        works(session, server)
        before = dict(session.token)
        session.refresh_token(metadata["token_endpoint"])
        assert session.token["refresh_token"] != before["refresh_token"]
        works(session, server)


def test_requests_oauthlib_client_credentials(server: Sandbox, metadata: dict[str, Any]) -> None:
    held = server.credentials["acme_corp"]
    client = BackendApplicationClient(held["client_id"], scope=SCOPE)
    with OAuth2Session(client=client) as session:
        session.trust_env = False
        session.fetch_token(metadata["token_endpoint"], client_secret=held["client_secret"])
        works(session, server)


@pytest.mark.parametrize("include", [True, None], ids=["id in the form", "id by Basic"])
def test_requests_oauthlib_authorization_code(
    server: Sandbox, metadata: dict[str, Any], include: bool | None
) -> None:
    app = server.credentials["acme_corp"]["app_client_id"]
    with OAuth2Session(app, scope=SCOPE, redirect_uri=REDIRECT, pkce="S256") as session:
        session.trust_env = False
        url, _ = session.authorization_url(metadata["authorization_endpoint"])
        session.fetch_token(
            metadata["token_endpoint"],
            authorization_response=consented(server, url),
            include_client_id=include,
        )
        works(session, server)
        before = dict(session.token)
        session.refresh_token(metadata["token_endpoint"], client_id=app)
        assert session.token["refresh_token"] != before["refresh_token"]
        works(session, server)
