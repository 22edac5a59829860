"""The set-up's own promises: it finds a Python, says what is missing, and never half-finishes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import bootstrap

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="its stand-ins for Python are shell scripts")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project for bootstrap to set up."""
    root = tmp_path / "clone"
    root.mkdir()
    (root / "requirements.lock").write_text("nothing==1 \\\n    --hash=sha256:00\n")
    (root / "pyproject.toml").write_text("[project]\n")
    venv = root / ".venv"
    for name, value in {
        "ROOT": root,
        "VENV": venv,
        "READY": venv / "ready",
        "LOCK": root / "requirements.lock",
        "INPUTS": (root / "requirements.lock", root / "pyproject.toml"),
        "PYTHON": venv / bootstrap.PYTHON.relative_to(bootstrap.VENV),
    }.items():
        monkeypatch.setattr(bootstrap, name, value)
    monkeypatch.delenv("PYTHON", raising=False)
    return root


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Do not really install; the pip commands that would run."""
    commands: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "pip", lambda arguments, total=0: commands.append(arguments))
    monkeypatch.setattr(bootstrap, "warm_up", lambda: None)
    monkeypatch.setattr(bootstrap, "MAKE_VENV", ("-m", "venv", "--without-pip"))
    return commands


def script(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def stand_in(folder: Path, name: str, version: str, venv: bool = True) -> None:
    script(folder, name, f"echo {version}; echo {folder / name}; echo {venv}")


# -- finding a Python -----------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"python3": "3.12"}, "python3"),
        ({"python3": "3.9", "python3.11": "3.11"}, "python3.11"),
        ({"python3.11": "3.11", "python3.13": "3.13"}, "python3.13"),
        ({"python3": "3.14", "python3.12": "3.12"}, "python3.12"),
    ],
)
def test_the_newest_supported_python_is_taken(there, chosen, tmp_path, monkeypatch):
    for name, version in there.items():
        stand_in(tmp_path, name, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYTHON", raising=False)

    assert bootstrap.find_python() == str(tmp_path / chosen)


@posix
def test_a_python_without_venv_is_passed_over(tmp_path, monkeypatch):
    stand_in(tmp_path, "python3.13", "3.13", venv=False)
    stand_in(tmp_path, "python3.11", "3.11")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYTHON", raising=False)

    assert bootstrap.find_python() == str(tmp_path / "python3.11")


@posix
def test_a_broken_shim_is_passed_over(tmp_path, monkeypatch):
    script(tmp_path, "python3.13", "echo 'command not found' >&2; exit 127")
    stand_in(tmp_path, "python3.12", "3.12")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PYTHON", raising=False)

    assert bootstrap.find_python() == str(tmp_path / "python3.12")


@posix
def test_a_python_that_only_windows_launcher_knows_is_found(tmp_path, monkeypatch):
    stand_in(tmp_path, "newest", "3.14")
    stand_in(tmp_path, "older", "3.13")
    listed = f" -V:3.14 *        {tmp_path}/newest\n -V:3.13          {tmp_path}/older"
    script(tmp_path, "py", f"printf '%s\\r\\n' '{listed}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "newest"))
    monkeypatch.delenv("PYTHON", raising=False)

    assert bootstrap.find_python() == str(tmp_path / "older")


@posix
def test_a_python_in_a_folder_with_a_users_name_is_understood(tmp_path, monkeypatch):
    folder = tmp_path / "José"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")  # as Windows writes into a pipe

    assert bootstrap.probe(str(folder / "python"))[1] == str(folder / "python")


@posix
@pytest.mark.parametrize(
    ("version", "venv", "says", "mend"),
    [
        ("3.8", True, "is needed (python3 is Python 3.8)", "install one"),
        ("3.14", True, "is needed (python3 is Python 3.14)", "install one"),
        ("3.12", False, "has no venv module", "sudo apt install python3-venv"),
    ],
)
def test_a_python_that_will_not_do_is_named(version, venv, says, mend, tmp_path, monkeypatch):
    stand_in(tmp_path, "python3", version, venv)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    monkeypatch.delenv("PYTHON", raising=False)

    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.find_python()

    problem, _, remedy = str(caught.value).partition("\nMend: ")
    assert says in problem
    assert mend in remedy


def test_a_chosen_python_that_does_not_run_is_named(monkeypatch):
    monkeypatch.setenv("PYTHON", "/nowhere/python3")

    with pytest.raises(bootstrap.SetupError, match=r"PYTHON=/nowhere/python3 does not run"):
        bootstrap.find_python()


@posix
@pytest.mark.skipif(not Path("/usr/bin/make").exists(), reason="no make")
def test_make_says_it_where_there_is_no_python_at_all(tmp_path):
    os.symlink("/bin/sh", tmp_path / "sh")
    done = subprocess.run(
        ["/usr/bin/make", "--no-print-directory", "ready"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode != 0
    assert "Python 3.11, 3.12 or 3.13 is needed (no Python was found)" in done.stderr
    assert "Mend: install one" in done.stderr


# -- the state of .venv ---------------------------------------------------------------------------


def test_a_second_run_does_nothing(clone, quick, capsys):
    assert bootstrap.main() == 0
    assert "Ready: .venv" in capsys.readouterr().out
    first = len(quick)

    assert bootstrap.main() == 0
    assert len(quick) == first
    assert capsys.readouterr().out == ""


def test_packages_are_installed_by_hash_and_byte_compiled(clone, quick):
    bootstrap.main()

    locked, project = quick
    assert {"--require-hashes", "--compile"} <= set(locked)
    assert {"--no-deps", "--no-build-isolation", "--editable"} <= set(project)


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_is_installed_into_the_same_venv(name, clone, quick):
    bootstrap.main()
    (clone / ".venv" / "mark").touch()
    (clone / name).write_text("changed")
    before = len(quick)

    assert bootstrap.main() == 0

    assert len(quick) == 2 * before
    assert (clone / ".venv" / "mark").exists()


def test_an_interrupted_set_up_is_started_anew(clone, quick, monkeypatch, capsys):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "warm_up", interrupt)
    assert bootstrap.main() == 130
    assert "the next run starts it again" in capsys.readouterr().err
    (clone / ".venv" / "half-made").touch()

    monkeypatch.setattr(bootstrap, "warm_up", lambda: None)
    assert bootstrap.main() == 0
    assert not (clone / ".venv" / "half-made").exists()


def test_an_interrupted_update_does_not_look_finished(clone, quick, monkeypatch):
    bootstrap.main()
    (clone / "requirements.lock").write_text("changed")

    def fail(*_: object) -> None:
        raise bootstrap.SetupError("pip failed", "mend it")

    monkeypatch.setattr(bootstrap, "pip", fail)
    assert bootstrap.main() == 1
    assert not bootstrap.READY.exists()


def test_a_second_set_up_at_the_same_time_touches_nothing(clone, quick, capsys):
    with bootstrap.alone():
        assert bootstrap.main() == 1
    assert "another command is setting up this folder" in capsys.readouterr().err
    assert not (clone / ".venv").exists()

    assert bootstrap.main() == 0


def test_a_moved_venv_is_made_anew(clone, quick):
    bootstrap.main()
    _, digest = bootstrap.READY.read_text().split()
    bootstrap.READY.write_text(f"/elsewhere/.venv\n{digest}\n")
    (clone / ".venv" / "stale").touch()

    assert bootstrap.main() == 0
    assert not (clone / ".venv" / "stale").exists()


def test_a_folder_that_is_no_venv_is_left_alone(clone, quick, capsys):
    (clone / ".venv").mkdir()
    (clone / ".venv" / "thesis.txt").write_text("precious")

    assert bootstrap.main() == 1
    assert "is no virtual environment" in capsys.readouterr().err
    assert (clone / ".venv" / "thesis.txt").read_text() == "precious"


# -- pip's failures -------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("NameResolutionError: Temporary failure in name resolution", "could not reach"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS", "not the one in"),
        ("ERROR: No matching distribution found for numpy==9", "has no numpy==9 for this Python"),
        ("ERROR: something new", "ERROR: something new"),
    ],
)
def test_a_failure_of_pip_is_one_sentence_and_a_mend(output, says, clone, monkeypatch):
    bootstrap.PYTHON.parent.mkdir(parents=True)
    script(bootstrap.PYTHON.parent, bootstrap.PYTHON.name, f"echo '{output}'; exit 1")

    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.pip(["install"])

    problem, _, mend = str(caught.value).partition("\nMend: ")
    assert says in problem
    assert mend


def test_settings_that_would_turn_pip_aside_are_left_out(monkeypatch):
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")

    assert "PIP_USER" not in bootstrap.environment()
    assert bootstrap.environment()["PIP_INDEX_URL"] == "kept"
