"""A slow answer never lands on a newer state; what is optional fails nothing that is possible."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from resonance_helpers import ResonanceOSAPIClient
from resonance_helpers.client.auth import OAuth2AuthorizationCode, OAuth2ClientCredentials
from resonance_helpers.client.auth.clock import ServerClock
from resonance_helpers.client.auth.secret import Secret
from resonance_helpers.client.auth.tokens import Token, TokenCache
from resonance_helpers.client.errors import TokenError
from tests.support.raw_server import answer, raw_server, replies


def token(name: str, left: float = 600.0) -> Token:
    return Token(Secret(name), time.time() + left, 600, Secret(f"{name}-refresh"))


class Slow:
    """A token endpoint that answers when it is told to."""

    def __init__(self, outcome: Token | Exception) -> None:
        self.outcome = outcome
        self.begun, self.answer = threading.Event(), threading.Event()
        self.kept: list[str] = []
        self.cache = TokenCache(self.fetch, ServerClock(), self.keep)

    def fetch(self, _last: Token | None) -> Token:
        self.begun.set()
        assert self.answer.wait(10)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def keep(self, fresh: Token) -> None:
        assert fresh.refresh is not None
        self.kept.append(fresh.refresh.reveal())


def landed() -> None:
    for thread in threading.enumerate():
        if thread.name == "resonance-token":
            thread.join(10)


@pytest.mark.parametrize("outcome", [token("late"), TokenError("no")], ids=["token", "error"])
@pytest.mark.parametrize("left", [40.0, -1.0], ids=["ageing", "stale"])
def test_a_renewal_that_is_under_way_does_not_undo_a_log_in(outcome: Any, left: float) -> None:
    slow = Slow(outcome)
    slow.cache.put(token("anna", left))
    got: list[str] = []
    waiting = threading.Thread(target=lambda: got.append(slow.cache.get().reveal()))
    waiting.start()
    assert slow.begun.wait(10)
    slow.cache.put(token("bert"))
    slow.answer.set()
    waiting.join(10)
    landed()
    assert slow.cache.get().reveal() == "bert"
    assert slow.kept == ["anna-refresh", "bert-refresh"]
    assert got == ["anna" if left > 0 else "bert"]


def refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_good_token_is_given_where_no_thread_is_to_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def fetch(last: Token | None) -> Token:
        asked.append(last)
        return token("new")

    cache = TokenCache(fetch, ServerClock())
    cache.put(token("good for 40 s".replace(" ", "-"), 40.0))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(3):
        assert cache.get().reveal() == "good-for-40-s"
    assert asked == []
    cache.put(token("too-old", 1.0))
    assert cache.get().reveal() == "new"  # it has to be, so this thread asks


@pytest.mark.parametrize("status", [200, 400])
def test_an_error_is_known_by_what_it_says(status: int) -> None:
    said = {"error": "incorrect_client_credentials", "error_description": "Wrong secret."}
    with raw_server(replies(said, status, content_type="application/json")) as server:
        auth = OAuth2ClientCredentials(server.url + "/token", "id", "s-3-c-r-3-t")
        with pytest.raises(TokenError, match="Wrong secret") as raised:
            auth._tokens.get()
    assert raised.value.reason == "incorrect_client_credentials"
    assert raised.value.response_code == status


@pytest.mark.parametrize(
    "ahead", ["Wed, 25 Nov 2099 10:00:00 GMT", "Wed, 25 Nov 1999 10:00:00 GMT"]
)
def test_the_clock_of_the_api_is_not_that_of_the_token_endpoint(ahead: str) -> None:
    bought = replies({"access_token": "t", "token_type": "bearer", "expires_in": 3600})
    tenants = replies({"tenants": []}, headers={"Date": ahead})
    with raw_server(bought) as endpoint, raw_server(tenants) as api:
        auth = OAuth2ClientCredentials(endpoint.url, "id", "secret")
        client = ResonanceOSAPIClient(api.url, auth=auth, on_error="raise")
        for _ in range(4):
            client.get_tenants()
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize("first", ["in the background", "in the foreground"])
def test_the_reason_stays_until_somebody_logs_in_again(first: str) -> None:
    grant: dict[str, Callable[[], bytes]] = {}

    def endpoint(connection: Any, request: bytes) -> None:
        connection.sendall(grant["now"]())

    grant["now"] = lambda: answer({"error": "invalid_grant"}, 400)
    with raw_server(endpoint) as server:
        auth = OAuth2AuthorizationCode(
            server.url, server.url, "me", refresh_token=Secret("of-an-earlier-log-in")
        )
        if first == "in the background":
            auth._tokens.put(token("last", 40.0))
            assert auth._tokens.get().reveal() == "last"
            landed()
            auth._tokens.refuse(Secret("last"))
        for _ in range(3):
            with pytest.raises(TokenError, match="The log-in is over") as raised:
                auth._tokens.get()
            assert raised.value.reason == "invalid_grant"
        auth._over = None
        auth._tokens.put(token("next"))
        assert auth._tokens.get().reveal() == "next"
