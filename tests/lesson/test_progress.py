"""What is solved is remembered beside the working copies, and there alone."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from resonance_helpers import check
from resonance_helpers.lesson import progress, solved
from resonance_helpers.lesson.exercises import core
from resonance_helpers.lesson.exercises import exercises as exercises_of
from resonance_helpers.lesson.manifest import CAPSTONE, LESSONS, WELCOME


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of working copies, in which the learner's kernel stands."""
    monkeypatch.delenv(solved.FOLDER, raising=False)
    (tmp_path / solved.COPIES).write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def exercises(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Each topic with its exercises."""
    return {lesson.topic: exercises_of(lesson.topic) for lesson in (*LESSONS, CAPSTONE)}


def test_every_lesson_has_exercises_to_solve(exercises: dict[str, tuple[str, ...]]) -> None:
    assert all(exercises.values())
    assert all(name.startswith(f"{topic}.") for topic in exercises for name in exercises[topic])


def test_a_right_answer_is_remembered_and_a_wrong_one_is_not(
    copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exercise = core.Exercise(
        "health.read", lambda answer, api: "Yes." if answer else 1 / 0, (), "", online=False
    )
    assert exercise(False).word == "Not yet"
    assert solved.solved() == {}
    assert exercise(True).word == "Correct"
    assert list(solved.solved()) == ["health.read"]
    assert time.time() - solved.solved()["health.read"] < 60


def test_nothing_is_remembered_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(solved.FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    assert not solved.record("health.read")
    assert list(tmp_path.iterdir()) == []


def test_the_variable_names_the_folder(
    tmp_path: Path, copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "named"
    named.mkdir()
    monkeypatch.setenv(solved.FOLDER, str(named))
    solved.record("health.read")
    assert list(solved.solved(named)) == ["health.read"]
    assert solved.solved(copies) == {}


def test_the_last_exercise_of_a_lesson_is_said_once(
    copies: Path, exercises: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    *others, last = exercises["health"]
    for name in others:
        solved.record(name)
    exercise = getattr(check.health, last.partition(".")[2])
    monkeypatch.setattr(exercise, "online", False)
    monkeypatch.setattr(exercise, "judge", judged(exercise.judge.__module__))
    said = "Yes. That was the last exercise of 1. Health. Go on with 2. Generation."
    assert exercise(1).message == said
    assert exercise(1).message == "Yes."


def judged(module: str) -> Any:
    """A judge whom every answer pleases, of that module."""

    def judge(answer: Any, api: Any) -> str:
        return "Yes."

    judge.__module__ = module
    return judge


def test_where_to_go_on(copies: Path, exercises: dict[str, tuple[str, ...]]) -> None:
    assert progress.last_place(copies) == WELCOME
    assert progress.overview().advice == "Begin with 1. Health."
    solved.record(exercises["profiles"][0])
    assert progress.last_place(copies) == LESSONS[2], "the lesson that is half done"
    for name in exercises["profiles"]:
        solved.record(name)
    assert progress.last_place(copies) == LESSONS[3], "the one after it"
    assert "3. Profiles           ✓ 4 of 4" in repr(progress.overview())
    for names in exercises.values():
        for name in names:
            solved.record(name)
    assert progress.overview().advice == "Everything is solved."
    assert progress.last_place(copies) == WELCOME


@pytest.mark.parametrize("content", [b"", b"not a database", bytes(5000), b"SQLite format 3\0junk"])
def test_a_damaged_file_is_set_aside(copies: Path, content: bytes) -> None:
    (copies / solved.FILE).write_bytes(content)
    assert solved.solved() == {}
    solved.record("health.read")
    assert list(solved.solved()) == ["health.read"]


def test_another_programs_database_is_left_alone(copies: Path) -> None:
    with sqlite3.connect(copies / solved.FILE) as other:
        other.execute("CREATE TABLE solved (exercise, at)")
    other.close()
    before = (copies / solved.FILE).read_bytes()
    assert not solved.record("health.read")
    assert solved.solved() == {}
    assert (copies / solved.FILE).read_bytes() == before


def test_a_folder_that_is_not_there_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(solved.FOLDER, str(tmp_path / "gone"))
    assert not solved.record("health.read")
    (tmp_path / "file").touch()
    monkeypatch.setenv(solved.FOLDER, str(tmp_path / "file"))
    assert not solved.record("health.read")


@pytest.mark.skipif(os.name == "nt", reason="there a folder that is in use stays")
def test_a_folder_that_is_deleted_meanwhile_fails_nothing(
    copies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = copies / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    away.rmdir()
    assert not solved.record("health.read")
    assert solved.solved() == {}


@pytest.mark.skipif(os.name == "nt", reason="users are of POSIX")
def test_a_folder_that_is_closed_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    monkeypatch.setenv(solved.FOLDER, str(tmp_path / "closed" / "copies"))
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)  # whom a mode binds
    try:
        assert not solved.record("health.read")
        assert solved.solved() == {}
    finally:
        os.seteuid(me)
        (tmp_path / "closed").chmod(0o700)


def solve(where: Path, topic: str, count: int) -> None:
    for number in range(count):
        solved.record(f"{topic}.{number}", where)


def test_several_kernels_at_once_lose_nothing(copies: Path) -> None:
    context = multiprocessing.get_context("spawn")
    kernels = [context.Process(target=solve, args=(copies, str(n), 20)) for n in range(3)]
    for kernel in kernels:
        kernel.start()
    for kernel in kernels:
        kernel.join(60)
    assert len(solved.solved(copies)) == 60


def test_the_map_leads_to_each_lesson(copies: Path) -> None:
    shown = progress.overview()._repr_html_()
    assert all(f'href="{lesson.filename}"' in shown for lesson in (*LESSONS, CAPSTONE))
    assert "○ 0 of" in shown


def test_no_check_module_is_missing() -> None:
    assert {lesson.topic for lesson in (*LESSONS, CAPSTONE)} <= set(dir(check))
