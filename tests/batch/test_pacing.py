"""The pacer against simulated servers, in simulated time: nothing here waits."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.batch.pacing import PROBE_LASTS, Pacer


class FixedWindow:
    """`quota` requests in each window of `window` seconds; tells whole seconds, rounded up."""

    def __init__(self, quota: int, window: float) -> None:
        self.quota, self.window = quota, window
        self.number, self.used = -1, 0

    def take(self, now: float) -> tuple[bool, int, float]:
        number = int(now // self.window)
        if number != self.number:
            self.number, self.used = number, 0
        allowed = self.used < self.quota
        self.used += allowed
        return allowed, self.quota - self.used, math.ceil((number + 1) * self.window - now)


class MovingWindow:
    """`quota` requests in any `window` seconds; `reset` is when the oldest one counts no more."""

    def __init__(self, quota: int, window: float) -> None:
        self.quota, self.window = quota, window
        self.hits: deque[float] = deque()

    def take(self, now: float) -> tuple[bool, int, float]:
        while self.hits and self.hits[0] <= now - self.window:
            self.hits.popleft()
        allowed = len(self.hits) < self.quota
        if allowed:
            self.hits.append(now)
        return (
            allowed,
            self.quota - len(self.hits),
            math.ceil(self.hits[0] + self.window - now),
        )


def simulate(
    server: FixedWindow | MovingWindow,
    *,
    seconds: float,
    concurrency: int = 8,
    latency: Callable[[int], float] = lambda number: 0.2,
) -> tuple[int, int]:
    """Send as much as the pacer lets through; how many were served, and how many refused."""
    pacer = Pacer()
    under_way: list[tuple[float, int, tuple[bool, int, float]]] = []
    arriving: list[tuple[float, int]] = []
    now, served, refused = 0.0, 0, 0
    while now < seconds:
        if len(under_way) + len(arriving) < concurrency and pacer.ready_at(now) <= now:
            number = pacer.sent(now)
            heapq.heappush(arriving, (now + latency(number) / 2, number))
            continue
        # The next thing to happen: a request arrives, an answer comes, or the pacer lets go.
        moments = [arriving[0][0]] if arriving else []
        moments += [under_way[0][0]] if under_way else []
        if len(under_way) + len(arriving) < concurrency:
            moments.append(pacer.ready_at(now))
        now = max(now, min(moments))
        if arriving and arriving[0][0] <= now:
            _, number = heapq.heappop(arriving)
            heapq.heappush(under_way, (now + latency(number) / 2, number, server.take(now)))
        elif under_way and under_way[0][0] <= now:
            _, number, (allowed, remaining, reset) = heapq.heappop(under_way)
            served += allowed
            refused += not allowed
            pause = 0.0 if allowed else reset
            pacer.answered(number, now, remaining=remaining, reset=reset, pause=pause)
    return served, refused


@pytest.mark.parametrize("window", [FixedWindow, MovingWindow])
@pytest.mark.parametrize("concurrency", [1, 8, 64])
def test_it_uses_what_is_allowed_and_no_more(window, concurrency):
    latency = 0.02 if concurrency == 1 else 0.2
    jitter = lambda number: latency * (0.5 + number * 7919 % 100 / 100)  # noqa: E731
    served, refused = simulate(
        window(1000, 60), seconds=300, concurrency=concurrency, latency=jitter
    )
    assert served >= 0.95 * 5 * 1000
    assert refused <= 0.01 * served


@given(
    quota=st.integers(1, 50),
    concurrency=st.integers(1, 20),
    latencies=st.lists(st.floats(0.01, 3), min_size=1, max_size=9),
    window=st.sampled_from([FixedWindow, MovingWindow]),
)
def test_it_never_stalls_and_never_runs_into_a_storm(quota, concurrency, latencies, window):
    served, refused = simulate(
        window(quota, 10),
        seconds=200,
        concurrency=concurrency,
        latency=lambda number: latencies[number % len(latencies)],
    )
    assert served >= 20 / 2 / (1 + max(latencies))  # at the least, one probe for each window
    assert refused <= served + concurrency


def test_without_a_limit_everything_may_go():
    pacer = Pacer()
    for moment in range(1000):
        assert pacer.ready_at(0) == 0
        pacer.sent(moment)


def test_requests_under_way_count_as_spent():
    pacer = Pacer()
    first, _second = pacer.sent(0), pacer.sent(0)
    pacer.answered(first, 1, remaining=2, reset=10)
    assert pacer.left == 1
    pacer.sent(1)
    assert pacer.ready_at(1) == 11


def test_an_older_answer_does_not_overrule_a_newer_one():
    pacer = Pacer()
    first, second = pacer.sent(0), pacer.sent(0)
    pacer.answered(second, 1, remaining=0, reset=10)
    pacer.answered(first, 1, remaining=1, reset=10)
    assert pacer.ready_at(1) == 11


def test_before_the_window_turns_there_can_only_be_less():
    pacer = Pacer()
    first, second = pacer.sent(0), pacer.sent(0)
    pacer.answered(first, 1, remaining=0, reset=10)  # it came to the server after the second
    pacer.answered(second, 1, remaining=1, reset=10)
    assert pacer.ready_at(1) == 11


def test_after_the_window_one_request_goes_first():
    pacer = Pacer()
    pacer.answered(pacer.sent(0), 0, remaining=0, reset=5)
    assert pacer.ready_at(4) == 5
    probe = pacer.sent(5)
    assert pacer.ready_at(5) == 5 + PROBE_LASTS
    pacer.answered(probe, 5.2, remaining=9, reset=60)
    assert pacer.ready_at(5.2) == 5.2


def test_a_probe_that_brings_nothing_back_is_followed_by_another():
    pacer = Pacer()
    pacer.answered(pacer.sent(0), 0, remaining=0, reset=5)
    pacer.answered(pacer.sent(5), 5.1)
    assert pacer.ready_at(5.1) == 5.1


def test_a_pause_holds_everyone():
    pacer = Pacer()
    pacer.answered(pacer.sent(0), 1, pause=3)
    assert pacer.ready_at(2) == 4


def test_what_was_not_sent_after_all_is_not_counted():
    pacer = Pacer()
    first = pacer.sent(0)
    pacer.answered(first, 0, remaining=1, reset=9)
    pacer.kept(pacer.sent(0))
    assert pacer.left == 1
