"""Both editions are true: the student's is the lesson itself, and the instructor's is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from authoring import editions, notes
from resonance_helpers.lesson.exercises import check
from resonance_helpers.lesson.manifest import NOTEBOOKS, WELCOME, Lesson, available, pages
from tests.notebooks.test_execution import nbval


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def test_an_unknown_edition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no edition 'teacher'; there are: student, instructor"):
        editions.write("teacher", tmp_path)


def test_the_student_edition_is_the_lessons_without_their_solutions(tmp_path: Path) -> None:
    *written, contents = editions.write("student", tmp_path / "new")

    assert contents.read_bytes() == (NOTEBOOKS / "README.md").read_bytes()
    assert [path.name for path in written] == [lesson.filename for lesson in pages()]
    for path, lesson in zip(written, pages(), strict=True):
        # The same code and the same outputs: strict nbval of the lessons holds both.
        assert code(path) == code(NOTEBOOKS / lesson.filename)
        text = "\n".join(cell.source for cell in read(path).cells)
        assert "<summary>Solution" not in text
        for name in notes.read(lesson.topic).wrong if lesson != WELCOME else ():
            assert f"check.{lesson.topic}.{name}(answer)" in text
            assert getattr(getattr(check, lesson.topic), name).solution not in text


def test_what_somebody_changed_stays_and_the_new_one_stands_beside(tmp_path: Path) -> None:
    lessons = available()[:2]
    first, second, _ = editions.write("student", tmp_path, lessons)
    new = first.read_text("utf-8")
    first.write_text("mine", "utf-8")
    second.unlink()
    told: list[str] = []
    editions.write("student", tmp_path, lessons, say=told.append)
    assert first.read_text("utf-8") == "mine"
    assert second.is_file()
    assert told[0].endswith("unchanged"), "the lesson is as it was: nothing new to offer"
    (tmp_path / ".lessons.json").unlink()
    told.clear()
    editions.write("student", tmp_path, lessons, say=told.append)
    assert first.read_text("utf-8") == "mine"
    assert (tmp_path / f"{first.stem}.new.ipynb").read_text("utf-8") == new
    assert "changed by you, so it stays" in told[0]


def check_instructor(out: Path, lessons: Sequence[Lesson]) -> None:
    """Write the instructor edition of `lessons`: every solution is correct, every note there."""
    for path, lesson in zip(editions.write("instructor", out, lessons), lessons, strict=False):
        known = notes.read(lesson.topic)
        told = [cell.outputs[-1].data["text/plain"] for cell in code(path) if is_check(cell)]
        assert [word.partition(".")[0] for word in told] == ["Correct"] * len(known.wrong), told
        text = "\n".join(cell.source for cell in read(path).cells)
        assert text.count("**Instructor.**") == 1 + len(known.sections) + len(known.wrong)


def check_strictly(folder: Path) -> None:
    """Run strict nbval on all notebooks in `folder` and below."""
    done = nbval(folder)
    assert done.returncode == 0, done.stdout[-3000:]


def is_check(cell: Any) -> bool:
    return re.search(r"^check\.\w+\.\w+\(answer\)", cell.source, re.MULTILINE) is not None


def test_the_instructor_edition_of_a_lesson_is_right_and_passes_strict_nbval(
    tmp_path: Path,
) -> None:
    check_instructor(tmp_path, available()[:1])
    check_strictly(tmp_path)


@pytest.mark.soak
def test_both_editions_of_all_lessons_pass_strict_nbval(tmp_path: Path) -> None:
    editions.write("student", tmp_path / "student")
    check_instructor(tmp_path / "instructor", available())
    check_strictly(tmp_path)
