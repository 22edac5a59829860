"""The token endpoint that a server's metadata names (RFC 8414): found, and not simply believed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

import resonance_sandbox as sandbox
from resonance_helpers import OAuth2ClientCredentials, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client.auth.discovery import WELL_KNOWN
from resonance_helpers.client.errors import InsecureTransportError, TokenError
from tests.support.raw_server import RawServer, raw_server, replies, sends_and_closes

SECRET = "s3cret-canary"
QUICK = RetryPolicy(base=0, sleep=lambda seconds: None)
TOKEN = {"access_token": "t0ken-canary", "token_type": "Bearer", "expires_in": 3600}


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as running:
        yield running


def auth(url: str, **options: Any) -> OAuth2ClientCredentials:
    options.setdefault("retry", QUICK)
    return OAuth2ClientCredentials.discover(url, "program", SECRET, **options)


def metadata(server: RawServer, **changes: Any) -> dict[str, Any]:
    return {"issuer": server.url, "token_endpoint": f"{server.url}/token"} | changes


def token(signing: OAuth2ClientCredentials) -> str:
    """What a request would carry."""
    request = requests.Request("GET", "http://127.0.0.1:1/x").prepare()
    return str(signing(request).headers["Authorization"])


def paths(server: RawServer) -> list[str]:
    return [request.split(b" ", 2)[1].decode() for request in server.requests]


def test_it_works_with_the_sandbox() -> None:
    with sandbox.start(auth="required") as running:
        acme = running.credentials["acme_corp"]
        for host in ("127.0.0.1", "localhost"):
            url = running.url.replace("127.0.0.1", host)
            signing = OAuth2ClientCredentials.discover(
                url, acme["client_id"], acme["client_secret"]
            )
            api = ResonanceOSAPIClient(url, auth=signing)
            assert api.get_profiles()["count"] > 0


def test_nothing_is_asked_until_a_token_is_needed_and_the_place_is_asked_for_once(
    server: RawServer,
) -> None:
    server.handlers = [replies(metadata(server)), replies(TOKEN)]
    signing = auth(server.url)
    assert server.requests == []
    assert token(signing) == "Bearer t0ken-canary"
    signing._tokens.refuse(signing.token.access)  # type: ignore[union-attr]
    token(signing)
    assert paths(server) == [WELL_KNOWN, "/token", "/token"]
    assert b"Authorization" not in server.requests[0]


@pytest.mark.parametrize("session", [None, requests.Session], ids=["fast", "stock"])
def test_it_is_asked_again(server: RawServer, session: Any) -> None:
    server.handlers = [
        replies(b"", status=503),
        sends_and_closes(b""),
        sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        replies(metadata(server)),
        replies(TOKEN),
    ]
    used = session and session()
    assert token(auth(server.url, session=used)) == "Bearer t0ken-canary"
    assert paths(server) == [*[WELL_KNOWN] * 4, "/token"]


def test_a_server_that_is_away_is_told_of_as_such() -> None:
    with pytest.raises(TokenError, match="metadata can't be read") as raised:
        token(auth("http://127.0.0.1:1"))
    assert raised.value.retryable
    api = ResonanceOSAPIClient("http://127.0.0.1:1", auth=auth("http://127.0.0.1:1"), retry=None)
    assert api.get_tenants()["type"] == "no-token"


def test_below_a_path(server: RawServer) -> None:
    issuer = {"issuer": f"{server.url}/v6/"}
    server.handlers = [replies(metadata(server, **issuer)), replies(TOKEN)]
    token(auth(f"{server.url}/v6"))
    assert paths(server) == [f"{WELL_KNOWN}/v6", "/token"]
    # Some have it below the path, and something else where it belongs.
    server.requests.clear()
    page = replies(b"<html>", content_type="text/html")
    for elsewhere in (replies(b"", status=404), page):
        server.handlers = [elsewhere, replies(metadata(server, **issuer)), replies(TOKEN)]
        token(auth(f"{server.url}/v6"))
    assert paths(server) == [f"{WELL_KNOWN}/v6", f"/v6{WELL_KNOWN}", "/token"] * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"issuer": "https://evil.example"}, "another server than base_url .* Fix: "),
        ({"issuer": "{url}/other"}, "another server than base_url"),
        ({"issuer": "nonsense"}, "the metadata's issuer has to begin with http"),
        ({"token_endpoint": "https://evil.example/t"}, r'allow it by hosts=\["evil.example"\]'),
        ({"token_endpoint": "http://127.0.0.1:1/t"}, "at 127.0.0.1, which is not where base_url"),
        ({"token_endpoint": "https://a:b@evil.example"}, "can't hold credentials"),
        ({"token_endpoint": "ftp://evil.example/t"}, "token_endpoint has to begin with http"),
        ({"token_endpoint": None}, "`token_endpoint` is missing"),
        ({"token_endpoint": ["x"]}, "`token_endpoint` is missing or of another type"),
        ({"issuer": 7}, "`issuer` is missing or of another type"),
    ],
)
def test_the_secret_goes_to_no_other_place(
    server: RawServer, changes: dict[str, Any], message: str
) -> None:
    said = json.loads(json.dumps(metadata(server, **changes)).replace("{url}", server.url))
    server.handlers = [replies(said)]
    with pytest.raises(TokenError, match=message) as raised:
        token(auth(server.url))
    assert not raised.value.retryable
    assert paths(server) == [WELL_KNOWN]
    assert SECRET not in str(raised.value)


def test_nor_over_an_open_network(server: RawServer) -> None:
    server.handlers = [replies(metadata(server, token_endpoint="http://login.example.com/t"))]
    with pytest.raises(InsecureTransportError, match="token_endpoint has to be https"):
        token(auth(server.url, hosts=["login.example.com"]))
    with pytest.raises(InsecureTransportError, match="base_url has to be https"):
        auth("http://api.example.com")


@pytest.mark.parametrize("by_port", [False, True])
def test_another_host_may_be_allowed(server: RawServer, by_port: bool) -> None:
    with raw_server(replies(TOKEN)) as login:
        server.handlers = [replies(metadata(server, token_endpoint=f"{login.url}/t"))]
        port = login.url.rpartition(":")[2]
        host = f"127.0.0.1:{port}" if by_port else "127.0.0.1"
        assert token(auth(server.url, hosts=[host])) == "Bearer t0ken-canary"
        assert paths(login) == ["/t"]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"base_url": "example.com"}, ValueError, "base_url has to begin with http"),
        ({"base_url": "https://example.com?x=1"}, ValueError, "base_url can't have a query"),
        ({"base_url": 7}, TypeError, "base_url is a int"),
        ({"hosts": "example.com"}, TypeError, "hosts is a str, not a list of strings"),
        ({"timeout": 0}, ValueError, "timeout is 0"),
        ({"retry": 3}, TypeError, "retry is a int"),
        ({"client_secret": ""}, ValueError, "the secret is empty"),
    ],
)
def test_a_mistake_raises_at_once(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    given: Any = {"base_url": "https://example.com", "client_id": "x", "client_secret": "y"}
    with pytest.raises(kind, match=message):
        OAuth2ClientCredentials.discover(**given | options)


def test_it_shows_no_secret(server: RawServer) -> None:
    shown = repr(auth(server.url))
    assert shown == f"OAuth2ClientCredentials(Discovery('{server.url}'), 'program')"
