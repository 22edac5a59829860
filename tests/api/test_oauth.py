"""The authorization server, parameter by parameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from resonance_sandbox import Sandbox, start
from resonance_sandbox.oauth.forms import LARGEST, LONGEST

from .conftest import API, UNLIMITED, slug
from .oauth_flow import REDIRECT, Browser, hidden, oauth_error, post, returned, service_token

USUAL = "generate profiles:read profiles:write metrics:read webhooks sandbox"


@pytest.fixture
def browser(server: Sandbox) -> Browser:
    return Browser(server)


def bearer(server: Sandbox, token: str) -> API:
    api = API(server)
    api.session.headers["Authorization"] = f"Bearer {token}"
    return api


# Client credentials


def test_a_service_gets_a_token_by_either_way_of_saying_who_it_is(server: Sandbox) -> None:
    held = server.credentials["acme_corp"]
    by_form = post(
        f"{server.url}/oauth/token",
        {
            "grant_type": "client_credentials",
            "client_id": held["client_id"],
            "client_secret": held["client_secret"],
        },
    )
    for answer in (service_token(server), by_form):
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        body = answer.json()
        assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
        assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 900, USUAL)
        caller = bearer(server, body["access_token"])
        assert caller.generate().json()["tenant"] == "acme_corp"


def test_a_narrower_scope_holds(server: Sandbox) -> None:
    answer = service_token(server, scope="profiles:read")
    assert answer.json()["scope"] == "profiles:read"
    caller = bearer(server, answer.json()["access_token"])
    assert caller("GET", "/profiles").status_code == 200
    refused = caller.generate()
    assert (refused.status_code, slug(refused)) == (403, "insufficient-scope")
    assert 'scope="generate"' in refused.headers["WWW-Authenticate"]


def test_a_narrower_token_is_not_told_what_a_wider_one_did(server: Sandbox, acme: API) -> None:
    answers = []
    for scope in ("profiles:write", "generate", "profiles:write"):
        token = service_token(server, scope=scope).json()["access_token"]
        answers.append(bearer(server, token).create("wide", "acme_corp", Idempotency_Key="one"))
    assert [answer.status_code for answer in answers] == [201, 403, 201]
    assert slug(answers[1]) == "insufficient-scope"
    assert answers[2].headers["Idempotency-Replayed"] == "true"


def test_a_scope_that_is_asked_for_again_and_again_is_one(server: Sandbox) -> None:
    """A token that named it each time was too long to be taken."""
    answer = service_token(server, scope="profiles:read generate " * 300)
    assert answer.json()["scope"] == "profiles:read generate"
    caller = bearer(server, answer.json()["access_token"])
    assert caller.generate().status_code == 200


@pytest.mark.parametrize("scope", ["admin", "generate admin", "nothing", "generate\x00"])
def test_a_scope_that_is_not_the_clients_is_refused(server: Sandbox, scope: str) -> None:
    answer = service_token(server, scope=scope)
    assert answer.status_code == 400
    assert oauth_error(answer) in ("invalid_scope", "invalid_request")


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        ({"grant_type": "client_credentials", "client_id": "none"}, 401, "invalid_client"),
        (
            {"grant_type": "client_credentials", "client_id": "acme_corp-service"},
            401,
            "invalid_client",
        ),
        (
            {
                "grant_type": "client_credentials",
                "client_id": "acme_corp-service",
                "client_secret": "guess",
            },
            401,
            "invalid_client",
        ),
        ({"grant_type": "client_credentials", "client_id": "acme_corp-app"}, 401, "invalid_client"),
        (
            {"grant_type": "refresh_token", "client_id": "acme_corp-app"},
            400,
            "invalid_request",
        ),
        (
            {"grant_type": "refresh_token", "client_id": "acme_corp-app", "refresh_token": "x"},
            400,
            "invalid_grant",
        ),
        (
            {"grant_type": "authorization_code", "client_id": "acme_corp-app", "code": "x"},
            400,
            "invalid_grant",
        ),
        (
            {
                "grant_type": "authorization_code",
                "client_id": "acme_corp-app",
                "client_secret": "x",
                "code": "x",
            },
            401,
            "invalid_client",
        ),
        ([("grant_type", "password"), ("grant_type", "password")], 400, "invalid_request"),
        ("grant_type=%ff", 400, "invalid_request"),
        ("grant_type=" + "x" * 9000, 400, "invalid_request"),
        ("&".join(f"a{n}=1" for n in range(200)), 400, "invalid_request"),
        (b"\xff\xfe", 400, "invalid_request"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_is_wrong_is_said_in_the_words_of_rfc_6749(
    server: Sandbox, form: Any, status: int, error: str
) -> None:
    answer = post(
        f"{server.url}/oauth/token",
        form,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status_code, oauth_error(answer)) == (status, error)
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_a_service_may_use_no_other_grant(server: Sandbox) -> None:
    held = server.credentials["acme_corp"]
    for grant in ("authorization_code", "refresh_token"):
        form = {"grant_type": grant, "code": "x", "refresh_token": "x", "redirect_uri": REDIRECT}
        answer = post(
            f"{server.url}/oauth/token", form, auth=(held["client_id"], held["client_secret"])
        )
        assert (answer.status_code, oauth_error(answer)) == (400, "unauthorized_client")


@pytest.mark.parametrize(
    "authorization", ["Bearer x", "Basic", "Basic !", "Basic eA==", "Basic /w==", "Digest x"]
)
def test_a_bad_authorization_header_is_an_unknown_client(
    server: Sandbox, authorization: str
) -> None:
    form = {"grant_type": "client_credentials"}
    url = f"{server.url}/oauth/token"
    answer = post(url, form, headers={"Authorization": authorization})
    assert (answer.status_code, oauth_error(answer)) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_client_says_once_who_it_is(server: Sandbox) -> None:
    held = server.credentials["acme_corp"]
    form = {"grant_type": "client_credentials", "client_secret": held["client_secret"]}
    pair = (held["client_id"], held["client_secret"])
    answer = post(f"{server.url}/oauth/token", form, auth=pair)
    assert (answer.status_code, oauth_error(answer)) == (400, "invalid_request")


def test_forms_alone_are_read_and_nothing_from_the_url(server: Sandbox) -> None:
    url = f"{server.url}/oauth/token"
    as_json = API(server)("POST", "/oauth/token", {"grant_type": "client_credentials"})
    assert (as_json.status_code, oauth_error(as_json)) == (400, "invalid_request")
    form = {"grant_type": "client_credentials"}
    in_url = post(url + "?client_id=acme_corp-service", form)
    assert (in_url.status_code, oauth_error(in_url)) == (400, "invalid_request")


def test_a_form_is_bounded_before_it_is_taken_apart(server: Sandbox) -> None:
    for path in ("token", "revoke", "sign_in", "consent"):
        answer = requests.post(
            f"{server.url}/oauth/{path}",
            data=b"other=" + b"%" * LARGEST,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=30,
        )
        assert answer.status_code == 400
        assert "The parameters have more than" in answer.text


def test_errors_of_the_house_have_their_form_too(server: Sandbox) -> None:
    api = API(server)
    for method, path, status in (
        ("GET", "/oauth/token", 405),
        ("GET", "/oauth/nothing", 404),
    ):
        answer = api(method, path)
        assert (answer.status_code, oauth_error(answer)) == (status, "invalid_request")
    foreign = api("POST", "/oauth/token", raw=b"", Origin="http://evil.example")
    assert (foreign.status_code, oauth_error(foreign)) == (403, "invalid_request")
    large = api("POST", "/oauth/token", raw=b"a" * (1 << 20) + b"b")
    assert (large.status_code, oauth_error(large)) == (413, "invalid_request")


def test_too_many_are_told_when_to_come_again() -> None:
    with start(rate_limit=100, burst=3) as server:
        answers = [service_token(server) for _ in range(6)]
        limited = [answer for answer in answers if answer.status_code == 429]
        assert limited
        assert oauth_error(limited[0]) == "temporarily_unavailable"
        assert limited[0].headers["Retry-After"] == "1"
        api = API(server, "acme_corp")
        assert api.generate().status_code == 200, "the token endpoint has limits of its own"


# Authorization code


def test_a_user_allows_an_app(server: Sandbox, browser: Browser) -> None:
    back = browser.consented()
    assert back.keys() == {"code", "state", "iss"}
    assert back["state"] == "s t&ate"
    assert back["iss"] == server.url
    answer = browser.exchange(back["code"])
    assert answer.status_code == 200
    body = answer.json()
    assert body["scope"] == "generate profiles:read"
    caller = bearer(server, body["access_token"])
    assert caller.generate().json()["tenant"] == "acme_corp"
    assert slug(caller.create("x", "acme_corp")) == "insufficient-scope"


def test_a_state_is_long_for_the_first_page_or_for_none(browser: Browser) -> None:
    room = LONGEST - len(urlencode(browser.query(state="%")))
    longest = browser.query(state="%" * (1 + room // 3) + "a" * (room % 3))
    back = returned(browser.submit(browser.sign_in(browser.ask(longest)), decision="allow"))
    assert back["state"] == longest["state"]
    refused = browser.ask({**longest, "state": longest["state"] + "a"})
    assert refused.status_code == 400
    assert "shorter state" in refused.text


def test_a_user_denies_an_app(browser: Browser) -> None:
    for decision in ("deny", "", "Allow"):
        page = browser.ask()
        page = browser.sign_in(page) if "Password" in page.text else page
        back = returned(browser.submit(page, decision=decision))
        assert back["error"] == "access_denied"
        assert back["state"] == "s t&ate"
        assert "code" not in back


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": None},
        {"client_id": "nobody"},
        {"client_id": "acme_corp-service"},
        {"client_id": "acme_corp-user"},
        {"redirect_uri": None},
        {"redirect_uri": "http://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1.evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:1@evil.example/callback"},
        {"redirect_uri": "http://evil.example@127.0.0.1/callback"},
        {"redirect_uri": "https://127.0.0.1:5/callback"},
        {"redirect_uri": "http://127.0.0.1:5/callback/more"},
        {"redirect_uri": "http://127.0.0.1:5/callback?a=b"},
        {"redirect_uri": "http://127.0.0.1:5/callback#a"},
        {"redirect_uri": "http://127.0.0.1:5/Callback"},
        {"redirect_uri": "http://127.0.0.1:5/../callback"},
        {"redirect_uri": "http://127.0.0.1:0/callback"},
        {"redirect_uri": "http://127.0.0.1:\u0665/callback"},
        {"redirect_uri": "http://localhost:5/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "//127.0.0.1/callback"},
        {"redirect_uri": "x"},
    ],
    ids=str,
)
def test_nobody_is_sent_to_where_no_app_is_known_to_be(
    browser: Browser, changes: dict[str, str | None]
) -> None:
    answer = browser.ask(browser.query(**changes))
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"].startswith("text/html")
    assert 'role="alert"' in answer.text
    assert "evil" not in answer.text


@pytest.mark.parametrize("uri", ["http://127.0.0.1/callback", "http://127.0.0.1:65535/callback"])
def test_any_port_of_loopback_will_do(browser: Browser, uri: str) -> None:
    assert browser.ask(browser.query(redirect_uri=uri)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unauthorized_client"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "\u00e9" * 43}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"scope": "generate nothing"}, "invalid_scope"),
    ],
    ids=str,
)
def test_what_else_is_wrong_is_told_to_the_app(
    server: Sandbox, browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    back = returned(browser.ask(browser.query(**changes)))
    assert back["error"] == error
    assert back["state"] == "s t&ate"
    assert back["iss"] == server.url


def test_a_parameter_stands_once(browser: Browser) -> None:
    twice = [*browser.query().items(), ("state", "other")]
    assert browser.ask(twice).status_code == 400


@pytest.mark.stored
def test_a_code_is_for_one_use_and_a_second_takes_all_back(
    server: Sandbox, browser: Browser
) -> None:
    code = browser.consented()["code"]
    first = browser.exchange(code).json()
    caller = bearer(server, first["access_token"])
    assert caller("GET", "/profiles").status_code == 200
    again = browser.exchange(code)
    assert (again.status_code, oauth_error(again)) == (400, "invalid_grant")
    assert caller("GET", "/profiles").status_code == 401
    assert oauth_error(browser.refresh(first["refresh_token"])) == "invalid_grant"


def test_a_code_is_bound_to_verifier_redirect_and_client(browser: Browser) -> None:
    code = browser.consented()["code"]
    for changes in (
        {"code_verifier": "x" * 43},
        {"code_verifier": "short"},
        {"code_verifier": "\u00e9" * 43},
        {"redirect_uri": "http://127.0.0.1:1/callback"},
        {"client_id": "globex-app"},
    ):
        answer = browser.exchange(code, **changes)
        assert (answer.status_code, oauth_error(answer)) == (400, "invalid_grant"), changes
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    assert oauth_error(browser.token(**form)) == "invalid_request"
    assert browser.exchange(code).status_code == 200


# The pages


def test_pages_keep_to_themselves(browser: Browser) -> None:
    page = browser.ask()
    consent = browser.sign_in(page)
    for shown in (page, consent):
        policy = shown.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert shown.headers["X-Frame-Options"] == "DENY"
        assert shown.headers["Cache-Control"] == "no-store"
        assert '<html lang="en">' in shown.text
        assert "<script" not in shown.text
    assert '<label for="username">Username</label>' in page.text
    assert '<label for="password">Password</label>' in page.text
    assert (
        "form-action 'self' http://127.0.0.1:54321;" in consent.headers["Content-Security-Policy"]
    )
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/oauth" in cookie


def test_signing_in_changes_the_browsers_name(browser: Browser) -> None:
    page = browser.ask()
    before = dict(browser.session.cookies)
    browser.sign_in(page)
    after = dict(browser.session.cookies)
    assert before.keys() == after.keys()
    assert before != after


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "wrong"},
        {"password": ""},
        {"username": "nobody"},
        {"username": "globex-user"},
        {"username": "acme_corp-service"},
        {"username": "<script>alert(1)</script>"},
    ],
    ids=str,
)
def test_a_wrong_username_and_a_wrong_password_look_the_same(
    browser: Browser, wrong: dict[str, str]
) -> None:
    held = {"username": browser.held["username"], "password": browser.held["password"]}
    answer = browser.submit(browser.ask(), **{**held, **wrong})
    assert answer.status_code == 403
    assert "Username or password is wrong." in answer.text
    assert "alert(1)" not in answer.text


def test_a_user_of_another_tenant_cannot_use_this_ones_app(server: Sandbox) -> None:
    stranger = Browser(server, "globex")
    asked = stranger.query(client_id="acme_corp-app")
    page = stranger.ask(asked)
    answer = stranger.submit(
        page, username=stranger.held["username"], password=stranger.held["password"]
    )
    assert answer.status_code == 403
    stranger.sign_in(stranger.ask())
    assert "Password" in stranger.ask(asked).text, "signed in elsewhere is not signed in here"


@pytest.mark.parametrize("token", ["", "0" * 64, "\u00e9", None])
def test_a_form_that_we_did_not_give_is_refused(browser: Browser, token: str | None) -> None:
    page = browser.ask()
    password = {"username": browser.held["username"], "password": browser.held["password"]}
    forged = {} if token is None else {"csrf": token}
    request = {"request": "response_type=code"} if token is None else {}
    assert browser.submit(page, **password, **forged, **request).status_code == 403
    consent = browser.sign_in(page)
    answer = browser.submit(consent, decision="allow", **forged, **request)
    assert answer.status_code == 403
    assert "Location" not in answer.headers


def test_one_browsers_form_is_worth_nothing_in_another(server: Sandbox, browser: Browser) -> None:
    consent = browser.sign_in(browser.ask())
    other = Browser(server)
    other.sign_in(other.ask())
    answer = other.submit(consent, decision="allow")
    assert answer.status_code == 403
    assert hidden(consent.text)["csrf"]


def test_what_was_shown_is_what_is_allowed(browser: Browser) -> None:
    """The form's token is bound to the request of the app, its scopes included."""
    consent = browser.sign_in(browser.ask())
    wider = hidden(consent.text)["request"].replace("generate+profiles%3Aread", "webhooks")
    assert wider != hidden(consent.text)["request"]
    assert browser.submit(consent, decision="allow", request=wider).status_code == 403


# Refresh tokens


def test_a_refresh_token_rotates(server: Sandbox, browser: Browser) -> None:
    first = browser.tokens()
    second = browser.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["access_token"] != first["access_token"]
    assert second["scope"] == first["scope"]
    third = browser.refresh(second["refresh_token"])
    assert third.status_code == 200
    assert bearer(server, third.json()["access_token"])("GET", "/profiles").status_code == 200


def test_a_lost_answer_is_had_again_for_a_short_while(browser: Browser) -> None:
    first = browser.tokens()
    lost = browser.refresh(first["refresh_token"])
    again = browser.refresh(first["refresh_token"])
    assert (again.status_code, again.content) == (200, lost.content)
    assert browser.refresh(again.json()["refresh_token"]).status_code == 200


@pytest.mark.stored
def test_reuse_after_the_successor_was_used_takes_the_family_back(
    server: Sandbox, browser: Browser
) -> None:
    first = browser.tokens()
    second = browser.refresh(first["refresh_token"]).json()
    third = browser.refresh(second["refresh_token"]).json()
    other = Browser(server).tokens()
    stolen = browser.refresh(first["refresh_token"])
    assert (stolen.status_code, oauth_error(stolen)) == (400, "invalid_grant")
    for token in (second, third):
        assert oauth_error(browser.refresh(token["refresh_token"])) == "invalid_grant"
        assert bearer(server, token["access_token"])("GET", "/profiles").status_code == 401
    assert bearer(server, other["access_token"])("GET", "/profiles").status_code == 200
    assert browser.refresh(other["refresh_token"]).status_code == 200


def test_a_refresh_may_ask_for_less_and_get_it_back(browser: Browser) -> None:
    first = browser.tokens()
    narrow = browser.refresh(first["refresh_token"], scope="generate").json()
    assert narrow["scope"] == "generate"
    wide = browser.refresh(narrow["refresh_token"])
    assert wide.json()["scope"] == first["scope"]
    more = browser.refresh(wide.json()["refresh_token"], scope="generate webhooks")
    assert (more.status_code, oauth_error(more)) == (400, "invalid_scope")
    assert browser.refresh(wide.json()["refresh_token"]).status_code == 200, "it was not used up"


def test_a_refresh_token_is_its_clients_alone(server: Sandbox, browser: Browser) -> None:
    first = browser.tokens()
    stranger = browser.refresh(first["refresh_token"], client_id="globex-app")
    assert (stranger.status_code, oauth_error(stranger)) == (400, "invalid_grant")
    assert browser.refresh(first["refresh_token"]).status_code == 200


def test_threads_that_refresh_at_once_get_one_answer(browser: Browser) -> None:
    token = browser.tokens()["refresh_token"]
    for _ in range(5):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(browser.refresh, [token] * 8))
        assert Counter(answer.status_code for answer in answers) == {200: 8}
        assert len({answer.content for answer in answers}) == 1
        token = answers[0].json()["refresh_token"]


# Revocation


def test_revoking_a_refresh_token_takes_the_family_back(server: Sandbox, browser: Browser) -> None:
    tokens = browser.tokens()
    form = {"token": tokens["refresh_token"], "client_id": browser.held["app_client_id"]}
    for hint in ({}, {"token_type_hint": "access_token"}, {"token_type_hint": "other"}):
        answer = post(f"{server.url}/oauth/revoke", {**form, **hint})
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Cache-Control"] == "no-store"
    assert oauth_error(browser.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert bearer(server, tokens["access_token"])("GET", "/profiles").status_code == 401


def test_revoking_an_access_token_ends_it_alone(server: Sandbox) -> None:
    held = server.credentials["acme_corp"]
    one, two = (service_token(server).json()["access_token"] for _ in range(2))
    pair = (held["client_id"], held["client_secret"])
    assert post(f"{server.url}/oauth/revoke", {"token": one}, auth=pair).status_code == 200
    refused = bearer(server, one)("GET", "/profiles")
    assert (refused.status_code, slug(refused)) == (401, "invalid-credentials")
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert bearer(server, two)("GET", "/profiles").status_code == 200


def test_nobody_revokes_what_is_anothers(server: Sandbox, browser: Browser) -> None:
    tokens = browser.tokens()
    theirs = server.credentials["globex"]
    for token in (tokens["access_token"], tokens["refresh_token"], "unknown"):
        for form, pair in (
            ({"client_id": theirs["app_client_id"]}, None),
            ({}, (theirs["client_id"], theirs["client_secret"])),
        ):
            answer = post(f"{server.url}/oauth/revoke", {"token": token, **form}, auth=pair)
            assert (answer.status_code, answer.content) == (200, b"")
    assert bearer(server, tokens["access_token"])("GET", "/profiles").status_code == 200
    assert browser.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"token": "x"}, 401, "invalid_client"),
        ({"token": "x", "client_id": "acme_corp-service"}, 401, "invalid_client"),
        ({"client_id": "acme_corp-app"}, 400, "invalid_request"),
    ],
    ids=str,
)
def test_a_revocation_that_is_wrong(
    server: Sandbox, form: dict[str, str], status: int, error: str
) -> None:
    answer = post(f"{server.url}/oauth/revoke", form)
    assert (answer.status_code, oauth_error(answer)) == (status, error)


# Metadata, time and restarts


def test_metadata_names_this_server_and_what_it_does(server: Sandbox) -> None:
    api = API(server)
    told = api("GET", "/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == server.url
    for name in ("authorization", "token", "revocation"):
        assert told[f"{name}_endpoint"].startswith(f"{server.url}/oauth/")
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "admin" not in told["scopes_supported"]
    keys = api("GET", told["jwks_uri"].removeprefix(server.url)).json()["keys"]
    assert [key["alg"] for key in keys] == ["RS256"]
    assert not {"d", "p", "q"} & keys[0].keys()


@pytest.fixture(scope="module")
def hasty() -> Iterator[Sandbox]:
    with start(auth="required", rate_limit=UNLIMITED, burst=UNLIMITED) as server:
        yield server


def test_an_access_token_ends_and_is_said_to_have(hasty: Sandbox) -> None:
    answer = service_token(hasty).json()
    assert answer["expires_in"] == 900
    caller = bearer(hasty, answer["access_token"])
    assert caller("GET", "/profiles").status_code == 200
    hasty.clock.advance(seconds=901)
    refused = caller("GET", "/profiles")
    assert (refused.status_code, slug(refused)) == (401, "invalid-credentials")
    assert "expired" in refused.json()["detail"]
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_where_credentials_are_required_the_way_to_them_is_open(hasty: Sandbox) -> None:
    anonymous = API(hasty)
    assert anonymous("GET", "/.well-known/oauth-authorization-server").status_code == 200
    assert anonymous("GET", "/.well-known/jwks.json").status_code == 200
    assert anonymous("GET", "/profiles").status_code == 401
    assert Browser(hasty).tokens()["access_token"]
    assert anonymous("GET", "/.well-known-not").status_code == 401


@pytest.mark.stored
def test_after_a_restart_secrets_hold_and_access_tokens_do_not(database: str) -> None:
    with start(database=database) as server:
        browser = Browser(server)
        tokens = browser.tokens()
        old = dict(server.credentials["acme_corp"])
    with start(database=database) as server:
        assert bearer(server, tokens["access_token"])("GET", "/profiles").status_code == 401
        browser.server = server
        renewed = browser.refresh(tokens["refresh_token"])
        assert renewed.status_code == 200
        fresh = bearer(server, renewed.json()["access_token"])
        assert fresh("GET", "/profiles").status_code == 200
        form = {"grant_type": "client_credentials"}
        for held in (old, server.credentials["acme_corp"]):
            pair = (held["client_id"], held["client_secret"])
            assert post(f"{server.url}/oauth/token", form, auth=pair).status_code == 200
