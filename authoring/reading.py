"""How long a page takes to read, computed from the page.

A reader of a second language reads about 130 words a minute, code word by word like prose, and
takes half a minute for a picture. What counts is the core path: not the exercises and solutions,
for which there is time to practise, not what goes further, and not the navigation.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_helpers.cli.copies import write_whole
from resonance_helpers.lesson.manifest import READING, pages, reading_minutes

from .navigation import times

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["WORDS_PER_MINUTE", "minutes", "sections", "update"]

WORDS_PER_MINUTE = 130
MINUTES_PER_PICTURE = 0.5

WORD = re.compile(r"\w[\w'\u2019.-]*")
LEFT_OUT = ("Exercises", "Going further")
"""How the sections begin that are not of the core path."""
TIMES = re.compile(r"Reading \d+ min · practice \d+ min")


def minutes(notebook: NotebookNode) -> int:
    """Whole minutes, rounded up, that the core path takes to read."""
    return math.ceil(round(sum(_sections(notebook).values()), 9))


def sections(notebook: NotebookNode) -> dict[str, int]:
    """The `minutes` shared out among the H2s of the core path; a short one may have none.

    What stands before the first H2 counts as its own, and the summary as the last one's.
    """
    exact = _sections(notebook)
    opening = exact.pop("", 0.0)
    summary = exact.pop("Summary", 0.0)
    if exact:
        exact[next(iter(exact))] += opening
        exact[next(reversed(exact))] += summary
    whole, share = minutes(notebook), sum(exact.values()) or 1.0
    shared, passed, given = {}, 0.0, 0
    for title, length in exact.items():
        passed += length
        shared[title] = round(whole * passed / share) - given
        given += shared[title]
    return shared


def _sections(notebook: NotebookNode) -> dict[str, float]:
    """Each H2 of the core path, with the minutes it takes; first "", what stands before all."""
    found, title = {"": 0.0}, ""
    for cell in notebook.cells:
        if "navigation" in cell.metadata.get("tags", ()):
            continue
        text = re.sub(r"(?s)<details>.*?</details>", "", cell.source)
        drawn = cell.cell_type == "code" and any(
            "image/png" in o.get("data", {}) for o in cell.outputs
        )
        parts = re.split(r"(?m)^(?=## )", text) if cell.cell_type == "markdown" else [text]
        for part in parts:
            if cell.cell_type == "markdown" and part.startswith("## "):
                title = part.removeprefix("## ").partition("\n")[0]
            if not title.startswith(LEFT_OUT):
                length = len(WORD.findall(part)) / WORDS_PER_MINUTE + MINUTES_PER_PICTURE * drawn
                found[title] = found.get(title, 0.0) + length
    return found


def update(root: Path, *, check: bool = False) -> list[Path]:
    """Write what the pages under ``root`` take to read, into the manifest's file and the pages.

    Returns:
        The files that were not up to date. With ``check`` nothing is written.
    """
    import nbformat

    known = root / READING.relative_to(READING.parents[2])
    if not known.is_file():
        return []
    notebooks = root / "notebooks"
    found = {
        page.topic: minutes(nbformat.read(notebooks / page.filename, as_version=4))
        for page in pages(notebooks)
    }
    texts = {known: json.dumps(found, indent=2) + "\n"}
    stale = [path for path, text in texts.items() if path.read_text(encoding="utf-8") != text]
    for page in pages(notebooks):
        path = notebooks / page.filename
        text = path.read_text(encoding="utf-8")
        texts[path] = TIMES.sub(times(page, found[page.topic]), text)
        stale += [path] * (texts[path] != text)
    if not check:
        for path in stale:
            write_whole(path.resolve(), texts[path].encode())
        reading_minutes.cache_clear()
    return stale
