"""Calls go out when they are due, are all accounted for, and end by themselves."""

from __future__ import annotations

import itertools
import math
import os
import signal
import threading
import time
from typing import Any

import pytest

from resonance_helpers.client.errors import ResonanceError
from resonance_helpers.performance.run import Run
from resonance_helpers.performance.runner import Plan, execute
from resonance_helpers.progress import Stopped
from tests.performance.conftest import FakeServer
from tests.support.clock import Clock


def run(clock: Clock, server: Any, prompts: list[str], **plan: Any) -> Run:
    """One worker's run."""
    plan = {"parameters": {}, **plan}
    samples, wall = execute(
        server, Plan(prompts, workers=1, **plan), clock=clock, sleep=clock.sleep
    )
    return Run(samples, 1, wall, 1.0 if plan.get("due") else None)


def test_a_closed_loop_sends_each_call_when_the_last_is_answered(clock: Clock) -> None:
    server = FakeServer(clock, lambda n: 0.5)
    found = run(clock, server, ["a", "bb"], parameters={"seed": 1})
    assert server.calls == [("a", {"seed": 1}), ("bb", {"seed": 1})]
    assert [(s.due, s.sent, s.finished) for s in found.samples] == [(0, 0, 0.5), (0.5, 0.5, 1.0)]
    assert found.times("response_time") == found.times("service_time") == [0.5, 0.5]
    assert found.times("server_time") == pytest.approx([0.375, 0.375])
    assert found.times("network_time") == pytest.approx([0.125, 0.125])
    assert [s.content_length for s in found.samples] == [10, 20]
    assert [s.chars_per_second for s in found.samples] == [20, 40]
    assert found.wall == 1.0


def test_an_open_loop_waits_until_a_call_is_due(clock: Clock) -> None:
    server = FakeServer(clock, lambda n: 0.25)
    found = run(clock, server, ["a"] * 3, due=[0, 1, 2])
    assert [s.sent for s in found.samples] == [0, 1, 2]
    assert found.times() == [0.25] * 3


def test_after_a_stall_late_calls_count_from_when_they_were_due(clock: Clock) -> None:
    # One call of 3 seconds; the rest take 0.1. One is due each second.
    server = FakeServer(clock, lambda n: 3.0 if n == 2 else 0.1)
    due = list(range(8))
    found = run(clock, server, ["a"] * 8, due=due)
    assert found.times("service_time") == pytest.approx([0.1, 0.1, 3.0, *[0.1] * 5])
    # Due at 3 and 4, and sent at 5.0 and 5.1; due at 5 and sent at 5.2; then on time again.
    assert found.times("response_time") == pytest.approx([0.1, 0.1, 3.0, 2.1, 1.2, 0.3, 0.1, 0.1])


def test_no_call_goes_out_after_the_last_start_and_none_is_forgotten(clock: Clock) -> None:
    server = FakeServer(clock, lambda n: 4.0)
    found = run(clock, server, ["a"] * 6, due=[0, 1, 2, 3, 4, 5], last_start=9.0)
    assert len(server.calls) == 3  # at 0, 4 and 8
    assert len(found) == 6
    assert found.failures == {"not-sent": 3}
    assert found.times()[3:] == [math.inf] * 3
    assert found.wall == 12.0


@pytest.mark.parametrize("due", [None, [0, 1, 2, 3, 4]])
def test_each_call_is_told_of_and_what_falls_due_after_a_stop_is_no_part_of_the_run(
    clock: Clock, due: list[float] | None
) -> None:
    stop, told = threading.Event(), []

    def on_sample(sample: Any) -> None:
        told.append(sample)
        if len(told) == 2:
            stop.set()

    server = FakeServer(clock, lambda n: 0.1)
    found = run(clock, server, ["a"] * 5, due=due, on_sample=on_sample, stop=stop)
    assert len(server.calls) == len(found) == 2
    assert found.failures == {}
    assert told == list(found.samples)


def test_a_call_that_was_due_before_the_stop_is_not_forgotten(clock: Clock) -> None:
    stop = threading.Event()
    server = FakeServer(clock, lambda n: 2.5)
    found = run(
        clock,
        server,
        ["a"] * 5,
        due=[0, 1, 2, 3, 4],
        on_sample=lambda sample: stop.set(),
        stop=stop,
    )
    assert [s.due for s in found.samples] == [0, 1, 2]
    assert found.failures == {"not-sent": 2}


def test_a_failed_call_is_infinitely_slow_and_has_no_article(clock: Clock) -> None:
    class Failing:
        def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
            error = ResonanceError("no", type="rate-limited", attempts=3)
            if prompt == "raise":
                raise error
            return error.as_dict()

    found = run(clock, Failing(), ["return", "raise"])
    assert found.failures == {"rate-limited": 2}
    assert found.times() == [math.inf] * 2
    assert found.times("server_time") == []
    assert [s.attempts for s in found.samples] == [3, 3]
    assert found.success_rate.value == 0


@pytest.mark.parametrize("workers", [1, 4])
def test_a_mistake_in_the_program_stops_the_run(workers: int) -> None:
    calls = []

    class Mistaken:
        def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
            calls.append(prompt)
            raise TypeError("generate_content() got an unexpected keyword argument 'colour'")

    with pytest.raises(TypeError, match="colour"):
        execute(Mistaken(), Plan(["a"] * 50, {}, workers))
    assert len(calls) <= workers


def test_so_many_calls_are_under_way_as_there_are_workers() -> None:
    workers = 8
    everybody = threading.Barrier(workers, timeout=30)

    class Meeting:
        """Answers only when all workers are here at once."""

        def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
            everybody.wait()
            return {"article": prompt, "hrv_feedback": 1.0}

    samples, wall = execute(Meeting(), Plan([str(i) for i in range(32)], {}, workers))
    assert len(samples) == 32
    assert all(sample.ok for sample in samples)
    assert max(sample.finished for sample in samples) <= wall


def test_samples_come_in_the_order_of_the_plan_whatever_the_order_of_answers() -> None:
    class Any_:
        def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
            return {"article": prompt, "hrv_feedback": 0.5}

    prompts = ["x" * (i + 1) for i in range(40)]
    samples, _ = execute(Any_(), Plan(prompts, {}, 8, due=[i / 1000 for i in range(40)]))
    assert [s.prompt_length for s in samples] == [len(p) for p in prompts]
    assert [s.due for s in samples] == [i / 1000 for i in range(40)]
    assert all(s.sent >= s.due for s in samples)


@pytest.mark.parametrize("workers", [1, 4])
def test_an_interrupt_stops_it_within_a_second_and_in_one_sentence(workers: int) -> None:
    class Slow:
        number = itertools.count(1)
        killed = 0.0

        def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
            number = next(self.number)
            if number == 4 + workers:  # nobody is left who could still send or end one
                time.sleep(0.1)
                Slow.killed = time.monotonic()
                os.kill(os.getpid(), signal.SIGINT)
            if number > 4:
                time.sleep(20)
            return {"article": "a", "hrv_feedback": 0.5}

    with pytest.raises(Stopped, match=r"^Stopped: 4 of 40 calls had ended; no other is sent\.$"):
        execute(Slow(), Plan(["a"] * 40, {}, workers))
    assert time.monotonic() - Slow.killed < 1
