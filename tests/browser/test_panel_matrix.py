"""Each panel by itself, in everything that can happen to it, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.jupyter import TOKEN, Lab
from tests.browser.panels import (
    CASES,
    SET_UP,
    STOP,
    Case,
    line,
    press,
    run_first,
    says,
    tab_to,
    use,
    write,
)

pytestmark = pytest.mark.soak
Shoot = Callable[[Page, str], object]

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind)


@pytest.fixture
def panel(lab: Lab, page: Page, case: Case) -> Locator:
    """The panel, shown by the second cell of a notebook whose server runs."""
    return shown(lab, page, case)


def shown(lab: Lab, page: Page, case: Case) -> Locator:
    count = f"print('counted', {case.once or 0})"
    notebook = write(lab, case.kind, [SET_UP, case.source, count, STOP])
    lab.open(page, notebook)
    run_first(page, 2)
    panel = page.locator(".resonance-panel")
    expect(line(panel)).to_be_visible(timeout=60_000)
    lab.wait_idle(page)
    return panel


def cell(page: Page, place: int) -> Locator:
    return page.locator(".jp-CodeCell").nth(place)


def run(lab: Lab, page: Page, place: int) -> None:
    cell(page, place).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    lab.wait_idle(page)


def counted(lab: Lab, page: Page) -> int:
    """What the third cell counts now."""
    output = cell(page, 2).locator(".jp-OutputArea-output")
    run(lab, page, 2)
    expect(output).to_contain_text(re.compile(r"counted \d+"))
    return int(output.inner_text().split()[-1])


@each
def test_by_keyboard_alone(
    lab: Lab, page: Page, panel: Locator, case: Case, screenshot: Shoot
) -> None:
    by_keyboard(page, panel, case)
    screenshot(page, f"{case.kind}-keyboard")


@each
def test_by_keyboard_alone_in_notebook_7(
    lab: Lab, page: Page, case: Case, screenshot: Shoot
) -> None:
    notebook = write(lab, case.kind, [SET_UP, case.source, "'a third'"])
    lab.forget(notebook)
    page.goto(f"{lab.url}/notebooks/{notebook}?token={TOKEN}")
    expect(page.locator(".jp-CodeCell")).to_have_count(3)
    run_first(page, 2)
    panel = page.locator(".resonance-panel")
    expect(line(panel)).to_be_visible(timeout=60_000)
    by_keyboard(page, panel, case)
    screenshot(page, f"{case.kind}-notebook-7")


def by_keyboard(page: Page, panel: Locator, case: Case) -> None:
    """Do the steps; on the way no key does anything to the notebook."""
    cell(page, 1).locator(".cm-content").click()
    page.keyboard.press("Escape")
    before = page.locator(".jp-Cell").count()
    for name, keys, words in case.steps:
        control = tab_to(page, panel, name)
        press(page, keys)
        says(panel, words)
        if control.is_visible() and control.is_enabled() and "Tab" not in keys:
            assert control.evaluate("one => one === document.activeElement"), name
            for key in ("d", "d", "x", "y", "m"):  # delete, cut, turn into another kind
                if control.evaluate("one => one.tagName") != "INPUT":
                    page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == before
    assert page.locator(".jp-MarkdownCell").count() == 0


@each
def test_pressed_twice_its_server_gone_restarted_and_the_next_day(
    lab: Lab, page: Page, panel: Locator, case: Case, screenshot: Shoot
) -> None:
    button = panel.get_by_role("button", name=case.button, exact=True)
    if case.button:
        before = counted(lab, page)
        button.dblclick()
        says(panel, case.told)
        expect(panel.locator(".resonance-busy")).to_have_count(0)
        assert counted(lab, page) - before == case.grows
        screenshot(page, f"{case.kind}-pressed-twice")

    run(lab, page, 3)
    use(panel, case)
    says(panel, "Run the set-up cell, then this one")
    if case.kind != "HealthPanel":  # there, that nobody answers is the answer
        says(panel, "✗ Failed")
    screenshot(page, f"{case.kind}-dead-server")

    again = page.locator(".resonance-again")
    expect(again).to_be_hidden()
    lab.menu(page, "Kernel", "Restart Kernel…")
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(again).to_be_visible()
    screenshot(page, f"{case.kind}-restarted")

    run_first(page, 2)  # the way out that it tells
    expect(again).to_be_hidden()
    expect(line(page.locator(".resonance-panel"))).to_be_visible()
    use(page.locator(".resonance-panel"), case)
    says(page.locator(".resonance-panel"), case.told)

    lab.menu(page, "File", "Save Notebook")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    lab.end_kernels()
    page.goto(f"{lab.url}/lab/tree/{lab.file(page).name}?reset&token={TOKEN}")
    lab.wait_idle(page)
    expect(again).to_be_visible()
    expect(page.get_by_text("Loading widget")).to_have_count(0)
    for error in page.get_by_text("Error displaying widget").all():
        expect(error).to_be_hidden()
    screenshot(page, f"{case.kind}-next-day")
