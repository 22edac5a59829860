"""Lesson 3 as a person works through it: switch tenants, make a profile with sliders, use it."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.jupyter import Lab


def cell(page: Page, source: str) -> Locator:
    """The code cell that begins with `source`."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".jp-Editor", has_text=source))


def test_a_person_works_through_profiles(
    lab: Lab, page: Page, screenshot: Callable[[Page, str], object]
) -> None:
    lab.open(page, "03_profiles.ipynb")
    lab.run_all(page)
    page.get_by_role("heading", name="See what there is").scroll_into_view_if_needed()
    screenshot(page, "03-map")
    page.get_by_role("heading", name="One prompt, three profiles").scroll_into_view_if_needed()
    screenshot(page, "03-compare")

    # The pickers: another tenant, other profiles.
    picker = cell(page, "picker = ProfilePicker(api)")
    tenant, profile = picker.get_by_label("Tenant:"), picker.get_by_label("Profile:")
    tenant.scroll_into_view_if_needed()
    expect(profile.locator("option")).to_have_count(9)
    assert "travel_blog" not in profile.locator("option").all_inner_texts()
    tenant.select_option("demo_tenant")
    expect(profile.locator("option")).to_have_count(10)
    expect(picker.locator("p[role=status]")).to_contain_text("demo_tenant may use 10 profiles")
    profile.select_option("travel_blog")
    expect(picker.get_by_text("Places, people and what happened on the way.")).to_be_visible()
    screenshot(page, "03-picker")

    # What was chosen is there for a later cell.
    chosen = cell(page, "picker.tenant, picker.profile_name").first
    chosen.locator(".jp-Editor").first.click()
    page.keyboard.press("Control+Enter")
    expect(chosen).to_contain_text("('demo_tenant', 'travel_blog')")

    # The sliders: start from a profile, move one by keyboard, create, try.
    panel = cell(page, "sliders = ProfileSliders(")
    news = panel.locator("p[role=status]")
    panel.get_by_label("Start from:").select_option("technical_academic")
    box = page.get_by_role("spinbutton", name="curiosity index:")
    curiosity = panel.locator(".widget-hbox", has=box).get_by_role("slider")
    expect(curiosity).to_have_attribute("aria-valuetext", "0.3")
    curiosity.focus()
    page.keyboard.press("ArrowRight")
    expect(box).to_have_value("0.35")
    box.fill("0.62")
    box.press("Enter")
    expect(curiosity).to_have_attribute("aria-valuetext", "0.6")  # the nearest step
    panel.get_by_label("Tenant:").select_option("demo_tenant")
    panel.get_by_label("Name:").fill("Not A Name")
    panel.get_by_role("button", name="Create profile").click()
    expect(news).to_contain_text("The call failed: profile_name:")
    expect(panel.get_by_role("button", name="Try it")).to_be_disabled()
    panel.get_by_label("Name:").fill("quiet_wonder")
    panel.get_by_role("button", name="Create profile").click()
    expect(news).to_contain_text("Created demo_tenant / quiet_wonder. Now try it.")
    expect(box).to_have_value("0.62")
    panel.get_by_role("button", name="Try it").click()
    expect(news).to_contain_text(re.compile(r"quiet_wonder: feedback 0\.\d\d"))
    expect(panel.get_by_role("img", name=re.compile("Radar"))).to_be_visible()
    panel.get_by_role("button", name="Try it").scroll_into_view_if_needed()
    screenshot(page, "03-sliders")

    # The profile is really there: the picker finds it.
    tenant.select_option("default")
    tenant.select_option("demo_tenant")
    expect(profile.locator("option")).to_have_count(11)

    assert lab.errors(page).count() == 0
    assert page.refused == []  # type: ignore[attr-defined]
