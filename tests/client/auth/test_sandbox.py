"""The client's side of OAuth 2.0 against the sandbox's, as two programs that share no code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

import resonance_sandbox as sandbox
from resonance_helpers import OAuth2AuthorizationCode, ResonanceOSAPIClient
from resonance_helpers.client.auth import HeadlessBrowser
from tests.client.auth.test_token_cache import in_threads


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(rate_limit=10**9, burst=10**9, quota=10**9) as running:
        yield running


def logged_in(server: sandbox.Sandbox, **options: Any) -> OAuth2AuthorizationCode:
    acme = server.credentials["acme_corp"]
    auth = OAuth2AuthorizationCode(
        f"{server.url}/oauth/authorize",
        f"{server.url}/oauth/token",
        acme["app_client_id"],
        acme["redirect_uri"],
        ["profiles:read"],
        browser=HeadlessBrowser(acme["username"], acme["password"]),
        **options,
    )
    auth.log_in()
    return auth


def end(server: sandbox.Sandbox, auth: OAuth2AuthorizationCode) -> None:
    """Have the server take the access token no more."""
    assert auth.token is not None
    form = {
        "token": auth.token.access.reveal(),
        "client_id": server.credentials["acme_corp"]["app_client_id"],
    }
    assert requests.post(f"{server.url}/oauth/revoke", data=form, timeout=10).status_code == 200


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.soak)])
def test_sixty_four_threads_buy_one_token_a_round(server: sandbox.Sandbox, rounds: int) -> None:
    auth = logged_in(server)
    client = ResonanceOSAPIClient(server.url, auth=auth, retry=None)
    for _ in range(rounds):
        end(server, auth)
        server.reset()  # the log of requests begins anew
        results = in_threads(64, lambda: client.get_profiles(limit=1))
        assert all("profiles" in result for result in results), results
        asked = [entry for entry in server.requests() if entry["path"] == "/oauth/token"]
        assert [entry["status"] for entry in asked] == [200]


def test_a_lost_answer_costs_no_log_in(server: sandbox.Sandbox) -> None:
    auth = logged_in(server)
    assert auth.token is not None
    assert auth.token.refresh is not None
    # The server hands out a successor, and the answer never gets here.
    form = {
        "grant_type": "refresh_token",
        "refresh_token": auth.token.refresh.reveal(),
        "client_id": server.credentials["acme_corp"]["app_client_id"],
    }
    requests.post(f"{server.url}/oauth/token", data=form, timeout=10)
    end(server, auth)
    client = ResonanceOSAPIClient(server.url, auth=auth)
    assert "profiles" in client.get_profiles()
    end(server, auth)
    assert "profiles" in client.get_profiles()


def test_a_scope_that_was_not_granted_is_refused_without_a_new_token(
    server: sandbox.Sandbox,
) -> None:
    auth = logged_in(server)
    before = auth.token
    failure = ResonanceOSAPIClient(server.url, auth=auth).generate_content("Rain")
    assert failure["type"] == "insufficient-scope"
    assert auth.token is before
