"""The limits themselves: atomic under threads, and truthful about when to come again."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from resonance_sandbox import Settings
from resonance_sandbox.limits import rate_limits as module
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
def test_threads_together_get_no_more_than_is_allowed(
    settings: Settings, allowed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = time.time()
    monkeypatch.setattr("limits.storage.memory.time.time", lambda: stopped)
    limits = RateLimits(settings)
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
def test_retry_after_is_true_to_the_second(
    asked_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits as long as told is served; a second earlier nobody is."""
    begun = time.time()
    now = [begun]
    monkeypatch.setattr("limits.storage.memory.time.time", lambda: now[0])
    monkeypatch.setattr(module.time, "time", lambda: now[0])
    limits = RateLimits(Settings(burst=10**9, rate_limit=3, quota=10**9))
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
