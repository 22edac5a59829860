"""The checks of lesson 4 against a blank, the solution, and the answers that people get wrong."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from resonance_helpers.batch import run_batch
from resonance_helpers.exercises import Exercise, check
from resonance_helpers.lessons import LESSONS, NOTEBOOKS
from resonance_helpers.tutorial import LessonClient

EXERCISES = [check.batch.success_rate, check.batch.one_failure, check.batch.resumed]


@pytest.fixture(params=EXERCISES, ids=lambda exercise: exercise.name)
def exercise(request: pytest.FixtureRequest) -> Exercise:
    found: Exercise = request.param
    return found


def test_a_blank_is_not_attempted(exercise: Exercise, api: LessonClient) -> None:
    assert exercise(...).word == "Not attempted"


def test_the_solution_is_correct(exercise: Exercise, api: LessonClient) -> None:
    names: dict[str, Any] = {"api": api, "run_batch": run_batch, "tempfile": tempfile}
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
    cells = nbformat.read(NOTEBOOKS / LESSONS[3].filename, as_version=4).cells
    place = next(i for i, c in enumerate(cells) if f"check.{exercise.name}(answer)" in c.source)
    assert cells[place].source.startswith("answer = ...")
    shown = re.search(r"<details>.*```python\n(.*?)\n```", cells[place + 1].source, re.DOTALL)
    assert shown is not None
    assert shown[1] == exercise.solution


Make = Callable[[LessonClient, Path], Any]
BAD = {"prompt": "Wind", "profile_name": "no_such_profile"}


def batch(*requests: Any) -> Make:
    return lambda api, folder: run_batch(api, requests)


def twice(first: list[str], second: list[str], *, shared: bool = True) -> Make:
    def make(api: LessonClient, folder: Path) -> Any:
        run_batch(api, first, journal=folder / "1")
        return run_batch(api, second, journal=folder / ("1" if shared else "2"))

    return make


def same(value: Any) -> Make:
    return lambda api, folder: value


def share(results: list[dict[str, Any]]) -> float:
    return sum(r["success"] for r in results) / len(results) if results else 0


def unguarded(results: list[dict[str, Any]]) -> float:
    return 100 * sum(r["success"] for r in results) / len(results)


WRONG: list[tuple[str, str, Make, str]] = [
    ("success_rate", "a share", same(share), "in percent"),
    ("success_rate", "the empty batch", same(unguarded), "raised ZeroDivisionError"),
    ("success_rate", "a text", same(lambda results: "100 %"), "should return a number"),
    ("success_rate", "the failures", same(lambda r: 100.0 * (not r)), "With 4 of 4 good ones"),
    ("success_rate", "the number alone", same(75), "should be a function"),
    ("one_failure", "all good", batch("a", "b", "c"), "0 of its requests failed"),
    ("one_failure", "too few", batch("a", BAD), "make it three or more"),
    ("one_failure", "two bad ones", batch("a", BAD, BAD), "2 of its requests failed"),
    ("one_failure", "another reason", batch("a", "", "c"), "as validation-failed"),
    ("one_failure", "the list", same(["a", BAD, "c"]), "of type list"),
    ("resumed", "two journals", twice(["a", "b"], ["a", "b", "c"], shared=False), "same journal"),
    ("resumed", "one at first", twice(["a"], ["a", "b", "c"]), "1 came out of the journal"),
    ("resumed", "nothing new", twice(["a", "b", "c"], ["a", "b", "c"]), "3 came out"),
    ("resumed", "two in all", twice(["a", "b"], ["a", "b"]), "it should be three"),
]


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [pytest.param(name, make, message, id=f"{name}-{what}") for name, what, make, message in WRONG],
)
def test_a_wrong_answer_gets_its_own_help(
    api: LessonClient, tmp_path: Path, name: str, make: Make, message: str
) -> None:
    outcome = getattr(check.batch, name)(make(api, tmp_path))
    assert outcome.word == "Not yet"
    assert message in outcome.message
