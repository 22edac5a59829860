"""What an instructor should know about each lesson: `docs/instructor/notes/<topic>.toml`.

A file says of each section what to ask the room and what one hopes to hear (how many minutes it
takes is computed from the page); of each exercise how long it takes, and which wrong answers to
expect. Those are code, so that the tests give each to its check and hold it to the sentence that
stands beside it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resonance_helpers.cli.copies import write_whole
from resonance_helpers.lesson.manifest import CAPSTONE, LESSONS, NOTEBOOKS

from . import reading

__all__ = ["NOTES", "Notes", "Section", "Wrong", "add_seen", "read", "read_seen", "table"]

NOTES = NOTEBOOKS.parent / "docs" / "instructor" / "notes"
"""Where the notes stand in a clone of the project."""
SEEN = "seen.json"
"""What boards told of rooms that were; without a real room there is no such file."""


@dataclass(frozen=True, slots=True)
class Section:
    """One H2 of a lesson; ``minutes`` is None for what goes beyond the core path."""

    title: str
    ask: str
    hope: str
    minutes: int | None = None

    @property
    def time(self) -> str:
        """How long it takes to read, in words."""
        if self.minutes is None:
            return "Beyond the core path"
        return f"{self.minutes} min" if self.minutes else "Less than 1 min"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong answer to expect: in words, as Python that sets ``answer``, and what it is told.

    ``seen`` is how many of how many attendees gave it, in rooms that were; None where none was.
    """

    what: str
    answer: str
    told: str
    seen: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes on one lesson.

    Attributes:
        watch: what goes wrong in a room, and what to do about it.
        short: what to skip when time runs short.
        sections: in the lesson's order.
        minutes: of each exercise, by its name.
        wrong: the wrong answers to expect of each exercise, by its name.
    """

    watch: str
    short: str
    sections: tuple[Section, ...]
    minutes: dict[str, int]
    wrong: dict[str, tuple[Wrong, ...]]


def read(topic: str, folder: Path = NOTES) -> Notes:
    """The notes on the lesson about ``topic``.

    Raises:
    ------
    FileNotFoundError
        If there are none.
    """
    import nbformat

    with (folder / f"{topic}.toml").open("rb") as file:
        found = tomllib.load(file)
    exercises = found["exercise"]
    came = read_seen(folder)

    def seen(name: str, what: str) -> tuple[int, int] | None:
        room = came.get(f"{topic}.{name}")
        return (room["wrong"].get(what, 0), room["tried"]) if room else None

    [filename] = [one.filename for one in (*LESSONS, CAPSTONE) if one.topic == topic]
    minutes = reading.sections(nbformat.read(NOTEBOOKS / filename, as_version=4))
    return Notes(
        watch=found["watch"],
        short=found["short"],
        sections=tuple(
            Section(**section, minutes=minutes.get(section["title"]))
            for section in found["section"]
        ),
        minutes={name: exercise["minutes"] for name, exercise in exercises.items()},
        wrong={
            name: tuple(
                Wrong(one["what"], one["answer"].strip(), one["told"], seen(name, one["what"]))
                for one in told
            )
            for name, told in ((name, exercise["wrong"]) for name, exercise in exercises.items())
        },
    )


def table(wrong: Iterable[Wrong]) -> str:
    """Wrong answers and what each is told, as a Markdown table; and what was seen, if anything."""
    wrong = list(wrong)
    if not any(one.seen for one in wrong):
        rows = [f"| {one.what} | {one.told} |" for one in wrong]
        return "\n".join(["| They answer | The check says |", "|---|---|", *rows])
    rows = []
    for one in wrong:
        seen = f"{one.seen[0]} of {one.seen[1]}" if one.seen else ""
        rows.append(f"| {one.what} | {one.told} | {seen} |")
    return "\n".join(["| They answer | The check says | Seen |", "|---|---|---|", *rows])


def read_seen(folder: Path = NOTES) -> dict[str, Any]:
    """What came in rooms that were, by exercise: how many tried, and gave which wrong answer."""
    path = folder / SEEN
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def add_seen(summary: Path, folder: Path = NOTES) -> int:
    """Add the summary of a board to what was seen; of how many exercises it tells.

    Raises:
        ValueError: It is no summary, or one of a scripted room.
    """
    came = read_seen(folder)
    try:
        found = json.loads(summary.read_text(encoding="utf-8"))
        scripted, exercises = found["scripted"], found["exercises"]
        for name, one in exercises.items():
            before = came.setdefault(name, {"tried": 0, "solved": 0, "wrong": {}})
            for count in ("tried", "solved"):
                before[count] += one[count]
            for what, number in one["wrong"].items():
                before["wrong"][what] = before["wrong"].get(what, 0) + number
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f"{summary} is no summary of a board; python -m workshop board LIST --end --summary "
            "FILE writes one"
        ) from None
    if scripted is not False:
        raise ValueError(f"{summary} is of a rehearsal; notes tell what people did")
    text = json.dumps(came, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    write_whole(folder / SEEN, text.encode())
    return len(exercises)
