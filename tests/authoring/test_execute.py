from __future__ import annotations

import copy
import os
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from authoring import execute as module
from authoring.execute import Difference, LessonError, differences, dump, execute, merge
from authoring.navigation import navigation
from resonance_helpers.lesson.manifest import LESSONS

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def shown(data: dict, count: int = 1, kind: str = "execute_result") -> nbformat.NotebookNode:
    extra = {"execution_count": count} if kind == "execute_result" else {}
    return new_output(kind, data=data, **extra)


def said(text: str) -> nbformat.NotebookNode:
    return new_output("stream", name="stdout", text=text)


def book(*outputs: nbformat.NotebookNode, count: int = 1) -> nbformat.NotebookNode:
    cell = new_code_cell("show()", id="same", execution_count=count, outputs=list(outputs))
    return new_notebook(cells=[cell])


def merged(old: nbformat.NotebookNode, new: nbformat.NotebookNode, **options) -> list:
    return merge(old, new, **options).cells[0].outputs


# -- merging --------------------------------------------------------------------------------------


def test_a_picture_is_kept_as_long_as_its_text_is_equal():
    old = book(shown({"image/png": "old", "text/plain": "a radar"}))
    new = book(shown({"image/png": "new", "text/plain": "a radar"}))

    assert merged(old, new)[0].data["image/png"] == "old"
    assert merged(old, new, redraw=True)[0].data["image/png"] == "new"


def test_a_picture_is_replaced_when_its_text_differs():
    old = book(shown({"image/png": "old", "text/plain": "a radar"}))
    new = book(shown({"image/png": "new", "text/plain": "another radar"}))

    assert merged(old, new)[0].data == {"image/png": "new", "text/plain": "another radar"}


def test_a_picture_that_is_new_or_gone_is_seen():
    bare = book(shown({"text/plain": "a radar"}))
    drawn = book(shown({"image/png": "new", "text/plain": "a radar"}))

    assert "image/png" in merged(bare, drawn)[0].data
    assert "image/png" not in merged(drawn, bare)[0].data


@pytest.mark.parametrize("mime", ["text/plain", "text/html", "text/markdown", "image/svg+xml"])
def test_every_text_is_compared(mime: str):
    old = book(shown({mime: "before"}, kind="display_data"))
    new = book(shown({mime: "after"}, kind="display_data"))

    assert merged(old, new)[0].data[mime] == "after"


def test_the_alternative_text_of_a_picture_is_compared():
    def drawn(alt: str | None) -> nbformat.NotebookNode:
        output = shown({"image/png": "same", "text/plain": "a radar"})
        output.metadata = nbformat.from_dict({"image/png": {"alt": alt}} if alt else {})
        return book(output)

    for before in ("A radar of something else.", None):
        old, new = drawn(before), drawn("A radar.")
        assert merged(old, new)[0].metadata["image/png"]["alt"] == "A radar."
        told = "\n".join(map(str, differences("x", old, merge(old, new))))
        assert "A radar." in told


def test_an_output_stays_where_its_neighbour_changes():
    old = book(said("before\n"), shown({"image/png": "old", "text/plain": "x"}))
    new = book(said("after\n"), shown({"image/png": "new", "text/plain": "x"}))

    text, picture = merged(old, new)

    assert text.text == "after\n"
    assert picture.data["image/png"] == "old"


def test_another_number_of_outputs_takes_the_new_ones():
    assert merged(book(said("one\n")), book()) == []
    assert len(merged(book(), book(said("one\n")))) == 1


def test_a_kept_result_takes_the_new_count():
    old = book(shown({"text/plain": "2"}, count=1))
    new = book(shown({"text/plain": "2"}, count=7), count=7)

    assert merged(old, new)[0].execution_count == 7


def test_a_traceback_may_differ_but_not_the_error():
    def failed(value: str, frame: str) -> nbformat.NotebookNode:
        return new_output("error", ename="ValueError", evalue=value, traceback=[frame])

    old = book(failed("bad", "a frame"))

    assert merged(old, book(failed("bad", "another")))[0].traceback == ["a frame"]
    assert merged(old, book(failed("worse", "another")))[0].evalue == "worse"


def test_widget_ids_are_never_kept():
    view = {WIDGET_VIEW: {"model_id": "1234"}, "text/plain": "Dropdown()"}

    assert merged(book(shown(view)), book(shown(view)))[0].data == {"text/plain": "Dropdown()"}


def test_merging_twice_changes_nothing():
    old = book(said("one\n"), shown({"image/png": "old", "text/plain": "x"}))
    new = book(said("two\n"), shown({"image/png": "new", "text/plain": "x"}))
    once = merge(old, new)

    assert dump(merge(once, new)) == dump(once)
    assert dump(merge(once, once)) == dump(once)


# -- the committed form ---------------------------------------------------------------------------


def test_an_editors_traces_are_removed():
    notebook = book(said("one\n"))
    notebook.metadata = nbformat.from_dict(
        {"widgets": {"state": {}}, "language_info": {"name": "python", "version": "3.12.1"}}
    )
    notebook.cells[0].metadata = nbformat.from_dict(
        {"execution": {"iopub.status.busy": "2026"}, "tags": ["keep"], "collapsed": True}
    )

    clean = module.normalise(notebook)

    assert clean.metadata.kernelspec.name == "python3"
    assert "version" not in clean.metadata.language_info
    assert "widgets" not in clean.metadata
    assert clean.cells[0].metadata == {"tags": ["keep"]}


def test_a_cell_without_an_id_gets_the_same_one_each_time():
    notebook = new_notebook(cells=[new_code_cell("1"), new_code_cell("1"), new_markdown_cell("#")])
    for cell in notebook.cells:
        cell.pop("id")

    once, again = module.normalise(notebook), module.normalise(notebook)

    ids = [cell.id for cell in once.cells]
    assert ids == [cell.id for cell in again.cells]
    assert len(set(ids)) == 3


def test_a_traceback_names_no_folder_of_this_machine():
    root = module.NOTEBOOKS.parent
    frame = f"File {root}/resonance_helpers/client/api.py:10, in call"
    library = f"File {root}/.venv/lib/python3.11/site-packages/requests/api.py:59"

    assert module.without_paths(frame) == "File resonance_helpers/client/api.py:10, in call"
    assert module.without_paths(library) == "File site-packages/requests/api.py:59"


@pytest.mark.parametrize(
    "form", ["File {}:10", 'File "{}", line 10', "\x1b[36mFile \x1b[32m{}\x1b"]
)
@pytest.mark.parametrize("short", [False, True], ids=["whole", "with ~"])
def test_a_folder_with_a_space_in_its_name_is_none_of_a_traceback(
    form: str, short: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    clone = tmp_path / "My Ünï course 100% #1's"
    packages = clone / ".venv" / "lib" / "python3.11" / "site-packages"
    monkeypatch.setattr(module, "NOTEBOOKS", clone / "notebooks")
    monkeypatch.setattr(module.sys, "prefix", str(clone / ".venv"))
    monkeypatch.setattr(module.sysconfig, "get_path", lambda name: str(packages))
    monkeypatch.setattr(module.Path, "home", lambda: tmp_path)
    for path, left in (
        (packages / "requests" / "api.py", "site-packages/requests/api.py"),
        (clone / "resonance_helpers" / "api.py", "resonance_helpers/api.py"),
    ):
        written = str(path).replace(str(tmp_path), "~") if short else str(path)
        assert module.without_paths(form.format(written)) == form.format(left)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limit")
def test_on_a_full_disk_the_old_file_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import resource

    path = tmp_path / LESSONS[0].filename
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), path)
    path.chmod(0o640)
    before = path.read_bytes()
    monkeypatch.setattr(module, "run_cells", lambda *_, **__: [book(said("x" * 100_000))])
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, usual[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            execute([path], say=lambda line: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    execute([path], say=lambda line: None)
    assert len(path.read_bytes()) > 100_000
    assert path.stat().st_mode & 0o777 == 0o640


# -- differences ----------------------------------------------------------------------------------


def test_no_difference_in_equal_notebooks():
    assert list(differences("a", book(said("one\n")), book(said("one\n")))) == []


def test_a_difference_says_where_and_what():
    [found] = differences("01.ipynb", book(said("one\ntwo\n")), book(said("one\n2\n")))

    assert str(found) == "01.ipynb, cell 1: (show()) printed 'two', now '2'"


def test_a_difference_in_number_or_count_is_seen():
    longer = book(said("one\n"))
    longer.cells.append(new_code_cell("2"))
    assert list(differences("a", book(said("one\n")), longer))

    [found] = differences("a", book(said("one\n"), count=1), book(said("one\n"), count=2))
    assert found == Difference("a", 1, "its execution count differs")


# -- running --------------------------------------------------------------------------------------


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """A small notebook in the place of lesson 1."""
    cells = [
        new_markdown_cell("# Smoke"),
        new_code_cell("import ipywidgets\nipywidgets.IntSlider(description='Dial:')"),
        new_code_cell(
            "import os, sys\nprint(os.environ.get('RESONANCE_URL'), 'MPL' in os.environ)"
        ),
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        new_code_cell("   "),
        new_code_cell("print('one'); print('two', flush=True); print('three')\n6 * 7"),
        new_markdown_cell("", metadata={"tags": ["navigation"]}),
    ]
    path = tmp_path / LESSONS[0].filename
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_a_second_run_changes_no_byte(lesson: Path):
    found = execute([lesson], say=lambda line: None)
    first = lesson.read_bytes()
    assert found

    said_lines: list[str] = []
    assert execute([lesson], say=said_lines.append) == []
    assert lesson.read_bytes() == first
    assert said_lines == [f"{lesson.name}: unchanged"]

    notebook = nbformat.reads(first.decode(), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, None, 4]
    assert code[1].outputs[0].text == "None False\n"
    assert code[2].outputs[0].ename == "ZeroDivisionError"
    assert code[4].outputs[0].text == "one\ntwo\nthree\n"
    assert notebook.cells[-1].source == navigation(LESSONS[0], LESSONS[:1])
    assert b"model_id" not in first
    assert b"\r" not in first


def test_check_writes_nothing_and_says_what_differs(lesson: Path):
    execute([lesson], say=lambda line: None)
    spoilt = lesson.read_text(encoding="utf-8").replace('"three\\n"', '"thirty\\n"')
    lesson.write_text(spoilt, encoding="utf-8")

    [found] = execute([lesson], check=True, say=lambda line: None)

    assert "cell 6" in str(found)
    assert "printed 'thirty', now 'three'" in str(found)
    assert lesson.read_text(encoding="utf-8") == spoilt


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise KeyError('nope')", r"01_health.ipynb, cell 2 \(raise KeyError.*KeyError: 'nope'"),
        ("import warnings\nwarnings.warn('old')", r"cell 2 .*wrote to stderr: .*old"),
        ("import time\ntime.sleep(60)", r"cell 2 .*still running after 1 s"),
        ("import os\nos._exit(1)", r"cell 2 .*the kernel died"),
    ],
)
def test_a_lesson_that_fails_is_named_and_left_as_it_was(source, says, tmp_path: Path):
    path = tmp_path / LESSONS[0].filename
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A"), new_code_cell(source)]), path)
    before = path.read_bytes()

    with pytest.raises(LessonError, match=f"(?s){says}"):
        execute([path], timeout=1 if "sleep" in source else 60, say=lambda line: None)

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "{}", "[]", "[" * 100_000, '{"nbformat": 4}'),
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 5}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code"}]}',
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code",'
        ' "id": "a", "metadata": {}, "source": 5, "outputs": [], "execution_count": null}]}',
    ],
)
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, text: str):
    path = tmp_path / "01_health.ipynb"
    path.write_text(text)

    with pytest.raises(LessonError, match=r"01_health.ipynb: cannot be read"):
        execute([path])


def test_another_server_writes_nothing(lesson: Path):
    before = lesson.read_bytes()
    said_lines: list[str] = []

    assert execute([lesson], url="http://127.0.0.1:9", say=said_lines.append) == []

    assert lesson.read_bytes() == before
    assert said_lines == [f"{lesson.name}: ran against http://127.0.0.1:9"]


def test_a_kernels_environment_holds_nobodys_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RESONANCE_API_KEY", "canary")
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PYTHONWARNINGS", "error")

    here = module.kernel_environment("scratch")
    assert not {"RESONANCE_API_KEY", "MPLBACKEND", "PYTHONWARNINGS"} & here.keys()
    assert module.kernel_environment("scratch", "http://x")["RESONANCE_API_KEY"] == "canary"


# -- tables and names -----------------------------------------------------------------------------


def test_the_tables_of_contents_are_written_once(tmp_path: Path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / LESSONS[0].filename).touch()
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- lessons -->\nold\n<!-- /lessons -->\nafter\n")

    assert len(module.contents(tmp_path, check=True)) == 2
    assert "old" in readme.read_text()
    assert len(module.contents(tmp_path)) == 2
    assert module.contents(tmp_path) == []

    text = readme.read_text(encoding="utf-8")
    assert "| [1. Health](notebooks/01_health.ipynb) |" in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text


def test_lessons_are_found_by_number_topic_slug_or_path(tmp_path: Path):
    path = tmp_path / LESSONS[0].filename
    path.touch()

    for name in ("1", "health", "01_health", "01_health.ipynb", str(path)):
        assert module.named([name], tmp_path) == [path]
    with pytest.raises(LessonError, match="no lesson '9'; there are: health"):
        module.named(["9"], tmp_path)


def test_merging_leaves_its_arguments_alone():
    old, new = book(said("one\n")), book(shown({WIDGET_VIEW: {}, "text/plain": "x"}))
    before = copy.deepcopy((old, new))

    merge(old, new)

    assert (old, new) == before
