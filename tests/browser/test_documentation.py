"""/docs in a real browser: shown, and tried out, with nothing loaded from elsewhere."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from resonance_sandbox import start


def test_trying_out_a_generation(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with start() as server:
        page.goto(f"{server.url}/docs")
        page.get_by_role("button", name="POST /hr_generate Write").click()
        page.get_by_role("button", name="Try it out").click()
        page.get_by_role("button", name="Execute").click()
        answer = page.locator(".live-responses-table")
        expect(answer).to_contain_text("200")
        expect(answer).to_contain_text("hrv_feedback")
        assert all(url.startswith((server.url, "data:", "blob:")) for url in asked)
        assert f"{server.url}/hr_generate" in asked
