"""The site's sections, for its search: where each stands, what it is called, what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["sections", "write"]

FILE = "sections.js"
LONGEST = 2_000
"""Characters of a section that are searched: those at its beginning."""
WEIGHTS = {
    "lessons/": 3.0,
    "start": 2.5,
    "api/problems": 0.5,
    "api/": 0.8,
    "http_api": 1.0,
    "instructor/": 1.0,
}
"""How much more a find counts, by where its page stands; elsewhere half as much as usual."""


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write what the search reads, once the site is built."""
    if exception is None:
        found = [one for page in sorted(app.env.found_docs) for one in sections(app, page)]
        text = f"window.SECTIONS = {json.dumps(found, ensure_ascii=False)};\n"
        (Path(app.outdir) / "_static" / FILE).write_text(text, encoding="utf-8")


def sections(app: Sphinx, page: str) -> Iterator[dict[str, Any]]:
    """Each section of a page: its address, its title, its page's title, its own text."""
    weight = next((more for start, more in WEIGHTS.items() if page.startswith(start)), 0.5)
    whole = app.env.titles[page].astext()
    for section in app.env.get_doctree(page).findall(nodes.section):
        title = section[0].astext() if isinstance(section[0], nodes.title) else ""
        yield {
            "id": f"{page}.html#{section['ids'][0]}",
            "title": title,
            "page": whole,
            "text": " ".join(own(section).split())[:LONGEST],
            "weight": weight,
        }


def own(section: nodes.section) -> str:
    """What a section says, without its title and what stands in a section below it."""
    parts = (
        child.astext() for child in section if not isinstance(child, nodes.title | nodes.section)
    )
    return "\n".join(parts)
