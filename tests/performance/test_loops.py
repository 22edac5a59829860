"""`measure`, `load` and `sweep`: what they refuse, what they send, when calls fall due."""

from __future__ import annotations

import itertools
import math
import statistics
import threading
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.performance import Run, arrivals, load, measure, sweep


class Server:
    """Answers at once, and remembers what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.threads: set[str] = set()

    def generate_content(self, prompt: str, **parameters: Any) -> dict[str, Any]:
        self.calls.append((prompt, parameters))
        self.threads.add(threading.current_thread().name)
        return {"article": "one two", "hrv_feedback": 0.75}


def test_measure_goes_through_the_prompts_and_does_not_count_the_warm_up() -> None:
    server = Server()
    run = measure(server, iter(["a", "bb"]), repeat=2, profile_name="p", warmup=3)
    assert [prompt for prompt, _ in server.calls] == ["a", "bb", "a", "a", "bb", "a", "bb"]
    assert all(parameters == {"profile_name": "p"} for _, parameters in server.calls)
    assert [s.prompt_length for s in run.samples] == [1, 2, 1, 2]
    assert run.rate is None
    assert run.hrv_feedback == 0.75


def test_load_takes_the_prompts_in_turn_over_the_schedule() -> None:
    server = Server()
    run = load(server, ["a", "bb", "ccc"], rate=200, duration=0.1, warmup=0, seed=3)
    assert len(run) == len(server.calls) == 20
    assert [s.prompt_length for s in run.samples] == [1 + i % 3 for i in range(20)]
    assert [s.due for s in run.samples] == pytest.approx([i / 200 for i in range(20)])
    assert all(s.sent >= s.due for s in run.samples)
    assert run.rate == 200


def test_load_ends_when_told_to() -> None:
    stop, server = threading.Event(), Server()
    stop.set()
    run = load(server, ["a"], rate=10, duration=60, stop=stop, warmup=0)
    assert len(run) == len(server.calls) == 0
    assert str(run).startswith("calls")
    with pytest.raises(ValueError, match="this run has no calls"):
        run.percentile(0.5)


@given(st.floats(0.5, 500), st.floats(0.1, 20))
def test_even_arrivals_are_evenly_spaced_and_within_the_duration(
    rate: float, duration: float
) -> None:
    due = arrivals(rate, duration)
    assert len(due) == pytest.approx(rate * duration, abs=1)
    assert due[0] == 0
    assert due[-1] < duration + 1e-9
    assert all(b - a == pytest.approx(1 / rate) for a, b in itertools.pairwise(due))


def test_ten_a_second_over_two_seconds_are_twenty() -> None:
    assert len(arrivals(10, 2)) == 20
    assert len(arrivals(3, 1 / 3)) == 1


def test_random_arrivals_are_a_poisson_process() -> None:
    due = arrivals(50, 100, "random", seed=1)
    assert due == arrivals(50, 100, "random", seed=1) != arrivals(50, 100, "random", seed=2)
    gaps = [b - a for a, b in itertools.pairwise(due)]
    assert 4700 < len(due) < 5300  # 5,000, give or take four standard deviations
    assert statistics.mean(gaps) == pytest.approx(0.02, rel=0.06)
    assert statistics.stdev(gaps) == pytest.approx(0.02, rel=0.06)
    assert max(due) < 100


def test_sweep_runs_the_same_prompts_at_each_concurrency_lowest_first() -> None:
    server = Server()
    found = sweep(server, ["a", "bb"], (4, 1), calls_each=3, least=5)
    assert list(found.runs) == [1, 4]
    assert {c: len(run) for c, run in found.runs.items()} == {1: 5, 4: 12}
    assert {c: run.workers for c, run in found.runs.items()} == {1: 1, 4: 4}
    frame = found.frame
    assert list(frame.index) == [1, 4]
    assert frame.loc[1, "speedup"] == 1
    for concurrency, run in found.runs.items():
        # Little's law, over the whole run: an identity, down to rounding.
        assert frame.loc[concurrency, "under_way"] == pytest.approx(run.in_flight)
        assert run.in_flight <= concurrency


def test_enough_is_the_lowest_concurrency_near_the_best() -> None:
    def fake(rate: float) -> Run:
        from resonance_helpers.performance import Sample

        return Run([Sample(1, 0, 0, 1 / rate)], 1, 1 / rate)

    from resonance_helpers.performance import Sweep

    found = Sweep({1: fake(10), 4: fake(38), 16: fake(80), 32: fake(84), 64: fake(79)})
    assert found.enough() == 16
    assert found.enough(0.99) == 32
    assert found.best == pytest.approx(84)
    assert found.speedup(4) == pytest.approx(3.8)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda s: measure(s, []), "prompts is empty"),
        (lambda s: measure(s, "one text"), "prompts is one text"),
        (lambda s: measure(s, ["a"], repeat=0), "repeat is 0"),
        (lambda s: measure(s, ["a"], concurrency=1000), "concurrency is 1000"),
        (lambda s: measure(s, ["a"], concurrency=True), "concurrency is a bool"),
        (lambda s: measure(s, ["a"], repeat="3"), "repeat is a str"),
        (lambda s: measure(s, 5), "prompts is a int; give a list"),
        (lambda s: measure(s, ["a"], warmup=-1), "warmup is -1"),
        (lambda s: measure(s, ["a"] * 5, repeat=20_000), "smaller repeat"),
        (lambda s: load(s, ["a"], rate=0, duration=1), "rate is 0"),
        (lambda s: load(s, ["a"], rate=math.nan, duration=1), "rate is not finite"),
        (lambda s: load(s, ["a"], rate=1, duration=math.inf), "duration is not finite"),
        (lambda s: load(s, ["a"], rate="1", duration=1), "rate is a str, not a number"),
        (lambda s: load(s, ["a"], rate=1, duration=1, overrun="1"), "overrun is a str"),
        (lambda s: load(s, ["a"], rate=1e6, duration=60), "lower rate or a shorter duration"),
        (lambda s: load(s, ["a"], rate=1, duration=1, connections=0), "connections is 0"),
        (lambda s: load(s, ["a"], rate=1, duration=1, overrun=-1), "overrun is -1"),
        (lambda s: load(s, ["a"], rate=1, duration=1, spacing="odd"), "spacing is 'odd'"),
        (lambda s: load(s, ["a"], rate=0.001, duration=1, spacing="random"), "no call falls due"),
        (lambda s: sweep(s, ["a"], ()), "concurrency is empty"),
        (lambda s: sweep(s, ["a"], (1, 2.5)), "concurrency is a float"),
        (lambda s: sweep(s, ["a"], calls_each=0), "calls_each is 0"),
    ],
)
def test_bad_input_is_named_and_nothing_is_sent(call: Any, told: str) -> None:
    server = Server()
    with pytest.raises((TypeError, ValueError), match=told):
        call(server)
    assert server.calls == []


def test_numbers_of_another_library_are_pythons_afterwards() -> None:
    small, two = numpy.float16, numpy.int64(2)
    run = load(
        Server(), ["a"], rate=small(200), duration=small(0.1), connections=two, overrun=small(60)
    )
    assert (type(run.rate), type(run.workers), len(run.samples)) == (float, int, 20)
    run = measure(Server(), ["a"], repeat=two, concurrency=two, warmup=two)
    assert (type(run.workers), len(run.samples)) == (int, 2)
    found = sweep(Server(), ["a"], [two], calls_each=two, least=two)
    assert [type(workers) for workers in found.runs] == [int]
    assert {type(at) for at in arrivals(small(10), small(1), "random")} == {float}
