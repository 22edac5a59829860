"""/docs in a real browser: shown, and tried out, with nothing loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonance_sandbox import Sandbox

CHROMIUM = Path("/usr/bin/chromium")
SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's Chromium")
def test_trying_out_a_generation(server: Sandbox) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_page()
        foreign: list[str] = []
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((server.url, "data:", "blob:"))
                else foreign.append(request.url)
            ),
        )
        page.goto(f"{server.url}/docs")
        page.get_by_role("button", name="POST /hr_generate Write").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        answer = page.locator(".live-responses-table")
        expect(answer).to_contain_text("200")
        expect(answer).to_contain_text("hrv_feedback")
        browser.close()
        assert foreign == []
