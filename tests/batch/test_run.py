"""What run_batch promises of a batch that nobody kills."""

from __future__ import annotations

import csv
import errno
import itertools
import os
import sqlite3
import sys
import threading
import time
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from resonance_helpers.batch import JournalError, JournalMismatch, intake, read_report, run_batch
from resonance_helpers.batch import run as module
from tests.support.waiting import eventually


def prompts(count: int) -> list[dict[str, str]]:
    return [{"prompt": f"prompt {number}"} for number in range(count)]


def test_every_request_gets_its_answer_in_order(serve):
    api, server = serve()
    report = run_batch(api, prompts(50), concurrency=7)
    assert [result["request"]["prompt"] for result in report.results] == [
        f"prompt {number}" for number in range(50)
    ]
    assert all(result["success"] for result in report.results)
    assert report.stats.successful == report.stats.total == 50
    assert report.stats.success_rate == 100
    assert report.stopped is None
    assert sorted(server.prompts) == sorted(f"prompt {number}" for number in range(50))
    assert len(set(server.keys)) == 50


def test_one_failure_never_stops_the_rest(serve):
    api, _ = serve(lambda prompt, attempt: 422 if prompt == "bad" else 200)
    requests_ = ["good", "bad", {"promt": "x"}, 7, {"prompt": float("nan")}, {"prompt": "good too"}]
    report = run_batch(api, requests_)
    assert (report.stats.total, report.stats.successful, report.stats.failed) == (6, 2, 4)
    assert [(failure.item, failure.type) for failure in report.failures] == [
        (1, "validation-failed"),
        (2, "invalid-request"),
        (3, "invalid-request"),
        (4, "invalid-request"),
    ]
    assert "missing 1 required" in report.failures[1].message
    assert "not a int" in report.failures[2].message
    assert report.failures[0].response_code == 422
    assert str(report.failures[0]) == "item 1: 422 validation-failed: It is validation-failed."


def test_a_row_with_more_cells_than_its_table_is_told_as_that(serve):
    api, server = serve()
    rows = csv.DictReader(["prompt,tenant", "tides,default,and more", "tides,default"])
    report = run_batch(api, rows)
    assert [(failure.item, failure.type) for failure in report.failures] == [(0, "invalid-request")]
    assert "None is no name. Fix: leave it out (where a row" in report.failures[0].message
    assert server.prompts == ["tides"]


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"requests": "one prompt"}, TypeError, "requests is a str"),
        ({"requests": {"prompt": "x"}}, TypeError, "requests is a dict"),
        ({"requests": 3}, TypeError, "requests is a int; give a list"),
        ({"concurrency": 0}, ValueError, "concurrency is 0"),
        ({"concurrency": 2.5}, TypeError, "concurrency is a float"),
        ({"client": "http://localhost"}, TypeError, "needs a client"),
        ({"client": lambda: None}, TypeError, "needs a client"),
    ],
)
def test_wrong_arguments_raise_before_anything_is_sent(serve, change, error, says):
    api, server = serve()
    arguments = {"client": api, "requests": ["x"], **change}
    with pytest.raises(error, match=says):
        run_batch(**arguments)
    assert not server.prompts


def test_nothing_to_do(serve):
    report = run_batch(serve()[0], [])
    assert report.stats.total == 0
    assert report.frame.empty
    assert report.failures == []


def test_an_item_that_waits_does_not_hold_up_the_others(serve):
    def script(prompt, attempt):
        return (503, {"Retry-After": "1"}) if prompt == "prompt 0" and attempt == 1 else 200

    api, server = serve(script)
    report = run_batch(api, prompts(20), concurrency=1)
    assert server.prompts == [f"prompt {number}" for number in range(20)] + ["prompt 0"]
    first = next(iter(report.results))
    assert first["attempts"] == 2
    assert first["seconds"] >= 1  # never earlier than asked
    assert report.stats.retries == 1


def test_each_attempt_of_an_item_has_the_same_key(serve):
    def script(prompt, attempt):
        if attempt < 3:
            raise requests.ConnectionError
        return 200

    api, server = serve(script)
    report = run_batch(api, prompts(5))
    assert report.stats.successful == 5
    assert len(server.keys) == 15
    assert len(set(server.keys)) == 5


def test_a_429_holds_the_whole_batch(serve):
    began = []

    def script(prompt, attempt):
        began.append(time.monotonic())
        return (429, {"Retry-After": "1"}) if len(began) == 1 else 200

    api, _ = serve(script)
    report = run_batch(api, prompts(3), concurrency=1)
    assert report.stats.successful == 3
    assert min(began[1:]) - began[0] >= 1


SPENT = {"RateLimit-Policy": '"day";q=5;w=86400', "RateLimit": '"day";r=0;t=7200'}


@pytest.mark.parametrize(
    "said",
    [
        pytest.param((429, {"Retry-After": "7200"}), id="refused"),
        pytest.param((200, SPENT), id="told in time"),
    ],
)
def test_a_quota_that_is_spent_stops_the_batch_to_be_resumed(serve, tmp_path, said):
    spent = [True]
    api, server = serve(lambda prompt, attempt: said if spent else 200)
    report = run_batch(api, prompts(30), concurrency=2, journal=tmp_path / "j")
    assert report.stopped == "the server takes no more requests for 120 minutes"
    assert len(server.prompts) <= 2
    assert report.stats.unfinished >= 28
    assert report.stats.total == 30
    spent.clear()
    api, _ = serve()
    again = run_batch(api, prompts(30), journal=tmp_path / "j")
    assert again.stats.successful == 30


def test_an_endless_input_is_read_only_as_needed(serve, monkeypatch):
    monkeypatch.setattr(module, "LOOK_AHEAD", 16)
    gate = threading.Event()
    api, _ = serve(lambda prompt, attempt: gate.wait(10) and 200)
    read = 0

    def endless():
        nonlocal read
        for number in itertools.count():
            if read == 16 + 3:
                gate.set()
            if number == 200:
                return
            read += 1
            yield f"prompt {number}"

    watched = []

    def watch(snapshot):
        watched.append(read)
        if len(watched) == 3:
            gate.set()

    report = run_batch(api, endless(), concurrency=3, progress=watch)
    assert report.stats.successful == 200
    assert watched[1] <= 16 + 3


@pytest.fixture
def clock(monkeypatch):
    """The time by which an input is quick or slow: [seconds], which stands still unless moved."""
    now = [0.0]
    monkeypatch.setattr(intake, "time", SimpleNamespace(monotonic=lambda: now[0], time=time.time))
    return now


def test_what_a_slow_input_gives_is_sent_without_waiting_for_more(serve, clock):
    api, server = serve()

    def slow():
        for number in range(5):
            yield f"prompt {number}"
            clock[0] += intake.QUICK
            assert eventually(lambda n=number: len(server.prompts) > n)

    assert run_batch(api, slow()).stats.successful == 5


def test_an_input_that_turns_slow_sends_what_it_gave_at_its_second_pause(serve, clock):
    api, server = serve()

    def slower():
        for number in range(60):
            yield f"prompt {number}"
            if number >= 40:  # in a block that would have had 32 items
                clock[0] += intake.QUICK
            if number > 40:
                assert eventually(lambda n=number: len(server.prompts) > n)

    assert run_batch(api, slower()).stats.successful == 60


def test_an_input_that_breaks_is_carried_out_as_far_as_it_went(serve):
    api, server = serve()

    def broken():
        yield from prompts(5)
        raise RuntimeError("the file ended early")

    with pytest.raises(RuntimeError, match="the file ended early"):
        run_batch(api, broken())
    assert len(server.prompts) == 5


def test_an_outage_is_survived_though_the_retry_budget_is_spent(serve, monkeypatch):
    monkeypatch.setattr(module, "PROBE", 0.02)
    down = threading.Event()
    down.set()

    def script(prompt, attempt):
        if len(server.prompts) == 270:
            down.clear()
        return 503 if down.is_set() else 200

    api, server = serve(script, max_attempts=20, base=0.001)
    report = run_batch(api, prompts(150), concurrency=8)
    assert report.stats.successful == 150
    assert report.stats.retries >= 270 - 150


def test_an_outage_that_lasts_fails_every_request_with_its_reason(serve, monkeypatch):
    monkeypatch.setattr(module, "PROBE", 0.02)
    api, server = serve(lambda prompt, attempt: 503, max_attempts=1000, base=0, max_wait=0.3)
    report = run_batch(api, prompts(150), concurrency=8)
    assert report.stats.failed == 150
    assert {failure.type for failure in report.failures} == {"overloaded"}
    assert all(failure.retryable for failure in report.failures)
    assert len(server.prompts) < 150 + 100 + 150  # first tries, the budget, and a few probes


# -- over a journal -------------------------------------------------------------------------------


def dump(journal: Path) -> list[str]:
    with closing(sqlite3.connect(journal)) as database:
        return list(database.iterdump())


def test_a_finished_batch_is_not_sent_again(serve, tmp_path):
    api, server = serve()
    first = run_batch(api, prompts(10), journal=tmp_path / "j")
    again = run_batch(api, prompts(10), journal=tmp_path / "j")
    assert len(server.prompts) == 10
    assert again.stats.successful == again.stats.resumed == 10
    assert again.stats.throughput == 0
    assert list(again.results) == list(first.results)


def test_a_failure_that_may_pass_is_tried_again_and_one_that_may_not_is_not(serve, tmp_path):
    up = threading.Event()

    def script(prompt, attempt):
        return {"prompt 1": 422, "prompt 2": 200 if up.is_set() else 503}.get(prompt, 200)

    api, server = serve(script, max_attempts=2, base=0)
    before = run_batch(api, prompts(4), journal=tmp_path / "j")
    assert [failure.item for failure in before.failures] == [1, 2]
    keys = dict(zip(server.prompts, server.keys, strict=True))
    up.set()
    server.prompts.clear(), server.keys.clear()
    after = run_batch(api, prompts(4), journal=tmp_path / "j")
    assert server.prompts == ["prompt 2"]
    assert server.keys == [keys["prompt 2"]]
    assert [failure.item for failure in after.failures] == [1]
    assert (after.stats.successful, after.stats.failed, after.stats.resumed) == (3, 1, 3)


def test_what_was_never_a_request_is_counted_once(serve, tmp_path):
    api, _ = serve()
    for _ in range(3):
        report = run_batch(api, ["a", 7, {"promt": "b"}], journal=tmp_path / "j")
        assert (report.stats.total, report.stats.successful, report.stats.failed) == (3, 1, 2)
        assert [failure.item for failure in report.failures] == [1, 2]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(["a", "X", "c"], id="one differs"),
        pytest.param(["a", "b"], id="shorter"),
        pytest.param([{"prompt": "a", "seed": 1}, "b", "c"], id="other parameters"),
    ],
)
def test_the_journal_of_another_batch_is_refused_before_anything_is_sent(serve, tmp_path, other):
    api, server = serve()
    run_batch(api, ["a", "b", "c"], journal=tmp_path / "j")
    server.prompts.clear()
    content = dump(tmp_path / "j")
    with pytest.raises(JournalMismatch, match="belongs to another batch"):
        run_batch(api, other, journal=tmp_path / "j")
    assert not server.prompts
    assert dump(tmp_path / "j") == content


def test_a_shorter_input_without_a_length_is_found_out_too(serve, tmp_path):
    api, _ = serve()
    run_batch(api, ["a", "b", "c"], journal=tmp_path / "j")
    with pytest.raises(JournalMismatch, match="it holds 3 items, and this one has 2"):
        run_batch(api, iter(["a", "b"]), journal=tmp_path / "j")


def test_a_longer_input_goes_on(serve, tmp_path):
    api, server = serve()
    run_batch(api, prompts(3), journal=tmp_path / "j")
    report = run_batch(api, prompts(5), journal=tmp_path / "j")
    assert len(server.prompts) == report.stats.successful == 5


@pytest.mark.parametrize("later", [1, -1])  # the clock was ahead, so nobody knows how long ago
def test_a_key_that_the_server_has_forgotten_is_not_used(serve, tmp_path, monkeypatch, later):
    def script(prompt, attempt):
        raise requests.ConnectionError

    api, server = serve(script, max_attempts=1)
    run_batch(api, ["a"], journal=tmp_path / "j")
    server.prompts.clear()
    now = time.time()
    monkeypatch.setattr(module.time, "time", lambda: now + later * (module.KEY_LIFETIME + 60))
    for _ in range(2):  # and not by the run after that either
        report = run_batch(api, ["a"], journal=tmp_path / "j")
        assert not server.prompts
        assert (report.stats.total, report.stats.failed) == (1, 1)
        assert report.failures[0].type == "outcome-unknown"
        assert "24 hours" in report.failures[0].message


@pytest.mark.parametrize("by", [8 * 3600.0, -3600.0])
def test_the_clock_that_tells_when_may_be_set_or_go_on_while_the_machine_sleeps(
    serve, monkeypatch, by
):
    real, moved = time.time, [0.0]
    monkeypatch.setattr(module.time, "time", lambda: real() + moved[0])
    api, _ = serve(lambda prompt, attempt: prompt == "a" and moved.append(moved.pop() + by))
    began = real()
    first, second = run_batch(api, ["a", "b"], concurrency=1).results
    assert began <= first["started"] <= real()
    assert began + by <= second["started"] <= real() + by


def test_a_program_may_go_elsewhere_meanwhile(serve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    api, _ = serve()

    def rows():
        yield "a"
        os.chdir("/")
        yield "b"

    report = run_batch(api, rows(), journal="j")
    assert [one["success"] for one in report.results] == [True, True]
    assert report.journal == Path("j")


def test_every_request_is_written_down_before_it_leaves(serve, tmp_path):
    path = tmp_path / "j"
    unwritten = []

    def script(prompt, attempt):
        with closing(sqlite3.connect(path)) as journal:
            query = "SELECT count(*) FROM requests WHERE item = ? AND sent"
            if journal.execute(query, (int(prompt.split()[1]),)).fetchone() != (1,):
                unwritten.append(prompt)
        return 200

    api, _ = serve(script)
    run_batch(api, iter(prompts(100)), journal=path)
    assert unwritten == []


def test_a_journal_that_can_not_be_written_stops_the_batch(serve, tmp_path, monkeypatch):
    api, server = serve(lambda prompt, attempt: time.sleep(0.01) or 200)

    def fail(*args, **kwargs):
        raise JournalError("the disk is full")

    monkeypatch.setattr("resonance_helpers.batch.journal.Journal.answer", fail)
    with pytest.raises(JournalError, match="the disk is full"):
        run_batch(api, prompts(500), concurrency=2, journal=tmp_path / "j")
    assert len(server.prompts) < 10


@pytest.mark.parametrize("over_a_journal", [False, True])
def test_an_item_that_json_can_not_say_fails_alone(serve, tmp_path, over_a_journal):
    loop: list[object] = []
    loop.append(loop)
    odd = [{(1, 2): 3}, loop, {1: 1, "1": object()}, float("nan"), 10**5000, Fraction(10**400)]
    requests_ = ["a", *({"prompt": "b", "tags": tags} for tags in odd), "c"]
    journal = tmp_path / "j" if over_a_journal else None
    for _ in range(2):
        api, _ = serve()
        report = run_batch(api, requests_, journal=journal)
        assert (report.stats.successful, report.stats.failed) == (2, 6)
        assert [failure.item for failure in report.failures] == [1, 2, 3, 4, 5, 6]
        assert {failure.type for failure in report.failures} == {"invalid-request"}
        assert all(failure.final for failure in report.failures)
        assert report.failures[0].request["prompt"] == "b"


def test_what_never_left_may_be_mended(serve, tmp_path):
    api, server = serve()
    run_batch(
        api, ["a", {"prompt": "b", "tags": {(1, 2): 3}}, {"promt": "c"}, 7], journal=tmp_path / "j"
    )
    report = run_batch(api, ["a", "b", "c", "d"], concurrency=1, journal=tmp_path / "j")
    assert server.prompts == ["a", "b", "c", "d"]
    assert (report.stats.successful, report.stats.failed, report.stats.resumed) == (4, 0, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="no flock there")
def test_a_file_system_without_flock_is_no_other_run(serve, tmp_path, monkeypatch):
    import fcntl

    def flock(fd, operation):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    api, _ = serve()
    assert run_batch(api, ["a"], journal=tmp_path / "j").stats.successful == 1


def test_the_report_of_a_journal_is_that_of_its_run(serve, tmp_path):
    api, _ = serve(lambda prompt, attempt: 422 if prompt == "prompt 3" else 200)
    report = run_batch(api, prompts(6), journal=tmp_path / "j")
    read = read_report(tmp_path / "j")
    assert list(read.results) == list(report.results)
    assert read.failures == report.failures
    for name in ("total", "successful", "failed", "retries", "p50", "mean_time"):
        assert getattr(read.stats, name) == getattr(report.stats, name)
    assert read.frame.equals(report.frame)


# -- effects, at a server that counts them --------------------------------------------------------


def test_under_faults_everything_is_done_exactly_once(cheap):
    from resonance_helpers.client.api import ResonanceOSAPIClient
    from resonance_helpers.client.transport import RetryPolicy

    cheap.reset(fault_rate=0.2, seed=3)
    api = ResonanceOSAPIClient(cheap.url, retry=RetryPolicy(max_attempts=12, base=0.01))
    report = run_batch(api, prompts(400), concurrency=8)
    counted = cheap.stats()
    assert report.stats.successful == 400
    assert report.stats.retries == sum(counted["faults"].values()) > 50
    assert (counted["effects"], counted["duplicates"]) == (400, 0)
