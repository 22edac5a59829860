"""An import goes down the floors, never up: `make lint` fails on one that does not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.__main__ import PARTS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "root_packages"
]
PLANTED = {
    "resonance_helpers.batch.planted": "resonance_helpers.lesson.connect",
    "resonance_helpers.client.planted": "resonance_sandbox.hrv",
    "resonance_helpers.client.auth.planted": "resonance_helpers.webhooks.seen",
    "resonance_helpers.performance.planted": "resonance_helpers",
    "resonance_helpers.webhooks.planted": "resonance_helpers.performance.run",
    "resonance_sandbox.webhooks.planted": "resonance_helpers.client.errors",
    "authoring.planted": "docs.runs",
}
[COMMAND] = [command for command in PARTS["lint"] if command[0] == "tests.floors"]


def lint(folder: Path) -> tuple[int, str]:
    """The exit code and the words of that part of `make lint` in a copy of the project."""
    done = subprocess.run(
        [sys.executable, "-m", *COMMAND], cwd=folder, capture_output=True, text=True
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources, without what else stands beside them."""
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / "tests").mkdir()
    for name in ("pyproject.toml", "tests/__init__.py", "tests/floors.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_lint_fails_on_an_import_that_goes_up(copy: Path) -> None:
    code, said = lint(copy)
    assert (code, "0 broken" in said) == (0, True), said

    for importer, imported in PLANTED.items():
        path = copy.joinpath(*importer.split(".")).with_suffix(".py")
        path.write_text(f"import {imported}\n", "utf-8")
    code, said = lint(copy)
    assert code == 1
    for importer, imported in PLANTED.items():
        assert f"{importer} -> {imported} (l.1)" in said, said


def test_lint_fails_on_a_circle(copy: Path) -> None:
    (copy / "authoring" / "one.py").write_text("import authoring.other\n", "utf-8")
    (copy / "authoring" / "other.py").write_text("def f():\n    import authoring.one\n", "utf-8")
    code, said = lint(copy)
    assert code == 1
    assert "No cycles are allowed in authoring" in said


def test_every_package_has_a_floor() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert found == set(PACKAGES)
