"""The instructor's notes tell the truth about the lessons."""

from __future__ import annotations

import re

import nbformat
import pytest

from authoring import notes
from resonance_helpers.lesson.manifest import NOTEBOOKS, Lesson, available


@pytest.fixture(params=available(), ids=lambda lesson: lesson.slug)
def lesson(request: pytest.FixtureRequest) -> Lesson:
    found: Lesson = request.param
    return found


def test_the_sections_are_the_lessons(lesson: Lesson) -> None:
    cells = nbformat.read(NOTEBOOKS / lesson.filename, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    there = re.findall(r"(?m)^## (.*)", prose)
    noted = [section.title for section in notes.read(lesson.topic).sections]
    assert noted == [title for title in there if title not in ("Exercises", "Summary")]


def test_the_minutes_add_up_to_the_manifests(lesson: Lesson) -> None:
    known = notes.read(lesson.topic)
    assert sum(section.minutes for section in known.sections) == lesson.reading
    assert sum(known.minutes.values()) == lesson.practice


def test_a_lesson_without_notes_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"no_such_topic\.toml"):
        notes.read("no_such_topic")
