"""The retry policy by itself: which failures, after how long."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.client import errors
from resonance_helpers.client.transport import NO_RETRIES, RetryPolicy

ALL = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, errors.ResonanceError)
]
ALWAYS = {
    errors.ConnectionFailedError,
    errors.NameNotResolvedError,
    errors.ProxyFailedError,
    errors.ConnectionLostError,
    errors.MalformedJSONError,
    errors.OutcomeUnknownError,
    errors.RequestTimeoutError,
    errors.IdempotencyInProgressError,
    errors.TooEarlyError,
    errors.RateLimitedError,
    errors.NotYetAllowedError,
    errors.QuotaExceededError,
    errors.BadGatewayError,
    errors.UnavailableError,
    errors.OverloadedError,
    errors.WriterUnavailableError,
    errors.GatewayTimeoutError,
}
UNDER_A_DEADLINE = {errors.AttemptTimeoutError, errors.ConnectTimeoutError}
WHERE_NOTHING_CHANGES = {errors.InternalServerError}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("has_deadline", [True, False])
@pytest.mark.parametrize("cls", ALL)
def test_each_reason_is_retried_or_not(
    cls: type[errors.ResonanceError], has_deadline: bool, method: str
) -> None:
    expected = (
        cls in ALWAYS
        or (cls in UNDER_A_DEADLINE and has_deadline)
        or (cls in WHERE_NOTHING_CHANGES and method == "GET")
    )
    policy = RetryPolicy()
    assert policy.allows(cls("x"), method=method, has_deadline=has_deadline) is expected


def test_the_waits_double_up_to_the_cap() -> None:
    policy = RetryPolicy(base=0.5, cap=3, random=lambda: 1.0)
    assert [policy.wait(n, None) for n in (*range(1, 6), 5000)] == [0.5, 1, 2, 3, 3, 3]


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True))
def test_the_jitter_is_full(attempts: int, chance: float) -> None:
    policy = RetryPolicy(base=0.1, cap=8, random=lambda: chance)
    bound = min(8, 0.1 * 2 ** (attempts - 1))
    assert policy.wait(attempts, None) == pytest.approx(chance * bound)


@given(st.integers(1, 60), st.floats(0, 1, exclude_max=True), st.floats(0, 1e9))
def test_never_earlier_than_asked_and_hardly_later(
    attempts: int, chance: float, retry_after: float
) -> None:
    wait = RetryPolicy(random=lambda: chance).wait(attempts, retry_after)
    assert retry_after <= wait <= retry_after * 1.1


def test_asked_to_come_back_at_once_means_at_once() -> None:
    assert RetryPolicy(random=lambda: 0.9).wait(7, 0.0) == 0


def test_the_defaults_are_these() -> None:
    policy = RetryPolicy()
    assert (policy.max_attempts, policy.base, policy.cap, policy.max_wait) == (5, 0.1, 8, 60)
    assert repr(policy) == "RetryPolicy(max_attempts=5, base=0.1, cap=8.0, max_wait=60.0)"
    assert NO_RETRIES.max_attempts == 1


def test_a_policy_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        RetryPolicy().base = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_attempts": 0}, "max_attempts is 0; it has to be at least 1"),
        ({"max_attempts": -1}, "max_attempts is -1"),
        ({"base": -0.1}, "base is -0.1; it can't be negative"),
        ({"cap": float("nan")}, "cap is nan"),
        ({"max_wait": -1}, "max_wait is -1"),
    ],
)
def test_a_policy_that_can_not_be_is_refused(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RetryPolicy(**options)
    with pytest.raises(TypeError, match="it has to be a whole number"):
        RetryPolicy(max_attempts=2.5)  # type: ignore[arg-type]


def test_nothing_may_be_nothing() -> None:
    assert RetryPolicy(max_attempts=1, base=0, cap=0, max_wait=0).wait(1, None) == 0
