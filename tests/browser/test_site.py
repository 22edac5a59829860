"""The site as read from a stick: from file: URLs, with no network, in Chromium."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, expect

from resonance_helpers.lesson.manifest import NOTEBOOKS, Lesson, available

ROOT = Path(__file__).resolve().parents[2]
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
FOUND = """async (rules) => {
    const chosen = rules ? {runOnly: {type: "rule", values: rules}} : {};
    const found = await axe.run(document, {preload: false, ...chosen});
    return found.violations
        .filter((one) => ["serious", "critical"].includes(one.impact))
        .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`));
}"""


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, built as ``make docs`` builds it."""
    done = subprocess.run(
        [sys.executable, "-m", "docs"], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / "build" / "site"


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    """A page whose ``troubles`` are the requests that failed or left, and the errors of scripts."""
    context = browser.new_context(
        viewport={"width": 1400, "height": 1000}, reduced_motion="reduce", offline=True
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.troubles = []
    page.on("requestfailed", lambda request: page.troubles.append(f"failed: {request.url}"))
    page.on("request", lambda request: left(request.url) and page.troubles.append(request.url))
    page.on("pageerror", lambda error: page.troubles.append(f"error: {error}"))
    page.on("console", lambda said: said.type == "error" and page.troubles.append(said.text))
    yield page
    context.close()


def left(url: str) -> bool:
    return not url.startswith(("file:", "data:", "blob:"))


def open_page(page: Page, path: Path) -> None:
    page.goto(path.as_uri(), wait_until="load")


def barriers(page: Page, *rules: str) -> list[str]:
    """What axe-core finds serious or critical; of these rules, or of all."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(FOUND, list(rules) or None)


def test_every_page_reads_on_a_phone_and_asks_for_nothing(site: Path, reader: Page):
    reader.set_viewport_size({"width": 375, "height": 800})
    pages = sorted(path for path in site.rglob("*.html") if "_static" not in path.parts)
    wide, mute, untold = [], [], []
    for path in pages:
        open_page(reader, path)
        name = path.relative_to(site).as_posix()
        if reader.evaluate("document.documentElement.scrollWidth") > 375:
            wide.append(name)
        if reader.evaluate("document.querySelectorAll('img:not([alt]), img[alt=\"\"]').length"):
            mute.append(name)
        if name != "search.html" and not reader.locator("meta[name=description]").count():
            untold.append(name)

    assert len(pages) > len(available()) + 20
    assert (wide, mute, untold, reader.troubles) == ([], [], [], [])


@pytest.mark.parametrize("lesson", available(), ids=lambda lesson: lesson.slug)
def test_a_lesson_shows_its_pictures_and_widgets(site: Path, reader: Page, lesson: Lesson):
    open_page(reader, site / "lessons" / f"{lesson.slug}.html")

    pictures = reader.locator(".cell_output img")
    assert pictures.evaluate_all("all => all.map((one) => one.alt)") == alts(lesson)
    assert all(pictures.evaluate_all("all => all.map((one) => one.naturalWidth)"))

    views = reader.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
    assert views or lesson.number is None, "a lesson has a widget"
    drawn = reader.locator(".cell_output .widget-subarea")
    expect(drawn).to_have_count(views)
    for widget in drawn.all():
        expect(widget).to_be_visible()
    controls = reader.locator(":is(select, input, button, [role=slider]):visible")
    answering = drawn.filter(has=controls).count()
    assert answering or not views, "one of them answers to a hand"
    expect(reader.get_by_text("This widget wants a kernel")).to_have_count(answering)
    assert barriers(reader) == []
    assert reader.troubles == []


PANEL = re.compile(r"\w*(Panel|Explorer|Picker|Sliders|Dial|Gauge): ")


def alts(lesson: Lesson) -> list[str]:
    """What the pictures of the committed lesson say to a screen reader, but for those that stand
    for a panel: the site has the panel itself."""
    notebook = nbformat.read(NOTEBOOKS / lesson.filename, as_version=4)
    return [
        output.metadata["image/png"]["alt"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
        and not PANEL.match(output.data.get("text/plain", ""))
    ]


def test_a_picker_offers_its_choices_without_a_kernel(site: Path, reader: Page):
    open_page(reader, site / "lessons" / "03_profiles.html")

    tenant = reader.get_by_label("Tenant:").first
    tenant.select_option("demo_tenant")

    expect(tenant).to_have_value("demo_tenant")
    assert reader.troubles == []


@pytest.mark.parametrize(
    "name",
    [
        *("index", "start", "http_api", "api/profiles", "benchmarks/README"),
        "reference/resonance_helpers.client.api",
    ],
)
def test_a_page_has_no_serious_barrier(site: Path, reader: Page, name: str):
    open_page(reader, site / f"{name}.html")

    assert barriers(reader) == []


@pytest.mark.parametrize(
    "name", ["index", "reference/resonance_sandbox.hrv", "lessons/03_profiles", "api/profiles"]
)
def test_dark_mode_is_readable(site: Path, reader: Page, name: str):
    reader.emulate_media(color_scheme="dark")
    open_page(reader, site / f"{name}.html")

    expect(reader.locator("html")).to_have_attribute("data-theme", "dark")
    assert barriers(reader, "color-contrast") == []


def test_dark_mode_prints_on_white(site: Path, reader: Page):
    reader.emulate_media(color_scheme="dark")
    open_page(reader, site / "instructor" / "plans.html")
    reader.evaluate("""() => {
        window.seen = [];
        addEventListener("beforeprint", () => seen.push(document.documentElement.dataset.theme));
    }""")

    reader.pdf()

    assert reader.evaluate("seen") == ["light"]
    expect(reader.locator("html[data-theme=dark]")).to_have_count(1)


FIRST = {
    "idempotency": "lessons/05_errors",
    "webhook": "lessons/08_webhooks",
    "profile": "lessons/03_profiles",
    "resume": "lessons/04_batch",
    "percentile": "lessons/06_performance",
    "PKCE": "lessons/07_auth",
    "wait until ready": "lessons/01_health",
    "seed": "lessons/02_generation",
    "install Windows": "start",
    "rotate_secret": "api/webhooks",
}
"""What a reader types, and the page that helps them most."""


def test_search_finds_the_page_that_helps_most_while_one_types(site: Path, reader: Page):
    open_page(reader, site / "index.html")
    reader.get_by_role("button", name="Search").first.click()
    field = reader.locator("dialog input[name=q]")

    first = {}
    for words in FIRST:
        field.fill("")
        field.press_sequentially(words)
        expect(reader.locator("dialog .found [role=status]")).to_contain_text("found")
        link = reader.locator("dialog .found a").first
        expect(reader.locator("dialog .found p").nth(1)).not_to_be_empty()
        first[words] = link.evaluate("one => one.href").partition("/site/")[2].partition(".html")[0]

    assert first == FIRST
    assert barriers(reader) == []
    reader.keyboard.press("Enter")
    expect(reader.get_by_role("heading", name="rotate_secret")).to_be_visible()
    assert reader.troubles == []


def test_the_page_of_results_has_them_too(site: Path, reader: Page):
    reader.goto((site / "search.html").as_uri() + "?q=idempotency")

    expect(reader.locator("#search-results a").first).to_be_visible()
    assert reader.troubles == []


def test_code_can_be_copied_and_each_page_is_there_as_markdown(site: Path, reader: Page):
    open_page(reader, site / "api" / "profiles.html")

    code = reader.locator("div.highlight:visible")
    assert code.count() == reader.locator("div.highlight:visible button.copybtn").count() > 5
    listed = (site / "llms.txt").read_text(encoding="utf-8")
    pages = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    pages -= {"search", *(name for name in pages if name.startswith("_static"))}
    assert all(f"]({name}.md)" in listed and (site / f"{name}.md").is_file() for name in pages)


def test_no_page_is_endless(site: Path, reader: Page):
    tall = {}
    for path in sorted((site / "api").glob("*.html")):
        open_page(reader, path)
        tall[path.stem] = reader.evaluate("document.documentElement.scrollHeight")

    assert max(tall.values()) < 25_000, tall
