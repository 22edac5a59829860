"""The lessons: their order, titles, times and objectives, stated once.

Navigation, the tables of contents, the command line and the tests all read it. A
lesson is listed for learners from the moment its notebook exists.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    "CAPSTONE",
    "LESSONS",
    "NOTEBOOKS",
    "READING",
    "WELCOME",
    "Lesson",
    "available",
    "pages",
    "reading_minutes",
]

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
"""Where the notebooks stand in a clone of the project."""

READING = Path(__file__).with_name("reading.json")
"""Topic to minutes of reading. `python -m authoring execute` computes them from the pages."""


@cache
def reading_minutes() -> dict[str, int]:
    """What `READING` holds."""
    return dict(json.loads(READING.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson: ``number`` from 1, minutes to practise, one sentence of objective.

    The welcome page stands before the lessons, the capstone after them; neither has a number.
    """

    number: int | None
    topic: str
    title: str
    practice: int
    objective: str

    @property
    def reading(self) -> int:
        """Minutes that the core path takes to read."""
        return reading_minutes()[self.topic]

    @property
    def name(self) -> str:
        """What learners read: ``"3. Profiles"``."""
        return self.title if self.number is None else f"{self.number}. {self.title}"

    @property
    def slug(self) -> str:
        """The name that sorts: ``"03_profiles"``."""
        return self.topic if self.number is None else f"{self.number:02}_{self.topic}"

    @property
    def filename(self) -> str:
        """The notebook's file name: ``"03_profiles.ipynb"``."""
        return f"{self.slug}.ipynb"


LESSONS = tuple(
    Lesson(number, *rest)
    for number, rest in enumerate(
        [
            (
                "health",
                "Health",
                7,
                "Ask a server whether it can work, and wait until it can.",
            ),
            (
                "generation",
                "Generation",
                10,
                "Generate an article and read every part of the answer.",
            ),
            (
                "profiles",
                "Profiles",
                10,
                "Steer the style of an article with profiles, and keep tenants apart.",
            ),
            (
                "batch",
                "Batch",
                10,
                "Send hundreds of requests at once, lose none, and resume a run that was killed.",
            ),
            (
                "errors",
                "Errors",
                10,
                "Tell the ways a call can fail apart, and survive the ones that pass.",
            ),
            (
                "performance",
                "Performance",
                10,
                "Measure latency and throughput so that the figures can be believed.",
            ),
            (
                "auth",
                "Authentication",
                10,
                "Authenticate with an API key, OAuth 2.0 and JWT, and keep secrets secret.",
            ),
            (
                "webhooks",
                "Webhooks",
                10,
                "Receive events, verify them, and miss none.",
            ),
        ],
        start=1,
    )
)


CAPSTONE = Lesson(
    None,
    "capstone",
    "Capstone: a newsroom",
    35,
    "Build a small integration, run it into trouble, and have the server's records judge it.",
)


WELCOME = Lesson(
    None,
    "welcome",
    "Welcome",
    0,
    "Write a first article in a minute, and find your way to the lessons.",
)
"""The page that opens first. It teaches nothing that a lesson needs, and has no exercises."""


def available(notebooks: Path = NOTEBOOKS) -> tuple[Lesson, ...]:
    """The lessons and the capstone, as far as they stand in the folder ``notebooks``, in order."""
    order = (*LESSONS, CAPSTONE)
    return tuple(lesson for lesson in order if (notebooks / lesson.filename).is_file())


def pages(notebooks: Path = NOTEBOOKS) -> tuple[Lesson, ...]:
    """Every notebook that runs: the welcome page, and then what is `available`."""
    welcome = (WELCOME,) if (notebooks / WELCOME.filename).is_file() else ()
    return (*welcome, *available(notebooks))
