"""The instructor's notes tell the truth about the lessons."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

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
    assert sum(section.minutes or 0 for section in known.sections) == lesson.reading
    assert sum(known.minutes.values()) == lesson.practice


def test_a_lesson_without_notes_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"no_such_topic\.toml"):
        notes.read("no_such_topic")


def test_what_a_real_room_saw_stands_beside_what_is_expected(tmp_path: Path) -> None:
    topic = available()[0].topic
    shutil.copy(notes.NOTES / f"{topic}.toml", tmp_path)
    name, expected = next(iter(notes.read(topic, tmp_path).wrong.items()))
    assert "Seen" not in notes.table(expected)
    summary = tmp_path / "summary.json"
    room = {"tried": 20, "solved": 18, "minutes": 2.5, "wrong": {expected[0].what: 7}}
    told = {"scripted": False, "exercises": {f"{topic}.{name}": room}}
    summary.write_text(json.dumps(told), "utf-8")
    assert notes.add_seen(summary, tmp_path) == 1
    assert notes.add_seen(summary, tmp_path) == 1, "a second room, by chance the same"

    found = notes.read(topic, tmp_path).wrong[name]
    assert [one.seen for one in found[:2]] == [(14, 40), (0, 40)]
    assert f"| {found[0].what} | {found[0].told} | 14 of 40 |" in notes.table(found)


@pytest.mark.parametrize("scripted", [True, None, "no"])
def test_nothing_of_a_rehearsal_is_written(tmp_path: Path, scripted: object) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text(json.dumps({"scripted": scripted, "exercises": {}}), "utf-8")
    with pytest.raises(ValueError, match="rehearsal"):
        notes.add_seen(summary, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.parametrize(
    "exercises",
    [
        *("", "[]", '{"health.guard": 5}', '{"health.guard": {}}', "[" * 100_000),
        '{"health.guard": {"tried": "x", "solved": 1, "wrong": {}}}',
    ],
)
def test_what_is_no_summary_is_a_sentence(tmp_path: Path, exercises: str) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text(f'{{"scripted": false, "exercises": {exercises}}}' if exercises else "[]")
    with pytest.raises(ValueError, match="no summary of a board"):
        notes.add_seen(summary, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]
