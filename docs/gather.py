"""Everything that the site publishes, put into one folder for Sphinx.

Most of it lives elsewhere: lessons in ``notebooks``, tables in ``docs/benchmarks``, words about
the set-up in the README. What is new in one of those places is on the site without a list here.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment
from nbformat.v4 import new_markdown_cell

from authoring.compare import WIDGET_VIEW
from authoring.execute import NAVIGATION
from benchmarks.harness import index
from docs import http_api, problems, reference, runs, samples
from resonance_helpers.lesson.manifest import Lesson, available, pages

__all__ = ["gather"]

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

RUN_IT = """\
```{{admonition}} Run it yourself
:class: run-it
This page is for reading. To work through the lesson, run `make lab` and open `notebooks/{file}`
([how to start](../start.md)).
```"""

DISPLAYS = {"HTML", "Label", "Image", "IntProgress", "FloatProgress", "Box", "HBox", "VBox"}
"""The widgets that only show something; whatever else there is answers to a hand."""

NEEDS_KERNEL = """\
```{container} needs-kernel
This widget wants a kernel to answer: run the lesson. Here it is as it was when this page was made.
```"""


class Folder:
    """The folder that Sphinx reads.

    A file that has not changed is not touched, or Sphinx would read it again; one that is not
    written any more goes in the end.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._written: set[Path] = set()

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        content = content.encode() if isinstance(content, str) else content
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._written.add(path)

    def sweep(self) -> None:
        for path in self.root.rglob("*"):
            if path.is_file() and path not in self._written:
                path.unlink()


def gather(root: Path) -> None:
    """Write the site's sources into the folder ``root``.

    Raises:
    ------
    LessonError
        If a lesson does not run, or prints other than what is committed.
    """
    folder = Folder(root)
    pictures = {}
    for lesson, notebook in runs.lessons(pages()):
        if found := first_picture(notebook):
            pictures[lesson.topic] = found[0]
            folder.write(f"pictures/{lesson.topic}.png", found[1])
        folder.write(f"lessons/{lesson.filename}", nbformat.writes(page(lesson, notebook)))
    for name, text in reference.pages():
        folder.write(f"reference/{name}", text)
    document = http_api.document()
    for name, text in http_api.pages(document, samples.take(), problems.failures()):
        folder.write(name, text)
    folder.write("openapi.json", json.dumps(document, indent=1))
    for path in sorted((DOCS / "benchmarks").glob("*")):
        if path.suffix in (".md", ".svg", ".png"):
            folder.write(f"benchmarks/{path.name}", path.read_bytes())
    folder.write("benchmarks/README.md", index(DOCS / "benchmarks") + tables())
    for path in guide():
        folder.write(path.relative_to(DOCS).as_posix(), path.read_bytes())
    folder.write("recipes.md", recipes())
    folder.write("changelog.md", (ROOT / "CHANGELOG.md").read_bytes())
    for name in ("index", "start"):
        template = (DOCS / f"{name}.md.jinja").read_text(encoding="utf-8")
        folder.write(f"{name}.md", render(template, pictures))
    folder.sweep()


def recipes() -> str:
    """Each file of ``examples``, under the first sentence of its own words."""
    shown = [
        "# Recipes",
        "Files of `examples/`, each of them tested, to copy into your own project.",
    ]
    for path in sorted((ROOT / "examples").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        title = source.partition("\n")[0].removeprefix('"""').rstrip(".")
        shown += [f"## {title}", f"`examples/{path.name}`", f"```python\n{source}```"]
    return "\n\n".join(shown) + "\n"


def page(lesson: Lesson, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A lesson as a page: how to run it, a word to each widget, and each picture's text."""
    cells = []
    for cell in notebook.cells:
        if NAVIGATION in cell.metadata.get("tags", ()):
            continue  # the theme has links of its own to the pages before and after
        cells.append(cell)
        outputs = cell.get("outputs", ())
        if alts := [alt for output in outputs for alt in told(output)]:
            cell.metadata["mystnb"] = {"image": {"alt": " ".join(alts)}}
        if any(answers(notebook, output) for output in outputs):
            cells.append(new_markdown_cell(NEEDS_KERNEL, id=f"{cell.id}-kernel"))
    cells.insert(2, new_markdown_cell(RUN_IT.format(file=lesson.filename), id="run-it"))
    notebook.cells = cells
    return notebook


def answers(notebook: nbformat.NotebookNode, output: nbformat.NotebookNode) -> bool:
    """Whether an output is a widget with something to choose, move or press."""
    view = output.get("data", {}).get(WIDGET_VIEW)
    states = notebook.metadata.get("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    left = [view["model_id"]] if view else []
    while left:
        model = states[left.pop()]
        if model["model_name"].removesuffix("Model") not in DISPLAYS:
            return True
        children = model["state"].get("children", ())
        left += [child.removeprefix("IPY_MODEL_") for child in children]
    return False


def told(output: nbformat.NotebookNode) -> list[str]:
    """What an output's pictures say of themselves."""
    about = output.get("metadata", {}).values()
    return [one["alt"] for one in about if isinstance(one, dict) and "alt" in one]


def minutes() -> str:
    """How long a lesson takes, from the shortest to the longest."""
    times = [one.reading + one.practice for one in available() if one.number]
    return f"{min(times)} to {max(times)} minutes"


def guide() -> list[Path]:
    """The instructor's guide, if there is one."""
    kinds = (".md", ".png", ".svg")
    return sorted(path for path in (DOCS / "instructor").rglob("*") if path.suffix in kinds)


def tables() -> str:
    """The benchmarks' tables, for the site's contents."""
    names = sorted(path.stem for path in (DOCS / "benchmarks").glob("*.json"))
    return "\n".join(["", "```{toctree}", ":hidden:", "", *names, "```", ""])


def first_picture(notebook: nbformat.NotebookNode) -> tuple[str, bytes] | None:
    """The first picture of a lesson, if it has one: what it says, and the PNG."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", ()))
    for output in outputs:
        if "image/png" in output.get("data", {}):
            return told(output)[0], b64decode(output.data["image/png"])
    return None


def render(template: str, pictures: Mapping[str, str]) -> str:
    """One of the site's own pages, with what it takes from elsewhere filled in."""
    words: dict[str, Any] = {
        "pictures": pictures,
        "lessons": [(lesson.name, lesson) for lesson in available()],
        "pages": [(lesson.name, lesson) for lesson in pages()],
        "readme": sections((ROOT / "README.md").read_text(encoding="utf-8")),
        "minutes": minutes(),
        "guide": [path.relative_to(DOCS).as_posix() for path in guide() if path.suffix == ".md"],
    }
    environment = Environment(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    return environment.from_string(template).render(words)


def sections(text: str) -> dict[str, str]:
    """Heading to text, for each section of a Markdown page."""
    _, *parts = re.split(r"(?m)^## (.+)\n", text)
    return {title: body.strip() for title, body in zip(parts[::2], parts[1::2], strict=True)}
