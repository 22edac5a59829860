"""Lesson 5 as a person works through it: turn the dial, run, and read the counts."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

NOTEBOOK = "05_errors.ipynb"
DONE = 60_000


def counts(page: Page) -> dict[str, list[int]]:
    """The small table under the dial: client to calls, answered, lost, written again."""
    rows = page.get_by_role("table", name="Counts so far").get_by_role("row").all()[1:]
    return {
        row.get_by_role("rowheader").inner_text(): [
            int(cell.inner_text()) for cell in row.get_by_role("cell").all()
        ]
        for row in rows
    }


def row(page: Page) -> Locator:
    """The dial and the box beside it, which has its name."""
    return page.locator(".widget-hbox", has=page.get_by_role("spinbutton", name="Faults, %:"))


def dial(page: Page) -> Locator:
    """The dial's handle."""
    return row(page).get_by_role("slider")


def set_dial(page: Page, percent: int) -> None:
    """Move the dial with the keyboard, as somebody without a mouse does."""
    handle = dial(page)
    handle.focus()
    page.keyboard.press("Home")
    for _ in range(percent // 5):
        page.keyboard.press("ArrowRight")
    # The box has it from the kernel; a press of Run before that would go by an older value.
    expect(row(page).get_by_role("spinbutton")).to_have_value(str(percent))


def test_the_pictures_are_there(lesson: Page, screenshot: Callable[[Page, str], object]) -> None:
    page = lesson
    journeys = page.get_by_alt_text(re.compile("How far a call came before it broke"))
    journeys.or_(page.locator(".jp-RenderedImage img").first).first.scroll_into_view_if_needed()
    screenshot(page, "05-map")
    assert page.locator(".jp-RenderedImage img").count() >= 2  # and the dial has its own
    expect(page.get_by_text("○ Not attempted.")).to_have_count(3)


def test_the_dial_is_dragged_with_the_mouse(lesson: Page) -> None:
    handle = dial(lesson)
    expect(handle).to_have_attribute("aria-valuenow", re.compile(r"20(\.0)?"))
    handle.drag_to(row(lesson).locator(".noUi-base"))  # to its middle
    expect(handle).to_have_attribute("aria-valuenow", re.compile(r"30(\.0)?"))
    # Nothing was sent yet: only the button sends.
    expect(lesson.get_by_role("table", name="Counts so far")).to_have_count(0)


def test_the_dial_is_turned_and_three_clients_run(
    lesson: Page, screenshot: Callable[[Page, str], object]
) -> None:
    page = lesson
    said = page.locator("p[role=status]")
    expect(said.filter(has_text="Set the dial, then press Run.")).to_be_visible()

    run = page.get_by_role("button", name="Run", exact=True)
    answered = {}
    for percent in (0, 50):
        set_dial(page, percent)
        run.click()
        # The counts move while the clients run, and not only at the end.
        expect(said.filter(has_text=re.compile(r"\d+ of 24 prompts sent"))).to_be_visible()
        expect(said.filter(has_text=f"Done. 24 prompts at {percent}% faults")).to_be_visible(
            timeout=DONE
        )
        answered[percent] = counts(page)
    assert answered[0] == {
        "gives up at once": [24, 24, 0, 0],
        "tries again blindly": [24, 24, 0, 0],
        "ours": [24, 24, 0, 0],
    }
    naive, blind, ours = answered[50].values()
    assert naive[1] < 24
    assert blind[3] > 0
    assert ours == [24, 24, 0, 0]
    picture = page.get_by_role("img", name=re.compile("50% faults: .*ours: 24 of 24 answered"))
    expect(picture).to_be_visible()
    picture.scroll_into_view_if_needed()
    screenshot(page, "05-dial")
