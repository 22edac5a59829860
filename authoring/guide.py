"""The parts of the instructor's guide that are computed: timetables, and the notes on each lesson.

`python -m authoring execute` writes them, as it does every table of lessons;
its ``--check`` compares.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Sequence
from pathlib import Path

from resonance_helpers.lesson.exercises import check
from resonance_helpers.lesson.manifest import Lesson, available

from . import notes
from .navigation import times

__all__ = ["PLANS", "lesson_notes", "pages", "room_minutes", "timetable"]

WELCOME = ("Welcome, set-up, the first cell together", 20)
BREAK = ("Break", 15)

PLANS: dict[str, tuple[str | tuple[str, int], ...]] = {
    "half-day": (
        WELCOME,
        *("health", "generation", "profiles"),
        BREAK,
        *("batch", "errors", "auth"),
        ("Close: what to take home, what to read on", 10),
    ),
    "full-day": (
        WELCOME,
        *("health", "generation", "profiles"),
        BREAK,
        *("batch", "errors", "performance"),
        ("Lunch", 60),
        *("auth", "webhooks"),
        BREAK,
        "capstone",
        ("Close: whose integration passed, and why", 15),
    ),
}
"""The plans: topics of lessons, and whatever else takes time, with its minutes."""

START = 9 * 60
"""When a plan begins, in minutes after midnight."""


def room_minutes(lesson: Lesson) -> int:
    """How long a lesson takes in a room: a quarter longer than a reader needs, in fives."""
    return 5 * math.ceil((lesson.reading + lesson.practice) * 1.25 / 5)


def timetable(plan: str, lessons: Sequence[Lesson] | None = None) -> str:
    """A plan as a Markdown table, from nine o'clock on; ``lessons`` are by default all there are.

    Raises:
    ------
    KeyError
        If there is no such plan.
    """
    by_topic = {lesson.topic: lesson for lesson in (available() if lessons is None else lessons)}
    rows = ["| From | What | Minutes | When time runs short |", "|---|---|---|---|"]
    now = START
    for slot in PLANS[plan]:
        if not isinstance(slot, str):
            what, minutes, short = f"*{slot[0]}*", slot[1], ""
        elif slot in by_topic:
            lesson = by_topic[slot]
            what, minutes = lesson.name, room_minutes(lesson)
            short = notes.read(slot).short
        else:
            continue
        rows.append(f"| {clock(now)} | {what} | {minutes} | {short} |")
        now += minutes
    rows.append(f"| {clock(now)} | *End* | | |")
    return "\n".join(rows)


def clock(minutes: int) -> str:
    """Minutes after midnight as a time of the day."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def lesson_notes(lesson: Lesson) -> str:
    """The notes on one lesson as Markdown, from its H2 down."""
    known = notes.read(lesson.topic)
    parts = [
        f"## {lesson.name}",
        f"{lesson.objective} {times(lesson)}.",
        f"- **Mind:** {known.watch}\n- **Short of time:** {known.short}",
        "| Section | Time | Ask the room | Hope to hear |\n|---|---|---|---|\n"
        + "\n".join(f"| {s.title} | {s.time} | {s.ask} | {s.hope} |" for s in known.sections),
    ]
    for number, (name, wrong) in enumerate(known.wrong.items(), start=1):
        asked = inspect.getdoc(getattr(getattr(check, lesson.topic), name).judge)
        parts.append(f"**Exercise {number}** ({known.minutes[name]} min). {asked}")
        parts.append(notes.table(wrong))
    return "\n\n".join(parts)


def pages(folder: Path) -> dict[Path, str]:
    """The text that each page of the guide in ``folder`` should have, its computed parts anew.

    A part stands between ``<!-- name -->`` and ``<!-- /name -->``: a plan, or ``lessons``.
    """
    parts = {plan: timetable(plan) for plan in PLANS}
    parts["lessons"] = "\n\n".join(map(lesson_notes, available()))
    marked = re.compile(rf"(?s)(<!-- ({'|'.join(parts)}) -->\n).*?(<!-- /\2 -->)")
    return {
        page: marked.sub(
            lambda found: f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}",
            page.read_text(encoding="utf-8"),
        )
        for page in sorted(folder.glob("*.md"))
    }
