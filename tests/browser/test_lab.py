"""The command behind ``make lab`` opens a JupyterLab that works, with no network."""

from __future__ import annotations

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect

from authoring.execute import KERNELSPEC
from tests.browser.jupyter import TOKEN, Lab

WIDGET = """\
import ipywidgets
tenant = ipywidgets.Dropdown(options=["default", "demo_tenant"], description="Tenant:")
shown = ipywidgets.HTML("nothing chosen")
tenant.observe(lambda change: setattr(shown, "value", f"chose {change['new']}"), "value")
ipywidgets.VBox([tenant, shown])
"""


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory):
    """A JupyterLab on a notebook of this test's own."""
    folder = tmp_path_factory.mktemp("smoke")
    cells = [
        new_markdown_cell("# Smoke"),
        new_code_cell(WIDGET, execution_count=1),
        new_code_cell("6 * 7", execution_count=2),
    ]
    metadata = {"kernelspec": KERNELSPEC}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), folder / "01_health.ipynb")
    with Lab(folder, tmp_path_factory.mktemp("jupyter")) as smoke:
        yield smoke


def test_a_person_opens_runs_and_uses_a_notebook(smoke: Lab, page):
    smoke.open(page, "01_health.ipynb")
    smoke.run_all(page)
    expect(page.get_by_text("42", exact=True)).to_be_visible()

    page.get_by_label("Tenant:").select_option("demo_tenant")

    expect(page.get_by_text("chose demo_tenant")).to_be_visible()
    assert smoke.errors(page).count() == 0


def test_nothing_asks_for_news_or_leaves_the_machine(smoke: Lab, page):
    smoke.open(page, "01_health.ipynb")

    expect(page.get_by_text("Would you like to get notified")).to_have_count(0)
    assert page.refused == []


def test_make_lab_opens_on_the_welcome_page(lab: Lab, page):
    page.goto(f"{lab.url}/?token={TOKEN}")  # the address that a browser is opened on
    expect(page).to_have_url(re.compile("/lab/tree/welcome.ipynb"))
    lab.wait_idle(page)
    expect(page.get_by_role("heading", name="Welcome")).to_be_visible()
    assert page.refused == []


def test_a_lesson_leads_to_the_contents_and_back(lab: Lab, page):
    lab.open(page, "01_health.ipynb")
    page.get_by_role("link", name="Contents").click()

    preview = page.locator(".jp-MarkdownViewer")
    expect(preview.get_by_role("heading", name="Lessons")).to_be_visible()
    preview.get_by_role("link", name="2. Generation").click()

    expect(page.get_by_role("tab", name="02_generation.ipynb")).to_be_visible()
