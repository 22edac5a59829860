"""The commands that a newcomer types: make's, CI's, and those that the README names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from authoring.execute import contents
from authoring.navigation import table
from resonance_helpers.cli.main import parser
from resonance_helpers.lesson.manifest import WELCOME, available
from tests.__main__ import PARTS, main

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs/instructor").glob("*.md")),
]
TARGETS = set(re.findall(r"(?m)^([a-z-]+):.*##", MAKEFILE))

needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make on this machine")


@needs_make
def test_make_alone_lists_every_command():
    # Not as a part of the `make` that may be running this test: that one says where it is.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(
        ["make"], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    ).stdout

    assert {line.split()[1] for line in shown.splitlines()} == TARGETS
    expected = {"lab", "test", "execute", "docs", "lock", "soak", "bench", "lint", "clean", "help"}
    assert expected | {"workshop", "workshop-bundle"} == TARGETS


def test_each_command_sets_up_first():
    for target in TARGETS - {"help", "clean"}:
        ready = "ready-lessons" if target == "lab" else "ready"
        assert re.search(rf"(?m)^{target}: {ready} ##", MAKEFILE), target


@needs_make
def test_a_path_with_a_space_stays_one():
    for command in (["workshop", "ATTENDEES=my list"], ["workshop-bundle", "BUNDLE=my list"]):
        done = subprocess.run(["make", "-n", *command], cwd=ROOT, capture_output=True, text=True)
        assert ' "my list" ' in done.stdout


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    text = script.read_text(encoding="utf-8")

    assert text.rstrip().endswith("exec make test")
    assert "CI=true" in text
    if os.name == "posix":
        assert os.access(script, os.X_OK)
        subprocess.run(["sh", "-n", script], check=True)


# -- the README -----------------------------------------------------------------------------------


def test_the_tables_of_lessons_are_the_manifests():
    assert [str(found) for found in contents(ROOT, check=True)] == [], "run `make execute`"
    assert table(available(), "notebooks/") in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere_and_make_commands_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-")
        for title in re.findall(r"(?m)^#+ (.*)$", text)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (page.parent / target).exists(), target
    assert set(re.findall(r"(?m)(?:`|^)make ([a-z-]+)", text)) <= TARGETS


def test_the_launch_link_lands_on_the_welcome_page():
    [path] = re.findall(r"mybinder\.org/v2/\S+\?urlpath=lab/tree/([\w./]+)", README)
    assert ROOT / path == ROOT / "notebooks" / WELCOME.filename
    if os.name == "posix":
        assert os.access(ROOT / "postBuild", os.X_OK)
        subprocess.run(["bash", "-n", ROOT / "postBuild"], check=True)


def test_resonance_commands_exist():
    [commands] = [one for one in parser()._actions if hasattr(one, "choices") and one.choices]
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:bin/|Scripts\\|`)resonance ([a-z]+)", text))
    assert {"lab", "progress", "sandbox", "doctor", "judge", "conform"} == named
    assert named <= set(commands.choices)


def test_it_tells_the_same_installation_as_bootstrap():
    source = (ROOT / "bootstrap.py").read_text(encoding="utf-8")
    for flag in ("--require-hashes", "--no-deps", "--no-build-isolation", "--editable"):
        assert flag in README
        assert flag in source


# -- `python -m tests` ----------------------------------------------------------------------------


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two small parts in place of the real ones."""
    (tmp_path / "test_good.py").write_text("def test_a(): pass\ndef test_b(): pass\n")
    (tmp_path / "test_bad.py").write_text("def test_c(): pass\ndef test_d(): assert 0\n")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytest_alone = ("pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path))
    monkeypatch.setattr(
        "tests.__main__.PARTS",
        {
            "good": [(*pytest_alone, str(tmp_path / "test_good.py"))],
            "bad": [(*pytest_alone, str(tmp_path / "test_bad.py"))],
            "later": [(*pytest_alone, str(tmp_path / "test_good.py"))],
        },
    )
    return tmp_path


def test_the_closing_line_counts_all_parts(parts, capsys):
    assert main(["good", "later"]) == 0

    assert re.fullmatch(r"=+ 4 passed in \d+s =+", capsys.readouterr().out.splitlines()[-1])


def test_a_failure_ends_the_run_and_says_how_to_repeat_it(parts, capsys):
    assert main([]) == 1

    *_, again, last = capsys.readouterr().out.splitlines()
    assert again == "Again, this part alone: make test PARTS=bad"
    assert re.fullmatch(r"=+ 1 failed, 3 passed in \d+s =+", last)


def test_an_unknown_part_is_said(capsys):
    assert main(["nonsense"]) == 2
    assert "no part nonsense; there are: lint, units, lessons, browser" in capsys.readouterr().out


def test_every_folder_of_tests_is_in_a_part():
    [units] = PARTS["units"]
    assert not [flag for flag in units if flag.startswith("--ignore") and "browser" not in flag]
    [browser] = PARTS["browser"]
    assert browser[-1] == "tests/browser"
