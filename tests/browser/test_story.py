"""A learner's first days: start, solve, close, update, come back. Nothing of theirs is lost."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from resonance_helpers.lesson.manifest import NOTEBOOKS
from tests.browser.conftest import tab
from tests.browser.jupyter import TOKEN, Lab

ROOT = NOTEBOOKS.parent
LESSON = "02_generation.ipynb"
SOLVED = ("generation.furthest", "generation.again")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the project as it is now."""
    clone = tmp_path / "clone"
    clone.mkdir()
    shutil.copy(ROOT / ".gitignore", clone)
    for room in ("notebooks", "resonance_helpers", "resonance_sandbox"):
        shutil.copytree(
            ROOT / room,
            clone / room,
            ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
        )
    commit(clone)
    return clone


def commit(clone: Path) -> None:
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=A", "-c", "user.email=a@localhost", "commit", "-qm", "Update"],
    ):
        subprocess.run(["git", *command], cwd=clone, check=True)


def status(clone: Path) -> str:
    return subprocess.run(
        ["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True
    ).stdout


def saved(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]


def solve(page: Page, lab: Lab, name: str, solution: str) -> None:
    """Type a solution in place of the dots, and run the cell, as a learner would."""
    editor = page.locator(".jp-CodeCell .cm-content").filter(has_text=f"check.{name}(")
    editor.scroll_into_view_if_needed()
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(f"{solution}\n\ncheck.{name}(answer)")
    page.keyboard.press("Control+Enter")
    cell = page.locator(".jp-CodeCell").filter(has_text=f"check.{name}(")
    expect(cell.get_by_text("Correct.")).to_be_visible()


def test_a_learner_comes_back_after_an_update(
    browser: Browser,
    clone: Path,
    tmp_path: Path,
    screenshot: Callable[[Page, str], Path],
) -> None:
    from resonance_helpers import check

    mine = clone / "my-lessons"
    settings = tmp_path / "jupyter"
    settings.mkdir()
    with Lab(mine, settings, clone) as lab, tab(browser) as page:
        # The first start: the welcome page, and an article in its first cell.
        page.goto(f"{lab.url}/?token={TOKEN}")
        expect(page).to_have_url(re.compile("/lab/tree/welcome.ipynb"))
        lab.wait_idle(page)
        before = (mine / "welcome.ipynb").read_bytes()
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Shift+Enter")
        expect(page.locator(".jp-OutputArea img")).to_be_visible()
        screenshot(page, "welcome")
        assert lab.errors(page).count() == 0

        # Opening a lesson and closing it changes no byte and asks nothing.
        untouched = (mine / "03_profiles.ipynb").read_bytes()
        page.goto(f"{lab.url}/lab/tree/03_profiles.ipynb?reset&token={TOKEN}")
        lab.wait_idle(page)
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
        lab.menu(page, "File", "Close Tab")
        expect(page.locator(".jp-Dialog")).to_have_count(0)
        assert (mine / "03_profiles.ipynb").read_bytes() == untouched
        assert (mine / "welcome.ipynb").read_bytes() == before

        # Two exercises.
        page.goto(f"{lab.url}/lab/tree/{LESSON}?reset&token={TOKEN}")
        lab.wait_idle(page)
        lab.run_all(page)
        for name in SOLVED:
            topic, _, exercise = name.partition(".")
            solve(page, lab, name, getattr(getattr(check, topic), exercise).solution)
        lab.menu(page, "File", "Save Notebook")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    assert status(clone) == ""
    work = saved(mine / LESSON)
    assert any("check.generation.again(answer)" in cell and "..." not in cell for cell in work)

    # An update that touches this lesson and another.
    for name in (LESSON, "03_profiles.ipynb"):
        path = clone / "notebooks" / name
        path.write_text(path.read_text().replace("## Exercises", "## Exercises, revised"))
    commit(clone)

    with Lab(mine, settings, clone) as lab, tab(browser) as page:
        page.goto(f"{lab.url}/?token={TOKEN}")
        expect(page).to_have_url(re.compile(f"/lab/tree/{LESSON}"))
        lab.wait_idle(page)
        assert "the new one is 02_generation.new.ipynb" in lab.log.read_text()
        assert saved(mine / LESSON) == work
        assert any("revised" in cell for cell in saved(mine / "02_generation.new.ipynb"))
        assert any("revised" in cell for cell in saved(mine / "03_profiles.ipynb"))

        page.goto(f"{lab.url}/lab/tree/welcome.ipynb?reset&token={TOKEN}")
        lab.wait_idle(page)
        lab.run_all(page)
        expect(page.get_by_text("✓ 2 of 3")).to_be_visible()
        expect(page.get_by_text("Go on with 2. Generation")).to_be_visible()
        screenshot(page, "welcome-again")
    told = subprocess.run(
        [sys.executable, "-m", "resonance_helpers", "progress"],
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "2. Generation         ✓ 2 of 3" in told
    assert status(clone) == ""
