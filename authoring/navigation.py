"""What is written from the manifest: a lesson's head and its links, and the table of lessons."""

from __future__ import annotations

from collections.abc import Sequence

from resonance_helpers.lesson.manifest import Lesson, available, pages

__all__ = ["heading", "navigation", "table", "times"]


def heading(lesson: Lesson) -> str:
    """The first Markdown cell of a lesson: its only H1, then its objective."""
    return f"# {lesson.name}\n\n{lesson.objective}"


def times(lesson: Lesson, reading: int | None = None) -> str:
    """The line that tells a learner how long the lesson takes; ``reading`` as known by default."""
    minutes = lesson.reading if reading is None else reading
    return f"Reading {minutes} min · practice {lesson.practice} min"


def navigation(lesson: Lesson, lessons: Sequence[Lesson] | None = None) -> str:
    """The last Markdown cell of a lesson: previous, contents, next.

    ``lessons`` are those to link to, by default all `pages`.
    """
    order = list(pages() if lessons is None else lessons)
    at = order.index(lesson)
    links = ["[Contents](README.md)"]
    if at > 0:
        before = order[at - 1]
        links.insert(0, f"[← {before.name}]({before.filename})")
    if at + 1 < len(order):
        after = order[at + 1]
        links.append(f"[{after.name} →]({after.filename})")
    return " · ".join(links)


def table(lessons: Sequence[Lesson] | None = None, folder: str = "") -> str:
    """The lessons as a Markdown table; ``folder`` is put before each link."""
    rows = ["| Lesson | You will | Minutes |", "|---|---|---|"]
    for lesson in available() if lessons is None else lessons:
        link = f"[{lesson.name}]({folder}{lesson.filename})"
        rows.append(f"| {link} | {lesson.objective} | {lesson.reading} + {lesson.practice} |")
    return "\n".join(rows)
