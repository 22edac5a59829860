"""The files that verdicts are written to: ``--json`` and ``--junit``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["add_files", "missing_folder", "write_files"]


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the options to a command's grammar."""
    parser.add_argument("--json", type=Path, metavar="F", help="write the verdicts to this file")
    parser.add_argument("--junit", type=Path, metavar="F", help="write them as JUnit's XML")


def missing_folder(*files: Path | None) -> str | None:
    """What is wrong with where the files are to be, found before anything is run."""
    for file in files:
        if file is not None and not file.parent.is_dir():
            return f"there is no folder {file.parent} for {file.name}. Fix: make it first"
        if file is not None and file.is_dir():
            return f"{file} is a folder. Fix: name a file in it"
    return None


def write_files(
    options: argparse.Namespace,
    as_dict: Mapping[str, Any],
    as_junit: Callable[[], bytes],
    as_html: Callable[[], str] | None = None,
) -> None:
    """Write those that were asked for.

    Raises:
        SystemExit: one can't be written; it is said, and the code is not that of a broken promise.
    """
    try:
        if options.json:
            text = json.dumps(as_dict, indent=1, ensure_ascii=False)
            # Half of a surrogate pair is told as JSON escapes it.
            options.json.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        if options.junit:
            options.junit.write_bytes(as_junit())
        if as_html and options.html:
            options.html.write_text(as_html(), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"resonance: not written: {where}{error.strerror or error}", file=sys.stderr)
        raise SystemExit(2) from None
