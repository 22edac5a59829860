"""``python -m docs``: build the site into ``build/site``; what ``make docs`` runs.

The pages read from a folder or a stick as from a server: nothing on them comes from elsewhere.
A warning fails the build.
"""

from __future__ import annotations

import shutil
import sys

from sphinx.cmd.build import main as sphinx

from authoring.__main__ import NO_DOCSTRINGS
from authoring.execute import LessonError
from docs.gather import DOCS, ROOT, gather

SITE = ROOT / "build" / "site"
SOURCE = ROOT / "build" / "site-source"


def main() -> int:
    """Gather and build; 0 if there was nothing to complain of."""
    if sys.flags.optimize > 1:
        print(f"docs: {NO_DOCSTRINGS}", file=sys.stderr)
        return 1
    try:
        gather(SOURCE)
    except LessonError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    shutil.rmtree(SITE, ignore_errors=True)
    flags = ["--quiet", "--fresh-env", "--fail-on-warning", "--keep-going", "--jobs", "2"]
    failed = sphinx(["-b", "html", "-c", str(DOCS), *flags, str(SOURCE), str(SITE)])
    if not failed:
        print(f"The site: {(SITE / 'index.html').as_uri()}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
