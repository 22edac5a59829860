"""Lesson 7 as a person works through it: log in by hand, allow or deny, and run into a limit."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

NOTEBOOK = "07_auth.ipynb"


def cell(page: Page, source: str) -> Locator:
    """The code cell that begins with `source`."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".jp-Editor", has_text=source))


def test_a_person_logs_in_and_allows(
    lesson: Page, screenshot: Callable[[Page, str], object]
) -> None:
    page = lesson
    page.get_by_role("heading", name="Open a token").scroll_into_view_if_needed()
    page.locator(".jp-RenderedImage img").first.scroll_into_view_if_needed()
    screenshot(page, "07-forgeries")

    panel = cell(page, "panel = LogInPanel(")
    said = panel.locator("p[role=status]")
    panel.scroll_into_view_if_needed()
    expect(said).to_contain_text("Press Log in. You are acme_corp-user.")
    panel.get_by_role("button", name="Show the password").click()
    password = panel.locator("code").inner_text()
    assert len(password) > 20
    panel.get_by_role("button", name="Show the password").click()
    expect(panel.locator("code")).to_have_count(0)

    # First they change their mind.
    consent = opened(page, panel)
    screenshot(consent, "07-sign-in")
    sign_in(consent, "not it")
    expect(consent.get_by_role("alert")).to_have_text("Username or password is wrong.")
    sign_in(consent, password)
    expect(consent.get_by_role("heading", name="Allow this app?")).to_be_visible()
    expect(consent.get_by_role("listitem")).to_have_count(2)
    screenshot(consent, "07-consent")
    consent.get_by_role("button", name="Deny").click()
    expect(consent.get_by_role("heading", name="Refused")).to_be_visible()
    expect(said).to_contain_text("You are not logged in: The log-in was refused: access_denied.")
    consent.close()

    # Then they allow it; they are still signed in.
    consent = opened(page, panel)
    consent.get_by_role("button", name="Allow").click()
    expect(consent.get_by_role("heading", name="Logged in")).to_be_visible()
    screenshot(consent, "07-logged-in")
    assert "code=" in consent.url
    consent.close()
    expect(said).to_contain_text("Logged in, with the scope generate profiles:read.")
    panel.scroll_into_view_if_needed()
    screenshot(page, "07-panel")

    use = cell(page, "if panel.auth:")
    use.locator(".jp-Editor").first.click()
    page.keyboard.press("Control+Enter")
    expect(use.locator(".jp-OutputArea-output")).to_have_text("9 profiles\n")


def opened(page: Page, panel: Locator) -> Page:
    """The tab that the panel's link opens."""
    panel.get_by_role("button", name="Log in").click()
    with page.expect_popup() as popup:
        panel.get_by_role("link", name="Open the log-in page").click()
    return popup.value


def sign_in(consent: Page, password: str) -> None:
    consent.get_by_label("Username").fill("acme_corp-user")
    consent.get_by_label("Password").fill(password)
    consent.get_by_role("button", name="Sign in").click()


def test_the_gauge_falls_and_obeying_helps(
    lesson: Page, screenshot: Callable[[Page, str], object]
) -> None:
    page = lesson
    panel = cell(page, "gauge = RateGauge(")
    said = panel.locator("p[role=status]")
    panel.scroll_into_view_if_needed()
    send = panel.get_by_role("button", name="Send 60")

    send.click()
    expect(panel.get_by_text(re.compile(r"^\d+ of 20$"))).to_be_visible()
    expect(said).to_contain_text(
        re.compile(r"Sent 60: \d+ answered, [1-9]\d* refused with 429. Waited 0 times."),
        timeout=30_000,
    )
    screenshot(page, "07-gauge-refused")

    panel.get_by_label("Obey the limit").check()
    send.click()
    expect(said).to_contain_text("None left: waiting", timeout=30_000)
    screenshot(page, "07-gauge-waits")
    expect(said).to_contain_text(
        re.compile(r"Sent 60: 60 answered, 0 refused with 429. Waited [1-9] times?."),
        timeout=30_000,
    )
    screenshot(page, "07-gauge-obeyed")
