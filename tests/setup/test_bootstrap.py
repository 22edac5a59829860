"""The set-up's own promises: it finds a Python, says what is missing, and never half-finishes."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import venv
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
    for name in ("requirements.lock", "requirements-lessons.lock"):
        (root / name).write_text("nothing==1 \\\n    --hash=sha256:00\n")
    (root / "pyproject.toml").write_text("[project]\n")
    place = root / ".venv"
    for name, value in {
        "ROOT": root,
        "VENV": place,
        "READY": place / "ready",
        "LOCKS": {
            "lessons": root / "requirements-lessons.lock",
            "all": root / "requirements.lock",
        },
        "PROJECT": root / "pyproject.toml",
        "BIN": place / bootstrap.BIN.relative_to(bootstrap.VENV),
        "PYTHON": place / bootstrap.PYTHON.relative_to(bootstrap.VENV),
    }.items():
        monkeypatch.setattr(bootstrap, name, value)
    monkeypatch.delenv("PYTHON", raising=False)
    return root


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Make an empty .venv and install nothing; the commands that would run."""
    commands: list[list[str]] = []

    def tool(command: list[str], *_: object) -> None:
        if "venv" in command[1:3]:
            venv.create(command[-1], symlinks=os.name == "posix")
        else:
            commands.append(command)

    monkeypatch.setattr(bootstrap, "tool", tool)
    monkeypatch.setattr(bootstrap, "find_uv", lambda: None)
    return commands


def script(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def stand_in(folder: Path, name: str, version: str, venv: bool = True) -> None:
    script(folder, name, f"echo {version}; echo {folder / name}; echo {venv}; echo CPython")


# -- finding a Python -----------------------------------------------------------------------------


@posix
@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"python3": "3.12"}, "python3"),
        ({"python3": "3.9", "python3.11": "3.11"}, "python3.11"),
        ({"python3.11": "3.11", "python3.13": "3.13"}, "python3.13"),
        ({"python3": "3.14", "python3.12": "3.12"}, "python3.12"),
        ({"python3": "3.15"}, "python3"),
        ({"python3": "3.16", "python": "3.15"}, "python"),
        ({"python3": "3.16"}, "python3"),
    ],
)
def test_the_newest_tested_python_is_taken(there, chosen, tmp_path, monkeypatch):
    for name, version in there.items():
        stand_in(tmp_path, name, version)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / chosen))
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
    stand_in(tmp_path, "newest", "3.16")
    stand_in(tmp_path, "older", "3.13")
    listed = f" -V:3.16 *        {tmp_path}/newest\n -V:3.13          {tmp_path}/older"
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
        ("3.8", True, "is needed (python3 is Python 3.8)", "pip install --user uv"),
        ("3.10", True, "is needed (python3 is Python 3.10)", "install one"),
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

    problem, _, remedy = str(caught.value).partition("\nFix: ")
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
    assert "Python 3.11 or newer is needed (no Python was found)" in done.stderr
    assert "Fix: install one" in done.stderr


# -- the state of .venv ---------------------------------------------------------------------------


def test_a_second_run_does_nothing(clone, quick, capsys):
    assert bootstrap.main() == 0
    assert "Ready: .venv" in capsys.readouterr().out
    first = len(quick)

    assert bootstrap.main() == 0
    assert len(quick) == first
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("uv", [None, "/a/uv"])
def test_packages_are_installed_by_hash_from_wheels(uv, clone, quick, monkeypatch):
    monkeypatch.setattr(bootstrap, "find_uv", lambda: uv)
    assert bootstrap.main(["--all"]) == 0

    [locked] = [one for one in quick if "requirements.lock" in one]
    assert {"--require-hashes", "--only-binary", ":all:"} <= set(locked)
    assert ("--compile-bytecode" in locked) == bool(uv)
    [project] = [one for one in quick if "--editable" in one]
    assert {"--no-deps", "--no-build-isolation"} <= set(project)
    assert (quick[0][0] == uv) == bool(uv)


def test_lessons_need_less_than_tests(clone, quick):
    def locks() -> list[str]:
        names = {lock.name: name for name, lock in bootstrap.LOCKS.items()}
        return [names[word] for command in quick for word in command if word in names]

    bootstrap.main()
    assert locks() == ["lessons"]
    bootstrap.main(["--all"])
    assert locks() == ["lessons", "all"]
    bootstrap.main()  # there is more than that
    assert locks() == ["lessons", "all"]
    (clone / "pyproject.toml").write_text("changed")
    bootstrap.main()  # an update takes nothing away
    assert locks() == ["lessons", "all", "all"]


def test_where_uv_fails_pip_does_it(clone, quick, monkeypatch, capsys):
    def fails(command: list[str], *_: object) -> None:
        if command[0] == "/a/uv" and "--require-hashes" in command:
            raise bootstrap.ToolError("error: unexpected")
        tool(command, *_)

    tool = bootstrap.tool
    monkeypatch.setattr(bootstrap, "tool", fails)
    monkeypatch.setattr(bootstrap, "find_uv", lambda: "/a/uv")
    assert bootstrap.main() == 0
    assert "trying pip" in capsys.readouterr().out
    assert [Path(quick[1][0]), *quick[1][1:3]] == [bootstrap.PYTHON, "-m", "pip"]


def test_the_project_is_found_by_a_relative_path_in_ascii(clone, quick, monkeypatch):
    folder = clone / ".venv" / ("Lib" if os.name == "nt" else "lib/python3.12") / "site-packages"
    folder.mkdir(parents=True)
    (folder / "_editable_impl_resonance_helpers.pth").write_text(str(clone), "utf-8")
    bootstrap.point_here()
    path = (folder / "_editable_impl_resonance_helpers.pth").read_text("ascii").strip()
    assert not Path(path).is_absolute()
    assert (folder / path).resolve() == clone.resolve()


def test_what_is_made_but_does_not_work_is_not_called_ready(clone, quick, monkeypatch, capsys):
    def fails(command: list[str], *_: object) -> None:
        if bootstrap.CHECK in command:
            raise bootstrap.ToolError("ModuleNotFoundError: No module named 'resonance_helpers'")
        tool(command, *_)

    tool = bootstrap.tool
    monkeypatch.setattr(bootstrap, "tool", fails)
    assert bootstrap.main() == 1
    assert "does not work" in capsys.readouterr().err
    assert not bootstrap.READY.exists()


@pytest.mark.parametrize("name", ["requirements-lessons.lock", "pyproject.toml"])
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

    monkeypatch.setattr(bootstrap, "check", interrupt)
    assert bootstrap.main() == 130
    assert "the next run starts it again" in capsys.readouterr().err
    (clone / ".venv" / "half-made").touch()

    monkeypatch.setattr(bootstrap, "check", lambda: None)
    assert bootstrap.main() == 0
    assert not (clone / ".venv" / "half-made").exists()


def test_what_runs_when_it_is_interrupted_does_not_go_on(clone, tmp_path, monkeypatch):
    class Interrupted(list):
        def __init__(self, maxlen: int) -> None:
            pass

        def append(self, line: str) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "deque", Interrupted)
    went_on = tmp_path / "went on"
    program = f"import time; print('one', flush=True); time.sleep(30); open({str(went_on)!r}, 'w')"
    with pytest.raises(KeyboardInterrupt):
        bootstrap.tool([sys.executable, "-c", program], bootstrap.Progress("it"))
    assert not went_on.exists()


def test_an_interrupted_update_does_not_look_finished(clone, quick, monkeypatch):
    bootstrap.main()
    (clone / "requirements-lessons.lock").write_text("changed")

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
    place, digest, part = bootstrap.READY.read_text().splitlines()
    moved = place.replace(str(clone), "/elsewhere")
    bootstrap.READY.write_text(f"{moved}\n{digest}\n{part}\n")
    (clone / ".venv" / "stale").touch()

    assert bootstrap.main() == 0
    assert not (clone / ".venv" / "stale").exists()


def test_a_folder_that_is_no_venv_is_left_alone(clone, quick, capsys):
    (clone / ".venv").mkdir()
    (clone / ".venv" / "thesis.txt").write_text("precious")

    assert bootstrap.main() == 1
    assert "is no virtual environment" in capsys.readouterr().err
    assert (clone / ".venv" / "thesis.txt").read_text() == "precious"


@posix
@pytest.mark.parametrize("to", ["elsewhere", "nowhere"])
def test_a_link_is_left_alone(to, clone, quick, tmp_path, capsys):
    (tmp_path / "elsewhere").mkdir()
    (clone / ".venv").symlink_to(tmp_path / to)

    assert bootstrap.main() == 1
    assert "is no virtual environment of this folder's own" in capsys.readouterr().err
    assert (clone / ".venv").is_symlink()


@posix
def test_a_python_that_was_exchanged_below_it_makes_it_anew(clone, quick):
    """As an update of the system does where .venv's Python is called python3."""
    bootstrap.main()
    bootstrap.PYTHON.unlink()
    script(clone, "python3.99", f'exec {sys.executable} "$@"')
    bootstrap.PYTHON.symlink_to(clone / "python3.99")
    (clone / ".venv" / "stale").touch()

    assert bootstrap.main() == 0
    assert not (clone / ".venv" / "stale").exists()


def test_any_old_python_can_read_it():
    source = (ROOT / "bootstrap.py").read_text("utf-8")
    ast.parse(source, feature_version=(3, 6))


# -- what uv and pip say --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("NameResolutionError: Temporary failure in name resolution", "could not be reached"),
        (
            "error: Failed to fetch\n  Caused by: dns error: failed",
            "could not be reached",
        ),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("error: failed to write\n  Caused by: No space left (os error 28)", "the disk is full"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS", "not the one in"),
        ("error: Hash mismatch for `x==1`", "not the one in"),
        ("ERROR: No matching distribution found for numpy==9", "has no numpy==9 that fits"),
        ("503 Server Error: Service Unavailable for url: https://h/simple", "out of order"),
    ],
)
def test_a_known_failure_is_one_sentence_and_a_fix(output, says):
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.refuse(output)
    problem, _, fix = str(caught.value).partition("\nFix: ")
    assert says in problem
    assert fix


@posix
def test_an_unknown_failure_is_shown(clone, monkeypatch):
    bootstrap.PYTHON.parent.mkdir(parents=True)
    script(bootstrap.PYTHON.parent, bootstrap.PYTHON.name, "echo 'ERROR: something new'; exit 1")
    with pytest.raises(bootstrap.SetupError, match=r"ERROR: something new\nFix: read pip's"):
        bootstrap.install("lessons", None)


@posix
def test_something_moves_every_two_seconds(clone, capfd):
    bootstrap.tool(["sleep", "4"], bootstrap.Progress("packages", 9))
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["  packages: 0 of up to 9 installed"] * 2


def test_of_the_settings_of_pip_uv_and_python_those_stay_that_say_where_packages_come_from(
    monkeypatch, tmp_path
):
    aside = ("PIP_TARGET", "PIP_CONSTRAINT", "UV_PROJECT", "UV_OVERRIDE", "UV_VENV_SEED")
    aside += ("PYTHON", "PYTHONHOME", "PYTHONWARNINGS", "UV_PYTHON", "UV_CONSTRAINT")
    stay = ("PIP_CACHE_DIR", "PIP_CONFIG_FILE", "UV_DEFAULT_INDEX", "UV_INDEX_MINE_USERNAME")
    stay += ("UV_HTTP_PROXY", "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_DOWNLOADS_JSON_URL", "PYENV_ROOT")
    for name in (*aside, *stay):
        monkeypatch.setenv(name, "theirs")
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_INDEX_URL", "kept")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} /nowhere https://h/wheels")
    env = bootstrap.environment()
    assert not env.keys() & set(aside)
    assert {env[name] for name in stay} == {"theirs"}
    assert env["PIP_USER"] == "0"  # as that a pip.conf may have
    assert (env["PIP_INDEX_URL"], env["UV_INDEX_URL"]) == ("kept", "kept")
    assert env["UV_FIND_LINKS"] == f"{tmp_path},https://h/wheels"
