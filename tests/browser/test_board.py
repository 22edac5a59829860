"""The instructor's board with thirty scripted attendees, in Chromium."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from resonance_helpers.lesson.board import Reporter
from tests.browser.test_site import AXE, FOUND
from workshop.board.rehearsal import ROLES, attend, serve
from workshop.board.state import exercises

ATTENDEES = 30
KNOWN = list(exercises().values())


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, dict[str, str]]]:
    """A board that thirty have told what they did."""
    with serve(tmp_path_factory.mktemp("board"), ATTENDEES) as (url, token, keys):
        reporters = [Reporter(url, key) for key in keys.values()]
        threads = [
            threading.Thread(
                target=attend,
                args=(ROLES[at % len(ROLES)], reporter, KNOWN, random.Random(at)),
            )
            for at, reporter in enumerate(reporters)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(reporter.drain(240) for reporter in reporters)
        yield url, token, keys


@pytest.fixture(params=["light", "dark"])
def tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab, and the errors of its scripts and its policy."""
    context = browser.new_context(
        viewport={"width": 1600, "height": 1000}, color_scheme=request.param
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.troubles = []  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.troubles.append(str(error)))  # type: ignore[attr-defined]
    yield page
    context.close()


def test_thirty_are_seen_live_and_by_number(
    room: tuple[str, str, dict[str, str]], tab: Page, tmp_path: Path
) -> None:
    url, token, keys = room
    began = time.monotonic()
    tab.goto(f"{url}/#{token}")
    rows = tab.locator("#rows tr")
    expect(rows).to_have_count(len(KNOWN))
    print(f"the board with {ATTENDEES} is there after {time.monotonic() - began:.2f} s")
    expect(tab.locator("#head th")).to_have_count(5 + ATTENDEES)
    expect(tab.locator("#past")).to_have_text("Everybody has got past 1.1.")
    assert tab.locator("td.stuck[aria-label]").count() == ATTENDEES // len(ROLES)
    assert tab.locator("th.hand").count() == ATTENDEES // len(ROLES)
    expect(rows.first.locator("td.wrong")).to_contain_text(re.compile("|".join(KNOWN[0].wrong)))
    text = tab.locator("body").inner_text()
    assert not [name for name in keys if name in text]
    tab.screenshot(path=str(tmp_path / "board.png"), full_page=True)
    print(tmp_path / "board.png")

    # Somebody lowers their hand, and another is stuck no longer: the page says so by itself.
    before = tab.locator("th.hand").count()
    stuck = [key for at, key in enumerate(keys.values()) if ROLES[at % len(ROLES)] == "stuck"]
    reporter = Reporter(url, stuck[0])
    reporter.send({"question": False})
    expect(tab.locator("th.hand")).to_have_count(before - 1)
    reporter.send({"question": True})
    expect(tab.locator("th.hand")).to_have_count(before)

    tab.evaluate(AXE.read_text(encoding="utf-8"))
    assert tab.evaluate(FOUND, None) == []
    assert tab.troubles == []  # type: ignore[attr-defined]


def test_without_the_instructors_address_nothing_is_shown(
    room: tuple[str, str, dict[str, str]], tab: Page
) -> None:
    url, _, keys = room
    for fragment in ("", f"#{next(iter(keys.values()))}"):
        tab.goto(f"{url}/{fragment}")
        tab.reload()
        expect(tab.locator("#trouble")).to_contain_text("No news: the board is for whoever has")
        assert tab.locator("#rows tr").count() == 0
