"""Lesson 6 as a person works through it: a slider sets the load, and the histogram moves."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.jupyter import Lab


def shown(histogram: Locator) -> int:
    """How many calls the histogram says it shows."""
    found = re.search(r"(\d+) calls", histogram.get_attribute("aria-label") or "")
    assert found
    return int(found[1])


def test_a_person_works_through_performance(
    lab: Lab, page: Page, screenshot: Callable[[Page, str], object]
) -> None:
    lab.open(page, "06_performance.ipynb")
    lab.run_all(page, timeout=240)
    for place, heading in enumerate(
        ("Look at all of it", "Whose time was it?", "More at once", "The stall that nobody saw")
    ):
        page.get_by_role("heading", name=heading).first.scroll_into_view_if_needed()
        screenshot(page, f"06-{place}-{heading.split()[-1].strip('?')}")

    # The lesson itself asked for 15 calls a second and stopped.
    histogram = page.get_by_role("img", name=re.compile(r"\d+ calls, \d+ failed"))
    news = page.locator("p[role=status]")
    expect(news).to_contain_text("Stopped. 15 calls per second were due")
    page.get_by_role("heading", name="Explore").scroll_into_view_if_needed()
    assert shown(histogram) >= 30

    # A person moves the slider: a new histogram grows, without another cell being run.
    box = page.get_by_role("spinbutton", name="Load:")
    handle = page.locator(".widget-hbox .widget-hbox", has=box).get_by_role("slider")
    stop = page.get_by_role("button", name="Stop", exact=True)
    expect(stop).to_be_enabled()
    handle.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    expect(box).to_have_value("20")
    expect(news).to_contain_text("20 calls per second")
    expect(stop).to_be_enabled()
    expect(histogram).to_have_attribute("aria-label", re.compile(r"\b\d{1,2} calls"))
    # The picture is drawn anew twice a second, so the slider beside it is what stands still.
    handle.scroll_into_view_if_needed()
    # What is shown first may be of the slider's last step but one.
    before = shown(histogram)
    drawn_anew = re.compile(rf"^(?!{before} |0 )\d+ calls")
    expect(histogram).to_have_attribute("aria-label", drawn_anew)
    early, bars = shown(histogram), histogram.locator("rect").count()
    screenshot(page, "06-4-load-early")
    page.wait_for_function(
        "n => +document.querySelector('svg[aria-label*=\" calls, \"]')"
        ".ariaLabel.match(/(\\d+) calls/)[1] > n",
        arg=early + 40,
    )
    assert shown(histogram) > early + 40
    assert histogram.locator("rect").count() >= bars >= 1
    expect(histogram).to_contain_text("p99")
    screenshot(page, "06-5-load-later")

    stop.click()
    expect(stop).to_be_enabled()
    # The calls under way end in their own time.
    expect(news).to_contain_text("Stopped. 20 calls per second were due", timeout=60_000)
    screenshot(page, "06-6-stopped")

    assert lab.errors(page).count() == 0
    assert page.refused == []  # type: ignore[attr-defined]
