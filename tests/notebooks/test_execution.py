"""A new run gives what is committed; a second Run All gives it again; a spoilt output fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from jupyter_core.utils import ensure_event_loop
from nbformat import NotebookNode

from authoring.compare import alike, comparable
from authoring.execute import cleared, differences, dump, execute, merge, run_cells
from docs import runs
from resonance_helpers.lesson import solved
from resonance_helpers.lesson.manifest import Lesson, available, pages
from tests.__main__ import PARTS
from tests.notebooks.conftest import Page

DAILY = ("04_batch", "07_auth")
"""The lessons that are run a second time whenever tests run: one keeps a file, one a log-in."""

Runs = dict[Path, Future[list[NotebookNode]]]

AGAIN = pytest.mark.parametrize(
    "page",
    [
        pytest.param(one, id=one.slug, marks=[] if one.slug in DAILY else pytest.mark.soak)
        for one in pages()
    ],
    indirect=True,
    scope="module",
)


@pytest.fixture(scope="module")
def ran(request: pytest.FixtureRequest) -> Iterator[Runs]:
    """Each lesson to its runs, several lessons at a time: they wait more than they work."""
    times: dict[Lesson, int] = {}
    for item in request.session.items:
        if item.path == request.path and "ran" in item.fixturenames:
            lesson = item.callspec.params["page"]
            again = item.originalname == test_a_second_run_all_gives_the_same.__name__
            times[lesson] = max(times.get(lesson, 1), 1 + again)
    with ThreadPoolExecutor(3) as threads:
        yield {
            page.path: threads.submit(run, page, many)
            for page, many in ((Page(lesson), many) for lesson, many in times.items())
        }


def run(page: Page, times: int) -> list[NotebookNode]:
    blank = cleared(page.notebook, page.path)
    try:
        return run_cells(blank, page.path.parent, name=page.path.name, times=times)
    finally:
        ensure_event_loop().close()  # nbclient makes one for each thread, and leaves it


def test_run_all_gives_the_committed_outputs(page: Page, ran: Runs):
    first, *_ = ran[page.path].result()

    runs.keep(page.lesson, first)  # the site needs such a run too, and need not make its own
    merged = merge(page.notebook, first)
    assert [str(one) for one in differences(page.path.name, page.notebook, merged)] == []
    assert dump(merged) == page.text, "run `make execute`"


@AGAIN
def test_a_second_run_all_gives_the_same(page: Page, ran: Runs):
    first, second = ran[page.path].result()

    for number, (once, twice) in enumerate(zip(first.cells, second.cells, strict=True), start=1):
        if once.cell_type == "code":
            assert alike(
                [comparable(output) for output in once.outputs],
                [comparable(output) for output in twice.outputs],
            ), f"cell {number} prints something else the second time"


def nbval(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Run the very command of ``make test`` on other notebooks, in one process.

    What is solved there is remembered nowhere, so that each run prints the same.
    """
    [command] = PARTS["lessons"]
    workers = command.index("-n")
    flags = command[1:workers] + command[workers + 4 : -1]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *flags, "-p", "no:cacheprovider", *map(str, paths)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=Path(__file__).resolve().parents[2],
        env=os.environ | {solved.FOLDER: "nowhere"},
    )


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A notebook that draws, prints, shows and raises, executed as lessons are."""
    code = nbformat.v4.new_code_cell
    sources = [
        "print('one')\nprint('two')",
        "{'feedback': 0.5}",
        "from IPython.display import HTML\nHTML('<b>bold</b>')",
    ]
    path = tmp_path / "small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[code(source) for source in sources]), path)
    execute([path], say=lambda line: None)
    return path


def test_strict_nbval_passes_what_is_true_and_fails_each_output_that_is_not(small: Path):
    text = small.read_text(encoding="utf-8")
    spoilt = text.replace('"two\\n"', '"too\\n"').replace("0.5}", "0.6}", 1)
    spoilt = spoilt.replace('"<b>bold</b>"', '"<b>bald</b>"', 1)
    (small.parent / "spoilt.ipynb").write_text(spoilt, encoding="utf-8")
    lesson = Page(available()[0])
    *_, (last, stream) = (
        (number, output)
        for number, cell in enumerate(lesson.code)
        for output in cell.outputs
        if output.output_type == "stream"
    )
    stream.text = stream.text.rstrip("\n") + "!\n"
    nbformat.write(lesson.notebook, small.parent / lesson.path.name)

    done = nbval(small, small.parent / "spoilt.ipynb", small.parent / lesson.path.name)

    assert done.returncode == 1
    failed = re.findall(r"FAILED \S*::Cell (\d+)", done.stdout)
    assert [int(number) for number in failed] == [0, 1, 2, last], done.stdout
    assert f"4 failed, {3 + len(lesson.code) - 1} passed" in done.stdout, done.stdout
