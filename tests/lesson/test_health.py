"""Health: four states, and a wait that neither hurries nor overstays."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.lesson import health
from tests.support.clock import Clock

OK = {"status": "ok", "latency_ms": 0.1}
FAILING = {"status": "failing", "latency_ms": 0.1}
HEALTHY = {"status": "healthy", "checks": {"database": OK, "writer": OK}}
DEGRADED = {"status": "degraded", "checks": {"database": OK, "writer": FAILING}}
UNHEALTHY = {
    "status": "error",
    "message": "The server answered 503.",
    "response_code": 503,
    "checks": {"database": FAILING, "writer": OK},
}
GATEWAY = {"status": "error", "message": "No server is ready.", "response_code": 503}
AWAY = {"status": "error", "message": "No connection.", "response_code": None}


class Server:
    """A client whose server gives these answers, the last one for ever."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)
        self.looks = 0

    def health_check(self) -> dict[str, Any]:
        answer = self.answers[min(self.looks, len(self.answers) - 1)]
        self.looks += 1
        return answer


@pytest.mark.parametrize(
    ("answer", "state", "detail"),
    [
        (HEALTHY, "healthy", "every part works"),
        (DEGRADED, "degraded", "failing: writer"),
        (UNHEALTHY, "unhealthy", "failing: database"),
        (GATEWAY, "unhealthy", "No server is ready."),
        ({"status": "starting"}, "unhealthy", "the server says that it is starting"),
        ({"status": "degraded"}, "degraded", "the server says that it is degraded"),
        ({"status": "healthy", "checks": ["database"]}, "healthy", "every part works"),
        ({"status": "degraded", "checks": {"a": 7, "b": {}}}, "degraded", "failing: b"),
        (AWAY, "unreachable", "No connection."),
    ],
)
def test_each_answer_has_its_state(answer: dict[str, Any], state: str, detail: str) -> None:
    look = health.check(Server(answer))
    assert (look.state, look.detail) == (state, detail)
    assert repr(look) == f"{state}: {detail}"
    assert look.state in health.STATES


def test_a_degraded_server_works_for_whoever_does_not_need_the_part() -> None:
    look = health.read(DEGRADED)
    assert look.works()
    assert look.works("database")
    assert not look.works("writer")
    assert not look.works("database", "writer")
    assert not look.works("printer")


@pytest.mark.parametrize("answer", [UNHEALTHY, GATEWAY, AWAY])
def test_a_server_that_takes_no_requests_works_for_nobody(answer: dict[str, Any]) -> None:
    assert not health.read(answer).works()
    assert not health.read(answer).works("writer")


def wait(server: Server, clock: Clock, **options: Any) -> health.HealthReport:
    passing = SimpleNamespace(monotonic=clock, sleep=clock.sleep)
    with mock.patch.object(health, "time", passing):
        return health.wait_until_ready(server, **options)


def test_waiting_ends_with_the_first_look_that_is_ready() -> None:
    server = Server(AWAY, UNHEALTHY, HEALTHY, AWAY)
    look = wait(server, Clock(100.0))
    assert (look.state, look.tries) == ("healthy", 3)
    assert server.looks == 3


def test_waiting_for_a_part() -> None:
    server = Server(DEGRADED, DEGRADED, HEALTHY)
    assert wait(server, Clock(100.0)).tries == 1
    assert wait(server, Clock(100.0), needs=["writer"]).state == "healthy"


@given(st.floats(0, 60), st.floats(0.01, 5))
def test_waiting_in_vain_ends_on_time(timeout: float, interval: float) -> None:
    clock = Clock(100.0)
    look = wait(Server(AWAY), clock, timeout=timeout, interval=interval)
    assert look.state == "unreachable"
    assert clock.now - 100 == pytest.approx(timeout, abs=1e-6)


def test_no_timeout_means_one_look() -> None:
    assert wait(Server(AWAY), Clock(100.0), timeout=0).tries == 1


@pytest.mark.parametrize("wrong", [{"timeout": -1}, {"interval": 0}, {"timeout": math.nan}])
def test_impossible_waits_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="timeout is 0 or more seconds"):
        wait(Server(HEALTHY), Clock(100.0), **wrong)


def test_timeline_draws_each_look() -> None:
    looks = [health.read(answer) for answer in (HEALTHY, DEGRADED, UNHEALTHY, AWAY, HEALTHY)]
    rows = health.timeline(looks, "A bad night").text.splitlines()
    assert rows == [
        "A bad night",
        "    healthy | o . . . o",
        "   degraded | . o . . .",
        "  unhealthy | . . o . .",
        "unreachable | . . . o .",
    ]
