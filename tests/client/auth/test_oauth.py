"""The OAuth classes and JWTAuth against a real server, with plain requests and with the client."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import socket
import struct
import threading
import time
import traceback
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter

from resonance_helpers import ApiKeyAuth, JWTAuth, ResonanceOSAPIClient, RetryPolicy, Secret
from resonance_helpers.client.auth import (
    HeadlessBrowser,
    OAuth2AuthorizationCode,
    OAuth2ClientCredentials,
)
from resonance_helpers.client.auth.bearer import TokenAuth
from resonance_helpers.client.auth.loopback import Redirect
from resonance_helpers.client.errors import InsecureTransportError, ResonanceError, TokenError
from resonance_helpers.client.transport import Answer
from tests.client.auth.test_token_cache import in_threads
from tests.support.raw_server import raw_server, replies
from tests.support.token_server import CLIENT, LOGIN, SECRET, TokenServer, token_server


def machine(server: TokenServer, **options: Any) -> OAuth2ClientCredentials:
    return OAuth2ClientCredentials(f"{server.url}/token", CLIENT, SECRET, **options)


def person(server: TokenServer, **options: Any) -> OAuth2AuthorizationCode:
    options.setdefault("browser", HeadlessBrowser(*LOGIN, button="Allow"))
    return OAuth2AuthorizationCode(
        f"{server.url}/authorize", f"{server.url}/token", CLIENT, **options
    )


def logged_in(server: TokenServer, **options: Any) -> OAuth2AuthorizationCode:
    auth = person(server, **options)
    auth.log_in()
    return auth


def get(server: TokenServer, auth: Any) -> int:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{server.url}/thing", auth=auth, timeout=10).status_code


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "resonance-token":
            thread.join(10)


# --- the grants ----------------------------------------------------------------------------------


def test_client_credentials(server: TokenServer) -> None:
    auth = machine(server, scope=["generate", "profiles:read"])
    assert [get(server, auth), get(server, auth)] == [200, 200]
    assert server.grants == [
        {"grant_type": "client_credentials", "scope": "generate profiles:read"}
    ]


def test_authorization_code_with_pkce(server: TokenServer) -> None:
    opened: list[str] = []
    headless = HeadlessBrowser(*LOGIN, button="Allow")
    auth = person(server, scope="generate", browser=lambda u: opened.append(u) or headless(u))
    auth.log_in()
    assert get(server, auth) == 200
    query = parse_qs(urlsplit(opened[0]).query)
    assert query["scope"] == ["generate"]
    (form,) = server.grants
    assert len(form["code_verifier"]) == 43
    assert form["code_verifier"] not in opened[0]
    assert form["redirect_uri"].startswith("http://127.0.0.1:")


def test_a_port_that_is_named_can_be_used_again(server: TokenServer) -> None:
    with Redirect("http://127.0.0.1/callback") as redirect:
        uri = redirect.uri
    auth = person(server, redirect_uri=uri)
    for _ in range(2):
        auth.log_in()
        assert server.grants[-1]["redirect_uri"] == uri
    with Redirect(uri), pytest.raises(OSError, match=r"in use|permitted|10048"):
        auth.log_in()


def test_the_person_may_refuse(server: TokenServer) -> None:
    auth = person(server, browser=HeadlessBrowser(*LOGIN, button="Deny"))
    with pytest.raises(TokenError, match="refused: access_denied") as raised:
        auth.log_in()
    assert raised.value.reason == "access_denied"


def test_a_wrong_password_gets_no_further(server: TokenServer) -> None:
    auth = person(server, browser=HeadlessBrowser("ada", "guess", button="Allow"))
    with pytest.raises(TokenError, match="is the password right"):
        auth.log_in()


def test_nobody_comes_back(server: TokenServer) -> None:
    with pytest.raises(TokenError, match=r"within 0\.1 s"):
        person(server, browser=lambda url: True, patience=0.1).log_in()


def test_without_a_log_in_no_browser_opens(server: TokenServer) -> None:
    auth = person(server, browser=lambda url: pytest.fail("opened"))
    with pytest.raises(TokenError, match=r"call log_in\(\) first"):
        get(server, auth)


def test_an_earlier_log_in_goes_on(server: TokenServer) -> None:
    kept: list[Secret] = []
    logged_in(server, keep=kept.append)
    auth = person(server, refresh_token=kept[-1], keep=kept.append)
    assert get(server, auth) == 200
    assert [secret.reveal() for secret in kept] == ["refresh-canary-1", "refresh-canary-2"]


def test_a_token_that_cannot_be_kept_is_told_with_the_systems_reason(server: TokenServer) -> None:
    def keep(secret: Secret) -> None:
        raise OSError(errno.ENOSPC, "canary", "/canary")

    kept: list[Secret] = []
    logged_in(server, keep=kept.append)
    auth = person(server, refresh_token=kept[-1], keep=keep)
    client = ResonanceOSAPIClient(server.url, auth=auth, retry=None)
    told = client.get_tenants().get("message")
    full = os.strerror(errno.ENOSPC)
    assert told == f"The credential for the request could not be had (OSError: {full})."


def test_a_server_that_does_not_rotate_leaves_us_the_token_we_have(server: TokenServer) -> None:
    server.rotates = False
    auth = logged_in(server)
    for _ in range(3):
        server.expire()
        assert get(server, auth) == 200
    assert {form.get("refresh_token") for form in server.grants[1:]} == {"refresh-canary-1"}


# --- one refresh ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.parametrize("expired", ["known", "unknown"])
def test_sixty_four_threads_and_one_rotating_token(
    server: TokenServer, rounds: int, expired: str
) -> None:
    shift = 0.0
    auth = logged_in(server, clock=lambda: time.time() + shift)
    client = ResonanceOSAPIClient(server.url, auth=auth, retry=None)
    server.delay = 0.02
    for number in range(1, rounds + 1):
        server.expire()
        if expired == "known":
            server.ahead = shift = shift + 4000.0
        results = in_threads(64, lambda: client._run(client._get("/thing", Answer, {})))
        assert all(result.get("ok") is True for result in results), results
        assert len(server.grants) == 1 + number  # the log-in's, and one a round
    assert not server.spent & server.refresh
    assert len(server.refresh) == 1


def test_many_hosts_in_one_program_do_not_wait_for_each_other(server: TokenServer) -> None:
    with token_server() as other:
        server.delay = 1.0
        slow = threading.Thread(target=get, args=(server, machine(server)))
        slow.start()
        began = time.monotonic()
        assert get(other, machine(other)) == 200
        assert slow.is_alive() or time.monotonic() - began > 0.5
        slow.join()


def test_expiry_is_survived_before_and_after_it(server: TokenServer) -> None:
    server.life = 100
    auth = machine(server, clock=lambda: time.time() + server.ahead)
    for _ in range(4):
        assert get(server, auth) == 200
        server.ahead += 52
        settle()
    assert [path for _, path, _ in server.seen] == ["/thing"] * 4  # not one 401
    assert 2 <= len(server.grants) <= 4


def test_ctrl_c_ends_the_waiting_and_not_the_renewal(
    server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = logged_in(server)
    auth._tokens.refuse(auth._tokens.token.access)  # type: ignore[union-attr]

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(auth._tokens, "_arrival", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get(server, auth)
    monkeypatch.undo()
    settle()
    assert get(server, auth) == 200
    assert len(server.grants) == 2


# --- 401 -----------------------------------------------------------------------------------------


def make_bodies() -> Iterator[tuple[str, Callable[[], Any], bool]]:
    yield "none", lambda: None, True
    yield "bytes", lambda: b"payload", True
    yield "text", lambda: "payload", True
    yield "file", lambda: io.BytesIO(b"payload"), True
    yield "generator", lambda: iter([b"pay", b"load"]), False


@pytest.mark.parametrize(
    ("body", "resent"), [pytest.param(make, ok, id=name) for name, make, ok in make_bodies()]
)
def test_one_more_attempt_after_a_401_if_the_body_can_be_read_again(
    server: TokenServer, body: Callable[[], Any], resent: bool
) -> None:
    auth = machine(server)
    assert get(server, auth) == 200
    server.expire()
    server.seen.clear()
    response = requests.put(f"{server.url}/thing", data=body(), auth=auth, timeout=10)
    assert response.status_code == (200 if resent else 401)
    payload = b"payload" if body() is not None else b""
    assert [sent for _, _, sent in server.seen] == [payload] * (2 if resent else 1)
    assert [r.status_code for r in response.history] == ([401] if resent else [])
    assert get(server, auth) == 200  # what could not be sent again has made way for the next


def test_the_connection_is_used_again(server: TokenServer) -> None:
    auth = machine(server)
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(3):
            server.expire()
            assert session.get(f"{server.url}/thing", auth=auth, timeout=10).ok
        (pool,) = session.get_adapter(server.url).poolmanager.pools._container.values()
        assert pool.num_connections == 1


def test_a_second_401_is_the_answer(server: TokenServer) -> None:
    auth = machine(server)
    issue = server.issue

    def useless(refresh: bool) -> dict[str, Any]:
        answer = issue(refresh)
        server.valid.clear()
        return answer

    server.issue = useless  # type: ignore[method-assign]
    assert get(server, auth) == 401
    assert len(server.seen) == 2
    answer = ResonanceOSAPIClient(server.url, auth=auth)._get("/thing", Answer, {})
    with pytest.raises(ResonanceError) as raised:
        answer.run()
    assert raised.value.response_code == 401


def test_a_post_keeps_its_idempotency_key(server: TokenServer) -> None:
    keys: list[str | None] = []

    class Spy(OAuth2ClientCredentials):
        def _look(self, access: Secret, response: Any, **options: Any) -> Any:
            answer = super()._look(access, response, **options)
            for one in (response, answer or response):
                keys.append(one.request.headers.get("Idempotency-Key"))
            return answer

    auth = Spy(f"{server.url}/token", CLIENT, SECRET)
    get(server, auth)
    server.expire()
    keys.clear()
    client = ResonanceOSAPIClient(server.url, auth=auth)
    assert client._run(client._post("/thing", Answer, {}, {"a": 1}))["ok"]
    assert len(set(keys)) == 1
    assert keys[0]


def test_another_host_gets_no_token_and_cannot_ask_for_one(server: TokenServer) -> None:
    with token_server() as thief:
        auth = machine(server)
        away = thief.url.replace("127.0.0.1", "localhost")
        response = requests.get(
            f"{server.url}/elsewhere", params={"to": f"{away}/thing"}, auth=auth, timeout=10
        )
        assert response.status_code == 401
        assert len(thief.seen) == 1
        assert len(server.grants) == 1
        assert "Authorization" not in response.request.headers


# --- the clock -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [-7200.0, 7200.0])
def test_a_wrong_clock_on_this_machine_does_no_harm(server: TokenServer, ahead: float) -> None:
    server.ahead = ahead
    token = jwt({"exp": time.time() + ahead + 3600})
    server.valid.add(token)
    asked: list[int] = []
    auth = JWTAuth(lambda: asked.append(1) or token)
    for _ in range(4):
        assert get(server, auth) == 200
    # With a server that is ahead we know from the first answer on how much is left.
    assert len(asked) <= 2
    oauth = machine(server)
    for _ in range(3):
        assert get(server, oauth) == 200
    assert len(server.grants) == 1


# --- JWTAuth -------------------------------------------------------------------------------------


def jwt(claims: dict[str, Any]) -> str:
    def part(content: Any) -> str:
        return urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part(claims)}.c2lnbmF0dXJl"


def test_a_token_as_it_is(server: TokenServer) -> None:
    server.valid.add("plain")
    auth = JWTAuth(Secret("plain"))
    assert get(server, auth) == 200
    server.expire()
    assert get(server, auth) == 401
    assert len(server.seen) == 2  # there is nothing better to send


def test_a_function_is_asked_again_before_the_end(server: TokenServer) -> None:
    shift = 0.0
    made: list[str] = []

    def fetch() -> str:
        made.append(jwt({"exp": time.time() + shift + 600, "n": len(made)}))
        server.valid.add(made[-1])
        return made[-1]

    auth = JWTAuth(fetch, clock=lambda: time.time() + shift)
    assert [get(server, auth), get(server, auth)] == [200, 200]
    assert len(made) == 1
    server.ahead = shift = 595.0
    assert get(server, auth) == 200
    assert len(made) == 2
    server.expire()
    assert get(server, auth) == 200
    assert len(made) == 3


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_key_follows_no_redirect_to_another_host(header: str, host: str) -> None:
    key = b"canary-2063"
    with raw_server(replies({})) as elsewhere, raw_server(replies({})) as server:
        there = f"{elsewhere.url.replace('127.0.0.1', host)}/x"
        server.handlers = [
            replies({}, 302, {"Location": "/y"}),
            replies({}, 302, {"Location": there}),
        ]
        requests.get(server.url, auth=ApiKeyAuth(key.decode(), header), timeout=5)
    assert [key in request for request in server.requests] == [True, True]
    assert [key in request for request in elsewhere.requests] == [False]


def test_a_redirect_to_nowhere_is_only_a_redirect() -> None:
    with raw_server(replies({}, 302, {"Location": "http://[/"})) as server:
        client = ResonanceOSAPIClient(server.url, auth=ApiKeyAuth("canary-2063", "X-API-Key"))
        assert client.health_check()["type"] == "unexpected-redirect"


@pytest.mark.parametrize("bad", ["", "a\nb", 7, None])
def test_what_is_no_token_is_said_at_once(bad: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="secret"):
        JWTAuth(bad)


# --- failures ------------------------------------------------------------------------------------

PROBLEMS: list[tuple[str, Any, str, str | None, bool]] = [
    (
        "wrong secret",
        (401, {}, b'{"error": "invalid_client"}'),
        "invalid_client",
        "invalid_client",
        False,
    ),
    (
        "described",
        (400, {}, b'{"error": "invalid_scope", "error_description": "no x"}'),
        "invalid_scope: no x",
        "invalid_scope",
        False,
    ),
    ("a page", (200, {"Content-Type": "text/html"}, b"<html>"), "did not say why", None, False),
    ("not a dict", (200, {}, b"[]"), "did not say why", None, False),
    ("empty", (500, {}, b""), "did not say why", None, False),
    ("deep", (400, {}, b"[" * 100_000), "did not say why", None, False),
    ("large", (200, {}, b" " * 300_000), "did not say why", None, False),
    ("no token", (200, {}, b'{"token_type": "Bearer"}'), "no usable token", None, False),
    (
        "a strange kind",
        (200, {}, b'{"token_type": "mac", "access_token": "x"}'),
        "no Bearer",
        None,
        False,
    ),
    (
        "an odd token",
        (200, {}, b'{"token_type": "Bearer", "access_token": "a\\nb"}'),
        "no usable",
        None,
        False,
    ),
    ("busy", (503, {"Retry-After": "7"}, b"{}"), "did not say why", None, True),
    (
        "limited",
        (429, {"Retry-After": "3"}, b'{"error": "slow_down"}'),
        "slow_down",
        "slow_down",
        True,
    ),
    (
        "an odd reason",
        (400, {}, b'{"error": "a\\u0000b", "error_description": 7}'),
        "did not say",
        None,
        False,
    ),
    (
        "busy",
        (400, {}, b'{"error": "temporarily_unavailable"}'),
        "temporarily_unavailable",
        "temporarily_unavailable",
        True,
    ),
    (
        "half a success",
        (200, {"Content-Type": "application/json"}, b'{"access_token": "abc'),
        "its JSON is broken, or was cut",
        None,
        True,
    ),
    ("elsewhere", (302, {"Location": "/token"}, b""), "did not say why", None, False),
    ("gone", None, "broke", None, True),
]


@pytest.mark.parametrize(
    ("answer", "message", "reason", "retryable"),
    [pytest.param(*rest, id=name) for name, *rest in PROBLEMS],
)
def test_every_failure_of_the_token_endpoint_is_one_typed_error(
    server: TokenServer, answer: Any, message: str, reason: str | None, retryable: bool
) -> None:
    server.answers = [answer]
    with pytest.raises(TokenError, match=message) as raised:
        get(server, machine(server))
    error = raised.value
    assert (error.reason, error.retryable) == (reason, retryable)
    assert error.category == "authentication"
    assert server.seen == []
    if answer and "Retry-After" in answer[1]:
        assert error.retry_after == float(answer[1]["Retry-After"])


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT"])
def test_a_wait_until_a_date_is_counted_from_now(form: str) -> None:
    until = time.strftime(form, time.gmtime(time.time() + 100))
    with raw_server(replies({}, 503, {"Retry-After": until})) as server:  # it sends no Date
        auth = OAuth2ClientCredentials(server.url, CLIENT, SECRET)
        answer = ResonanceOSAPIClient(server.url, auth=auth, retry=None).get_profiles()
    assert 90 < answer["retry_after"] <= 100


@pytest.mark.parametrize(
    ("failure", "retryable"),
    [(requests.ConnectionError("vault"), True), (FileNotFoundError("/run/token"), False)],
)
def test_a_function_that_can_not_get_its_token_is_no_fault_of_the_api(
    failure: Exception, retryable: bool
) -> None:
    def fetch() -> str:
        raise failure

    answer = ResonanceOSAPIClient(
        "http://127.0.0.1:1", auth=JWTAuth(fetch), retry=None
    ).get_profiles()
    assert (answer["type"], answer["retryable"]) == ("no-token", retryable)
    assert type(failure).__name__ in answer["message"]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"timeout": 0}, ValueError, "timeout is 0"),
        ({"timeout": None}, TypeError, "timeout is a NoneType"),
        ({"client_id": None}, TypeError, "client_id is a NoneType"),
        ({"session": "s"}, TypeError, "session is a str"),
        ({"scope": 5}, TypeError, "scope is a int"),
    ],
)
def test_what_could_not_buy_a_token_is_told_at_once(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    given = {"client_id": CLIENT, "client_secret": SECRET, **options}
    with pytest.raises(kind, match=message):
        OAuth2ClientCredentials("http://localhost/token", **given)


def test_nobody_listens() -> None:
    auth = OAuth2ClientCredentials("http://127.0.0.1:1/token", CLIENT, SECRET)
    answer = ResonanceOSAPIClient("http://127.0.0.1:1", auth=auth, retry=None).get_profiles()
    assert answer["type"] == "no-token"
    assert "is the server up?" in answer["message"]


def test_the_clients_policy_tries_again(server: TokenServer) -> None:
    server.answers = [(503, {}, b""), (503, {"Retry-After": "0"}, b"")]
    client = ResonanceOSAPIClient(server.url, auth=machine(server), retry=RetryPolicy(base=0.001))
    answer = client._get("/thing", Answer, {}).run()
    assert answer.attempts == 3
    server.answers = [(400, {}, b'{"error": "invalid_client"}')]
    client = ResonanceOSAPIClient(server.url, auth=machine(server))
    assert client.get_profiles()["attempts"] == 1


def test_a_deadline_bounds_the_wait_for_a_token(server: TokenServer) -> None:
    server.delay = 1.5
    client = ResonanceOSAPIClient(server.url, auth=machine(server), deadline=0.2)
    began = time.monotonic()
    assert client.get_profiles()["type"] == "no-token"
    assert time.monotonic() - began < 1.4
    settle()


def test_the_end_of_a_log_in_is_told_once_and_asked_once(server: TokenServer) -> None:
    auth = logged_in(server)
    server.expire()
    server.refresh.clear()
    with pytest.raises(TokenError, match=r"call log_in\(\) again") as raised:
        get(server, auth)
    assert raised.value.reason == "invalid_grant"
    for _ in range(3):
        with pytest.raises(TokenError, match=r"call log_in\(\)"):
            get(server, auth)
    assert len(server.grants) == 2
    auth.log_in()
    assert get(server, auth) == 200


def test_the_end_is_told_once_also_to_who_was_renewing_early(server: TokenServer) -> None:
    shift = 0.0
    auth = logged_in(server, clock=lambda: time.time() + shift)
    server.expire()
    server.refresh.clear()
    server.delay = 0.2
    server.ahead = shift = 3600 - 30  # ageing: sent as it is, refused, and the renewal fails
    for _ in range(3):
        with pytest.raises(TokenError, match=r"call log_in\(\)"):
            get(server, auth)
    assert len(server.grants) == 2


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://auth.example.com/token", InsecureTransportError),
        ("ftp://localhost/token", ValueError),
        ("localhost/token", ValueError),
        ("https://me:pass@auth.example.com/token", ValueError),
        (b"https://auth.example.com/token", TypeError),
        ("https://a b/token", ValueError),
        ("https://auth.example.com:port/token", ValueError),
    ],
)
def test_secrets_go_to_no_unsafe_address(url: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="token_url"):
        OAuth2ClientCredentials(url, CLIENT, SECRET)


# --- the way back from the browser ---------------------------------------------------------------


@pytest.mark.parametrize(
    "uri", ["https://127.0.0.1/x", "http://example.com/x", "http://127.0.0.1/x?a=b", "urn:x", ""]
)
def test_the_way_back_is_on_this_machine(uri: str) -> None:
    with pytest.raises(ValueError, match="redirect_uri"):
        Redirect(uri)


def test_a_strangers_answer_neither_counts_nor_ends_the_log_in() -> None:
    with Redirect("http://127.0.0.1/callback") as redirect:
        state = redirect.state.reveal()

        def come(query: str, path: str = "/callback") -> int:
            url = f"{redirect.uri.removesuffix('/callback')}{path}?{query}"
            return requests.get(url, timeout=5).status_code

        assert come("state=guess&code=evil") == 400
        assert come("code=evil") == 400
        assert come(f"state={state}&state={state}&code=evil") == 400
        assert come(f"state={state}&code=evil&error=x") == 400
        assert come(f"state={state}") == 400
        assert come("", "/favicon.ico") == 404
        assert come(f"state={state}&code=good") == 200
        assert come(f"state={state}&code=evil") == 400  # once
        assert redirect.wait(1).reveal() == "good"


def test_whatever_comes_back_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    with Redirect("http://127.0.0.1/callback") as redirect:
        address = ("127.0.0.1", urlsplit(redirect.uri).port)
        for said in (b"GET http://[::1/ HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"GET /callback"):
            with socket.create_connection(address, timeout=10) as browser:
                browser.sendall(said)
                if said.endswith(b"\n"):
                    assert b" 400 " in browser.recv(65_536).split(b"\r\n")[0]
                browser.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert requests.get(f"{redirect.uri}?state=guess", timeout=10).status_code == 400
    assert capfd.readouterr() == ("", "")


# --- secrets -------------------------------------------------------------------------------------

CANARY = "canary"


def assert_clean(*texts: object) -> None:
    for text in texts:
        assert CANARY not in str(text)
        assert SECRET not in str(text)


def assert_clean_error(error: ResonanceError) -> None:
    """Neither the error nor the variables of any frame that it leads to hold a secret."""
    assert_clean(error, repr(error), error.as_dict(), vars(error))
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    # The test's own frames hold the secrets; the package's must not.
    frames = [frame for frame in told.stack if "/resonance_helpers/" in frame.filename]
    assert frames
    assert_clean(*[frame.locals for frame in frames], *told.format_exception_only())
    assert error.__cause__ is None
    assert error.__context__ is None


def test_no_credential_shows(
    server: TokenServer, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG, "resonance_helpers")
    auths: list[TokenAuth] = [
        machine(server),
        logged_in(server),
        JWTAuth("plain-canary"),
        JWTAuth(lambda: "plain-canary"),
    ]
    for auth in auths:
        server.valid.add("plain-canary")
        client = ResonanceOSAPIClient(server.url, auth=auth, retry=None)
        assert client._run(client._get("/thing", Answer, {}))["ok"]
        assert_clean(repr(auth), str(auth), f"{auth}", repr(auth._tokens.token), repr(client))
        assert_clean(repr(getattr(auth, "token", None)), repr(getattr(auth, "_endpoint", None)))
        # A server that repeats what it was sent, and one that is gone.
        sent = SECRET if isinstance(auth, OAuth2ClientCredentials) else "ECHO"
        said = {"error": f"bad {sent}", "error_description": f"{sent} or ECHO is bad"}
        server.answers = [(400, {}, json.dumps(said).encode())] * 2
        server.expire()
        for failure in (client._get("/thing", Answer, {}), client._get("/thing", Answer, {})):
            with pytest.raises(ResonanceError) as raised:
                failure.run()
            assert_clean_error(raised.value)
        server.answers = []
        for escape in (pickle_of, deepcopy_of):
            with pytest.raises(TypeError) as refused:
                escape(auth)
            assert_clean(refused.value)
    assert_clean(caplog.text, *[vars(record) for record in caplog.records], *capsys.readouterr())


def test_a_failed_log_in_shows_nothing(server: TokenServer) -> None:
    auth = person(server, browser=HeadlessBrowser("ada", "guess-canary", button="Allow"))
    with pytest.raises(TokenError) as raised:
        auth.log_in()
    assert_clean_error(raised.value)


def pickle_of(value: object) -> None:
    import pickle

    pickle.dumps(value)


def deepcopy_of(value: object) -> None:
    import copy

    copy.deepcopy(value)


@pytest.mark.parametrize("status", [200, 201])
def test_a_success_may_say_that_there_is_no_error(status: int) -> None:
    token = {"access_token": "abcdefgh", "token_type": "Bearer", "error": None}
    with raw_server(replies(token, status), replies({"profiles": []})) as server:
        auth = OAuth2ClientCredentials(server.url, CLIENT, SECRET)
        client = ResonanceOSAPIClient(server.url, auth=auth, retry=None)
        assert client.get_profiles() == {"profiles": []}
        assert b"Authorization: Bearer abcdefgh\r\n" in server.requests[1]


def test_what_a_hook_raises_for_leaves_the_reason() -> None:
    with raw_server(replies({"error": "invalid_client"}, 401)) as server:
        session = requests.Session()
        session.hooks["response"].append(lambda answer, **_: answer.raise_for_status())
        auth = OAuth2ClientCredentials(server.url, CLIENT, SECRET, session=session)
        answer = ResonanceOSAPIClient(server.url, auth=auth, retry=None).get_profiles()
        session.close()
    assert isinstance(answer.error, TokenError)
    assert answer.error.reason == "invalid_client"


def test_a_refresh_token_that_is_empty_is_none(server: TokenServer) -> None:
    said = {**server.issue(False), "refresh_token": ""}
    server.answers = [(200, {}, json.dumps(said).encode())]
    auth = machine(server)
    get(server, auth)
    assert auth.token is not None
    assert auth.token.refresh is None


def test_a_mistake_in_a_hook_of_the_session_is_shown_without_the_secret(
    server: TokenServer,
) -> None:
    def hook(response: requests.Response, **_: Any) -> None:
        response.close()
        first = KeyError("first")
        first.__context__ = mistake = LookupError("a mistake")
        mistake.__cause__ = first  # a circle
        raise mistake

    session = requests.Session()
    session.hooks["response"].append(hook)
    with session, pytest.raises(LookupError) as raised:
        get(server, machine(server, session=session))
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    text = "".join(shown.format())
    assert "in hook" in text
    assert "Basic " not in text
    assert_clean(text)


@pytest.mark.parametrize("grant", [True, False], ids=["token", "key"])
def test_a_mistake_below_the_libraries_is_shown_without_the_secret(grant: bool) -> None:
    """As a connection of a recorder's raises it, and runs out of stack anywhere."""

    class Broken(urllib3.connection.HTTPConnection):
        def connect(self) -> None:
            raise LookupError("a mistake")

    class Pool(urllib3.HTTPConnectionPool):
        ConnectionCls = Broken

    session, url = requests.Session(), "http://127.0.0.1:9"
    adapter = HTTPAdapter()
    adapter.poolmanager.pool_classes_by_scheme = {"http": Pool}
    session.mount("http://", adapter)
    token = OAuth2ClientCredentials(f"{url}/token", CLIENT, SECRET, session=session)
    auth = token if grant else ApiKeyAuth(SECRET)
    with session, pytest.raises(LookupError) as raised:
        ResonanceOSAPIClient(url, auth=auth, session=session).get_tenants()
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    ours = [frame for frame in shown.stack if frame.filename != __file__]
    assert "in connect" in "".join(shown.format())
    assert "Basic " not in str([frame.locals for frame in ours])
    assert_clean(*[frame.locals for frame in ours])
