"""``python -m tests.browser.picture``: take the readme's picture anew, of lesson 2 in use."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import expect, sync_playwright

from resonance_helpers.lesson.manifest import NOTEBOOKS
from tests.browser.conftest import CHROMIUM, FLAGS, tab
from tests.browser.jupyter import Lab

PICTURE = NOTEBOOKS.parent / "docs" / "explorer.png"


def main() -> int:
    """Run lesson 2 in a browser, use its panel as a learner would, and save what is seen."""
    names = filter(None, [os.environ.get("CHROMIUM"), *CHROMIUM])
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        print("picture: there is no Chromium. Fix: install one, or name it with CHROMIUM=path")
        return 1
    with TemporaryDirectory(ignore_cleanup_errors=True) as scratch, sync_playwright() as playwright:
        notebooks = Path(scratch) / "notebooks"
        shutil.copytree(NOTEBOOKS, notebooks)
        settings = Path(scratch) / "jupyter"
        settings.mkdir()
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        with Lab(notebooks, settings) as lab, tab(browser) as page:
            lab.open(page, "02_generation.ipynb")
            lab.run_all(page)
            page.get_by_label("Prompt:").fill("Night trains")
            page.get_by_label("Profile A:").select_option("technical_academic")
            page.get_by_label("Profile B:").select_option("marketing_enthusiastic")
            page.get_by_role("button", name="Generate", exact=True).click()
            page.get_by_label("Article 1 is in:").select_option("technical_academic")
            page.get_by_role("button", name="Show", exact=True).click()
            expect(page.get_by_role("status").filter(has_text="article 1 is in")).to_be_visible()
            heading = page.get_by_role("heading", name="Explore", exact=True)
            heading.evaluate("one => one.scrollIntoView({block: 'start'})")
            page.screenshot(path=PICTURE)
        browser.close()
    print(f"Saved {PICTURE}. Look at it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
