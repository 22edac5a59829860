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
from resonance_helpers.cli.streams import print_anything

SITE = ROOT / "build" / "site"
DRAFT = SITE.with_name("site-draft")
"""Where it is built: what stands in `SITE`, as for a bundle, is whole."""
SOURCE = ROOT / "build" / "site-source"


def main() -> int:
    """Gather and build; 0 if there was nothing to complain of."""
    print_anything()
    if sys.flags.optimize > 1:
        print(f"docs: {NO_DOCSTRINGS}", file=sys.stderr)
        return 1
    try:
        gather(SOURCE)
        shutil.rmtree(DRAFT, ignore_errors=True)
        failed = build()
        if not failed:
            shutil.rmtree(SITE, ignore_errors=True)
            DRAFT.rename(SITE)
            print(f"The site: {(SITE / 'index.html').as_uri()}")
    except (LessonError, OSError) as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return failed


def build() -> int:
    """Build what was gathered into `DRAFT`; Sphinx's exit code."""
    flags = ["--quiet", "--fresh-env", "--fail-on-warning", "--keep-going", "--jobs", "2"]
    return sphinx(["-b", "html", "-c", str(DOCS), *flags, str(SOURCE), str(DRAFT)])


if __name__ == "__main__":
    sys.exit(main())
