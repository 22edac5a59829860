"""The lessons with their widgets, each run once against a sandbox.

What a committed lesson prints is true already: strict nbval holds every output to it. What it
leaves out is the state of its widgets, and a page without a kernel has nothing else to draw them
from. So the site shows the committed outputs, and the widgets of a run that gave the same ones.

A run stays good until the lesson, the package or the pinned versions change, so it is kept in
``build/lessons``. The tests run every lesson as well and leave their runs there.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import nbformat

from authoring.compare import WIDGET_VIEW
from authoring.execute import LessonError, cleared, differences, merge, run_cells
from resonance_helpers.lesson.manifest import NOTEBOOKS, Lesson

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "build" / "lessons"


def lessons(wanted: Iterable[Lesson]) -> Iterator[tuple[Lesson, nbformat.NotebookNode]]:
    """Each lesson as it is published: committed outputs, and widgets with their state.

    Raises:
    ------
    LessonError
        If a lesson does not run to its end, or prints other than what is committed.
    """
    wanted = list(wanted)
    # A lesson waits more than it works, so there may be more of them than cores.
    with ThreadPoolExecutor((os.cpu_count() or 1) + 2) as executor:
        found = list(executor.map(recall, wanted))
    for lesson, run in zip(wanted, found, strict=True):
        # Beside the others a response may take ten times as long; once more, then, on its own.
        yield lesson, published(lesson, run if is_right(lesson, run) else recall(lesson))


def recall(lesson: Lesson) -> nbformat.NotebookNode:
    """The lesson's last run, or a new one if that is out of date."""
    try:
        run = nbformat.read(KEPT / lesson.filename, as_version=4)
        if run.metadata.get("of") == fingerprint(lesson) and is_right(lesson, run):
            return run
    except (OSError, ValueError):
        pass
    path = NOTEBOOKS / lesson.filename
    run = run_cells(cleared(committed(lesson), path), path.parent, name=path.name)[0]
    keep(lesson, run)
    return run


def keep(lesson: Lesson, run: nbformat.NotebookNode) -> None:
    """Keep a run of the lesson as it stands, for the next `lessons`, if it printed the same.

    A run that differs by chance, as on a busy machine, would else be complained of for ever.
    """
    if not is_right(lesson, run):
        return
    run = nbformat.from_dict(run)
    run.metadata["of"] = fingerprint(lesson)
    KEPT.mkdir(parents=True, exist_ok=True)
    part = KEPT / f"{lesson.filename}.part"
    nbformat.write(run, part)
    part.replace(KEPT / lesson.filename)


def published(lesson: Lesson, run: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The committed lesson with the widgets of its `run`."""
    before = committed(lesson)
    notebook = merge(before, run)
    for difference in differences(lesson.filename, before, notebook):
        raise LessonError(f"{difference}; run `make execute`, look at it, commit it")
    for cell, ran in zip(notebook.cells, run.cells, strict=True):
        for output, fresh in zip(cell.get("outputs", ()), ran.get("outputs", ()), strict=True):
            if WIDGET_VIEW in fresh.get("data", {}):
                output.data[WIDGET_VIEW] = fresh.data[WIDGET_VIEW]
    notebook.metadata["widgets"] = run.metadata.get("widgets", {})
    return notebook


def is_right(lesson: Lesson, run: nbformat.NotebookNode) -> bool:
    """Whether a run gave what is committed."""
    before = committed(lesson)
    return not any(differences(lesson.filename, before, merge(before, run)))


def committed(lesson: Lesson) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / lesson.filename, as_version=4)


def fingerprint(lesson: Lesson) -> str:
    """What a run depends on, as one short word."""
    digest = hashlib.sha256(packages())
    digest.update((NOTEBOOKS / lesson.filename).read_bytes())
    return digest.hexdigest()[:16]


@cache
def packages() -> bytes:
    """The package and the pinned versions, as a digest."""
    digest = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    for path in sorted(
        path
        for room in ("resonance_helpers", "resonance_sandbox")
        for path in (ROOT / room).rglob("*.py")
    ):
        digest.update(path.read_bytes())
    return digest.digest()
