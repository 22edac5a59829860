"""Whether two runs of a lesson printed the same.

Everything has to be equal, but for two things. What differs between two honest runs is left out:
the bytes of a picture (fonts differ between machines) and the frames of a traceback. And a figure
that was measured, such as a response time, may be another one of the same unit and magnitude;
``measured.cfg`` says by which unit such a figure is known. Strict nbval reads the same file, but
can only overlook a figure. Here one that is a hundred times too large is seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["MEASURED", "PICTURES", "WIDGET_VIEW", "alike", "comparable"]

PICTURES = ("image/png", "image/jpeg")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

MEASURED = Path(__file__).with_name("measured.cfg")
"""The patterns of measured figures: nbval's ``regex`` and ``replace``, and our ``near``."""

MAGNITUDE = 10.0
"""A measured figure may be so many times another, or a share of it."""

PATTERN = re.compile(r"(?m)^regex: (.+)\nreplace: .*\nnear: (.+)$")
FIGURE = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


def comparable(output: NotebookNode) -> dict[str, Any]:
    """The part of an output that must be `alike` in every run."""
    kind = output.output_type
    if kind == "stream":
        return {"type": kind, "name": output.name, "text": output.text}
    if kind == "error":
        return {"type": kind, "ename": output.ename, "evalue": output.evalue}
    data = {
        mime: None if mime in PICTURES else value
        for mime, value in output.data.items()
        if mime != WIDGET_VIEW
    }
    alt = {mime: output.metadata.get(mime, {}).get("alt") for mime in PICTURES if mime in data}
    return {"type": kind, "data": data, "alt": alt}


def alike(before: Any, now: Any) -> bool:
    """Whether two values, such as two `comparable` outputs, are equal but for measured figures."""
    if isinstance(before, str) and isinstance(now, str):
        return before == now or _alike(before, now)
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return before.keys() == now.keys() and all(alike(before[key], now[key]) for key in before)
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(alike, before, now))
    return bool(before == now)


def _alike(before: str, now: str) -> bool:
    pattern, bounds = _patterns()
    was, is_now = list(pattern.finditer(before)), list(pattern.finditer(now))
    if pattern.split(before)[:: pattern.groups + 1] != pattern.split(now)[:: pattern.groups + 1]:
        return False
    return all(
        old.lastgroup == new.lastgroup
        and _words(old[0]) == _words(new[0])
        and all(map(_near, _figures(old[0]), _figures(new[0]), [bounds[old.lastgroup or ""]] * 9))
        for old, new in zip(was, is_now, strict=True)
    )


@cache
def _patterns() -> tuple[re.Pattern[str], dict[str, float]]:
    """All patterns as one, each a named group; and the bound near zero of each."""
    found = PATTERN.findall(MEASURED.read_text(encoding="utf-8"))
    bounds = {f"p{number}": float(near) for number, (_, near) in enumerate(found)}
    joined = "|".join(f"(?P<p{number}>{regex})" for number, (regex, _) in enumerate(found))
    return re.compile(joined), bounds


def _words(text: str) -> str:
    """A measured figure without the figure: its unit."""
    return FIGURE.sub("", text).strip()


def _figures(text: str) -> list[float]:
    return [float(figure.replace(",", "")) for figure in FIGURE.findall(text)]


def _near(before: float, now: float, near: float) -> bool:
    small, large = sorted((abs(before), abs(now)))
    same_side = before * now >= 0
    return abs(before - now) <= near or (same_side and large <= MAGNITUDE * small)
