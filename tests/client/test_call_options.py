"""The keywords of a call: they say how it is made, and are never part of what it asks for."""

from __future__ import annotations

import inspect
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

import resonance_sandbox as sandbox
from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client import errors, types
from resonance_helpers.client.calls.base import OPTIONS
from resonance_helpers.client.transport import NO_RETRIES
from tests.support.raw_server import RawServer, raw_server, replies, stalls

ARTICLE = {"article": "An article.", "hrv_feedback": 0.9}
SESSIONS: list[Callable[[], requests.Session | None]] = [lambda: None, requests.Session]
"""With the client's own session an ordinary exchange takes the fast path, with another it can't."""

VECTOR = [0.5] * 8
POSTS: dict[str, Callable[..., Any]] = {
    "generate_content": lambda api, **call: api.generate_content("x", **call),
    "measure_text": lambda api, **call: api.measure_text("x", **call),
    "create_tenant": lambda api, **call: api.create_tenant("new", **call),
    "create_profile": lambda api, **call: api.create_profile("acme_corp", "p", VECTOR, **call),
    "update_profile": lambda api, **call: api.update_profile("acme_corp", "own", VECTOR, **call),
    "delete_profile": lambda api, **call: api.delete_profile("acme_corp", "own", **call),
    "create_api_key": lambda api, **call: api.create_api_key(["generate"], "acme_corp", **call),
    "rotate_api_key": lambda api, **call: api.rotate_api_key(api.key, **call),
    "delete_api_key": lambda api, **call: api.delete_api_key(api.key, **call),
    "create_webhook": lambda api, **call: api.create_webhook(
        "http://127.0.0.1:9/", ["profile.created"], "acme_corp", **call
    ),
    "update_webhook": lambda api, **call: api.update_webhook(api.hook, description="d", **call),
    "rotate_webhook_secret": lambda api, **call: api.rotate_webhook_secret(api.hook, **call),
    "enable_webhook": lambda api, **call: api.enable_webhook(api.hook, **call),
    "test_webhook": lambda api, **call: api.test_webhook(api.hook, **call),
    "redeliver": lambda api, **call: api.redeliver(api.hook, api.delivery, **call),
    "redeliver_since": lambda api, **call: api.redeliver_since(
        api.hook, "2026-01-01T00:00:00Z", **call
    ),
    "delete_webhook": lambda api, **call: api.delete_webhook(api.hook, **call),
}
"""Every method that changes something, in an order in which each has something to change."""


@pytest.fixture(params=SESSIONS, ids=["fast", "stock"])
def seen(request: Any) -> Iterator[tuple[ResonanceOSAPIClient, RawServer]]:
    with (
        raw_server(replies(ARTICLE)) as server,
        ResonanceOSAPIClient(server.url, session=request.param()) as api,
    ):
        yield api, server


def sent(request: bytes) -> tuple[dict[str, str], Any]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, value in lines}, json.loads(body or b"null")


def test_they_are_never_in_the_body(seen: tuple[ResonanceOSAPIClient, RawServer]) -> None:
    api, server = seen
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    api.generate_content(
        "x",
        seed=1,
        idempotency_key="mine",
        headers={"traceparent": trace},
        pace=True,
        timeout=5,
        deadline=9,
    )
    headers, body = sent(server.requests[0])
    assert body == {"prompt": "x", "seed": 1}
    assert headers["traceparent"] == trace
    assert headers["idempotency-key"] == "mine"
    api.generate_content("x")
    headers, body = sent(server.requests[1])
    assert "traceparent" not in headers
    assert headers["idempotency-key"] != "mine"


def test_a_field_that_is_not_known_is_the_servers_to_judge(
    seen: tuple[ResonanceOSAPIClient, RawServer],
) -> None:
    api, server = seen
    fields: Any = {"paragrafs": 3}
    api.generate_content("x", **fields)
    assert sent(server.requests[0])[1] == {"prompt": "x", "paragrafs": 3}


def test_a_header_of_one_call_comes_before_the_sessions(
    seen: tuple[ResonanceOSAPIClient, RawServer],
) -> None:
    api, server = seen
    api.session.headers["x-team"] = "all"
    api.generate_content("x", headers={"X-Team": "mine"})
    api.generate_content("x")
    assert [sent(request)[0]["x-team"] for request in server.requests] == ["mine", "all"]


@pytest.mark.parametrize(
    ("headers", "kind", "message"),
    [
        ({"Authorization": "Bearer x"}, ValueError, r"can't set 'Authorization'. Fix: .* auth="),
        ({"x-api-key": "x"}, ValueError, r"can't set 'x-api-key'. Fix: give the client auth="),
        ({"IDEMPOTENCY-KEY": "x"}, ValueError, "Fix: pass idempotency_key="),
        ({"If-Match": "x"}, ValueError, "Fix: pass if_match="),
        ({"Cookie": "x"}, ValueError, "session.cookies"),
        ({"Content-Type": "x"}, ValueError, "leave it out"),
        ({"Host": "x"}, ValueError, "leave it out"),
        ({"": "x"}, ValueError, "can't be the name of a header"),
        ({"a b": "x"}, ValueError, "can't be the name of a header"),
        ({"a\r\nb": "x"}, ValueError, "can't be the name of a header"),
        ({"n" * 300: "x"}, ValueError, "can't be the name of a header"),
        ({"x-a": "top-secret\r\nb: c"}, ValueError, r"headers\['x-a'\] has characters"),
        ({"x-a": "top-secret\u20ac"}, ValueError, r"headers\['x-a'\] has characters"),
        ({"x-a": 7}, TypeError, r"headers\['x-a'\] is a int"),
        ({7: "x"}, TypeError, "a name in headers is a int"),
        ("traceparent", TypeError, "headers is a str, not a dict"),
    ],
)
@pytest.mark.parametrize("mode", ["return", "raise"])
def test_a_header_that_may_not_be_set_is_refused_at_once(
    headers: Any, kind: type[Exception], message: str, mode: Any
) -> None:
    api = ResonanceOSAPIClient("http://127.0.0.1:1", on_error=mode)
    for call in (
        lambda: api.generate_content("x", headers=headers),
        lambda: api.get_tenants(headers=headers),
    ):
        with pytest.raises(kind, match=message) as raised:
            call()
        assert "top-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("use", "kind", "message"),
    [
        (lambda c: c.get_tenants(idempotency_key="x"), TypeError, "'idempotency_key' is no arg"),
        (lambda c: c.get_tenants(paze=True), TypeError, "'paze' is no argument of this call"),
        (lambda c: c.create_tenant("x", acess="open"), TypeError, "'acess' is no argument"),
        (lambda c: c.measure_text("x", timeout=0), ValueError, "timeout is 0"),
        (lambda c: c.measure_text("x", timeout=None), TypeError, "timeout is a NoneType"),
        (lambda c: c.measure_text("x", deadline="1"), TypeError, "deadline is a str"),
        (lambda c: c.measure_text("x", idempotency_key=""), ValueError, "idempotency_key has to"),
        (lambda c: c.measure_text("x", idempotency_key=1), TypeError, "idempotency_key is a int"),
        (lambda c: [*c.iter_profiles(paze=1)], TypeError, "'paze' is no argument"),
    ],
)
def test_a_mistake_raises_at_once(use: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        use(ResonanceOSAPIClient("http://127.0.0.1:1"))


def test_each_method_takes_them() -> None:
    methods = inspect.getmembers(ResonanceOSAPIClient, inspect.isfunction)
    taking = {
        name
        for name, method in methods
        if "Options]" in str(inspect.signature(method)) and not name.startswith("_")
    }
    settings = {"close", "with_options", "from_env"}
    assert taking == {name for name, _ in methods if not name.startswith("_")} - settings
    assert types.WriteOptions.__optional_keys__ == {*OPTIONS}


@pytest.mark.parametrize("session", SESSIONS, ids=["fast", "stock"])
def test_a_timeout_and_a_deadline_of_one_call(session: Any) -> None:
    with (
        raw_server(stalls) as server,
        ResonanceOSAPIClient(server.url, timeout=60, retry=NO_RETRIES, session=session()) as api,
    ):
        for options in ({"timeout": 0.2}, {"deadline": 0.2}):
            began = time.monotonic()
            failure = api.generate_content("x", **options)  # type: ignore[arg-type]
            assert isinstance(failure.error, errors.AttemptTimeoutError)
            assert time.monotonic() - began < 30
        assert (api.timeout, api.deadline) == (60, None)


def test_no_deadline_of_one_call() -> None:
    policy = RetryPolicy(base=0, max_wait=0)
    with raw_server(replies(b"", status=503), replies(ARTICLE)) as server:
        api = ResonanceOSAPIClient(server.url, deadline=1e-9, retry=policy)
        assert isinstance(api.generate_content("x").error, errors.ConnectTimeoutError)
        assert api.generate_content("x", deadline=None)["article"] == "An article."


def test_pace_of_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []
    with raw_server(replies(ARTICLE)) as server:
        api = ResonanceOSAPIClient(server.url)
        monkeypatch.setattr(api.limiter, "acquire", lambda longest: waited.append(longest) or 1)
        api.generate_content("x")
        assert waited == []
        api.generate_content("x", pace=True)
        assert waited == [60]
        paced = api.with_options(pace=True)
        paced.generate_content("x", pace=False)
        assert waited == [60]


def test_each_page_is_asked_for_with_them() -> None:
    first = {"profiles": [{}], "next_cursor": "more"}
    with raw_server(replies(first), replies({"profiles": [{}]})) as server:
        api = ResonanceOSAPIClient(server.url)
        assert [*api.iter_profiles(headers={"x-team": "mine"})] == [{}, {}]
        assert [sent(request)[0]["x-team"] for request in server.requests] == ["mine", "mine"]


# --- one effect for each key ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(allow_loopback_webhooks=True, webhook_retry=[9999]) as running:
        yield running


@pytest.fixture
def admin(server: sandbox.Sandbox) -> Iterator[Any]:
    """An administrator with something of each kind; the server was reset before."""
    server.reset("acme_corp")
    auth = ApiKeyAuth(server.credentials["admin"]["api_key"])
    with ResonanceOSAPIClient(server.url, auth=auth, on_error="raise") as api:
        made: Any = api
        made.key = api.create_api_key(["generate"], "acme_corp")["id"]
        hook = api.create_webhook("http://127.0.0.1:9/", ["profile.created"], "acme_corp")
        made.hook = hook["id"]
        api.create_profile("acme_corp", "own", VECTOR)
        made.delivery = api.test_webhook(made.hook)["id"]
        yield made


def test_every_method_that_changes_something_is_tried() -> None:
    writing = {
        name
        for name, method in inspect.getmembers(ResonanceOSAPIClient, inspect.isfunction)
        if "WriteOptions" in str(inspect.signature(method)) and name[0] != "_"
    }
    assert writing | {"generate_content"} == POSTS.keys()


@pytest.mark.parametrize("name", POSTS)
def test_a_key_has_one_effect(admin: Any, name: str) -> None:
    key = f"mine-{name}-{time.time_ns()}"
    first = POSTS[name](admin, idempotency_key=key)
    again = POSTS[name](admin, idempotency_key=key)
    assert not first.replayed
    assert again.replayed
    for once in ("key", "secret"):
        assert again.pop(once, None) is None
        first.pop(once, None)
    assert again == first
