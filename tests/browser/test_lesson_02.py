"""Lesson 2 as a person works through it: two profiles side by side, and a refused prompt."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.jupyter import Lab


def test_a_person_works_through_generation(
    lab: Lab, page: Page, screenshot: Callable[[Page, str], object]
) -> None:
    lab.open(page, "02_generation.ipynb")
    lab.run_all(page)
    page.get_by_role("heading", name="Measure against the target").scroll_into_view_if_needed()
    screenshot(page, "02-radar")

    # The explorer: two profiles, two articles, two radars.
    news = page.locator("p[role=status]")
    generate = page.get_by_role("button", name="Generate", exact=True)
    page.get_by_label("Prompt:").fill("Night trains")
    page.get_by_label("Profile A:").select_option("technical_academic")
    page.get_by_label("Profile B:").select_option("marketing_enthusiastic")
    generate.click()
    expect(news).to_contain_text("Guess, then press Show.")
    expect(page.get_by_role("heading", name="Article 1", exact=True)).to_be_visible()
    page.get_by_label("Article 1 is in:").select_option("technical_academic")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(news).to_contain_text(
        re.compile(
            r"(Right|No): article 1 is in \w+\. "
            r"technical_academic: feedback 0\.\d\d; marketing_enthusiastic: feedback 0\.\d\d"
        )
    )
    radars = page.get_by_role("img", name=re.compile("Radar of eight measured dimensions"))
    expect(radars).to_be_visible()
    for name in ("technical_academic", "marketing_enthusiastic"):
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    articles = page.locator("section p")
    assert articles.count() >= 4  # two paragraphs each
    assert (
        "night trains"
        in articles.all_inner_texts()[0].lower() + "".join(articles.all_inner_texts()).lower()
    )
    radars.scroll_into_view_if_needed()
    screenshot(page, "02-explorer")

    # The sliders obey the keyboard, and nothing is sent before Generate is pressed.
    said = news.inner_text()
    box = page.get_by_role("spinbutton", name="Paragraphs:")
    handle = page.locator(".widget-hbox", has=box).get_by_role("slider")
    handle.focus()
    page.keyboard.press("ArrowLeft")
    expect(box).to_have_value("1")
    expect(news).to_contain_text(said)
    generate.click()
    expect(page.locator("section p")).to_have_count(2)
    expect(news).to_contain_text("Done.")  # until then no press counts

    # A blank prompt is a sentence in the widget, no traceback.
    page.get_by_label("Prompt:").fill("  ")
    generate.click()
    expect(news).to_contain_text("The call failed: prompt:")
    expect(page.locator(".resonance-outdated")).to_have_count(1)

    assert lab.errors(page).count() == 0
    assert page.refused == []  # type: ignore[attr-defined]
