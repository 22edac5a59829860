"""The files that verdicts are written to: ``--json`` and ``--junit``."""

from __future__ import annotations

import argparse
import json
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
    return None


def write_files(
    options: argparse.Namespace, as_dict: Mapping[str, Any], as_junit: Callable[[], bytes]
) -> None:
    """Write those that were asked for."""
    if options.json:
        text = json.dumps(as_dict, indent=1, ensure_ascii=False)
        # Half of a surrogate pair is told as JSON escapes it.
        options.json.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
    if options.junit:
        options.junit.write_bytes(as_junit())
