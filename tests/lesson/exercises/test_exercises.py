"""Each check against a blank, its solution, odd answers, and the wrong ones that people give.

The wrong answers and what each is told stand in the instructor's notes, `docs/instructor/notes`.
"""

from __future__ import annotations

import ast
import re
from typing import Any

import nbformat
import pytest

from authoring import notes
from authoring.notes import Wrong
from resonance_helpers import ResonanceOSAPIClient
from resonance_helpers.lesson.connect import LessonClient
from resonance_helpers.lesson.exercises import Exercise, check, core
from resonance_helpers.lesson.manifest import CAPSTONE, NOTEBOOKS, available

LESSONS = {lesson.topic: lesson for lesson in available()}
EXERCISES = [
    exercise
    for topic in LESSONS
    for exercise in vars(getattr(check, topic)).values()
    if isinstance(exercise, Exercise)
]
NOTES = {topic: notes.read(topic) for topic in LESSONS}
WRONG = [
    pytest.param(topic, name, wrong, id=f"{topic}.{name}-{wrong.what}")
    for topic in LESSONS
    for name, expected in NOTES[topic].wrong.items()
    for wrong in expected
]
ODD = (None, 0, "", [], {}, (), object(), float("nan"), b"x", range)


@pytest.fixture(params=EXERCISES, ids=lambda exercise: exercise.name)
def exercise(request: pytest.FixtureRequest) -> Exercise:
    found: Exercise = request.param
    return found


def test_every_lesson_has_two_to_four_and_each_is_tried_with_two_wrong_answers_or_more() -> None:
    for topic, lesson in LESSONS.items():
        names = {e.name.partition(".")[2] for e in EXERCISES if e.name.startswith(f"{topic}.")}
        assert len(names) == 1 if lesson == CAPSTONE else 2 <= len(names) <= 4
        assert names == NOTES[topic].wrong.keys()
        assert all(len(expected) >= 2 for expected in NOTES[topic].wrong.values())


def test_a_blank_is_not_attempted_and_hints_never_are_the_solution(exercise: Exercise) -> None:
    assert exercise(...).word == "Not attempted"
    assert 2 <= len(exercise.hints) <= 4
    assert not any(exercise.solution in hint for hint in exercise.hints)


def test_the_solution_is_correct(exercise: Exercise, names: dict[str, Any]) -> None:
    exec(exercise.solution, names)
    outcome = exercise(names["answer"])
    assert outcome.correct, outcome


def test_any_answer_gets_a_sentence(exercise: Exercise, api: LessonClient) -> None:
    for odd in ODD:
        outcome = exercise(odd)
        assert outcome.word == "Not yet", odd
        assert outcome.message.endswith((".", "?")), odd


def test_the_lesson_shows_exactly_this_solution(exercise: Exercise) -> None:
    lesson = LESSONS[exercise.name.partition(".")[0]]
    cells = nbformat.read(NOTEBOOKS / lesson.filename, as_version=4).cells
    place = next(i for i, c in enumerate(cells) if f"check.{exercise.name}(answer)" in c.source)
    assert cells[place].source.startswith("answer = ...")
    shown = re.search(r"<details>.*```python\n(.*?)\n```", cells[place + 1].source, re.DOTALL)
    assert shown is not None
    assert shown[1] == exercise.solution


def test_what_an_answer_names_is_used_by_no_later_cell(exercise: Exercise) -> None:
    """Whatever a learner calls their values, the rest of the lesson prints what is committed."""
    lesson = LESSONS[exercise.name.partition(".")[0]]
    cells = nbformat.read(NOTEBOOKS / lesson.filename, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    place = next(i for i, cell in enumerate(code) if f"check.{exercise.name}(answer)" in cell)
    used: set[str] = set()
    for cell in code[place + 1 :]:
        used |= names_in(cell, ast.Load) - names_in(cell, ast.Store)
    assert not (names_in(exercise.solution, ast.Store) - {"answer"}) & used


def names_in(code: str, how: type[ast.expr_context]) -> set[str]:
    names = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name))
    return {node.id for node in names if isinstance(node.ctx, how)}


@pytest.mark.parametrize(("topic", "name", "wrong"), WRONG)
def test_a_wrong_answer_gets_its_own_help(
    names: dict[str, Any], topic: str, name: str, wrong: Wrong
) -> None:
    exec(wrong.answer, names)
    outcome = getattr(getattr(check, topic), name)(names["answer"])
    assert outcome.word == "Not yet", outcome
    assert wrong.told in outcome.message, outcome


def test_a_server_that_fails_in_the_middle_is_no_fault_of_the_learner(api: LessonClient) -> None:
    assert api.sandbox is not None
    core.use(ResonanceOSAPIClient(api.base_url, retry=None))
    api.sandbox.outage("database")
    outcome = check.profiles.choose("creative_storytelling")
    assert outcome.word == "Set-up broken"


@pytest.mark.parametrize(
    "exercise",
    [one for one in EXERCISES if not one.name.startswith(f"{CAPSTONE.topic}.")],
    ids=lambda exercise: exercise.name,
)
def test_a_right_cell_run_a_second_time_is_right_again(
    exercise: Exercise, names: dict[str, Any]
) -> None:
    for _ in range(2):
        exec(exercise.solution, names)
        outcome = exercise(names["answer"])
        assert outcome.correct, outcome
