"""A real JupyterLab in a real browser.

`lab` is a JupyterLab on a copy of the notebooks, started by the command behind ``make lab``;
`page` is a fresh tab of Chromium that reaches this machine alone. A test reads like a person::

    def test_tenant_picker(lab, page):
        lab.open(page, "03_profiles.ipynb")
        lab.run_all(page)
        page.get_by_label("Tenant:").select_option("demo_tenant")
        expect(page.get_by_text("...")).to_be_visible()

Wait with Playwright's `expect`, which polls; never sleep. Choose by label, as a person would.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.jupyter import Lab

# Five seconds, the default, are soon over where several suites share two cores.
expect.set_options(timeout=30_000)

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever is not on this machine cannot be reached, not even by a name that resolves.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--proxy-server=direct://",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where Chromium is; without one these tests are skipped, but in CI they fail."""
    chosen = os.environ.get("CHROMIUM")
    for name in [chosen] if chosen else CHROMIUM:
        if path := shutil.which(name):
            return path
    reason = (
        "no Chromium on this machine: `apt-get install chromium`, or name one with CHROMIUM=path"
    )
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    """One Chromium for all tests of this process."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path, headless=True, args=FLAGS
        )
        yield browser
        browser.close()


@contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    """A fresh tab, 1400 by 1000; requests that leave this machine are refused and noted."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.refused = []

    def guard(route) -> None:
        url = urlsplit(route.request.url)
        if url.hostname in ("127.0.0.1", "localhost", None):
            route.continue_()
        else:
            page.refused.append(url.geturl())
            route.abort()

    context.route("**/*", guard)
    yield page
    context.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh tab. ``page.refused`` lists the requests that would have left this machine.

    A failing test leaves a screenshot in ``$SCREENSHOTS`` (default ``build/screenshots``).
    """
    with tab(browser) as page:
        yield page


@pytest.fixture(scope="module")
def lesson(browser: Browser, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The module's ``NOTEBOOK``, run once without an error; a test goes on where the last ended."""
    with tab(browser) as page:
        lab.open(page, request.module.NOTEBOOK)
        lab.run_all(page, timeout=240)
        assert lab.errors(page).count() == 0
        yield page
        assert page.refused == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    report = yield
    pages = (one for one in item.funcargs.values() if isinstance(one, Page))
    page = next(pages, None)
    if report.when == "call" and report.failed and page:
        save_screenshot(page, f"FAILED-{item.name}")
    return report


@pytest.fixture
def screenshot() -> Callable[[Page, str], Path]:
    """``screenshot(page, "02-radar")`` saves a picture for people to look at; its path."""
    return save_screenshot


def save_screenshot(page: Page, name: str) -> Path:
    folder = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))
    path = folder / f"{name.replace('/', '-')}.png"
    page.screenshot(path=path)
    return path


@pytest.fixture(scope="session")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the lessons, so that no test can change the committed ones."""
    from resonance_helpers.lesson.manifest import NOTEBOOKS

    copy = tmp_path_factory.mktemp("lab") / "notebooks"
    shutil.copytree(NOTEBOOKS, copy, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return copy


@pytest.fixture(scope="session")
def lab(notebooks: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on the copied lessons, with settings of its own."""
    with Lab(notebooks, tmp_path_factory.mktemp("jupyter")) as lab:
        yield lab
