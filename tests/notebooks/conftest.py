"""Every lesson that exists, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
import pytest

from resonance_helpers.lesson.manifest import NOTEBOOKS, Lesson, available, pages


@dataclass
class Page:
    """A lesson and its committed notebook."""

    lesson: Lesson

    @property
    def path(self) -> Path:
        return NOTEBOOKS / self.lesson.filename

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.reads(self.text, as_version=4)

    @property
    def code(self) -> list[nbformat.NotebookNode]:
        cells = (cell for cell in self.notebook.cells if cell.cell_type == "code")
        return [cell for cell in cells if cell.source.strip()]

    @property
    def prose(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "markdown"]

    @property
    def outputs(self) -> list[nbformat.NotebookNode]:
        return [output for cell in self.code for output in cell.outputs]

    def shown(self) -> str:
        """All text that the outputs show."""
        parts = []
        for output in self.outputs:
            parts += [output.get("text", ""), output.get("ename", ""), output.get("evalue", "")]
            parts += output.get("traceback", [])
            data = output.get("data", {})
            parts += [str(data[mime]) for mime in data if not mime.startswith("image/p")]
        return "\n".join(parts)


@pytest.fixture(scope="module", params=pages(), ids=lambda lesson: lesson.slug)
def page(request: pytest.FixtureRequest) -> Page:
    """Every notebook, the welcome page too."""
    return Page(request.param)


@pytest.fixture(scope="module", params=available(), ids=lambda lesson: lesson.slug)
def lesson(request: pytest.FixtureRequest) -> Page:
    """Every notebook that teaches."""
    return Page(request.param)
