"""Lesson 8 as a person works through it: watch events arrive, be away, bring back what died."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

NOTEBOOK = "08_webhooks.ipynb"
SLOW = 30_000


def test_events_arrive_wait_die_and_are_brought_back(
    lesson: Page, screenshot: Callable[[Page, str], object]
) -> None:
    page = lesson
    page.locator(".jp-RenderedImage img").first.scroll_into_view_if_needed()
    screenshot(page, "08-backlog")

    panel = page.locator(".jp-CodeCell").filter(
        has=page.locator(".jp-Editor", has_text="panel = EventPanel")
    )
    panel.scroll_into_view_if_needed()
    said = panel.locator("p[role=status]")
    newest = panel.get_by_role("table", name="Events").get_by_role("row").nth(1)
    write = panel.get_by_role("button", name="Write", exact=True)

    # The lesson has sent eight or more since the table was drawn; one arrives now.
    before = newest.get_by_role("rowheader").inner_text()
    panel.get_by_label("Prompt:").fill("Lamp oil")
    write.click()
    expect(newest.get_by_role("rowheader")).not_to_have_text(before)
    expect(newest).to_contain_text("delivered, 1 try")
    expect(newest).to_contain_text("handled")
    expect(said).to_contain_text("The receiver is up. Nothing is missing.")
    screenshot(page, "08-arrived")

    # Nobody at home: it is tried until the last try.
    up = panel.get_by_label("Receiver is up")
    up.uncheck()
    expect(said).to_contain_text("The receiver is down. Nothing is missing.")
    write.click()
    expect(newest).to_contain_text(re.compile(r"(pending|dead), \d tr"))
    expect(newest).to_contain_text("nothing")
    screenshot(page, "08-waiting")
    days = page.locator(".jp-CodeCell").filter(
        has=page.locator(".jp-Editor", has_text="print(api.sandbox.clock.ahead)")
    )
    days.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    expect(newest).to_contain_text("dead, 8 tries", timeout=SLOW)
    expect(said).to_contain_text("The receiver is down. 1 dead.")
    screenshot(page, "08-dead")
    up.check()
    panel.get_by_role("button", name="Redeliver the dead").click()
    expect(newest).to_contain_text("delivered, 9 tries", timeout=SLOW)
    expect(newest).to_contain_text("handled")
    screenshot(page, "08-brought-back")
