"""The limits themselves: atomic under threads, and truthful about when to come again."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from resonance_sandbox import Settings
from resonance_sandbox.clock import Clock
from resonance_sandbox.limits.rate_limits import RateLimits


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        (Settings(burst=50, rate_limit=10**9, quota=10**9), 50),
        (Settings(burst=10**9, rate_limit=40, quota=10**9), 40),
        (Settings(burst=10**9, rate_limit=10**9, quota=30), 30),
    ],
    ids=["burst", "minute", "day"],
)
def test_threads_together_get_no_more_than_is_allowed(settings: Settings, allowed: int) -> None:
    limits = RateLimits(settings, lambda: 1e9)
    together = Barrier(8)

    def work(_: int) -> Counter[bool]:
        together.wait()
        return Counter(limits.check("realm", "caller")[1] is None for _ in range(50))

    with ThreadPoolExecutor(8) as pool:
        counted = sum(pool.map(work, range(8)), Counter[bool]())
    assert counted == {True: allowed, False: 400 - allowed}
    assert limits.check("realm", "another")[1] is None
    assert limits.check("elsewhere", "caller")[1] is None


@pytest.mark.parametrize("asked_after", [0.0, 0.4, 17.25, 59.0, 59.9])
def test_retry_after_is_true_to_the_second(asked_after: float) -> None:
    """Who waits as long as told is served; a second earlier nobody is."""
    begun = 1e9
    now = [begun]
    limits = RateLimits(Settings(burst=10**9, rate_limit=3, quota=10**9), lambda: now[0])
    for _ in range(3):
        assert limits.check("realm", "caller")[1] is None
    now[0] = begun + asked_after
    refused = limits.check("realm", "caller")[1]
    assert refused is not None
    wait = int(refused.headers["Retry-After"])
    assert wait - 1 < 60 - asked_after <= wait
    now[0] += wait - 1
    if now[0] < begun + 60:
        assert limits.check("realm", "caller")[1] is not None, "not a second too much"
    now[0] += 1.001
    assert limits.check("realm", "caller")[1] is None


@pytest.mark.parametrize("day", [-86_400.0, -400 * 86_400.0])
def test_a_wall_clock_that_goes_back_leaves_the_rest_of_the_window(day: float) -> None:
    wall, steady = [1e9], [50.0]
    limits = RateLimits(
        Settings(burst=10**9, rate_limit=3, quota=10**9),
        Clock(wall=lambda: wall[0], steady=lambda: steady[0]),
    )
    for _ in range(3):
        assert limits.check("realm", "caller")[1] is None
    wall[0] += day + 1
    steady[0] += 1
    refused = limits.check("realm", "caller")[1]
    assert refused is not None
    assert refused.headers["Retry-After"] == "59"
    wall[0] += 60
    steady[0] += 60
    assert limits.check("realm", "caller")[1] is None


def test_callers_of_whom_nothing_counts_are_forgotten() -> None:
    now = [1e9]
    limits = RateLimits(Settings(), lambda: now[0])
    for number in range(50):
        limits.check(f"realm{number % 7}", f"caller{number}")
    now[0] += 86_399
    limits.check("realm", "today")
    now[0] += 1
    limits.purge()
    assert {realm: [*callers] for realm, callers in limits._callers.items()} == {"realm": ["today"]}
