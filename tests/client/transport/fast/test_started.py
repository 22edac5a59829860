"""Calls that are started and picked up when their answer has come: what comes of them is what
comes of a call that waits, over http and over https."""

from __future__ import annotations

import gzip
import json
import select
import time
from typing import Any

import pytest
import requests

from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient
from resonance_helpers.client.errors import AttemptTimeoutError, ResonanceError
from resonance_helpers.client.transport import Answer, Later
from resonance_helpers.client.transport import call as module
from resonance_helpers.client.transport.fast.exchange import Exchange
from tests.support.raw_server import (
    RawServer,
    answer,
    drips,
    replies,
    resets,
    sends,
    sends_and_closes,
    stalls,
)

ARTICLE = {"article": "An article.", "hrv_feedback": 0.9}
OK = replies(ARTICLE)
SQUEEZED = gzip.compress(json.dumps(ARTICLE).encode())
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
    + b"%x\r\n%b\r\n0\r\n\r\n" % (len(json.dumps(ARTICLE)), json.dumps(ARTICLE).encode())
)


def opened(server: RawServer, client_of: Any, **options: Any) -> ResonanceOSAPIClient:
    """A client that has a connection to the server, which has answered once."""
    client: ResonanceOSAPIClient = client_of(server, **options)
    client.generate_content("open")
    return client


def picked_up(call: Any) -> Any:
    """Start the call and pick it up when there is something to pick up."""
    started = call.start()
    assert started is not None
    while (left := started.expires - time.monotonic()) > 0:
        if select.select([started], [], [], left)[0] and started.look() is not None:
            break
    return call.attempt()


def came_of(attempt: Any, call: Any) -> Any:
    try:
        outcome = attempt(call)
    except ResonanceError as error:
        return type(error), error.as_dict()
    if isinstance(outcome, Later):
        return type(outcome.error), outcome.error.as_dict()
    assert isinstance(outcome, Answer)
    return dict(outcome), outcome.status_code, dict(outcome.headers)


@pytest.mark.parametrize(
    ("fate", "timeout"),
    [
        pytest.param(OK, 5, id="ordinary"),
        pytest.param(replies({**ARTICLE, "article": "x" * 50_000}), 5, id="large"),
        pytest.param(replies({**ARTICLE, "article": "x" * 200_000}), 5, id="too large to wait"),
        pytest.param(drips(answer(ARTICLE), after=20, every=0.001), 5, id="head in pieces"),
        pytest.param(drips(answer(ARTICLE), after=100, every=0.001), 5, id="body in pieces"),
        pytest.param(sends(CHUNKED), 5, id="chunked"),
        pytest.param(replies(SQUEEZED, headers={"Content-Encoding": "gzip"}), 5, id="gzip"),
        pytest.param(replies(ARTICLE, headers={"Set-Cookie": "a=b"}), 5, id="cookie"),
        pytest.param(replies({}, 503, {"Retry-After": "1"}), 5, id="503"),
        pytest.param(replies({"detail": "no"}, 422), 5, id="422"),
        pytest.param(replies({}, 307, {"Location": "/elsewhere"}), 5, id="redirect"),
        pytest.param(replies(b"<p>hello", content_type="text/html"), 5, id="html"),
        pytest.param(sends(b"hello?\r\n\r\n"), 5, id="not HTTP"),
        pytest.param(sends(answer(ARTICLE) + b"more"), 5, id="more than the answer"),
        pytest.param(sends_and_closes(answer(ARTICLE)[:-5]), 5, id="breaks off"),
        pytest.param(sends_and_closes(answer(ARTICLE)[:20]), 5, id="breaks off in the head"),
        pytest.param(sends_and_closes(b""), 5, id="closes"),
        pytest.param(resets, 5, id="resets"),
        pytest.param(stalls, 0.2, id="never answers"),
        pytest.param(drips(answer(ARTICLE), after=100, every=0.05), 0.2, id="drips"),
    ],
)
def test_the_same_comes_of_it(serve: Any, client_of: Any, fate: Any, timeout: float) -> None:
    outcomes = []
    for attempt in (lambda call: call.attempt(), picked_up):
        server = serve(OK, fate, OK)
        client = opened(server, client_of)
        bounded = client.with_options(timeout=timeout)
        call = bounded.prepare_generation("hello", idempotency_key="one")
        outcome = came_of(attempt, call)
        client.generate_content("the next")  # goes well, whatever has become of the connection
        assert call.attempts == 1
        seen = outcome, server.requests[1], len(server.requests), server.connections
        outcomes.append(repr(seen).replace(server.url.rpartition(":")[2], "PORT"))
    assert outcomes[0] == outcomes[1]


def test_many_under_way_in_one_thread(serve: Any, client_of: Any) -> None:
    """Each gets its own answer, in whatever order they are picked up."""

    def echo(connection: Any, request: bytes) -> None:
        prompt = json.loads(request.partition(b"\r\n\r\n")[2])["prompt"]
        connection.sendall(answer({**ARTICLE, "article": prompt}))

    server = serve(echo)
    client = client_of(server)
    calls = [client.prepare_generation(f"prompt {number}") for number in range(8)]
    for number, call in enumerate(calls):  # each opens one more: those there are are all in use
        assert all(earlier.start() for earlier in calls[:number])
        assert call.start() is None
        for each in reversed(calls[: number + 1]):
            assert each.attempt()["article"] == f"prompt {calls.index(each)}"
    assert server.connections == 8


def test_it_is_looked_at_without_waiting(serve: Any, client_of: Any) -> None:
    call = opened(serve(OK, stalls), client_of, timeout=1).prepare_generation("hello")
    started = call.start()
    assert [started.look() for _ in range(3)] == [None] * 3
    assert time.monotonic() < started.expires
    with pytest.raises(AttemptTimeoutError):
        call.attempt()
    assert time.monotonic() >= started.expires


def test_what_may_have_to_wait_is_not_started(serve: Any, client_of: Any) -> None:
    server = serve(OK)
    assert client_of(server).prepare_generation("no connection yet").start() is None

    asked = []

    def fetches(request: Any) -> Any:
        asked.append(request)
        return request

    client = opened(server, client_of)
    for change in ({"auth": fetches}, {"session": requests.Session()}):
        other = client_of(server, **change)
        other.session.trust_env = False  # or a stock one prefers the environment's certificates
        other.generate_content("open")
        assert other.prepare_generation("hello").start() is None
        other.session.close()
    assert len(asked) == 1  # to open the connection
    client.session.hooks["response"].append(lambda response, **_: None)
    assert client.prepare_generation("hello").start() is None
    client.session.hooks["response"].clear()
    assert client.prepare_generation("x" * 40_000).start() is None
    assert len(server.requests) == 3
    keyed = opened(server, client_of, auth=ApiKeyAuth("rk_test_1"))
    call = keyed.prepare_generation("hello")
    assert call.start() is not None
    assert call.attempt() == ARTICLE
    assert b"rk_test_1" in server.requests[-1]


def test_what_could_not_be_started_is_sent_once(serve: Any, client_of: Any) -> None:
    server = serve(OK)
    call = client_of(server).prepare_generation("hello")
    assert call.start() is None
    assert call.attempt() == ARTICLE
    assert len(server.requests) == 1


def test_one_that_is_broken_off_leaves_nothing_for_the_next(
    serve: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C when the answer has come: the next call of this thread must not take it."""

    def echo(connection: Any, request: bytes) -> None:
        prompt = json.loads(request.partition(b"\r\n\r\n")[2])["prompt"]
        connection.sendall(answer({"article": prompt, "hrv_feedback": 0.5}))

    client = opened(serve(echo), client_of)
    for owner, place in ((module, "bounded"), (Exchange, "_receive"), (Exchange, "_take")):
        interrupted = client.prepare_generation("broken off")
        assert interrupted.start() is not None
        with monkeypatch.context() as patch:
            patch.setattr(owner, place, lambda *_: exec("raise KeyboardInterrupt"))
            with pytest.raises(KeyboardInterrupt):
                interrupted.attempt()
        assert client.generate_content("mine")["article"] == "mine"
