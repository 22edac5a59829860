"""All ten panels in a real JupyterLab: by keyboard, pressed twice, their server gone, restarted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import tab
from tests.browser.jupyter import TOKEN, Lab

NOTEBOOK = "panels.ipynb"
SOURCES = [
    "from resonance_helpers import WebhookReceiver, connect\n"
    "from resonance_helpers.webhooks import new_secret\n"
    "api = connect(burst=1000)",
    "from resonance_helpers.lesson.widgets.health import HealthPanel\nHealthPanel(api)",
    "from resonance_helpers.lesson.widgets.generation import Explorer\nExplorer(api)",
    "from resonance_helpers.lesson.widgets.profiles import ProfilePicker\nProfilePicker(api)",
    "from resonance_helpers.lesson.widgets.profiles import ProfileSliders\nProfileSliders(api)",
    "from resonance_helpers.lesson.widgets.batch import ConcurrencyPanel\n"
    "ConcurrencyPanel(api, [{'prompt': 'Tea'}] * 4)",
    "from resonance_helpers.lesson.widgets.errors import FaultDial\nFaultDial(api, ('Tea',))",
    "from resonance_helpers.lesson.widgets.performance import LoadPanel\n"
    "LoadPanel(api, ['Tea'], seconds=1)",
    "from resonance_helpers.lesson.widgets.auth import LogInPanel\nLogInPanel(api)",
    "from resonance_helpers.lesson.widgets.auth import RateGauge\nRateGauge(api, 5)",
    "from resonance_helpers.lesson.widgets.webhooks import EventPanel\n"
    "inbox, secret = WebhookReceiver(new_secret()), new_secret()\n"
    "inbox.start()\n"
    "hook = api.create_webhook(inbox.url, ['generation.completed'], secret=secret)\n"
    "EventPanel(api, hook['id'], inbox)",
    "api.sandbox.stop()",
]
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
CONTROLS = "select, input, button, [tabindex='0'].noUi-handle"


@pytest.fixture(scope="module")
def panels(browser: Browser, lab: Lab) -> Iterator[Page]:
    """A notebook with a panel in each cell, run but for its last cell, which stops the server."""
    cells = [nbformat.v4.new_code_cell(source) for source in SOURCES]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    nbformat.write(notebook, lab.notebooks / NOTEBOOK)
    with tab(browser) as page:
        lab.open(page, NOTEBOOK)
        page.locator(".jp-CodeCell").first.click()
        page.keyboard.press("Escape")
        for _ in SOURCES[:-1]:
            page.keyboard.press("Shift+Enter")
        expect(page.locator(".resonance-panel")).to_have_count(10, timeout=90_000)
        lab.wait_idle(page)
        assert lab.errors(page).count() == 0
        yield page


def cells(page: Page) -> int:
    return page.locator(".jp-CodeCell").count()


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


def test_a_press_keeps_the_focus_and_a_double_press_is_one(panels: Page) -> None:
    panel = panels.locator(".resonance-panel").first
    look = panel.get_by_role("button", name="Look", exact=True)
    look.dblclick()
    expect(panel.get_by_role("status")).to_contain_text("✓ Done. Can you generate now?")
    assert look.evaluate("one => one === document.activeElement")
    expect(panel.get_by_role("img", name=re.compile("^Looks so far: [a-z]+\\.$"))).to_be_visible()


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
    panels.goto(f"{lab.url}/lab/tree/{NOTEBOOK}?reset&token={TOKEN}")
    lab.wait_idle(panels)
    panels.locator(".jp-CodeCell").nth(1).scroll_into_view_if_needed()
    expect(again.first).to_be_visible()
    expect(panels.get_by_text("Loading widget")).to_have_count(0)
    for error in panels.get_by_text("Error displaying widget").all():
        expect(error).to_be_hidden()
    screenshot(panels, "panels-next-day")
