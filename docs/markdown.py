"""Each page as Markdown beside its HTML, and ``llms.txt``, which lists them (llmstxt.org)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["of_notebook", "write"]

HEAD = """\
# ResonanceOS v6 API tutorial

> ResonanceOS writes articles in a style of eight measured dimensions. Eight lessons teach its
> REST API, with a Python client to copy and a sandbox server to try it on.

Each page stands beside its HTML as Markdown.
"""
GROUPS = {"lessons/": "Lessons", "api/": "HTTP API", "reference/": "Python reference"}
REST = "More"


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the pages and their list, once the site is built."""
    if exception is not None:
        return
    out = Path(app.outdir)
    groups: dict[str, list[str]] = {}
    for page in sorted(app.env.found_docs):
        source = Path(app.env.doc2path(page))
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".ipynb":
            text = of_notebook(nbformat.reads(text, as_version=4))
        target = out / f"{page}.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        group = next((name for start, name in GROUPS.items() if page.startswith(start)), REST)
        line = f"- [{app.env.titles[page].astext()}]({page}.md)"
        if said := summary(app, page):
            line += f": {said}"
        groups.setdefault(group, []).append(line)
    parts = [f"## {name}\n\n" + "\n".join(groups[name]) for name in (*GROUPS.values(), REST)]
    (out / "llms.txt").write_text("\n\n".join([HEAD.rstrip(), *parts]) + "\n", encoding="utf-8")


def summary(app: Sphinx, page: str) -> str:
    """The first paragraph of a page, in one line."""
    found = app.env.get_doctree(page).findall(nodes.paragraph)
    first = next((one for one in found if not isinstance(one.parent, nodes.entry)), None)
    return " ".join(first.astext().split()) if first else ""


def of_notebook(notebook: nbformat.NotebookNode) -> str:
    """A lesson as Markdown: its prose, its code, and what the code printed."""
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.source.strip():
            parts.append(f"```python\n{cell.source}\n```")
            if said := "\n".join(filter(None, map(shown, cell.outputs))):
                parts.append(f"```text\n{said}\n```")
    return "\n\n".join(parts) + "\n"


def shown(output: nbformat.NotebookNode) -> str:
    """The text of one output."""
    if output.output_type == "stream":
        return str(output.text).rstrip()
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return str(output.data.get("text/plain", "")).rstrip()
