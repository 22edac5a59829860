"""The command line of whoever changes the lessons: ``execute``, ``editions`` and ``seen``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from resonance_helpers.cli.copies import write_whole
from resonance_helpers.cli.streams import print_anything
from resonance_helpers.lesson.manifest import NOTEBOOKS, available

__all__ = ["NO_DOCSTRINGS", "main"]

NO_DOCSTRINGS = (
    "PYTHONOPTIMIZE=2 (python -OO) leaves out the docstrings that pages are made of; unset it"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 failed, 2 wrong usage."""
    print_anything()
    try:
        options = parser().parse_args(arguments)
        if sys.flags.optimize > 1:
            return fail(NO_DOCSTRINGS)
        if not available():
            return fail(f"there are no lessons in {NOTEBOOKS}: run this in a clone")
        return int(options.run(options))
    except OSError as error:  # a folder that is not there, or that is another's
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ModuleNotFoundError as error:
        return fail(f"{error.name} is not installed: run `python bootstrap.py`")
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = argparse.ArgumentParser(prog="python -m authoring", description="Change the lessons.")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    execute = commands.add_parser("execute", help="run the lessons and save what they print")
    execute.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="a number, a topic or a file; default: all"
    )
    execute.add_argument(
        "--check", action="store_true", help="write nothing; 1 if anything differs"
    )
    execute.add_argument("--redraw", action="store_true", help="take new pictures too")
    execute.add_argument(
        "--timeout", type=_seconds, default=60, metavar="SECONDS", help="of a cell; default 60"
    )
    execute.set_defaults(run=run_execute)

    editions = commands.add_parser("editions", help="make the lessons for students and instructors")
    editions.add_argument(
        "--out",
        type=Path,
        default=Path("build/editions"),
        metavar="FOLDER",
        help="default: %(default)s",
    )
    editions.set_defaults(run=run_editions)

    seen = commands.add_parser("seen", help="add what a room's board has seen to the notes")
    seen.add_argument("summary", type=Path, help="what `workshop board --end --summary` kept")
    seen.set_defaults(run=run_seen)
    return top


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds up to a day")
    return seconds


def run_execute(options: argparse.Namespace) -> int:
    from .execute import LessonError, execute, named

    try:
        found = execute(
            named(options.lessons),
            check=options.check,
            redraw=options.redraw,
            timeout=options.timeout,
            url=os.environ.get("RESONANCE_URL"),
        )
    except LessonError as error:
        return fail(str(error))
    if not options.check:
        return 0
    for difference in found:
        print(difference, file=sys.stderr)
    if found:
        print("Fix: run `make execute`, look at the changes, commit them.", file=sys.stderr)
    return 1 if found else 0


def run_editions(options: argparse.Namespace) -> int:
    from .editions import EDITIONS, write
    from .execute import LessonError

    try:
        for edition in EDITIONS:
            write(edition, options.out / edition, say=print)
    except LessonError as error:
        return fail(str(error))
    return 0


def run_seen(options: argparse.Namespace) -> int:
    from .guide import pages
    from .notes import NOTES, add_seen

    try:
        count = add_seen(options.summary)
    except ValueError as error:
        return fail(str(error))
    for path, text in pages(NOTES.parent).items():
        if path.read_text(encoding="utf-8") != text:
            write_whole(path, text.encode())
    print(f"{count} exercises: the notes have what was seen beside what is expected")
    return 0


def fail(message: str) -> int:
    """Say what is wrong in one sentence; the exit code for it."""
    print(f"authoring: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
