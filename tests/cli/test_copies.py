"""An update never overwrites a learner's work, and a copy starts without outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from ipykernel.ipkernel import IPythonKernel

from resonance_helpers.cli.copies import strip, update, write_whole
from resonance_helpers.lesson.manifest import NOTEBOOKS

NAME = "01_health.ipynb"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / NAME).write_text("first", "utf-8")
    (folder / "README.md").write_text("read", "utf-8")
    return folder


@pytest.fixture
def home(tmp_path: Path, source: Path) -> Path:
    folder = tmp_path / "home" / "lessons"
    assert update(source, folder) == [f"{NAME}: put", "README.md: put"]
    return folder


def files(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text("utf-8")
        for path in folder.iterdir()
        if not path.name.startswith(".")
    }


def test_a_second_time_changes_nothing(source: Path, home: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.iterdir() if path.suffix != ".json"}
    assert update(source, home) == []
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_nobody_touched_is_brought_up_to_date(source: Path, home: Path) -> None:
    (source / NAME).write_text("second", "utf-8")
    assert update(source, home) == [f"{NAME}: brought up to date"]
    assert files(home) == {NAME: "second", "README.md": "read"}


def test_what_an_attendee_changed_stays_and_the_new_one_is_put_beside(
    source: Path, home: Path
) -> None:
    (home / NAME).write_text("mine", "utf-8")
    assert update(source, home) == []
    (source / NAME).write_text("second", "utf-8")
    assert len(update(source, home)) == 1
    assert update(source, home) == [], "offered once"
    beside = {NAME: "mine", "01_health.new.ipynb": "second", "README.md": "read"}
    assert files(home) == beside
    (home / "01_health.new.ipynb").write_text("mine too", "utf-8")
    (source / NAME).write_text("third", "utf-8")
    update(source, home)
    assert files(home) == {
        **beside,
        "01_health.new.ipynb": "mine too",
        "01_health.new2.ipynb": "third",
    }


def test_what_was_deleted_comes_back(source: Path, home: Path) -> None:
    (home / NAME).unlink()
    assert update(source, home) == [f"{NAME}: put"]


@pytest.mark.parametrize("record", ["", "[]", '{"01_health.ipynb": 5}'])
def test_without_its_record_everything_there_counts_as_the_attendees(
    source: Path, home: Path, record: str
) -> None:
    (home / ".lessons.json").write_text(record, "utf-8")
    (source / NAME).write_text("second", "utf-8")
    update(source, home)
    assert files(home) == {NAME: "first", "01_health.new.ipynb": "second", "README.md": "read"}


def test_what_is_no_file_stays(source: Path, home: Path) -> None:
    (home / NAME).unlink()
    (home / NAME).mkdir()
    (source / NAME).write_text("second", "utf-8")
    update(source, home)
    assert (home / NAME).is_dir()
    assert (home / "01_health.new.ipynb").read_text("utf-8") == "second"


# -- without outputs ------------------------------------------------------------------------------


def test_a_copy_has_no_outputs_and_is_otherwise_the_lesson() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        before = nbformat.read(path, as_version=4)
        after = nbformat.reads(strip(path.read_bytes()).decode(), as_version=4)
        code = [cell for cell in after.cells if cell.cell_type == "code"]
        assert code
        assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
        assert [(one.id, one.source) for one in after.cells] == [
            (one.id, one.source) for one in before.cells
        ]


def test_a_copy_is_in_the_form_in_which_jupyterlab_saves_it() -> None:
    copy = strip((NOTEBOOKS / NAME).read_bytes())
    saved = nbformat.writes(nbformat.reads(copy.decode(), as_version=4))
    assert copy.decode() == saved.rstrip("\n") + "\n"


def test_the_language_is_what_the_kernel_will_tell() -> None:
    copy = json.loads(strip((NOTEBOOKS / NAME).read_bytes()))
    assert copy["metadata"]["language_info"] == IPythonKernel.language_info


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"not JSON", b'{"cells": [3]}', b"\xff"])
def test_what_is_no_notebook_stays_as_it_is(content: bytes) -> None:
    assert strip(content) == content


def test_two_at_once_do_not_take_each_others_drafts(tmp_path: Path, monkeypatch):
    path = tmp_path / "lesson.ipynb"
    program = "import sys, pathlib; from resonance_helpers.cli.copies import write_whole; "
    program += "write_whole(pathlib.Path(sys.argv[1]), b'theirs')"

    def another_comes(_: int) -> None:
        subprocess.run([sys.executable, "-c", program, str(path)], check=True)
        assert path.read_bytes() == b"theirs"

    monkeypatch.setattr(os, "fsync", another_comes)
    write_whole(path, b"mine")
    assert [one.name for one in tmp_path.iterdir()] == ["lesson.ipynb"]
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_breaks_it_off_leaves_no_draft(tmp_path: Path, monkeypatch, error: type):
    def broken(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(error):
        write_whole(tmp_path / "lesson.ipynb", b"mine")
    assert not list(tmp_path.iterdir())
