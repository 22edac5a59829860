"""The site shows what is committed, with the widgets of a run that printed the same."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from authoring.compare import WIDGET_VIEW
from authoring.execute import LessonError, normalise
from docs import runs
from resonance_helpers.lesson.manifest import LESSONS

LESSON = LESSONS[0]
STATE = {"application/vnd.jupyter.widget-state+json": {"state": {"a": {}}}}


def book(text: str, **widget: dict) -> nbformat.NotebookNode:
    shown = new_output("execute_result", data={"text/plain": text, **widget}, execution_count=1)
    return new_notebook(cells=[new_code_cell("show()", id="a", execution_count=1, outputs=[shown])])


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with one lesson in it."""
    monkeypatch.setattr(runs, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(runs, "KEPT", tmp_path / "build")
    nbformat.write(normalise(book("a picker")), tmp_path / LESSON.filename)
    return tmp_path


def ran(text: str) -> nbformat.NotebookNode:
    run = book(text, **{WIDGET_VIEW: {"model_id": "a"}})
    run.metadata["widgets"] = STATE
    return run


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lessons that were run, each by a kernel that prints what is committed."""
    names = []

    def run_cells(notebook, folder, *, name):
        names.append(name)
        return [ran("a picker")]

    monkeypatch.setattr(runs, "run_cells", run_cells)
    return names


def test_a_lesson_is_published_with_its_widgets(made: list[str]):
    [(lesson, notebook)] = runs.lessons([LESSON])

    assert lesson is LESSON
    assert notebook.cells[0].outputs[0].data == {
        "text/plain": "a picker",
        WIDGET_VIEW: {"model_id": "a"},
    }
    assert notebook.metadata["widgets"] == STATE


def test_a_run_is_used_again_until_the_lesson_changes(tree: Path, made: list[str]):
    list(runs.lessons([LESSON]))
    list(runs.lessons([LESSON]))
    assert made == [LESSON.filename]

    path = tree / LESSON.filename
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    list(runs.lessons([LESSON]))
    assert made == [LESSON.filename] * 2


def test_a_run_that_was_kept_spares_one(made: list[str]):
    runs.keep(LESSON, ran("a picker"))

    list(runs.lessons([LESSON]))

    assert made == []


def test_a_run_that_prints_something_else_is_not_published(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runs, "run_cells", lambda *_, **__: [ran("another picker")])

    with pytest.raises(LessonError, match="printed 'a picker', now 'another picker'"):
        list(runs.lessons([LESSON]))


def test_a_run_that_prints_something_else_by_chance_is_made_once_more(
    monkeypatch: pytest.MonkeyPatch,
):
    found = iter([ran("a slow picker"), ran("a picker")])
    monkeypatch.setattr(runs, "run_cells", lambda *_, **__: [next(found)])

    [(_, notebook)] = runs.lessons([LESSON])

    assert notebook.metadata["widgets"] == STATE


def test_a_run_that_was_wrong_by_chance_is_not_kept(made: list[str], tree: Path):
    runs.keep(LESSON, ran("another picker"))
    assert not (tree / "build").exists()
    list(runs.lessons([LESSON]))  # makes its own
    assert made == [LESSON.filename]

    kept = tree / "build" / LESSON.filename  # as it was kept before
    kept.write_text(kept.read_text("utf-8").replace("a picker", "no picker"), "utf-8")
    list(runs.lessons([LESSON]))
    assert made == [LESSON.filename] * 2
