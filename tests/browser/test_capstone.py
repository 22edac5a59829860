"""The capstone as a person works through it: a first try, a hint, then what passes."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from resonance_helpers.lesson.exercises import check

NOTEBOOK = "capstone.ipynb"
SLOW = 120_000
"""A check runs the whole newsroom through its trouble."""

TWO_STEPS = """
def answer(prompts, folder, port, publish):
    client = ResonanceOSAPIClient.from_env()
    client.create_profile("acme_corp", "newsroom", [0.5] * 8)
    run_batch(client, [{"prompt": p, "profile_name": "newsroom"} for p in prompts])
"""


def test_the_check_leads_from_two_steps_to_all_of_them(
    lesson: Page, screenshot: Callable[[Page, str], object]
) -> None:
    page = lesson
    cell = page.locator(".jp-CodeCell").filter(has_text="check.capstone.newsroom(answer)")
    said = cell.get_by_role("status")

    def run(source: str) -> None:
        cell.locator(".cm-content").click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(source)
        page.keyboard.press("Control+Enter")

    run(f"{TWO_STEPS}\ncheck.capstone.newsroom(answer)")
    expect(said).to_contain_text(re.compile("Not yet.*has 0 webhooks"), timeout=SLOW)
    screenshot(page, "capstone-not-yet")

    run("hint()  # check.capstone.newsroom(answer)")
    expect(said).to_contain_text("Hint 1 of 3 on check.capstone.newsroom")

    run(f"{check.capstone.newsroom.solution}\n\ncheck.capstone.newsroom(answer)")
    expect(said).to_contain_text(re.compile("Correct.*written once and published"), timeout=SLOW)
    screenshot(page, "capstone-correct")
