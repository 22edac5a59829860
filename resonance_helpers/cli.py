"""The command line: ``resonance lab | sandbox | doctor | execute | editions``.

Each command imports what it needs when it runs, so that ``resonance --help`` is quick and
``resonance doctor`` works where something is missing.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 failed, 2 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if given[:1] == ["sandbox"]:  # it has options and a --help of its own
            return sandbox(given[1:])
        options = parser().parse_args(given)
        return int(options.run(options))
    except OSError as error:  # a folder that is not there, or that is another's
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        return 130


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = argparse.ArgumentParser(
        prog="resonance", description="Learn the ResonanceOS v6 REST API in Jupyter notebooks."
    )
    top.add_argument("--version", action=Version, nargs=0, help="print the version")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    lab = commands.add_parser("lab", help="open JupyterLab on lesson 1")
    lab.add_argument("--port", type=port_number, help="default: the first free one from 8888 on")
    lab.add_argument("--no-browser", action="store_true", help="only print the address")
    lab.add_argument(
        "--notebooks", type=Path, metavar="FOLDER", help="default: those of this clone"
    )
    lab.set_defaults(run=run_lab)

    commands.add_parser("sandbox", help="run the sandbox server; its options: resonance sandbox -h")

    doctor = commands.add_parser("doctor", help="check this machine; a mend for each finding")
    doctor.set_defaults(run=run_doctor)

    execute = commands.add_parser("execute", help="run the lessons and save what they print")
    execute.add_argument(
        "lessons", nargs="*", metavar="LESSON", help="a number, a topic or a file; default: all"
    )
    execute.add_argument(
        "--check", action="store_true", help="write nothing; 1 if anything differs"
    )
    execute.add_argument("--redraw", action="store_true", help="take new pictures too")
    execute.add_argument(
        "--timeout", type=float, default=60, metavar="SECONDS", help="of a cell; default 60"
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
    return top


class Version(argparse.Action):
    """``--version``: read only when asked for, which takes longer than all of ``--help``."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"resonance {version('resonance-helpers')}")
        parser.exit()


def port_number(text: str) -> int:
    """A TCP port; 0 means any free one."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 0 to 65535")
    return number


def run_lab(options: argparse.Namespace) -> int:
    from .lab import LabError, lab

    try:
        return lab(notebooks=options.notebooks, port=options.port, browser=not options.no_browser)
    except LabError as error:
        return fail(str(error))


def sandbox(arguments: Sequence[str]) -> int:
    from .sandbox.__main__ import main

    try:
        return main(arguments)
    except ModuleNotFoundError as error:
        return fail(
            f"the sandbox needs {error.name}, which is not installed: "
            "pip install 'resonance-helpers[sandbox]'"
        )


def run_doctor(options: argparse.Namespace) -> int:
    from .doctor import examine

    return examine()


def run_execute(options: argparse.Namespace) -> int:
    from .execute import LessonError, execute, named

    if nothing := without_clone():
        return fail(nothing)
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
    except ModuleNotFoundError as error:
        return fail(without_lessons(error))
    if not options.check:
        return 0
    for difference in found:
        print(difference, file=sys.stderr)
    if found:
        print("Mend: run `resonance execute`, look at the changes, commit them.", file=sys.stderr)
    return 1 if found else 0


def run_editions(options: argparse.Namespace) -> int:
    from .editions import EDITIONS, write
    from .execute import LessonError

    if nothing := without_clone():
        return fail(nothing)
    try:
        for edition in EDITIONS:
            write(edition, options.out / edition, say=print)
    except LessonError as error:
        return fail(str(error))
    except ModuleNotFoundError as error:
        return fail(without_lessons(error))
    return 0


def without_clone() -> str:
    """Why there is nothing to run; empty where there is."""
    from .lessons import NOTEBOOKS, available

    return "" if available() else f"there are no lessons in {NOTEBOOKS}: run this in a clone"


def without_lessons(error: ModuleNotFoundError) -> str:
    """Which package is missing to run lessons, and how to get it."""
    return (
        f"running lessons needs {error.name}, which is not installed: "
        "pip install 'resonance-helpers[lessons]'"
    )


def fail(message: str) -> int:
    """Say what is wrong in one sentence; the exit code for it."""
    print(f"resonance: {message}", file=sys.stderr)
    return 1
