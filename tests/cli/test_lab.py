from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from resonance_helpers.cli import lab as module
from resonance_helpers.cli.lab import LabError
from resonance_helpers.lesson import solved
from resonance_helpers.lesson.manifest import LESSONS, WELCOME


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    (tmp_path / "01_health.ipynb").touch()
    return tmp_path


@pytest.fixture
def taken():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_jupyterlab_opens_on_the_first_lesson(notebooks: Path):
    arguments = module.command(notebooks, 1234)

    assert "--LabApp.default_url=/lab/tree/01_health.ipynb" in arguments
    assert f"--ServerApp.root_dir={notebooks.resolve()}" in arguments
    assert "--ServerApp.port=1234" in arguments
    assert "--ServerApp.ip=127.0.0.1" in arguments
    assert "--no-browser" not in arguments
    assert "--no-browser" in module.command(notebooks, 1234, browser=False)


@pytest.mark.parametrize("user", [0, 1000])
def test_only_root_says_that_root_is_allowed(user: int, notebooks: Path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)

    assert ("--allow-root" in module.command(notebooks, 1)) == (user == 0)


def test_a_folder_without_lessons_is_named(tmp_path: Path):
    with pytest.raises(LabError, match=r"there are no lessons in .*--notebooks"):
        module.command(tmp_path, 1)


def test_a_port_that_was_asked_for_and_cannot_be_had_is_said(taken: int):
    with pytest.raises(LabError, match=rf"port {taken} cannot be used \(.+\): choose another with"):
        module.free_port(taken)


def test_the_next_free_port_is_taken_when_none_was_asked_for(taken: int, monkeypatch):
    monkeypatch.setattr(module, "PORT", taken)

    assert taken < module.free_port(None) < taken + 100


def test_port_0_takes_any_free_one():
    assert module.free_port(0) > 0


def test_the_settings_are_defaults_beside_a_learners_own(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "own")

    own, ours = module.environment(tmp_path)["JUPYTER_CONFIG_PATH"].split(os.pathsep)

    assert own == "own"
    overrides = json.loads((Path(ours) / "labconfig/default_setting_overrides.json").read_text())
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_the_lab_opens_where_the_learner_was(notebooks: Path):
    for lesson in (WELCOME, *LESSONS):
        (notebooks / lesson.filename).touch()
    assert "--LabApp.default_url=/lab/tree/welcome.ipynb" in module.command(notebooks, 1)

    solved.record("profiles.create", notebooks)

    assert "--LabApp.default_url=/lab/tree/03_profiles.ipynb" in module.command(notebooks, 1)


def test_working_copies_are_made_once_and_their_changes_told(tmp_path: Path, capsys):
    source, mine = tmp_path / "source", tmp_path / "mine"
    source.mkdir()
    (source / "01_health.ipynb").write_text('{"cells": []}', "utf-8")

    module.working_copies(source, mine)
    assert capsys.readouterr().out.startswith("Your lessons are in mine, copied from source")
    module.working_copies(source, mine)
    assert capsys.readouterr().out == ""
    (source / "01_health.ipynb").write_text('{"cells": [], "nbformat": 4}', "utf-8")
    module.working_copies(source, mine)
    assert capsys.readouterr().out == "01_health.ipynb: brought up to date\n"


@pytest.mark.parametrize("spoilt", ["<<<<<<< HEAD\n{}\n=======\n", "", "[]", '{"cells": 5}'])
def test_a_copy_that_is_no_notebook_any_more_is_told(spoilt: str, tmp_path: Path, capsys):
    source, mine = tmp_path / "source", tmp_path / "mine"
    source.mkdir()
    (source / "01_health.ipynb").write_text('{"cells": []}', "utf-8")
    module.working_copies(source, mine)
    (mine / "01_health.ipynb").write_text(spoilt, "utf-8")
    capsys.readouterr()

    module.working_copies(source, mine)

    told = capsys.readouterr().out
    assert told.startswith("01_health.ipynb: no notebook any more")
    assert "Fix: rename it, and the next start puts a new one there.\n" in told
    (mine / "01_health.ipynb").rename(mine / "spoilt.ipynb")
    module.working_copies(source, mine)
    assert capsys.readouterr().out == "01_health.ipynb: put\n"


@pytest.mark.parametrize("kind", ["file", "link to nowhere"])
def test_something_else_in_the_place_of_the_copies_is_told(
    kind: str, notebooks: Path, tmp_path: Path
):
    mine = tmp_path / "mine"
    if kind == "file":
        mine.write_text("mine", "utf-8")
    else:
        mine.symlink_to(tmp_path / "nowhere")
    with pytest.raises(LabError, match=r"mine is not a folder.* Fix: rename it"):
        module.working_copies(notebooks, mine)
    assert os.path.lexists(mine)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_copies_that_cannot_be_written_are_told(
    number: int, notebooks: Path, tmp_path: Path, monkeypatch
):
    def fail(path: Path, content: bytes) -> None:
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr("resonance_helpers.cli.copies.write_whole", fail)
    with pytest.raises(LabError, match=rf"mine cannot be written \({os.strerror(number)}\). Fix:"):
        module.working_copies(notebooks, tmp_path / "mine")


def test_without_lessons_no_copy_is_made(tmp_path: Path):
    with pytest.raises(LabError, match="there are no lessons in"):
        module.working_copies(tmp_path, tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals are of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_ends_the_command_ends_jupyterlab(number: signal.Signals):
    program = """
import signal, subprocess, sys
from resonance_helpers.cli.lab import ended_with_us
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)  # whatever these tests were started by
sleep = [sys.executable, "-c", "input()"]
with subprocess.Popen(sleep, stdin=subprocess.PIPE) as jupyterlab:
    with ended_with_us(jupyterlab):
        print("ready", flush=True)
        print(jupyterlab.wait())
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == "ready\n"
        command.send_signal(number)
        assert int(command.stdout.read()) == -signal.SIGTERM
    assert command.returncode == 0
