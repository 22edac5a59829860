"""Lesson 4 as a person works through it: try how many at once, and watch a batch go by."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

NOTEBOOK = "04_batch.ipynb"


def test_a_batch_shows_its_progress(
    lesson: Page, screenshot: Callable[[Page, str], object]
) -> None:
    page = lesson
    ended = page.get_by_text(re.compile(r"24/24, 100\.0 % success"))
    expect(ended.first).to_be_visible()
    expect(page.locator("progress").first).to_be_visible()
    page.get_by_role("heading", name="Many at once", exact=True).scroll_into_view_if_needed()
    screenshot(page, "04-progress")
    page.get_by_role("heading", name="Killed, and resumed").scroll_into_view_if_needed()
    screenshot(page, "04-resumed")
    expect(page.get_by_text("24 articles written")).to_be_visible()
    expect(page.get_by_text("○ Not attempted.")).to_have_count(3)


def test_the_panel_answers_how_many_at_once_are_enough(
    lesson: Page, screenshot: Callable[[Page, str], object]
) -> None:
    page = lesson
    said = page.locator("p[role=status]").filter(has_text="at once")
    expect(said).to_contain_text("Choose how many of 24 requests go at once")
    box = page.get_by_role("spinbutton", name="At once:")
    slider = page.locator(".widget-hbox .widget-hbox", has=box).get_by_role("slider")
    button = page.get_by_role("button", name="Run the batch", exact=True)

    slider.focus()
    page.keyboard.press("Home")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    expect(box).to_have_value("8")  # which it has from the kernel
    button.click()
    # While it runs, the same line tells how far it is.
    expect(page.locator("p[role=status]").filter(has_text=re.compile(r"/24, .*/s"))).to_be_visible()
    expect(said.filter(has_text="8 at once: 24 of 24 in")).to_be_visible()

    slider.focus()
    page.keyboard.press("End")
    expect(box).to_have_value("16")
    button.click()
    expect(said.filter(has_text="16 at once: 24 of 24 in")).to_be_visible()
    picture = page.get_by_role("img", name=re.compile("16 at once: 24 requests, at most 16"))
    expect(picture).to_be_visible()
    rows = page.get_by_role("table").filter(has_text="at once").get_by_role("row")
    expect(rows).to_have_count(5)  # a head, two runs of the lesson, two of this test
    picture.scroll_into_view_if_needed()
    screenshot(page, "04-panel")
