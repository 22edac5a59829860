"""What a learner has solved: remembered beside their working copies, and shown as a map.

A check that passes puts one row into a small SQLite file, which lets one writer in at a time and
never stands half-written. There is no address and no key in it. Nothing is remembered elsewhere
than in a folder of working copies, so that a lesson run by a test or for the site starts empty.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

from .manifest import WELCOME, Lesson, available

__all__ = [
    "COPIES",
    "FILE",
    "FOLDER",
    "Overview",
    "folder",
    "last_place",
    "overview",
    "record",
    "solved",
]

FOLDER = "RESONANCE_PROGRESS"
"""The environment variable that names the folder to remember in; else it is the current one."""
COPIES = ".lessons.json"
"""The file that marks a folder of working copies."""
FILE = ".progress.db"
"""The file of what is solved."""

_OURS = 0x5265736F  # SQLite's application_id: the file is this project's, and no other's
_PATIENCE = 2.0  # seconds to wait while another kernel writes


def folder() -> Path | None:
    """Where progress is remembered; None where it is not."""
    if named := os.environ.get(FOLDER, "").strip():
        return Path(named)
    here = Path.cwd()
    return here if (here / COPIES).is_file() else None


def record(exercise: str, where: Path | None = None) -> str:
    """Remember that ``exercise`` (``"profiles.create"``) is solved.

    Returns:
        What to say of it: a sentence where it was the last one of its lesson, else nothing. A
        folder that can't be written is no reason to fail a check.
    """
    where = where or folder()
    if where is None or not where.is_dir():
        return ""
    for _ in range(2):
        try:
            with closing(_opened(where / FILE)) as database:
                new = database.execute(
                    "INSERT OR IGNORE INTO solved VALUES (?, ?)", (exercise, time.time())
                ).rowcount
                break
        except sqlite3.OperationalError:  # not ours to write, or somebody else's file
            return ""
        except sqlite3.DatabaseError:  # damaged: set aside, and start anew
            with contextlib.suppress(OSError):
                os.replace(where / FILE, where / f"{FILE}.damaged")
    else:
        return ""
    return _finished(exercise, where) if new else ""


def solved(where: Path | None = None) -> dict[str, float]:
    """The exercises that are solved, each with the time (Unix), the first one first."""
    where = where or folder()
    if where is None or not (where / FILE).is_file():
        return {}
    try:
        with closing(_opened(where / FILE)) as database:
            return dict(database.execute("SELECT exercise, at FROM solved ORDER BY at"))
    except sqlite3.DatabaseError:
        return {}


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
        names = _exercises(lesson.topic)
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


def _finished(exercise: str, where: Path) -> str:
    topic = exercise.partition(".")[0]
    seen = overview(where)
    for lesson, got, of in seen.rows:
        if lesson.topic == topic and got == of:
            return f"That was the last exercise of {lesson.name}. {seen.advice}"
    return ""


def _score(got: int, of: int) -> str:
    return f"{'✓' if got else '○'} {got} of {of}"


@cache
def _exercises(topic: str) -> tuple[str, ...]:
    """The names of a lesson's exercises."""
    from .exercises import Exercise, check

    there = vars(getattr(check, topic)).values() if topic in dir(check) else ()
    return tuple(one.name for one in there if isinstance(one, Exercise))


def _opened(path: Path) -> sqlite3.Connection:
    """The database, made where it is missing; an OperationalError where it is another program's."""
    database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
    try:
        owner = database.execute("PRAGMA application_id").fetchone()[0]
        tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and owner != _OURS:
            raise sqlite3.OperationalError(f"{path.name} belongs to another program")
        if not tables:
            database.execute(f"PRAGMA application_id = {_OURS}")
            database.execute(
                "CREATE TABLE IF NOT EXISTS solved (exercise TEXT PRIMARY KEY, at REAL)"
            )
    except BaseException:
        database.close()
        raise
    return database
