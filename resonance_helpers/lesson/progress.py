"""How far a learner has come: the lessons, what is solved of each, and where to go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from .exercises import exercises
from .manifest import WELCOME, Lesson, available
from .solved import solved

__all__ = ["Overview", "last_place", "overview"]


@dataclass(frozen=True, slots=True)
class Overview:
    """The lessons, each with how many of its exercises are solved, and where to go on.

    Attributes:
        rows: lesson, exercises solved, exercises.
        next: the lesson to go on with, None once everything is solved.
        begun: whether anything is solved yet.
    """

    rows: Sequence[tuple[Lesson, int, int]]
    next: Lesson | None
    begun: bool

    @property
    def advice(self) -> str:
        """What to do now."""
        if self.next is None:
            return "Everything is solved."
        return f"{'Go on' if self.begun else 'Begin'} with {self.next.name}."

    def __repr__(self) -> str:
        wide = max((len(lesson.name) for lesson, _, _ in self.rows), default=0)
        lines = [f"{lesson.name:{wide}}  {_score(*rest)}" for lesson, *rest in self.rows]
        return "\n".join([*lines, "", self.advice])

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><td style="text-align: left"><a href="{lesson.filename}">{escape(lesson.name)}'
            f'</a></td><td style="text-align: left">{escape(lesson.objective)}</td>'
            f'<td style="text-align: left; white-space: nowrap">{_score(*rest)}</td></tr>'
            for lesson, *rest in self.rows
        )
        advice = escape(self.advice)
        if self.next:
            name = escape(self.next.name)
            advice = advice.replace(name, f'<a href="{self.next.filename}">{name}</a>')
        titles = ("Lesson", "You will", "Exercises solved")
        head = "".join(f'<th style="text-align: left">{title}</th>' for title in titles)
        return f"<table><tr>{head}</tr>{cells}</table><p><strong>{advice}</strong></p>"


def overview(where: Path | None = None) -> Overview:
    """How far the learner has come, by what is remembered in ``where`` (default: `folder`)."""
    done = solved(where)
    rows = []
    for lesson in available():
        names = exercises(lesson.topic)
        rows.append((lesson, sum(name in done for name in names), len(names)))
    return Overview(rows, _next(rows, done), bool(done))


def last_place(where: Path) -> Lesson:
    """The page to open: the welcome page at first, later the lesson to go on with."""
    seen = overview(where)
    return seen.next if seen.begun and seen.next else WELCOME


def _next(rows: Sequence[tuple[Lesson, int, int]], done: Mapping[str, float]) -> Lesson | None:
    """The first lesson with something left, from that of the latest exercise on."""
    latest = list(done)[-1].partition(".")[0] if done else ""
    at = next((i for i, (lesson, _, _) in enumerate(rows) if lesson.topic == latest), 0)
    return next((lesson for lesson, got, of in [*rows[at:], *rows[:at]] if got < of), None)


def _score(got: int, of: int) -> str:
    return f"{'✓' if got else '○'} {got} of {of}"
