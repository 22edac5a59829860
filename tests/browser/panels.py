"""The ten panels as people meet them: how each is made, used by keyboard, and counted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect

from authoring.execute import KERNELSPEC
from tests.browser.jupyter import Lab

SET_UP = """\
from resonance_helpers import WebhookReceiver, connect
from resonance_helpers.webhooks import new_secret
api = connect(burst=1000)"""
STOP = "api.sandbox.stop()"
POSTS = "sum(r['method'] == 'POST' and r['path'] == '/hr_generate' for r in api.sandbox.requests())"

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
BARRIERS = """async () => {
    const found = await axe.run({include: [[".resonance-panel"]]}, {preload: false});
    return found.violations
        .filter((one) => ["serious", "critical"].includes(one.impact))
        .flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`));
}"""
STICKING_OUT = """() => [...document.querySelectorAll(".resonance-panel")].flatMap((panel) => {
    const frame = panel.closest(".jp-OutputArea-output").getBoundingClientRect();
    return [...panel.querySelectorAll("*")]
        .filter((one) => one.checkVisibility() && !one.closest("svg *, .noUi-base"))
        .filter((one) => one.getBoundingClientRect().right > Math.min(frame.right, innerWidth) + 1)
        .map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`);
})"""


@dataclass(frozen=True)
class Case:
    """One panel.

    Attributes:
        kind: Its class.
        module: The widgets' module that has it.
        made: What makes it.
        steps: By keyboard alone: the name of a control, the keys for it, and what the panel's line
            says then. A text in quotation marks is typed.
        button: Pressed twice, and where the server is gone.
        told: What the line says after that.
        once: An expression, and by how much it grows with one press; "" where nothing counts.
    """

    kind: str
    module: str
    made: str
    steps: tuple[tuple[str, str, str], ...]
    button: str
    told: str
    once: str = ""
    grows: int = 0

    @property
    def source(self) -> str:
        return (
            f"from resonance_helpers.lesson.widgets.{self.module} import {self.kind}\n{self.made}"
        )


CASES = [
    Case(
        "HealthPanel",
        "health",
        "panel = HealthPanel(api)\npanel",
        (
            ("Out of order:", "ArrowDown", "Out of order: disk. Now look."),
            ("Look", "Space", "Yes. The server is degraded"),
        ),
        "Look",
        "Done. Can you generate now?",
        "len(panel.looks)",
        1,
    ),
    Case(
        "Explorer",
        "generation",
        "panel = Explorer(api)\npanel",
        (
            ("Prompt:", "'Night trains' Enter", "Which profile is article 1 in?"),
            ("Article 1 is in:", "ArrowDown", "Which profile"),
            ("Show", "Space", "(Right|No): article 1 is in"),
        ),
        "Generate",
        "Done. Which profile is article 1 in",
        POSTS,
        2,
    ),
    Case(
        "ProfilePicker",
        "profiles",
        "panel = ProfilePicker(api)\npanel",
        (
            ("Tenant:", "ArrowDown", "demo_tenant may use 10 profiles"),
            ("Profile:", "ArrowDown", "demo_tenant may use 10 profiles"),
        ),
        "",
        "may use",
    ),
    Case(
        "ProfileSliders",
        "profiles",
        "panel = ProfileSliders(api)\npanel",
        (
            ("Name:", "'quiet' Enter", "Created default / quiet"),
            ("Try it", "Space", "quiet: feedback 0"),
        ),
        "Create profile",
        "Done. Created default / my_style",
    ),
    Case(
        "ConcurrencyPanel",
        "batch",
        "panel = ConcurrencyPanel(api, [{'prompt': 'Tea'}] * 4)\npanel",
        (
            ("At once:", "'2' Tab", "Choose how many"),
            ("Run the batch", "Space", "2 at once: 4 of 4 in"),
        ),
        "Run the batch",
        "Done. 4 at once: 4 of 4 in",
        POSTS,
        4,
    ),
    Case(
        "FaultDial",
        "errors",
        "panel = FaultDial(api, ('Tea',))\npanel",
        (
            ("Faults, %:", "'0' Tab", "Set the dial"),
            ("Run", "Space", "1 prompts at 0% faults. Ours: 1 answered"),
        ),
        "Run",
        "Done. 1 prompts at 20% faults",
        "sum(score.calls for score in panel.scores.values())",
        3,
    ),
    Case(
        "LoadPanel",
        "performance",
        "panel = LoadPanel(api, ['Tea'], seconds=60)\npanel",
        (
            ("Load:", "'5' Enter", "Busy. 5 calls per second"),
            ("Stop", "Space", "Done. Stopped. 5 calls per second were due"),
        ),
        "",
        "Stopped",
    ),
    Case(
        "LogInPanel",
        "auth",
        "import threading\npanel = LogInPanel(api)\npanel",
        (
            ("Show the password", "Space Space", "Press Log in"),
            ("Log in", "Space", "Waiting for you to decide"),
        ),
        "Log in",
        "Busy. Waiting for you",
        "sum(thread.name == 'resonance-panel' for thread in threading.enumerate())",
        1,
    ),
    Case(
        "RateGauge",
        "auth",
        "panel = RateGauge(api, 5)\npanel",
        (
            ("Obey the limit", "Space", "Press Send 5"),
            ("Send 5", "Space", "Sent 5: 5 answered, 0 refused"),
        ),
        "Send 5",
        "Done. Sent 5: 5 answered",
        "panel.sent",
        5,
    ),
    Case(
        "EventPanel",
        "webhooks",
        "secret = new_secret()\n"
        "inbox = WebhookReceiver(secret)\n"
        "inbox.start()\n"
        "hook = api.create_webhook(inbox.url, ['generation.completed'], secret=secret)\n"
        "panel = EventPanel(api, hook['id'], inbox)\npanel",
        (
            ("Receiver is up", "Space", "The receiver is down. Nothing is missing"),
            ("Prompt:", "'Lamp oil' Enter", "The receiver is down. 1 pending"),
        ),
        "Write",
        "Busy. The receiver is up. \\d+ pending|Done. The receiver is up. Nothing",
        POSTS,
        1,
    ),
]


def write(lab: Lab, name: str, sources: list[str]) -> str:
    """A notebook of these cells, as a learner's that has never been run; its file name."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    path = lab.notebooks / f"{name}-{len(sources)}.ipynb"
    nbformat.write(notebook, path)
    return path.name


def run_first(page: Page, count: int) -> None:
    """Run the first cells of a notebook that was just opened, by keyboard.

    Where nothing begins, there was no kernel yet, whatever the page says: then once more.
    """
    begun = page.locator(".jp-InputPrompt").first.filter(has_text=re.compile(r"\d"))
    for _ in range(5):
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Escape")
        for _ in range(count):
            page.keyboard.press("Shift+Enter")
        try:
            expect(begun).to_be_visible(timeout=20_000)
            return
        except AssertionError:
            continue
    raise AssertionError("no cell ever began to run")


def tab_to(page: Page, panel: Locator, name: str) -> Locator:
    """Press Tab until the control of this name has the focus."""
    # The handle of a slider has the name of the box beside it, which is meant.
    labelled = panel.get_by_label(name, exact=True).and_(page.locator(":not([role=slider])"))
    control = labelled.or_(panel.get_by_role("button", name=name, exact=True))
    for _ in range(60):
        if control.evaluate("one => one === document.activeElement"):
            return control
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {name}")


def press(page: Page, keys: str) -> None:
    """Press keys as written in a step; what stands in quotation marks replaces the box's text."""
    for text, key in re.findall(r"'(.*?)'|(\S+)", keys):
        if text:
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.insert_text(text)
        else:
            page.keyboard.press(key)


def line(panel: Locator) -> Locator:
    """The line that says how things stand."""
    return panel.get_by_role("status")


def says(panel: Locator, words: str) -> None:
    """Wait until the panel's line says something."""
    expect(line(panel)).to_contain_text(re.compile(words), timeout=60_000)


def use(panel: Locator, case: Case) -> None:
    """Do with a mouse what one would do first."""
    if case.button:
        panel.get_by_role("button", name=case.button, exact=True).click()
    elif case.kind == "ProfilePicker":
        panel.get_by_label("Tenant:").select_option("demo_tenant")
    else:
        box = panel.get_by_role("spinbutton", name="Load:")
        box.fill("5")
        box.press("Enter")
        expect(line(panel)).not_to_contain_text("Move the slider")
        panel.get_by_role("button", name="Stop").click()


def barriers(page: Page) -> list[str]:
    """What axe-core finds serious or critical in the panels of a page."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return page.evaluate(BARRIERS)
