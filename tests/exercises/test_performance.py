"""The checks of lesson 6 against a blank, the solution, and the answers that people get wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

from resonance_helpers import performance
from resonance_helpers.exercises import Exercise, check
from resonance_helpers.lessons import LESSONS, NOTEBOOKS
from resonance_helpers.performance import ServiceLevel, load, measure
from resonance_helpers.tutorial import LessonClient

EXERCISES = [
    check.performance.calls,
    check.performance.waited,
    check.performance.level,
    check.performance.eight,
]
PROMPTS = [f"Letter {i}" for i in range(40)]


@pytest.fixture(params=EXERCISES, ids=lambda exercise: exercise.name)
def exercise(request: pytest.FixtureRequest) -> Exercise:
    found: Exercise = request.param
    return found


def test_a_blank_is_not_attempted(exercise: Exercise, api: LessonClient) -> None:
    assert exercise(...).word == "Not attempted"


def test_the_solution_is_correct(exercise: Exercise, api: LessonClient) -> None:
    names: dict[str, Any] = {
        "api": api,
        "performance": performance,
        "measure": measure,
        "prompts": PROMPTS,
    }
    exec(exercise.solution, names)
    outcome = exercise(names["answer"])
    assert outcome.correct, outcome


def test_hints_never_are_the_solution(exercise: Exercise) -> None:
    assert 2 <= len(exercise.hints) <= 4
    assert not any(exercise.solution in hint for hint in exercise.hints)


@pytest.mark.parametrize("odd", [None, 0, "", [], {}, (), object(), float("nan"), b"x", range])
def test_any_answer_gets_a_sentence(exercise: Exercise, api: LessonClient, odd: Any) -> None:
    outcome = exercise(odd)
    assert outcome.word == "Not yet"
    assert outcome.message.endswith((".", "?"))


def test_the_lesson_shows_exactly_this_solution(exercise: Exercise) -> None:
    cells = nbformat.read(NOTEBOOKS / LESSONS[5].filename, as_version=4).cells
    place = next(i for i, c in enumerate(cells) if f"check.{exercise.name}(answer)" in c.source)
    assert cells[place].source.startswith("answer = ...")
    shown = re.search(r"<details>.*```python\n(.*?)\n```", cells[place + 1].source, re.DOTALL)
    assert shown is not None
    assert shown[1] == exercise.solution


Make = Callable[[LessonClient], Any]


def same(value: Any) -> Make:
    return lambda api: value


def run(calls: int, concurrency: int, prompt: str = "Tea") -> Make:
    return lambda api: measure(api, [prompt] * calls, concurrency=concurrency)


def promise(metric: str, of: str = "response_time", **bound: float) -> Make:
    return same(ServiceLevel(metric=metric, of=of, **bound))


WRONG: list[tuple[str, str, Make, str]] = [
    ("calls", "those of p99", same(368), "do for p99"),
    ("calls", "a thousand", same(1000), "too few"),
    ("calls", "more than needed", same(10_000), "fewer do too"),
    ("calls", "a fraction", same(3688.0), "whole number"),
    ("waited", "service times", same(lambda calls: [f - s for _, s, f in calls]), "lost"),
    ("waited", "delays", same(lambda calls: [s - d for d, s, _ in calls]), "how late"),
    ("waited", "the wrong way round", same(lambda calls: [d - f for d, _, f in calls]), "From"),
    ("waited", "one number", same(lambda calls: max(f - d for d, _, f in calls)), "list of"),
    ("waited", "the late ones", same(lambda calls: [f - d for d, s, f in calls if s > d]), "5"),
    ("waited", "one call at a time", same(lambda due, sent, finished: finished - due), "raised"),
    ("level", "a mean", promise("mean", at_most=1.5), "11 took 1.6 s"),
    ("level", "another percentile", promise("p90", at_most=1.5), "11 took 1.6 s"),
    ("level", "stricter", promise("p99.9", at_most=1.5), "9 s, which is allowed"),
    ("level", "a longer time", promise("p99", at_most=2), "11 took 1.6 s"),
    ("level", "a shorter time", promise("p99", at_most=1.4), "exactly 1.5 s"),
    ("level", "the wrong side", promise("p99", at_least=1.5), "all take 0.1 s"),
    ("level", "the server's time", promise("p99", "server_time", at_most=1.5), "Callers wait"),
    ("level", "successes", promise("success_rate", at_least=0.99), "11 took 1.6 s"),
    ("level", "a sentence", same("p99 at most 1.5 s"), "of type str"),
    ("eight", "too few", run(20, 8), "20 calls are too few"),
    ("eight", "one at a time", run(36, 1), "At most 1"),
    ("eight", "failures", run(36, 8, ""), "Some calls failed: validation-failed"),
    (
        "eight",
        "an open loop",
        lambda api: load(api, PROMPTS, rate=100, duration=0.4, connections=8),
        "open loop",
    ),
    ("eight", "a list", same([0.1] * 40), "of type list"),
]


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [pytest.param(name, make, message, id=f"{name}-{what}") for name, what, make, message in WRONG],
)
def test_a_wrong_answer_gets_its_own_help(
    api: LessonClient, name: str, make: Make, message: str
) -> None:
    outcome = getattr(check.performance, name)(make(api))
    assert outcome.word == "Not yet"
    assert message in outcome.message
