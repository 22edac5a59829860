"""What strict nbval takes for granted, and what makes a lesson good to read.

nbval passes a notebook that was stripped of its outputs whatever it prints, and never looks at
form. These tests do.
"""

from __future__ import annotations

import builtins
import re
import socket
import statistics
import symtable
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from authoring.execute import KERNELSPEC, NAVIGATION, dump, normalise
from authoring.navigation import heading, navigation, times
from resonance_helpers.lesson.manifest import (
    CAPSTONE,
    LESSONS,
    NOTEBOOKS,
    WELCOME,
    available,
)
from resonance_helpers.lesson.sandbox_only import MARK, is_marked
from tests.notebooks.conftest import Page

SECRETS = [
    r"ros_sandbox_[0-9a-f]+_[\w-]{8,}",  # an API key of the sandbox
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}",  # a JWT
    r"whsec_[\w+/=-]{8,}",  # a signing secret of Standard Webhooks
    r"(?i:Bearer) [\w.~+/-]{12,}",
]
PLACES = [
    r"/(?:home|root|Users|tmp|work|opt)/",
    r"[A-Z]:\\\\?(?:Users|Temp)",
    r"site-packages[/\\].+\.py",
]


def lines(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


def test_the_lessons_come_in_order_without_a_gap():
    lessons = [lesson for lesson in available() if lesson != CAPSTONE]
    assert lessons == list(LESSONS[: len(lessons)])
    known = {lesson.filename for lesson in (WELCOME, *LESSONS, CAPSTONE)}
    assert {path.name for path in NOTEBOOKS.glob("*.ipynb")} <= known


# -- so that nbval means something ----------------------------------------------------------------


def test_every_code_cell_has_run_in_order(page: Page):
    counts = [cell.execution_count for cell in page.code]
    assert counts == list(range(1, len(counts) + 1))


def test_the_kernel_is_python3(page: Page):
    assert page.notebook.metadata.kernelspec == KERNELSPEC


def test_the_file_is_in_the_committed_form(page: Page):
    assert page.text == dump(normalise(page.notebook)), "run `make execute`"


def test_nothing_went_to_stderr(page: Page):
    assert [output.text for output in page.outputs if output.get("name") == "stderr"] == []


def test_no_widget_state_and_no_widget_id(page: Page):
    assert "widgets" not in page.notebook.metadata
    assert "model_id" not in page.text


def test_each_picture_has_a_twin_in_text(page: Page):
    for number, cell in enumerate(page.code, start=1):
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" not in data and "image/jpeg" not in data:
                continue
            beside = [one.get("text", "") for one in cell.outputs]
            beside += [one.data.get("text/plain", "") for one in cell.outputs if "data" in one]
            said = [text for text in beside if len(text) > 20 and not text.startswith("<")]
            assert said, f"[{number}] draws a picture, but nothing that nbval compares says it"


def test_hardly_anything_is_exempt_from_comparison(page: Page):
    exempt = [cell for cell in page.code if "NBVAL_IGNORE_OUTPUT" in cell.source]
    assert len(exempt) <= 1
    for cell in exempt:
        after = cell.source.partition("NBVAL_IGNORE_OUTPUT")[2].splitlines()[1:2]
        assert after, "an exempt cell explains itself in the next line"
        assert after[0].startswith("# "), "an exempt cell explains itself in the next line"
    assert "NBVAL_SKIP" not in page.text
    tags = {tag for cell in page.notebook.cells for tag in cell.metadata.get("tags", [])}
    assert not {tag for tag in tags if tag.startswith("nbval-")}


def test_no_cell_prints_a_bare_boolean(page: Page):
    bare = re.compile(r"[\s(\[]*(?:(?:True|False)[\s,)\]]*)+")
    for number, cell in enumerate(page.code, start=1):
        for output in cell.outputs:
            text = output.get("text", "") or output.get("data", {}).get("text/plain", "")
            assert not bare.fullmatch(text), f"[{number}] could show what it measured or counted"


# -- so that nothing of this machine is published -------------------------------------------------


@pytest.mark.parametrize("pattern", SECRETS)
def test_no_secret_in_an_output(page: Page, pattern: str):
    assert not re.search(pattern, page.shown())


@pytest.mark.parametrize("pattern", PLACES)
def test_no_folder_of_a_machine_in_an_output(page: Page, pattern: str):
    assert not re.search(pattern, page.shown())


def test_no_name_of_this_machine_in_an_output(page: Page):
    shown = page.shown()
    for name in (str(Path.home()), sys.prefix, str(NOTEBOOKS.parent)):
        assert name not in shown
    host = socket.gethostname()
    if "localhost" not in host:
        assert not re.search(rf"\b{re.escape(host)}\b", shown)


def test_no_port_that_a_machine_chose(page: Page):
    assert not re.search(r"(?:127\.0\.0\.1|localhost):(?!8000\b|80\b|9\b|1\b)\d{4,5}", page.shown())


# -- so that it runs on any server ----------------------------------------------------------------


def test_a_cell_that_uses_what_a_sandbox_only_cell_makes_is_marked_itself(page: Page):
    bound = set(dir(builtins)) | {"display", "get_ipython"}
    for number, cell in enumerate(page.code, start=1):
        if is_marked(cell.source):
            continue
        table = symtable.symtable(cell.source, f"[{number}]", "exec")
        bound |= {one.get_name() for one in table.get_symbols() if one.is_assigned()}
        bound |= {one.get_name() for one in table.get_symbols() if one.is_imported()}
        used = {
            one.get_name()
            for scope in _scopes(table)
            for one in scope.get_symbols()
            if one.is_referenced() and (scope is table or one.is_global())
        }
        assert used <= bound, f"[{number}] uses {used - bound}: begin it with {MARK!r}"


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


# -- so that it reads well ------------------------------------------------------------------------


def test_cells_are_short(page: Page):
    lengths = [lines(cell.source) for cell in page.code]
    assert statistics.median(lengths) <= 3
    assert sum(length > 10 for length in lengths) <= len(lengths) / 10


def test_prose_stands_between_the_code(lesson: Page):
    assert 1.0 <= len(lesson.prose) / len(lesson.code) <= 2.0


def test_the_title_and_the_times_are_the_manifests(lesson: Page):
    titles = [line for cell in lesson.prose for line in re.findall(r"(?m)^# .*", cell.source)]
    assert titles == [f"# {lesson.lesson.name}"]
    first = lesson.notebook.cells[0].source
    assert first.startswith(heading(lesson.lesson))
    assert any(times(lesson.lesson) in cell.source for cell in lesson.prose[:4])


def test_one_cell_of_four_lines_sets_up(lesson: Page):
    first = lesson.code[0].source
    assert lines(first) <= 4
    assert "connect(" in first


def test_the_parts_come_in_the_agreed_order(lesson: Page):
    text = "\n".join(cell.source for cell in lesson.prose)
    places = [
        text.find(part)
        for part in ("*You will*", "\n## When it goes wrong", "\n## Exercises", "\n## Summary")
    ]
    assert -1 not in places
    assert places == sorted(places)


def test_navigation_is_the_manifests(page: Page):
    last = page.notebook.cells[-1]
    assert NAVIGATION in last.metadata.get("tags", [])
    assert last.source == navigation(page.lesson), "run `make execute`"


def test_links_between_files_lead_somewhere(page: Page):
    for cell in page.prose:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", cell.source):
            if "://" not in target:
                assert (page.path.parent / target).exists(), target
