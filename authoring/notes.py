"""What an instructor should know about each lesson: `docs/instructor/notes/<topic>.toml`.

A file says of each section how many minutes it takes, what to ask the room and what one hopes to
hear; of each exercise how long it takes, and which wrong answers to expect. Those are code, so
that the tests give each to its check and hold it to the sentence that stands beside it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from resonance_helpers.lesson.manifest import NOTEBOOKS

__all__ = ["NOTES", "Notes", "Section", "Wrong", "read", "table"]

NOTES = NOTEBOOKS.parent / "docs" / "instructor" / "notes"
"""Where the notes stand in a clone of the project."""


@dataclass(frozen=True, slots=True)
class Section:
    """One H2 of a lesson; ``minutes`` is 0 for what goes beyond the core path."""

    title: str
    ask: str
    hope: str
    minutes: int = 0

    @property
    def time(self) -> str:
        """How long it takes, in words."""
        return f"{self.minutes} min" if self.minutes else "Beyond the core path"


@dataclass(frozen=True, slots=True)
class Wrong:
    """A wrong answer to expect: in words, as Python that sets ``answer``, and what it is told."""

    what: str
    answer: str
    told: str


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes on one lesson.

    Attributes:
        watch: what goes wrong in a room, and the mend.
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
    with (folder / f"{topic}.toml").open("rb") as file:
        found = tomllib.load(file)
    exercises = found["exercise"]
    return Notes(
        watch=found["watch"],
        short=found["short"],
        sections=tuple(Section(**section) for section in found["section"]),
        minutes={name: exercise["minutes"] for name, exercise in exercises.items()},
        wrong={
            name: tuple(Wrong(one["what"], one["answer"].strip(), one["told"]) for one in told)
            for name, told in ((name, exercise["wrong"]) for name, exercise in exercises.items())
        },
    )


def table(wrong: Iterable[Wrong]) -> str:
    """Wrong answers and what each is told, as a Markdown table."""
    rows = [f"| {one.what} | {one.told} |" for one in wrong]
    return "\n".join(["| They answer | The check says |", "|---|---|", *rows])
