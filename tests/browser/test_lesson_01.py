"""Lesson 1 as a person works through it: break a part, look, and read what the panel says."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.jupyter import Lab


def test_a_person_works_through_health(
    lab: Lab, page: Page, screenshot: Callable[[Page, str], object]
) -> None:
    lab.open(page, "01_health.ipynb")
    lab.run_all(page)
    expect(page.get_by_text("○ Not attempted.")).to_have_count(3)

    # The panel: put parts out of order, look, and read the news.
    broken = page.get_by_label("Out of order:")
    look = page.get_by_role("button", name="Look", exact=True)
    news = page.locator("p[role=status]")
    expect(news).to_contain_text("Put a part out of order, then look.")
    look.click()
    expect(news).to_contain_text("Yes. The server is healthy (every part works).")
    for part, sentence in [
        ("disk", "Yes. The server is degraded (failing: disk)."),
        ("writer", "No. The server is degraded (failing: writer)."),
        ("database", "No. The server is unhealthy (failing: database)."),
    ]:
        broken.select_option(part)
        expect(news).to_contain_text(f"Out of order: {part}. Now look.")
        look.click()
        expect(news).to_contain_text(sentence)
    timeline = page.get_by_role("img", name=re.compile("healthy, degraded, degraded, unhealthy"))
    expect(timeline).to_be_visible()
    timeline.scroll_into_view_if_needed()
    screenshot(page, "01-panel")

    # The same without a mouse, as the lesson says it. Bare arrows are JupyterLab's, between cells.
    broken.focus()
    for key in ("Space", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(news).to_contain_text("Out of order: writer. Now look.")
    page.keyboard.press("Tab")
    expect(look).to_be_focused()
    page.keyboard.press("Space")
    expect(news).to_contain_text("No. The server is degraded (failing: writer).")

    assert lab.errors(page).count() == 0
    assert page.refused == []  # type: ignore[attr-defined]
