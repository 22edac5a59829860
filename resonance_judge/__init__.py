"""The judge of other people's programs: run through trouble, and judged by what the server saw.

>>> from resonance_judge import judge
>>> judge(["python", "my_program.py"]).broken          # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .judgement import Judgement, judge
    from .stage import JudgeError

__all__ = ["JudgeError", "Judgement", "judge"]

_HOMES = {"judge": "judgement", "Judgement": "judgement", "JudgeError": "stage"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
