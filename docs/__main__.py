"""``python -m docs``: build the site into ``build/site``; what ``make docs`` runs.

The pages read from a folder or a stick as from a server: nothing on them comes from elsewhere.
A warning fails the build.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from docs.gather import DOCS, ROOT, gather
from resonance_helpers.execute import LessonError

SITE = ROOT / "build" / "site"
SOURCE = ROOT / "build" / "site-source"


def main(arguments: list[str] | None = None) -> int:
    """Gather and build; 0 if there was nothing to complain of."""
    parser = argparse.ArgumentParser(prog="python -m docs", description="Build the site.")
    parser.add_argument("--out", type=Path, default=SITE, help="default: build/site")
    options = parser.parse_args(arguments)
    try:
        gather(SOURCE)
    except LessonError as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    flags = ["--quiet", "--fail-on-warning", "--keep-going", "--jobs", "2"]
    failed = sphinx(["-b", "html", "-c", str(DOCS), *flags, str(SOURCE), str(options.out)])
    if not failed:
        print(f"The site: {(options.out / 'index.html').resolve().as_uri()}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
