"""Sphinx's settings. What it reads is put together by `docs.gather`; run it with ``make docs``."""

from __future__ import annotations

import re
import sys
from html import escape
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes

if TYPE_CHECKING:
    from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from docs.markdown import write as write_markdown
from docs.sections import write as write_sections

project = "ResonanceOS v6 API tutorial"
version = release = installed("resonance-helpers")
language = "en"

extensions = [
    *("myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"),
    *("sphinx_copybutton", "sphinx_design"),
]
templates_path = ["_templates"]
default_role = "py:obj"  # `name` in a docstring is a link where there is such a name
# Two things may have one name, such as the `Delivery` of a handler and that of an answer.
suppress_warnings = ["mystnb.unknown_mime_type", "ref.python"]

# The lessons ran already, and their outputs are those that the tests hold them to.
nb_execution_mode = "off"
nb_ipywidgets_js = {"vendor/html-manager/embed.js": {}}
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
myst_links_external_new_tab = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
add_module_names = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 80
napoleon_use_ivar = True

html_theme = "sphinx_book_theme"
html_title = "ResonanceOS v6"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js", "search.js"]
html_extra_path = ["../build/site-source/openapi.json"]
html_use_index = False
html_domain_indices = False
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False
html_last_updated_fmt = None
html_show_search_summary = False  # it would fetch each page found, which a file: URL forbids
html_context = {"default_mode": "auto"}
html_theme_options = {
    "use_download_button": False,
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "footer_content_items": [],
}


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", lay_out)
    app.connect("autodoc-process-bases", without_private)
    app.connect("html-page-context", describe)
    app.connect("build-finished", write_sections)
    app.connect("build-finished", write_markdown)


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let a page's first sentences stand for it where it is linked to."""
    found = doctree.findall(nodes.paragraph) if doctree else ()
    if first := next((one for one in found if not isinstance(one.parent, nodes.entry)), None):
        words = escape(" ".join(first.astext().split()))
        context["metatags"] += f'<meta name="description" content="{words}">'


def lay_out(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Keep the line breaks of what a module's docstring lays out as a table or a drawing."""
    if what != "module":
        return
    kept: list[str] = []
    for paragraph in re.split(r"\n{2,}", "\n".join(lines).strip("\n")):
        indented = paragraph.startswith("    ") and not (kept and kept[-1].endswith("::"))
        aligned = all(re.match(r"\w+(  +| )\S", line) for line in paragraph.split("\n"))
        if indented or (aligned and re.search(r"^\w+  +\w.*\n", paragraph)):
            margin = "" if indented else "    "
            paragraph = ".. code-block:: text\n\n" + re.sub("(?m)^", margin, paragraph)
        kept.append(paragraph)
    lines[:] = "\n\n".join(kept).split("\n")


def without_private(app: Sphinx, name: str, obj: type, options: object, bases: list[type]) -> None:
    """Name the nearest public class that a class comes from."""
    for at, base in enumerate(bases):
        family = getattr(base, "__mro__", (base,))
        bases[at] = next(one for one in family if not one.__name__.startswith("_"))
