"""``python -m authoring``: what it calls, and what it says when that fails."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from authoring import __main__ as command_line
from authoring import editions, execute
from authoring.execute import Difference, LessonError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("found", "code"), [([], 0), ([Difference("a.ipynb", 3, "differs")], 1)])
def test_execute_check_fails_on_a_difference_and_names_it(found, code, monkeypatch, capsys):
    monkeypatch.setattr(execute, "execute", lambda *a, **options: found)

    assert command_line.main(["execute", "--check"]) == code
    assert ("a.ipynb, cell 3: differs" in capsys.readouterr().err) == bool(found)


def test_execute_that_saved_something_succeeds(monkeypatch):
    monkeypatch.setattr(execute, "execute", lambda *a, **options: [Difference("a", 1, "b")])

    assert command_line.main(["execute"]) == 0


def test_a_failing_cell_is_a_sentence_and_not_a_traceback(monkeypatch, capsys):
    def fail(*_: object, **__: object) -> None:
        raise LessonError("01_health.ipynb, cell 2 (1 / 0): ZeroDivisionError: division by zero")

    monkeypatch.setattr(execute, "execute", fail)

    assert command_line.main(["execute"]) == 1
    assert capsys.readouterr().err.startswith("authoring: 01_health.ipynb, cell 2 (1 / 0): Zero")


def test_an_unknown_lesson_is_said(capsys):
    assert command_line.main(["execute", "nonsense"]) == 1
    assert "no lesson 'nonsense'; there are: " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["execute", "editions"])
def test_without_a_clone_there_is_nothing_to_run(command, monkeypatch, capsys):
    monkeypatch.setattr("authoring.__main__.available", lambda: ())

    assert command_line.main([command]) == 1
    assert re.match(
        r"authoring: there are no lessons in .*: run this in a clone$", capsys.readouterr().err
    )


def test_execute_goes_to_the_server_of_the_environment(monkeypatch):
    given = {}
    monkeypatch.setattr(execute, "execute", lambda *a, **options: given.update(options) or [])
    monkeypatch.setenv("RESONANCE_URL", "http://127.0.0.1:9")

    command_line.main(["execute"])

    assert given["url"] == "http://127.0.0.1:9"


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path, capsys):
    (tmp_path / "file").touch()

    assert command_line.main(["editions", "--out", str(tmp_path / "file")]) == 1
    assert re.fullmatch(r"authoring: .*file.*: .+\n", capsys.readouterr().err)


def test_editions_writes_both_and_names_what_fails(monkeypatch, capsys, tmp_path):
    written = []
    monkeypatch.setattr(editions, "write", lambda *given, say: written.append(given))

    assert command_line.main(["editions", "--out", str(tmp_path)]) == 0
    assert written == [(name, tmp_path / name) for name in ("student", "instructor")]

    def fail(*given: object, say: object) -> None:
        raise LessonError("01_health.ipynb, cell 3: NameError")

    monkeypatch.setattr(editions, "write", fail)
    assert command_line.main(["editions"]) == 1
    assert capsys.readouterr().err == "authoring: 01_health.ipynb, cell 3: NameError\n"


@pytest.mark.parametrize("module", ["authoring", "docs"])
def test_without_docstrings_nothing_is_written(module: str, tmp_path: Path):
    command = [sys.executable, "-OO", "-m", module]
    command += ["editions", "--out", str(tmp_path / "out")] if module == "authoring" else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 1
    assert re.fullmatch(rf"{module}: PYTHONOPTIMIZE=2 .*; unset it\n", done.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("seconds", ["nan", "-1", "0", "1e9", "x"])
def test_seconds_that_cannot_be_are_wrong_usage(seconds, capsys):
    with pytest.raises(SystemExit) as caught:
        command_line.main(["execute", "--timeout", seconds])
    assert caught.value.code == 2
    assert repr(seconds) in capsys.readouterr().err
