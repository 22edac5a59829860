"""A batch under rate limits: it waits, it stops where it would be long, and it learns."""

from __future__ import annotations

import contextvars
import threading
import time

import pytest

from resonance_helpers import ResonanceOSAPIClient
from resonance_helpers.batch import run_batch
from resonance_helpers.client.errors import NotYetAllowedError
from tests.support.raw_server import raw_server, replies


def test_a_window_that_turns_in_seconds_is_waited_for(serve):
    began: list[float] = []

    def script(prompt, attempt):
        began.append(time.monotonic())
        left = began[0] + 2 - began[-1]
        if left > 0:
            return 429, {"RateLimit": f'"minute";r=0;t={int(left) + 1}'}
        return 200, {"RateLimit": '"minute";r=99;t=60'}

    api, server = serve(script)
    report = run_batch(api, ["a", "b", "c", "d", "e", "f"], concurrency=3)
    assert report.stats.successful == 6
    assert len(server.prompts) <= 9


def test_a_months_quota_that_is_spent_stops_the_batch(serve):
    spent = {"RateLimit": f'"month";r=0;t={28 * 86_400}'}
    api, _ = serve(lambda prompt, attempt: (200, spent))
    report = run_batch(api, ["a"] * 20)
    assert report.stopped == "the server takes no more requests for 40,320 minutes"
    assert report.stats.successful == 1


def test_a_reset_in_unix_time_is_a_moment(serve):
    def script(prompt, attempt):
        reset = str(int(time.time()) + 2)
        spent = "0" if len(server.prompts) == 1 else "9"
        return 200, {"X-RateLimit-Remaining": spent, "X-RateLimit-Reset": reset}

    api, server = serve(script)
    assert run_batch(api, ["a", "b", "c"]).stats.successful == 3


def test_a_resume_knows_when_the_requests_of_earlier_runs_left(serve, tmp_path):
    rows, journal = ["slow", "bad"], tmp_path / "journal"
    began = time.time()
    api, _ = serve(lambda prompt, attempt: 422 if prompt == "bad" else 503 if attempt < 2 else 200)
    run_batch(api, rows, journal=journal)
    ended = time.time()
    api, _ = serve(lambda prompt, attempt: 200)
    recalled: list[float] = []
    api.limiter.recall = recalled.extend
    run_batch(api, rows, journal=journal)
    slow, bad = recalled
    assert began <= bad < slow <= ended  # the last attempt's


def test_single_calls_keep_to_it_on_request(serve):
    spent = {"RateLimit": '"x";r=0;t=60'}
    api, server = serve(lambda prompt, attempt: (200, spent if len(server.prompts) == 1 else {}))
    api.generate_content("a")
    began = time.monotonic()
    api.generate_content("b")
    assert time.monotonic() - began < 30
    spent = {"RateLimit": '"x";r=0;t=1'}
    api, server = serve(lambda prompt, attempt: (200, spent if len(server.prompts) == 1 else {}))
    paced = api.with_options(pace=True)
    assert api.limiter is paced.limiter
    api.generate_content("a")
    began = time.monotonic()
    paced.generate_content("b")
    assert time.monotonic() - began > 0.8


def test_a_turn_that_is_too_far_away_is_an_error_at_once(serve):
    api, server = serve(lambda prompt, attempt: (200, {"RateLimit": '"x";r=0;t=7200'}))
    api = api.with_options(pace=True, on_error="raise")
    api.generate_content("a")
    with pytest.raises(NotYetAllowedError) as caught:
        api.generate_content("b")
    assert caught.value.retry_after == pytest.approx(7200, abs=5)
    assert server.prompts == ["a"]


def test_until_all_is_final(serve):
    def script(prompt, attempt):
        return {"bad": 422, "late": 503 if attempt < 4 else 200}.get(prompt, 200)

    api, server = serve(script, max_attempts=2, base=0)
    report = run_batch(api, ["good", "bad", "late"], until=30)
    assert (report.stats.successful, report.stats.failed) == (2, 1)
    assert server.prompts.count("late") == 4
    assert [failure.final for failure in report.failures] == [True]
    results = list(report.results)
    assert results[2]["attempts"] == 4


def test_until_ends_in_time_with_what_is_not_final(serve):
    api, server = serve(lambda prompt, attempt: 503, max_attempts=1)
    began = time.monotonic()
    report = run_batch(api, ["a"], until=4)  # the first wait takes two seconds at most
    assert time.monotonic() - began < 20
    assert [failure.final for failure in report.failures] == [False]
    assert len(server.prompts) > 1
    with pytest.raises(ValueError, match="until is 0"):
        run_batch(api, ["a"], until=0)


@pytest.mark.parametrize("status", [401, 403, 500, 503, 422, 404])
def test_final_says_what_a_resume_does(serve, tmp_path, status):
    api, _ = serve(lambda prompt, attempt: status, max_attempts=1)
    report = run_batch(api, ["a"], journal=tmp_path / "j")
    (failure,) = report.failures
    api, server = serve()
    run_batch(api, ["a"], journal=tmp_path / "j")
    assert bool(server.prompts) is not failure.final


@pytest.mark.parametrize("status", [402, 404, 405, 421, 423, 425, 426, 431, 451, 511])
def test_what_is_not_refused_for_what_it_is_is_tried_again(tmp_path, status):
    # A wrong base URL, a gateway behind which nobody is, a bill that is not paid.
    page = replies(b"<html>No</html>", status, content_type="text/html")
    with raw_server(page, replies({"article": "x", "hrv_feedback": 1.0})) as server:
        client = ResonanceOSAPIClient(server.url, retry=None)
        report = run_batch(client, ["a"], journal=tmp_path / "j")
        assert [failure.final for failure in report.failures] == [False]
        assert run_batch(client, ["a"], journal=tmp_path / "j").stats.successful == 1


def test_context_variables_reach_who_carries_a_call(serve):
    variable = contextvars.ContextVar("variable", default="none")
    seen = set()

    def script(prompt, attempt):
        seen.add(variable.get())
        return 200

    api, _ = serve(script)
    variable.set("the caller's")
    run_batch(api, [str(number) for number in range(20)], concurrency=4)
    assert seen == {"the caller's"}


@pytest.mark.parametrize("to_be_had", [0, 1, 2])
def test_threads_that_can_not_be_had_fail_nothing(serve, monkeypatch, to_be_had):
    api, _ = serve()
    start, left = threading.Thread.start, [to_be_had]

    def limited(self):
        if not left[0]:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(self)

    monkeypatch.setattr(threading.Thread, "start", limited)
    report = run_batch(api, [str(number) for number in range(20)], concurrency=4)
    assert report.stats.successful == 20
