"""What is handed out how: to the system where nothing has to be waited for, else to a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.batch import dispatcher, run_batch
from resonance_helpers.batch.crew import Crew
from tests.support.raw_server import RawServer, answer, drips, raw_server, resets
from tests.support.waiting import eventually

ARTICLE = {"article": "An article.", "hrv_feedback": 0.9}


fast_path = pytest.mark.skipif(
    not find_spec("resonance_helpers.client.transport.fast"),
    reason="only the fast path begins an exchange without a thread that waits for it",
)


def prompt_of(request: bytes) -> str:
    return json.loads(request.partition(b"\r\n\r\n")[2])["prompt"]


class Scripted:
    """A handler that answers, but for the prompts that have a handler of their own, once each."""

    def __init__(self, **others: Callable[[Any, bytes], None]) -> None:
        self.others = others
        self.keys: list[bytes] = []

    def __call__(self, connection: Any, request: bytes) -> None:
        prompt = prompt_of(request)
        head = request.partition(b"\r\n\r\n")[0]
        self.keys += [line for line in head.split(b"\r\n") if line.startswith(b"Idempotency-Key")]
        handler = self.others.pop(prompt, None)
        if handler:
            handler(connection, request)
        else:
            connection.sendall(answer({**ARTICLE, "article": prompt}))


def client_of(server: RawServer, **options: Any) -> ResonanceOSAPIClient:
    retry = RetryPolicy(max_attempts=4, base=0.01)
    return ResonanceOSAPIClient(server.url, **{"retry": retry, **options})


def warm(api: ResonanceOSAPIClient, size: int) -> None:
    """Open `size` connections: as many calls at once, none of which ends before all have begun."""
    calls = [api.prepare_generation("warm") for _ in range(size)]
    for number, call in enumerate(calls):
        for earlier in calls[:number]:
            assert earlier.start()
        call.attempt()
        for earlier in calls[:number]:
            earlier.attempt()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts that went to a thread of the crew."""
    seen: list[str] = []
    give = Crew.give
    monkeypatch.setattr(
        Crew, "give", lambda self, item: seen.append(item.request["prompt"]) or give(self, item)
    )
    return seen


def articles(report: Any) -> list[str]:
    return [result["result"]["article"] for result in report.results]


@fast_path
def test_ordinary_exchanges_need_no_threads(given):
    prompts = [f"prompt {number}" for number in range(60)]
    with raw_server(Scripted()) as server, client_of(server, auth=ApiKeyAuth("rk_test_1")) as api:
        warm(api, 8)
        report = run_batch(api, prompts, concurrency=8)
        assert articles(report) == prompts
        assert given == []
        assert server.connections == 8
        assert len(server.requests) == 60 + sum(range(1, 9))


def test_no_more_are_under_way_than_there_may_be():
    lock, now, most = threading.Lock(), [0], [0]

    def counted(connection, request):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        assert eventually(lambda: most == [5])
        time.sleep(0.01)  # in which a sixth would come
        with lock:
            now[0] -= 1
        connection.sendall(answer(ARTICLE))

    with raw_server(counted) as server, client_of(server) as api:
        run_batch(api, map(str, range(40)), concurrency=5)
        run_batch(api, map(str, range(40)), concurrency=5)
    assert most == [5]


@fast_path
def test_one_that_comes_slowly_holds_nobody_up(given):
    """In pieces without end, out of the ordinary, or not at all."""
    chunk = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    done = threading.Event()

    def never(connection, request):
        done.wait(20)

    script = Scripted(
        a=drips(answer({**ARTICLE, "article": "a" * 100}), after=90, every=0.2),
        b=drips(chunk, after=len(chunk) - 1, every=10),
        c=never,
    )
    ended: list[str] = []

    def ordinary(connection, request):
        script(connection, request)
        ended.append(prompt_of(request))
        if len(ended) == 50:
            done.set()

    with raw_server(ordinary) as server, client_of(server, retry=None, timeout=1.5) as api:
        warm(api, 4)
        ended.clear()
        report = run_batch(api, ["a", "b", "c", *map(str, range(50))], concurrency=4)
    assert done.is_set()  # by the fifty, before the three had come to an end
    assert [failure.type for failure in report.failures] == ["timeout"] * 3
    assert report.stats.successful == 50
    assert set(given) == {"a", "b", "c"}


@fast_path
def test_a_connection_that_breaks_is_tried_again_under_the_same_key():
    script = Scripted(b=resets, d=lambda connection, _: connection.close())
    with raw_server(script) as server, client_of(server) as api:
        warm(api, 3)
        script.keys.clear()
        report = run_batch(api, list("abcdef"), concurrency=3)
    assert articles(report) == list("abcdef")
    assert report.stats.retries == 2
    assert (len(script.keys), len(set(script.keys))) == (8, 6)


def test_connections_that_went_stale_between_two_batches():
    def closes(connection, request):
        connection.sendall(answer(ARTICLE))
        if prompt_of(request) == "last":
            connection.close()

    with raw_server(closes) as server, client_of(server, retry=None) as api:
        run_batch(api, ["last"] * 4, concurrency=4)
        report = run_batch(api, ["first"] * 8, concurrency=4)
    assert report.stats.successful == 8


def test_an_auth_that_takes_its_time_holds_nobody_up(given):
    enough = threading.Barrier(4)

    def asks(request):
        enough.wait(10)  # four of them at once, or never
        return request

    with raw_server(Scripted()) as server, client_of(server, auth=asks) as api:
        report = run_batch(api, list("abcdefgh"), concurrency=4)
    assert articles(report) == list("abcdefgh")
    assert sorted(given) == list("abcdefgh")


@fast_path
def test_more_than_a_selector_can_watch_go_to_threads(given, monkeypatch):
    monkeypatch.setattr(dispatcher, "MOST_IN_FLIGHT", 3)
    with raw_server(Scripted()) as server, client_of(server) as api:
        warm(api, 6)
        report = run_batch(api, list("abcdefghij"), concurrency=6)
    assert articles(report) == list("abcdefghij")
    assert 0 < len(given) < 10


@fast_path
def test_a_client_that_is_closed_on_the_way_does_nothing_twice():
    script = Scripted()
    with raw_server(script) as server, client_of(server) as api:
        warm(api, 4)
        script.keys.clear()
        script.others["c"] = lambda connection, request: (
            api.close(),
            connection.sendall(answer({**ARTICLE, "article": "c"})),
        )
        report = run_batch(api, list("abcdefgh"), concurrency=4)
    assert articles(report) == list("abcdefgh")
    assert len(set(script.keys)) == 8
    assert report.stats.retries == len(script.keys) - 8  # none was sent again in silence
