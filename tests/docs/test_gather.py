"""What the site's pages are made of."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from authoring.compare import WIDGET_VIEW
from docs import gather
from resonance_helpers.lesson.manifest import LESSONS

ROOT = Path(__file__).resolve().parents[2]
VENDORED = sorted([*ROOT.glob("docs/_static/vendor/*"), *ROOT.glob("tests/*/vendor/*")])


def notebook(*models: str):
    """A lesson with one widget, which holds the models of these names."""
    state = {name: {"model_name": f"{name}Model", "state": {}} for name in models}
    children = [f"IPY_MODEL_{name}" for name in models]
    state["panel"] = {"model_name": "VBoxModel", "state": {"children": children}}
    view = new_output("display_data", data={WIDGET_VIEW: {"model_id": "panel"}})
    cells = [
        new_markdown_cell("# 1. Health"),
        new_markdown_cell("*You will*"),
        new_code_cell("panel", outputs=[view]),
        new_markdown_cell("next", metadata={"tags": ["navigation"]}),
    ]
    return new_notebook(cells=cells, metadata={"widgets": {gather.WIDGET_STATE: {"state": state}}})


def sources(*models: str) -> str:
    return "\n".join(cell.source for cell in gather.page(LESSONS[0], notebook(*models)).cells)


def test_a_widget_to_touch_says_that_it_wants_a_kernel_and_one_to_look_at_does_not():
    assert gather.NEEDS_KERNEL in sources("HTML", "Dropdown")
    assert gather.NEEDS_KERNEL not in sources("HTML", "IntProgress")


def test_a_page_tells_how_to_run_it_and_leaves_navigation_to_the_theme():
    assert "notebooks/01_health.ipynb" in sources()
    assert "next" not in sources()


def test_a_picture_hands_on_what_it_says_of_itself():
    drawn = new_output("display_data", data={"image/png": ""}, metadata={"image/png": {"alt": "A"}})
    book = new_notebook(cells=[new_code_cell("draw()", outputs=[drawn])])

    assert gather.page(LESSONS[0], book).cells[0].metadata["mystnb"] == {"image": {"alt": "A"}}


def test_a_file_that_has_not_changed_is_not_touched_and_an_old_one_goes(tmp_path: Path):
    (tmp_path / "old.md").write_text("old", encoding="utf-8")
    same = tmp_path / "same.md"
    same.write_text("same", encoding="utf-8")
    before = same.stat().st_mtime_ns
    folder = gather.Folder(tmp_path)

    folder.write("same.md", "same")
    folder.write("new/page.md", "new")
    folder.sweep()

    assert same.stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.rglob("*.md")) == ["page.md", "same.md"]


def test_the_readme_has_the_sections_that_the_site_shows():
    template = (ROOT / "docs" / "start.md.jinja").read_text(encoding="utf-8")
    readme = gather.sections((ROOT / "README.md").read_text(encoding="utf-8"))

    [titles] = re.findall(r"for title in \((.*)\)", template)
    for title in re.findall(r'"(.+?)"', titles):
        assert readme[title]


@pytest.mark.parametrize("folder", VENDORED, ids=lambda folder: folder.name)
def test_what_is_vendored_is_as_published(folder: Path):
    about = (folder / "README.md").read_text(encoding="utf-8")
    written = dict(re.findall(r"sha256 of `(.+?)` \| ([0-9a-f]{64})", about))

    assert written
    for name, digest in written.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
    kinds = (".js", ".json", ".woff2")
    assert set(written) == {path.name for path in folder.iterdir() if path.suffix in kinds}


def test_each_example_is_a_recipe_whose_code_is_shown():
    page = gather.recipes()
    for path in (ROOT / "examples").glob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert f"```python\n{source}```" in page
        assert page.index(f"`examples/{path.name}`") < page.index(source)
