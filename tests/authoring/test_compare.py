"""A measured figure may be another of its unit and magnitude; whatever else differs is seen."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output

from authoring.compare import MEASURED, alike
from authoring.execute import differences, merge
from resonance_helpers.lesson.manifest import LESSONS, NOTEBOOKS


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("0.261 s\n", "0.912 s\n"),
        ("p90   4.261 s", "p90  12.261 s"),
        ("0.004 s", "0.380 s"),
        ("server 4.1 ms", "server 71.0 ms"),
        ("13.5 requests/s, mean 0.282 s", "3.5 requests/s, mean 1.282 s"),
        ("16,844 characters/s", "4,100 characters/s"),
        ("5 already answered, 19 unfinished", "9 already answered, 15 unfinished"),
        ("between -0.24 and +0.27", "between -0.60 and -0.10"),
        ({"data": {"text/html": "<td>0.261 s</td>"}}, {"data": {"text/html": "<td>0.300 s</td>"}}),
    ],
)
def test_a_figure_of_the_same_magnitude_is_alike(before: object, now: object):
    assert alike(before, now)
    assert alike(now, before)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ("0.261 s", "26.100 s"),
        ("0.261 s", "0.261 ms"),
        ("0.261 s", "0.261"),
        ("mean 0.261 s", "p90 0.261 s"),
        ("0.261 s", "0.261 s\n0.261 s"),
        ("client 0.300 s, server 4.1 ms", "server 4.1 ms, client 0.300 s"),
        ("41 slow calls", "4,100 slow calls"),
        ("spearman +0.17 (-0.09 to +0.41)", "spearman +0.18 (-0.09 to +0.41)"),
        ("5 retries", "6 retries"),
        (["0.261 s"], ["0.261 s", ""]),
        ({"a": "x"}, {"b": "x"}),
    ],
)
def test_whatever_else_differs_is_not(before: object, now: object):
    assert not alike(before, now)
    assert not alike(now, before)


def test_every_pattern_has_the_three_lines_that_nbval_and_we_read():
    lines = re.findall(r"(?m)^(regex|replace|near): .", MEASURED.read_text(encoding="utf-8"))
    assert lines == ["regex", "replace", "near"] * (len(lines) // 3)


# -- faults planted in a lesson --------------------------------------------------------------------


def a_hundred_times(page: NotebookNode) -> None:
    """The first time that was measured."""
    for output in outputs(page):
        if found := re.search(r"(\d+\.\d{3}) s", output.get("text", "")):
            wrong = f"{100 * float(found[1]):.3f} s"
            output.text = output.text.replace(found[0], wrong, 1)
            return


def another_unit(page: NotebookNode) -> None:
    for output in outputs(page):
        if "requests/s" in output.get("text", ""):
            output.text = output.text.replace("requests/s", "characters/s", 1)
            return


def another_word(page: NotebookNode) -> None:
    for output in outputs(page):
        if "slow calls" in output.get("text", ""):
            output.text = output.text.replace("slow calls", "quick calls", 1)
            return


def another_alt_text(page: NotebookNode) -> None:
    for output in outputs(page):
        if about := output.get("metadata", {}).get("image/png"):
            about.alt = about.alt.replace("calls", "requests", 1)
            return


def another_order(page: NotebookNode) -> None:
    for output in outputs(page):
        lines = output.get("text", "").splitlines(keepends=True)
        if len(lines) > 2 and "at once" in lines[0]:
            output.text = "".join(reversed(lines))
            return


def outputs(page: NotebookNode) -> list[NotebookNode]:
    return [one for cell in page.cells for one in cell.get("outputs", ())]


@pytest.mark.parametrize(
    "plant", [a_hundred_times, another_unit, another_word, another_alt_text, another_order]
)
def test_a_fault_planted_in_the_lesson_on_performance_is_caught(
    plant: Callable[[NotebookNode], None],
):
    [path] = [NOTEBOOKS / one.filename for one in LESSONS if one.topic == "performance"]
    right = nbformat.read(path, as_version=4)
    wrong = copy.deepcopy(right)
    plant(wrong)
    assert wrong != right

    found = list(differences(path.name, wrong, merge(wrong, right)))

    assert len(found) == 1


def test_the_committed_figure_stays_and_the_line_that_differs_is_named():
    def page(text: str) -> NotebookNode:
        output = new_output("stream", name="stdout", text=text)
        return new_notebook(cells=[new_code_cell("show()", id="same", outputs=[output])])

    committed = page("0.261 s\n2 failed\n")
    assert merge(committed, page("0.300 s\n2 failed\n")) == merge(committed, committed)
    fresh = page("0.300 s\n3 failed\n")
    [found] = differences("06.ipynb", committed, merge(committed, fresh))
    assert "printed '2 failed', now '3 failed'" in str(found)
