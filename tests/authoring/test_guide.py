from __future__ import annotations

import re
from itertools import pairwise

import pytest

from authoring import guide
from resonance_helpers.lesson.manifest import CAPSTONE, LESSONS, available

TOPICS = {lesson.topic for lesson in (*LESSONS, CAPSTONE)}


def test_a_full_day_holds_everything_and_half_a_day_is_part_of_it() -> None:
    chosen = {
        plan: {slot for slot in slots if isinstance(slot, str)}
        for plan, slots in guide.PLANS.items()
    }
    assert chosen["full-day"] == TOPICS
    assert chosen["half-day"] < TOPICS


def test_a_room_takes_a_quarter_longer_in_fives() -> None:
    for lesson in (*LESSONS, CAPSTONE):
        alone, room = lesson.reading + lesson.practice, guide.room_minutes(lesson)
        assert room % 5 == 0
        assert 1.25 * alone <= room < 1.25 * alone + 5


@pytest.mark.parametrize("plan", guide.PLANS)
def test_a_timetable_is_contiguous(plan: str) -> None:
    rows = re.findall(r"\| (\d\d):(\d\d) \| .*? \| (\d*) ?\|", guide.timetable(plan))
    starts = [60 * int(hour) + int(minute) for hour, minute, _ in rows]
    minutes = [int(length) for _, _, length in rows[:-1]]
    assert starts[0] == 9 * 60
    assert [late - early for early, late in pairwise(starts)] == minutes


def test_only_what_is_computed_is_written(tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before\n<!-- half-day -->\nold\n<!-- /half-day -->\nAfter\n", encoding="utf-8")

    text = guide.pages(tmp_path)[page]

    assert text.startswith("Before\n<!-- half-day -->\n")
    assert text.endswith("<!-- /half-day -->\nAfter\n")
    assert guide.timetable("half-day") in text
    assert "old" not in text


def test_the_notes_of_every_lesson_are_told() -> None:
    for lesson in available():
        assert guide.lesson_notes(lesson).startswith(f"## {lesson.name}\n")
