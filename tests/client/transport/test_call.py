"""A call through its attempts, on a clock that the test moves and over a network that it plays."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import NewConnectionError

from resonance_helpers import ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client.errors import (
    AttemptTimeoutError,
    ConnectionFailedError,
    ConnectionLostError,
    OutcomeUnknownError,
    RateLimitedError,
    ResonanceError,
    TokenError,
    UnavailableError,
    UnknownProfileError,
)
from resonance_helpers.client.transport import Answer, Call, Later
from resonance_helpers.client.transport.quota import RetryQuota
from tests.support.clock import Clock
from tests.support.raw_server import raw_server, replies


class Network(BaseAdapter):
    """Plays each attempt's fate: a status with headers, an exception, or a function giving one.
    The last one holds for all further attempts."""

    def __init__(self, *fates: Any) -> None:
        super().__init__()
        self.fates = list(fates)
        self.seen: list[requests.PreparedRequest] = []
        self.timeouts: list[float] = []

    def send(self, request: Any, timeout: Any = None, **_: Any) -> requests.Response:  # type: ignore[override]
        self.seen.append(request)
        self.timeouts.append(timeout.seconds)
        fate = self.fates.pop(0) if len(self.fates) > 1 else self.fates[0]
        if isinstance(fate, BaseException):
            raise fate
        status, headers, body = (
            (*fate, {}, {"ok": True})[:3] if isinstance(fate, tuple) else (fate, {}, {"ok": True})
        )
        response = requests.Response()
        response.status_code = status
        response.headers.update({"Content-Type": "application/json", **headers})
        content = json.dumps(body).encode()
        response.raw = HTTPResponse(io.BytesIO(content), preload_content=False, status=status)
        response.request = request
        return response

    def close(self) -> None: ...


REFUSED = requests.ConnectionError(NewConnectionError(None, "refused"))  # type: ignore[arg-type]
LOST = requests.ConnectionError(ConnectionResetError("reset"))
TIMED_OUT = requests.ReadTimeout("timed out")
PROBLEM = "urn:resonanceos:problem:"


class Play:
    def __init__(self, network: Network, clock: Clock, client: ResonanceOSAPIClient) -> None:
        self.network, self.clock, self.client = network, clock, client

    def call(self, method: str = "POST", **options: Any) -> Call:
        return Call(
            self.client._transport, method, "/x", {"a": 1} if method != "GET" else None, **options
        )


@pytest.fixture
def play() -> Callable[..., Play]:
    def make(*fates: Any, **options: Any) -> Play:
        clock, network = Clock(1000.0), Network(*fates)
        settings = {"max_attempts": 5, "base": 1.0, "random": lambda: 0.5}
        for name in list(options):
            if name in ("max_attempts", "base", "cap", "max_wait", "random", "now"):
                settings[name] = options.pop(name)
        policy = RetryPolicy(clock=clock, sleep=clock.sleep, **settings)  # type: ignore[arg-type]
        client = ResonanceOSAPIClient("http://127.0.0.1", retry=policy, on_error="raise", **options)
        client.session.mount("http://", network)
        return Play(network, clock, client)

    return make


def failure(call: Call) -> ResonanceError:
    with pytest.raises(ResonanceError) as raised:
        call.run()
    return raised.value


@pytest.mark.parametrize("fate", [REFUSED, LOST, 408, 429, 502, 503, 504])
def test_what_passes_is_tried_again(play: Any, fate: Any) -> None:
    stage = play(fate, fate, 200)
    answer = stage.call().run()
    assert answer == {"ok": True}
    assert answer.attempts == 3
    assert stage.clock.slept == [0.5, 1.0]


@pytest.mark.parametrize("fate", [400, 401, 403, 404, 409, 412, 413, 422, 500, 501, 505])
def test_what_does_not_pass_is_not(play: Any, fate: int) -> None:
    stage = play(fate, 200)
    error = failure(stage.call())
    assert (error.response_code, error.attempts) == (fate, 1)
    assert stage.clock.slept == []


def test_a_conflict_is_tried_again_only_while_the_first_request_runs(play: Any) -> None:
    in_progress = 409, {"Retry-After": "2"}, {"type": PROBLEM + "idempotency-in-progress"}
    stage = play(in_progress, 200)
    assert stage.call().run().attempts == 2
    assert stage.clock.slept == [pytest.approx(2.1)]
    exists = 409, {}, {"type": PROBLEM + "profile-exists"}
    assert failure(play(exists).call()).type == "profile-exists"


def test_a_500_is_tried_again_only_where_nothing_can_change(play: Any) -> None:
    assert play(500, 200).call("GET").run().attempts == 2
    for method in ("POST", "PUT", "DELETE"):
        assert failure(play(500, 200).call(method)).attempts == 1


def test_all_attempts_carry_the_same_key_and_body(play: Any) -> None:
    stage = play(503, LOST, 429, 200)
    call = stage.call()
    call.run()
    assert len(stage.network.seen) == 4
    assert {seen.headers["Idempotency-Key"] for seen in stage.network.seen} == {
        call.idempotency_key
    }
    assert {seen.body for seen in stage.network.seen} == {b'{"a": 1}'}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_changes_something_has_a_key_of_its_own(play: Any, method: str) -> None:
    stage = play(200)
    keys = [stage.call(method).idempotency_key for _ in range(100)]
    assert len(set(keys)) == 100
    stage.call(method, idempotency_key="mine").run()
    assert stage.network.seen[-1].headers["Idempotency-Key"] == "mine"


def test_a_get_has_none(play: Any) -> None:
    stage = play(200)
    assert stage.call("GET").idempotency_key is None
    stage.call("GET").run()
    assert "Idempotency-Key" not in stage.network.seen[0].headers


def test_the_last_failure_is_the_one_that_is_told(play: Any) -> None:
    error = failure(play(REFUSED, 429, 503).call())
    assert isinstance(error, UnavailableError)
    assert error.attempts == 5


# --- Retry-After ---------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [0, 1, 59, 60])
@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_wait_that_is_asked_for_is_kept(play: Any, asked: int, status: int) -> None:
    stage = play((status, {"Retry-After": str(asked)}), 200)
    stage.call().run()
    assert asked <= stage.clock.slept[0] <= min(asked * 1.1, 60)


def test_a_date_is_kept_by_the_servers_clock(play: Any) -> None:
    headers = {
        "Retry-After": "Sun, 06 Nov 1994 08:49:47 GMT",
        "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
    }
    stage = play((503, headers), 200, random=lambda: 0.0)
    stage.call().run()
    assert stage.clock.slept == [10]
    del headers["Date"]
    stage = play((503, headers), 200, random=lambda: 0.0, now=lambda: 784111777.0)
    stage.call().run()
    assert stage.clock.slept == [10]


def test_a_malformed_wait_is_no_wait_asked_for(play: Any) -> None:
    stage = play((503, {"Retry-After": "-5"}), 200)
    stage.call().run()
    assert stage.clock.slept == [0.5]


@pytest.mark.parametrize("asked", ["61", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_wait_too_long_fails_at_once_and_says_how_long(play: Any, asked: str) -> None:
    stage = play((429, {"Retry-After": asked}), 200)
    error = failure(stage.call())
    assert isinstance(error, RateLimitedError)
    assert error.attempts == 1
    assert error.retry_after is not None
    assert error.retry_after > 60
    assert error.as_dict()["retry_after"] == error.retry_after
    assert stage.clock.slept == []


def test_a_wait_beyond_the_deadline_fails_at_once(play: Any) -> None:
    stage = play((503, {"Retry-After": "11"}), 200, deadline=10)
    error = failure(stage.call())
    assert (error.attempts, error.retry_after) == (1, 11)
    at_the_end = failure(play((503, {"Retry-After": "10"}), 200, deadline=10).call())
    assert at_the_end.attempts == 1
    assert play((503, {"Retry-After": "10"}), 200, deadline=11).call().run().attempts == 2


def test_a_deadline_allows_longer_waits_than_the_policy(play: Any) -> None:
    stage = play((503, {"Retry-After": "300"}), 200, deadline=1000)
    assert stage.call().run().attempts == 2


# --- deadline ------------------------------------------------------------------------------------


def test_a_timeout_is_tried_again_only_under_a_deadline(play: Any) -> None:
    assert play(TIMED_OUT, 200, deadline=100).call().run().attempts == 2
    error = failure(play(TIMED_OUT, 200).call())
    assert isinstance(error, AttemptTimeoutError)
    assert error.attempts == 1


def test_an_attempt_has_no_more_than_the_call_has_left(play: Any) -> None:
    stage = play((503, {"Retry-After": "6"}), 200, timeout=7, deadline=10, random=lambda: 0.0)
    stage.call().run()
    assert stage.network.timeouts == [7, 4]


def test_the_deadline_counts_from_the_first_attempt(play: Any) -> None:
    stage = play(200, timeout=7, deadline=10)
    call = stage.call()
    stage.clock.now += 1000
    call.run()
    assert stage.network.timeouts == [7]


def test_no_wait_ends_after_the_deadline(play: Any) -> None:
    stage = play(503, deadline=2, base=1.0, random=lambda: 0.9)
    started = stage.clock.now
    error = failure(stage.call())
    assert stage.clock.now <= started + 2
    assert 1 < error.attempts < 5


def test_an_attempt_that_comes_too_late_is_not_made(play: Any) -> None:
    stage = play(LOST, 200, deadline=5)
    call = stage.call()
    assert isinstance(call.attempt(), Later)
    stage.clock.now += 5
    with pytest.raises(ConnectionLostError):
        call.attempt()
    assert len(stage.network.seen) == 1


# --- the budget of retries -----------------------------------------------------------------------


def test_an_outage_spends_the_budget_and_then_calls_are_tried_once(play: Any) -> None:
    stage = play(503)
    for _ in range(200):
        failure(stage.call())
    in_the_outage = len(stage.network.seen)
    assert in_the_outage == 200 + 100  # 500 tokens, 5 for each retry
    for _ in range(50):
        failure(stage.call())
    assert len(stage.network.seen) - in_the_outage == 50


def test_success_brings_the_retries_back(play: Any) -> None:
    stage = play(503)
    stage.client._transport.quota = RetryQuota(5)
    assert failure(stage.call()).attempts == 2
    assert failure(stage.call()).attempts == 1
    stage.network.fates = [200]
    for _ in range(5):
        stage.call().run()
    stage.network.fates = [503]
    assert failure(stage.call()).attempts == 2


def test_a_retry_that_succeeds_pays_itself_back(play: Any) -> None:
    stage = play(200)
    quota = stage.client._transport.quota = RetryQuota(10)
    stage.network.fates = [503, 503, 200]
    assert stage.call().run().attempts == 3
    assert quota.available == 5  # two paid, the last one paid back
    stage.network.fates = [200]
    stage.call().run()
    assert quota.available == 6


def test_one_budget_serves_all_calls_of_a_client_and_its_variants(play: Any) -> None:
    stage = play(503)
    variant = stage.client.with_options(timeout=3)
    assert variant._transport.quota is stage.client._transport.quota


# --- what is known of the outcome ----------------------------------------------------------------


def test_not_sent_is_no_longer_true_after_an_attempt_that_may_have_been(play: Any) -> None:
    error = failure(play(LOST, REFUSED).call())
    assert isinstance(error, OutcomeUnknownError)
    assert not isinstance(error, ConnectionFailedError)
    assert "An earlier attempt may have been carried out" in error.message
    assert error.attempts == 5
    refused_at_last = failure(play(LOST, 429).call())
    assert isinstance(refused_at_last, OutcomeUnknownError)
    assert refused_at_last.response_code == 429


def test_what_was_never_sent_stays_not_sent(play: Any) -> None:
    assert isinstance(failure(play(REFUSED).call()), ConnectionFailedError)
    assert isinstance(failure(play(503, REFUSED).call()), ConnectionFailedError)


def test_a_final_answer_under_the_same_key_settles_it(play: Any) -> None:
    unknown = 404, {}, {"type": PROBLEM + "unknown-profile", "detail": "No such profile."}
    error = failure(play(LOST, unknown).call())
    assert isinstance(error, UnknownProfileError)


def test_reading_twice_leaves_no_doubt(play: Any) -> None:
    assert isinstance(failure(play(LOST, REFUSED).call("GET")), ConnectionFailedError)
    assert isinstance(failure(play(LOST).call("GET")), ConnectionLostError)


# --- attempt by attempt --------------------------------------------------------------------------


def test_a_caller_may_drive_the_attempts_itself(play: Any) -> None:
    stage = play((503, {"Retry-After": "4"}), 200, random=lambda: 0.0)
    call = stage.call()
    later = call.attempt()
    assert isinstance(later, Later)
    assert later.at == stage.clock.now + 4
    assert isinstance(later.error, UnavailableError)
    assert stage.clock.slept == []
    answer = call.attempt()
    assert isinstance(answer, Answer)
    assert (answer.attempts, call.attempts) == (2, 2)


def test_the_last_attempt_raises(play: Any) -> None:
    call = play(503, max_attempts=2).call()
    assert isinstance(call.attempt(), Later)
    with pytest.raises(UnavailableError):
        call.attempt()


def test_attempts_are_logged(play: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "resonance_helpers"):
        play(503, 200).call().run()
    assert "POST /x will be tried again: The server answered 503" in caplog.text


# --- the payload ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "kind", "message"),
    [
        ({"a": 1, "b": float("nan")}, ValueError, "`b` can't be sent as JSON"),
        ({"b": {1, 2}}, TypeError, "`b` can't be sent as JSON: Object of type set"),
    ],
)
def test_what_json_can_not_say_is_named(play: Any, payload: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        Call(play(200).client._transport, "POST", "/x", payload)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\r\nX-Evil: 1", "schlüssel", "order 17", 7])
def test_a_key_that_no_header_can_carry_is_refused(play: Any, key: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="idempotency_key"):
        play(200).call(idempotency_key=key)


def test_an_auth_class_signs_each_attempt_anew(play: Any) -> None:
    tokens = iter(["first", "second"])

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {next(tokens)}"
        return request

    stage = play(503, 200, auth=sign)
    stage.call().run()
    sent = [seen.headers["Authorization"] for seen in stage.network.seen]
    assert sent == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("value", ["a\nb", " a", "\u2192", 5])
@pytest.mark.parametrize("mode", ["return", "raise"])
def test_a_header_that_can_not_be_sent_raises(mode: Any, value: Any) -> None:
    with raw_server(replies({"status": "healthy"})) as server:
        client = ResonanceOSAPIClient(server.url, on_error=mode)
        client.session.headers["X-Team"] = value
        with pytest.raises(ValueError, match="a header or the query") as raised:
            client.health_check()
    assert not isinstance(raised.value, ResonanceError)
    assert raised.value.__context__ is None


@pytest.mark.parametrize("failure_of_its_own", [REFUSED, FileNotFoundError("/run/vault")])
def test_what_an_auth_class_meets_happened_before_anything_was_sent(
    play: Any, failure_of_its_own: Exception
) -> None:
    class Vault(requests.auth.AuthBase):
        def __call__(self, request: Any) -> Any:
            raise failure_of_its_own

    stage = play(200, auth=Vault(), max_attempts=2)
    error = failure(stage.call())
    assert isinstance(error, TokenError)
    assert error.attempts == (2 if failure_of_its_own is REFUSED else 1)
    assert stage.network.seen == []


def test_an_auth_class_that_fails_fails_the_call(play: Any) -> None:
    def sign(_request: requests.PreparedRequest) -> requests.PreparedRequest:
        raise ConnectionFailedError("no token server")

    stage = play(200, auth=sign)
    assert failure(stage.call()).attempts == 5
    assert stage.network.seen == []
