"""The server's time, from its answers."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from resonance_helpers.client.auth.clock import ServerClock


@pytest.mark.parametrize("ahead", [-86_400, -61, -3, 3, 61, 86_400])
def test_a_clock_that_is_wrong_is_noticed(ahead: float) -> None:
    clock = ServerClock(lambda: 1_800_000_000.0)
    clock.learn({"Date": formatdate(1_800_000_000 + ahead, usegmt=True)})
    assert clock.now() == pytest.approx(1_800_000_000 + ahead, abs=1)


@pytest.mark.parametrize("late", [0.0, 0.4, 0.999, 1.9])
def test_whole_seconds_and_a_slow_answer_are_no_skew(late: float) -> None:
    clock = ServerClock(lambda: 1_800_000_000.0 + late)
    clock.learn({"Date": formatdate(1_800_000_000, usegmt=True)})
    assert clock.skew == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Date": "yesterday"},
        {"Date": ""},
        {"Date": formatdate(1, usegmt=True), "Age": "1700000000"},
    ],
)
def test_what_says_nothing_changes_nothing(headers: dict[str, str]) -> None:
    clock = ServerClock(lambda: 1_800_000_000.0)
    clock.learn(headers)
    assert clock.skew == 0


def test_a_clock_that_was_mended_is_noticed_too() -> None:
    now = 1_800_000_000.0
    clock = ServerClock(lambda: now)
    clock.learn({"Date": formatdate(now + 500, usegmt=True)})
    clock.learn({"Date": formatdate(now, usegmt=True)})
    assert clock.now() == pytest.approx(now, abs=1)
