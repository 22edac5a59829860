"""A credential reaches the server and nothing else: a canary is looked for wherever text can go."""

from __future__ import annotations

import contextlib
import gc
import logging
import pickle
import socket
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests

from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client.errors import InsecureTransportError, ResonanceError
from resonance_helpers.client.transport.redaction import redacted
from tests.support.raw_server import drips, raw_server, replies, resets, sends_and_closes, stalls

CANARY = "sk-canary-8472"
COOKIE = "session=canary-2063"

FATES: dict[str, Any] = {
    "refused": None,
    "reset": resets,
    "silence": stalls,
    "drip": drips(b"HTTP/1.1 200 OK\r\n" * 9),
    "cut": sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
    "html": replies(b"<html>", content_type="text/html", headers={"Set-Cookie": COOKIE}),
    "401": replies({"detail": "no"}, 401),
    "422": replies({"detail": "no"}, 422),
    "503": replies({}, 503, {"Set-Cookie": COOKIE}),
    "redirect": replies({}, 302, {"Location": "http://127.0.0.1:1/"}),
    "healthy": replies({"status": "healthy", "profiles": []}),
}


def told(call: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> tuple[str, Any]:
    """All that a call lets be seen: logs, the error, its traceback with every frame's variables."""
    caplog.clear()
    texts, error = [], None
    with caplog.at_level(logging.DEBUG):
        try:
            texts.append(repr(call()))
        except ResonanceError as raised:
            error = raised
    texts.append(caplog.text)
    if error is not None:
        texts += [str(error), repr(error), repr(error.as_dict()), repr(vars(error))]
        texts += traceback.format_exception(error)
        texts += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        texts.append(repr(pickle.dumps(error)))
    return "\n".join(texts), error


@pytest.mark.parametrize("fate", FATES)
def test_no_failure_shows_a_credential(fate: str, caplog: pytest.LogCaptureFixture) -> None:
    with contextlib.ExitStack() as stack:
        handler = FATES[fate]
        url = stack.enter_context(raw_server(handler)).url if handler else "http://127.0.0.1:1"
        client = ResonanceOSAPIClient(
            url,
            timeout=0.2,
            auth=ApiKeyAuth(CANARY),
            on_error="raise",
            retry=RetryPolicy(max_attempts=2, base=0.001),
        )
        for call in (
            client.health_check,
            lambda: client.get_profiles("acme"),
            lambda: client.generate_content("a prompt"),
        ):
            text, error = told(call, caplog)
            assert CANARY not in text
            assert "canary-2063" not in text
            if error is not None:
                assert error.__context__ is None
                assert error.__cause__ is None
        assert CANARY not in repr(client) + repr(vars(client)) + repr(vars(client._transport))


def test_an_error_keeps_no_request_alive() -> None:
    client = ResonanceOSAPIClient("http://127.0.0.1:1", auth=ApiKeyAuth(CANARY), on_error="raise")
    with pytest.raises(ResonanceError) as raised:
        client.health_check()
    gc.collect()
    frames = [frame for frame, _ in traceback.walk_tb(raised.value.__traceback__)]
    held = [value for frame in frames for value in frame.f_locals.values()]
    assert not any(
        isinstance(value, requests.PreparedRequest | requests.Response) for value in held
    )


def test_the_log_shows_headers_without_their_secrets(caplog: pytest.LogCaptureFixture) -> None:
    answer = replies({"status": "healthy"}, headers={"Set-Cookie": COOKIE, "X-Request-ID": "r7"})
    with raw_server(answer) as server:
        client = ResonanceOSAPIClient(server.url, auth=ApiKeyAuth(CANARY, "X-API-Key"))
        with caplog.at_level(logging.DEBUG, "resonance_helpers"):
            client.health_check()
    assert "-> GET /health" in caplog.text
    assert "<- 200 in" in caplog.text
    assert "'X-API-Key': '****'" in caplog.text
    assert "'Set-Cookie': '****'" in caplog.text
    assert "'X-Request-ID': 'r7'" in caplog.text


def test_every_credential_header_is_masked_in_any_case() -> None:
    names = ["Authorization", "PROXY-AUTHORIZATION", "x-api-key", "Cookie", "set-cookie"]
    assert redacted({**dict.fromkeys(names, CANARY), "Accept": "a"}) == {
        **dict.fromkeys(names, "****"),
        "Accept": "a",
    }


@pytest.mark.parametrize(
    "name",
    [
        *("X-Auth-Token", "api-key", "X-Session-Id", "Client-Secret", "X-Passphrase"),
        *("Ocp-Apim-Subscription-Key", "x-functions-key", "Cf-Access-Jwt-Assertion"),
    ],
)
def test_a_credential_is_known_by_the_name_of_its_header(name: str) -> None:
    assert redacted({name: CANARY, "WWW-Authenticate": "Bearer", "Idempotency-Key": "k"}) == {
        name: "****",
        "WWW-Authenticate": "Bearer",
        "Idempotency-Key": "k",
    }


@pytest.mark.parametrize("status", [200, 401, 503])
def test_a_server_that_repeats_the_credential_is_not_repeated(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    body = {
        "type": "urn:resonanceos:problem:" + CANARY,
        "detail": f"{CANARY} is no key",
        "request_id": CANARY,
        "errors": [{"field": CANARY, "message": CANARY}],
        "checks": {CANARY: {"status": CANARY}},
    }
    headers = {"X-Request-ID": CANARY, "X-Debug": f"Bearer {CANARY}"}
    content_type = f"application/{CANARY}" if status == 200 else "application/problem+json"
    with raw_server(replies(body, status, headers, content_type)) as server:
        client = ResonanceOSAPIClient(
            server.url, auth=ApiKeyAuth(CANARY), on_error="raise", retry=RetryPolicy(2, base=0)
        )
        text, error = told(lambda: client.generate_content("x"), caplog)
    assert isinstance(error, ResonanceError)
    assert "****" in text
    assert CANARY not in text


def test_a_client_does_not_travel() -> None:
    with pytest.raises(TypeError, match="a client does not travel"):
        pickle.dumps(ResonanceOSAPIClient(auth=ApiKeyAuth(CANARY)))


@pytest.mark.parametrize(
    "url", ["http://api.example", "http://10.0.0.7:8000", "http://127.evil.com"]
)
def test_credentials_do_not_cross_a_network_unencrypted(url: str) -> None:
    with pytest.raises(InsecureTransportError, match="https, or allow_http=True"):
        ResonanceOSAPIClient(url, auth=ApiKeyAuth(CANARY))
    client = ResonanceOSAPIClient(url, on_error="raise")
    client.session.headers["authorization"] = f"Bearer {CANARY}"  # as the seed's client did it
    with pytest.raises(InsecureTransportError) as raised:
        client.health_check()
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["https://api.example", "http://localhost", "http://127.8.9.1:1", "http://[::1]:8000"]
)
def test_tls_and_this_machine_may_have_them(url: str) -> None:
    ResonanceOSAPIClient(url, auth=ApiKeyAuth(CANARY))
    ResonanceOSAPIClient("http://api.example", auth=ApiKeyAuth(CANARY), allow_http=True)


def test_a_cookie_of_the_servers_own_is_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest: look_up("127.0.0.1", *rest))
    balanced = replies({"status": "healthy"}, headers={"Set-Cookie": "balancer=7"})
    with raw_server(balanced) as server:
        client = ResonanceOSAPIClient(server.url.replace("127.0.0.1", "api.example"))
        for _ in range(2):
            assert client.health_check()["status"] == "healthy"
        assert b"balancer=7" in server.requests[-1]
        client.session.cookies.set("login", CANARY)
        assert client.health_check()["type"] == "insecure-transport"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_nothing_along(status: int) -> None:
    with raw_server(replies({"status": "healthy"})) as elsewhere:
        redirect = replies({}, status, {"Location": f"{elsewhere.url}/health"})
        with raw_server(redirect) as server:
            client = ResonanceOSAPIClient(server.url, auth=ApiKeyAuth(CANARY))
            assert client.health_check()["type"] == "unexpected-redirect"
            assert client.generate_content("x")["type"] == "unexpected-redirect"
    assert elsewhere.requests == []


def test_a_redirect_to_nowhere_is_only_a_redirect() -> None:
    with raw_server(replies({}, 302, {"Location": "http://[/"})) as server:
        for session in (None, requests.Session()):
            client = ResonanceOSAPIClient(server.url, session=session)
            assert client.health_check()["type"] in ("unexpected-redirect", "bad-response")


def test_netrc_is_never_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"default login canary password {CANARY}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for auth, sent in ((None, b""), (ApiKeyAuth("mine"), b"Bearer mine")):
        with raw_server(replies({"status": "healthy"})) as server:
            for session in (None, requests.Session()):
                client = ResonanceOSAPIClient(server.url, auth=auth, session=session)
                assert client.health_check()["status"] == "healthy"
                head = server.requests[-1]
                assert (sent in head) if sent else (b"Authorization" not in head)
                assert b"Basic" not in head
