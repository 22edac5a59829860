"""What a page takes to read is computed from it, and what the manifest and the pages say."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from authoring import reading
from authoring.navigation import times
from resonance_helpers.lesson.manifest import LESSONS, NOTEBOOKS, READING, pages

LIMIT = 20
"""Minutes that the core path of a lesson may take to read."""


def words(count: int) -> str:
    return " ".join(["word"] * count)


def test_words_code_and_pictures_count():
    picture = new_output("display_data", data={"image/png": "", "text/plain": "a radar"})
    cells = [
        new_markdown_cell(words(130)),
        new_code_cell("answer = api.health_check()", outputs=[picture]),
    ]
    assert reading.minutes(new_notebook(cells=cells[:1])) == 1
    assert reading.minutes(new_notebook(cells=cells)) == 2
    assert reading.minutes(new_notebook(cells=[*cells, new_markdown_cell(words(63))])) == 2
    assert reading.minutes(new_notebook(cells=[*cells, new_markdown_cell(words(64))])) == 3


def test_only_the_core_path_counts():
    solution = f"<details><summary>Solution</summary>\n{words(500)}\n</details>"
    cells = [
        new_markdown_cell(f"# Smoke\n{words(100)}"),
        new_markdown_cell(f"## Exercises\n\n{words(500)}"),
        new_code_cell(words(500)),
        new_markdown_cell(f"## Going further: more\n\n{words(500)}"),
        new_markdown_cell("## Summary"),
        new_markdown_cell(solution),
        new_markdown_cell(words(500), metadata={"tags": ["navigation"]}),
    ]
    assert reading.minutes(new_notebook(cells=cells)) == 1


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.slug)
def test_the_manifest_says_what_is_computed(page):
    notebook = nbformat.read(NOTEBOOKS / page.filename, as_version=4)
    assert page.reading == reading.minutes(notebook), "run `make execute`"
    if page in LESSONS:
        assert page.reading <= LIMIT


def test_update_writes_the_manifests_file_and_the_pages(tmp_path: Path):
    folder, known = tmp_path / "notebooks", tmp_path / READING.relative_to(READING.parents[2])
    folder.mkdir()
    known.parent.mkdir(parents=True)
    known.write_text("{}")
    [health] = [page for page in pages() if page.topic == "health"]
    text = f"{words(270)}\n\n*Reading 9 min · practice 1 min*"
    page = folder / health.filename
    nbformat.write(new_notebook(cells=[new_markdown_cell(text)]), page)

    assert reading.update(tmp_path, check=True) == [known, page]
    assert "Reading 9 min" in page.read_text(encoding="utf-8")
    assert reading.update(tmp_path) == [known, page]
    assert json.loads(known.read_text()) == {"health": 3}
    assert times(health, 3) in page.read_text(encoding="utf-8")
    assert reading.update(tmp_path) == []
