"""Exercises: `check.<topic>.<exercise>(answer)` says how far an answer is, `hint()` how to go on.

A topic is a module of this package, and an exercise a function in it; both load when first
named. A check never raises: what it has to say is an `CheckResult`, which starts with a word.

>>> check.profiles.isolation(...)
Not attempted. Put your answer in place of the three dots and run the cell again.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import TYPE_CHECKING

from .core import CheckResult, Exercise, NotYet, attempt, exercise, hint, use

__all__ = [
    "CheckResult",
    "Exercise",
    "NotYet",
    "attempt",
    "check",
    "exercise",
    "exercises",
    "hint",
    "use",
]


class Checks:
    """All topics, each an attribute."""

    def __getattr__(self, topic: str) -> ModuleType:
        if topic not in dir(self):
            raise AttributeError(f"no exercises about {topic!r}; there are {', '.join(dir(self))}")
        return import_module(f".{topic}", __name__)

    def __dir__(self) -> list[str]:
        return sorted(module.name for module in iter_modules(__path__) if module.name != "core")

    def __repr__(self) -> str:
        return f"check.<topic>.<exercise>(answer); topics: {', '.join(dir(self))}"


def exercises(topic: str) -> tuple[str, ...]:
    """The names of a topic's exercises: ``("profiles.choose", …)``; none of an unknown topic."""
    there = vars(getattr(check, topic)).values() if topic in dir(check) else ()
    return tuple(one.name for one in there if isinstance(one, Exercise))


if TYPE_CHECKING:
    from .. import exercises as check  # its modules, for who reads no further than the types
    from . import (  # noqa: F401
        auth,
        batch,
        capstone,
        errors,
        generation,
        health,
        performance,
        profiles,
        webhooks,
    )
else:
    check = Checks()
    """Every exercise, by topic: ``check.profiles.create(answer)``."""
