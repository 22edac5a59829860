"""Two editions of the lessons, both made from the committed ones: *student* and *instructor*.

The student edition is the lessons without their solutions. Its cells and outputs are otherwise
those of the lessons, so it need not be run again. The instructor edition has each solution in its
cell and is run, and beside the lesson stand the notes of `docs/instructor/notes`: how long a
section takes, what to ask, what to skip, and which wrong answers to expect.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from resonance_helpers.cli.copies import put
from resonance_helpers.lesson.manifest import (
    NOTEBOOKS,
    WELCOME,
    Lesson,
    pages,
)

from . import notes
from .navigation import table, times

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from resonance_helpers.lesson.exercises import Exercise

__all__ = ["EDITIONS", "write"]

EDITIONS = ("student", "instructor")

CHECK = re.compile(r"^check\.(\w+)\.(\w+)\(answer\)$", re.MULTILINE)
"""The line that makes a cell an exercise."""

SOLUTION = "<details><summary>Solution"
"""How a cell begins that holds a folded solution."""


def write(
    edition: str,
    out: Path,
    lessons: Sequence[Lesson] | None = None,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Write an edition of the lessons (by default all there are) into the folder ``out``.

    The folder is made where there is none. A file in it that somebody has changed stays, and the
    new one is put beside it, as ``03_profiles.new.ipynb``. Returns the files: the notebooks, and
    last the table of contents.

    Raises:
    ------
    ValueError
        If there is no such edition.
    LessonError
        If a solution does not run.
    """
    import nbformat

    from .execute import CONTENTS, dump, normalise

    if edition not in EDITIONS:
        raise ValueError(f"no edition {edition!r}; there are: {', '.join(EDITIONS)}")
    chosen = list(pages() if lessons is None else lessons)
    written = []

    def write_one(name: str, text: str) -> None:
        for line in put({name: text.encode()}, out) or [f"{name}: unchanged"]:
            say(f"{out}: {line}")
        written.append(out / name)

    for lesson in chosen:
        source = nbformat.read(NOTEBOOKS / lesson.filename, as_version=4)
        plain = edition == "student" or lesson == WELCOME  # which has nothing to solve
        made = student(source) if plain else instructor(source, lesson)
        write_one(lesson.filename, dump(normalise(made)))
    contents = table([one for one in chosen if one != WELCOME])
    write_one("README.md", CONTENTS.format(table=contents))
    return written


def student(lesson: NotebookNode) -> NotebookNode:
    """The lesson without its solutions."""
    lesson.cells = [cell for cell in lesson.cells if not cell.source.startswith(SOLUTION)]
    return lesson


def instructor(notebook: NotebookNode, lesson: Lesson) -> NotebookNode:
    """The lesson with each solution in the cell of its exercise, run, and the notes beside it.

    Only what the exercises print is new; all other outputs are the committed ones.
    """
    from .execute import cleared, run_cells

    path = NOTEBOOKS / lesson.filename
    notebook = student(notebook)
    solved = cleared(notebook, path)
    for cell in solved.cells:
        if found := exercise_in(cell):
            cell.source = f"{found.solution}\n\ncheck.{found.name}(answer)"
    solved = run_cells(solved, path.parent, name=path.name)[0]
    notebook.cells = [
        new if exercise_in(new) else old
        for old, new in zip(notebook.cells, solved.cells, strict=True)
    ]
    return annotated(notebook, lesson, notes.read(lesson.topic))


def annotated(notebook: NotebookNode, lesson: Lesson, known: notes.Notes) -> NotebookNode:
    """The lesson with a note after its title, its sections and its exercises."""
    import nbformat

    sections = {section.title: section for section in known.sections}
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        note, prose = "", cell.cell_type == "markdown"
        if prose and cell.source.startswith("# "):
            note = f"{times(lesson)}.\n\n*Mind:* {known.watch}\n\n*Short of time:* {known.short}"
        elif prose and cell.source.startswith("## "):
            if section := sections.get(cell.source.partition("\n")[0].removeprefix("## ")):
                note = f"{section.time}.\n\n*Ask:* {section.ask}\n\n*Hope to hear:* {section.hope}"
        elif exercise := exercise_in(cell):
            name = exercise.name.partition(".")[2]
            note = f"{known.minutes[name]} min. Wrong answers to expect:\n\n"
            note += notes.table(known.wrong[name])
        if note:
            text = "\n".join(f"> {line}".rstrip() for line in f"**Instructor.** {note}".split("\n"))
            cells.append(nbformat.v4.new_markdown_cell(text, id=f"instructor-{cell.id}"))
    notebook.cells = cells
    return notebook


def exercise_in(cell: NotebookNode) -> Exercise | None:
    """The exercise that a cell checks, if it does."""
    from resonance_helpers.lesson.exercises import Exercise, check

    if cell.cell_type != "code" or not (found := CHECK.search(cell.source)):
        return None
    exercise = getattr(getattr(check, found[1]), found[2])
    assert isinstance(exercise, Exercise)
    return exercise
