"""All ten panels in a real JupyterLab: by keyboard, pressed twice, their server gone, restarted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import tab
from tests.browser.jupyter import TOKEN, Lab
from tests.browser.panels import (
    CASES,
    SET_UP,
    STICKING_OUT,
    STOP,
    barriers,
    run_first,
    says,
    use,
    write,
)

SOURCES = [SET_UP, *(case.source for case in CASES), STOP]
CONTROLS = "select, input, button, [tabindex='0'].noUi-handle"
LOOKS = {"at 1440": (1440, 900), "at 1024": (1024, 768), "at 200 percent": (720, 450)}


@pytest.fixture(scope="module")
def panels(browser: Browser, lab: Lab) -> Iterator[Page]:
    """A notebook with a panel in each cell, run but for its last cell, which stops the server."""
    with tab(browser) as page:
        lab.open(page, write(lab, "panels", SOURCES))
        run_first(page, len(SOURCES) - 1)
        expect(page.locator(".resonance-panel")).to_have_count(10, timeout=90_000)
        lab.wait_idle(page)
        assert lab.errors(page).count() == 0
        yield page


def cells(page: Page) -> int:
    return page.locator(".jp-CodeCell").count()


def test_a_press_keeps_the_focus_and_a_double_press_is_one(panels: Page) -> None:
    panel = panels.locator(".resonance-panel").first
    look = panel.get_by_role("button", name="Look", exact=True)
    look.dblclick()
    expect(panel.get_by_role("status")).to_contain_text("✓ Done. Can you generate now?")
    assert look.evaluate("one => one === document.activeElement")
    expect(panel.get_by_role("img", name=re.compile("^Looks so far: [a-z]+\\.$"))).to_be_visible()


def test_each_in_use_is_readable_and_fits_a_small_screen_in_both_themes(
    panels: Page, lab: Lab, screenshot: Callable[[Page, str], object]
) -> None:
    for place, case in enumerate(CASES):
        panel = panels.locator(".resonance-panel").nth(place)
        use(panel, case)
        says(panel, case.told)
    stuck, hard = {}, {}
    for theme in ("Light", "Dark"):
        lab.menu(panels, "Settings", "Theme", f"JupyterLab {theme}")
        expect(panels.locator("body")).to_have_attribute(
            "data-jp-theme-light", "true" if theme == "Light" else "false"
        )
        for look, (width, height) in LOOKS.items():
            panels.set_viewport_size({"width": width, "height": height})
            for place, case in enumerate(CASES):
                panel = panels.locator(".resonance-panel").nth(place)
                panel.evaluate("one => one.scrollIntoView({block: 'start'})")
                screenshot(panels, f"panel-{case.kind}-{theme}-{look}")
            stuck[theme, look] = panels.evaluate(STICKING_OUT)
        hard[theme] = barriers(panels)
    panels.set_viewport_size({"width": 1400, "height": 1000})
    lab.menu(panels, "Settings", "Theme", "JupyterLab Light")
    expect(panels.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    panels.locator(".jp-CodeCell .cm-content").first.click()  # where the menu leaves the focus
    assert not any(stuck.values()), stuck
    assert not any(hard.values()), hard


def test_no_key_in_a_panel_reaches_the_notebook(
    panels: Page, screenshot: Callable[[Page, str], object]
) -> None:
    before = cells(panels)
    active = panels.locator(".jp-CodeCell.jp-mod-active")
    for panel in panels.locator(".resonance-panel").all():
        for control in panel.locator(CONTROLS).all():
            if not control.is_visible() or not control.is_enabled():
                continue
            control.focus()
            where = active.inner_text() if active.count() else ""
            for key in ("d", "d", "x", "a", "b", "ArrowDown", "ArrowUp"):
                panels.keyboard.press(key)
            assert control.evaluate("one => one === document.activeElement")
            assert (active.inner_text() if active.count() else "")[:40] == where[:40]
    assert cells(panels) == before
    screenshot(panels, "panels-keys")


def test_a_server_that_is_gone_is_told_by_each_that_is_pressed(
    panels: Page, lab: Lab, screenshot: Callable[[Page, str], object]
) -> None:
    panels.locator(".jp-CodeCell").last.click()
    panels.keyboard.press("Shift+Enter")
    lab.wait_idle(panels)
    for name in ("Generate", "Create profile", "Run the batch", "Run", "Log in", "Send 5"):
        button = panels.get_by_role("button", name=name, exact=True)
        panel = panels.locator(".resonance-panel").filter(has=button)
        panel.get_by_role("button", name=name, exact=True).click()
        line = panel.get_by_role("status")
        expect(line).to_contain_text(re.compile("Failed|Done"), timeout=60_000)
        if name != "Run the batch":  # a batch reports each failure
            expect(line).to_contain_text("✗ Failed.")
            expect(line).to_contain_text("Run the set-up cell, then this one.")
    screenshot(panels, "panels-dead-server")


def test_after_a_restart_and_the_next_day_each_says_what_to_do(
    panels: Page, lab: Lab, screenshot: Callable[[Page, str], object]
) -> None:
    again = panels.locator(".resonance-again")
    expect(again.first).to_be_hidden()
    lab.menu(panels, "Kernel", "Restart Kernel…")
    panels.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(again.first).to_be_visible()
    panels.locator(".jp-CodeCell").nth(1).scroll_into_view_if_needed()
    screenshot(panels, "panels-restarted")
    lab.menu(panels, "File", "Save Notebook")
    expect(panels.locator(".jp-mod-dirty")).to_have_count(0)
    panels.goto(f"{lab.url}/lab/tree/{lab.file(panels).name}?reset&token={TOKEN}")
    lab.wait_idle(panels)
    panels.locator(".jp-CodeCell").nth(1).scroll_into_view_if_needed()
    expect(again.first).to_be_visible()
    expect(panels.get_by_text("Loading widget")).to_have_count(0)
    for error in panels.get_by_text("Error displaying widget").all():
        expect(error).to_be_hidden()
    screenshot(panels, "panels-next-day")
