"""The bundle: the right part of the lock for each system, and set-up without a network."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from workshop import bundle
from workshop.bundle import Target, applicable, name_of, needed, read_lock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    return needed(read_lock(ROOT / "requirements.lock"))


def names(blocks: list[str]) -> list[str]:
    return [name_of(block) for block in blocks]


def test_the_lock_is_read_whole() -> None:
    lock = ROOT / "requirements.lock"
    assert "".join(read_lock(lock)) == lock.read_text("utf-8")


def test_lessons_and_hub_have_what_they_need_and_no_tools(blocks: list[str]) -> None:
    assert {"requests", "urllib3", "fastapi", "jupyterlab", "pandas", "numpy", "psycopg-binary"} < {
        *names(blocks)
    }
    assert not {"pytest", "playwright", "sphinx", "ruff", "schemathesis"} & {*names(blocks)}


@pytest.mark.parametrize("system", ["linux", "macos", "windows"])
@pytest.mark.parametrize(
    "python",
    [
        bundle.PYTHONS[-1],
        *(pytest.param(one, marks=pytest.mark.soak) for one in bundle.PYTHONS[:-1]),
    ],
)
def test_each_system_gets_its_own(blocks: list[str], system: str, python: str) -> None:
    kept = applicable(blocks, Target.named(f"{system}-{python}"))
    assert not [name for name in names(kept) if names(kept).count(name) > 1]
    assert ("pywinpty" in names(kept)) == (system == "windows")
    assert ("pexpect" in names(kept)) == (system != "windows")
    assert {"numpy", "pandas", "sqlalchemy"} < {*names(kept)}
    assert " ; " not in "".join(block.partition("\\")[0] for block in kept)


def test_what_is_installed_here_is_what_the_part_for_here_pins(blocks: list[str]) -> None:
    from importlib.metadata import version

    for block in applicable(blocks, Target()):
        pin = block.partition(" ")[0]
        assert pin.partition("==")[2] == version(name_of(block)), pin


def test_a_system_that_is_not_known() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"as in windows-3\.13"):
        Target.named("amiga-3.11")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(bundle.BundleError, match="something else"):
        bundle.make(tmp_path, [Target()])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_without_git_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    with pytest.raises(bundle.BundleError, match="not a git repository"):
        list(bundle.files())


def test_what_git_says_of_a_clone_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho 'fatal: detected dubious ownership' >&2\nexit 128\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bundle.BundleError, match="detected dubious ownership"):
        list(bundle.files())
    git.unlink()
    with pytest.raises(bundle.BundleError, match="git does not run: No such file"):
        list(bundle.files())


def test_install_copies_sets_up_offline_and_keeps_what_the_learner_changed(tmp_path: Path) -> None:
    """With a stand-in for bootstrap.py, which has tests of its own."""
    stick, target = tmp_path / "stick", tmp_path / "in a home"
    (stick / "project" / "workshop").mkdir(parents=True)
    (stick / "wheels").mkdir()
    (stick / "lessons").mkdir()
    (stick / "lessons" / "01_health.ipynb").write_text("first")
    shutil.copy(ROOT / "workshop" / "stick" / "install.py", stick)
    shutil.copy(ROOT / "workshop" / "seat.py", stick / "project" / "workshop")
    package = ROOT / "resonance_helpers"  # an installation imports its own, not this clone's
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(package, stick / "project" / package.name, ignore=ignored)
    (stick / "project" / "bootstrap.py").write_text(
        "import os, pathlib, sys\n"
        "assert os.environ['PIP_NO_INDEX'] == '1'\n"
        "assert os.environ['PIP_FIND_LINKS'].endswith('/stick/wheels')\n"
        "here = pathlib.Path(__file__).parent\n"
        "if not (here / '.venv').exists():\n"
        "    (here / '.venv').symlink_to(sys.prefix)\n"
    )
    (stick / "project" / "old.txt").write_text("old")

    def install() -> str:
        command = [sys.executable, str(stick / "install.py"), str(target)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    *_, go, lab = install().splitlines()
    assert go.endswith(f'd "{target}"')  # cd, or pushd
    assert (target / lab.split()[0]).samefile(sys.executable)
    assert lab.endswith(" -m resonance_helpers lab --notebooks lessons")
    (target / "lessons" / "01_health.ipynb").write_text("mine")
    (stick / "lessons" / "01_health.ipynb").write_text("second")
    (stick / "project" / "old.txt").write_text("new")
    assert "changed by you, so it stays" in install()
    assert (target / "lessons" / "01_health.ipynb").read_text() == "mine"
    assert (target / "lessons" / "01_health.new.ipynb").read_text() == "second"
    assert (target / "project" / "old.txt").read_text() == "new"
    assert (target / "project" / ".venv").is_dir()


HUB = ROOT / "tests" / "support" / "hub_starts.py"


@pytest.mark.soak
@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare") or os.geteuid() != 0,
    reason="only root of Linux can cut a process off from the network",
)
def test_with_the_network_cut_off_set_up_and_all_lessons_run(tmp_path: Path) -> None:
    bundle.make(tmp_path / "stick", [Target()])
    offline = (
        "ip link set lo up && "
        f"{sys.executable} {tmp_path}/stick/install.py {tmp_path}/laptop && "
        f"cd {tmp_path}/laptop/project && "
        f"{sys.executable} -P {HUB} {tmp_path}/laptop/project {tmp_path} && "
        ".venv/bin/python -m authoring execute --check --timeout 300"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", offline],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": unchanged") == len(list((ROOT / "notebooks").glob("*.ipynb")))
