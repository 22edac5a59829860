"""The command line: ``resonance lab | progress | sandbox | doctor | judge | conform``.

Each command imports what it needs when it runs, so that ``resonance --help`` is quick and
``resonance doctor`` works where something is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import conform, judge
from .streams import hear_no_more, print_anything

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code: 0 done, 1 failed, 2 wrong usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    print_anything()
    try:
        if given[:1] == ["sandbox"]:  # it has options and a --help of its own
            return sandbox(given[1:])
        options = parser().parse_args(given)
        return int(options.run(options))
    except BrokenPipeError:
        hear_no_more()
        return 1
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

    lab = commands.add_parser("lab", help="open JupyterLab where you were")
    lab.add_argument("--port", type=port_number, help="default: the first free one from 8888 on")
    lab.add_argument("--no-browser", action="store_true", help="only print the address")
    lab.add_argument(
        "--notebooks",
        type=Path,
        metavar="FOLDER",
        help="open this folder as it is; default: your working copies, in my-lessons",
    )
    lab.add_argument(
        "--originals",
        action="store_true",
        help="open the lessons that git tracks, to change them",
    )
    lab.set_defaults(run=run_lab)

    progress = commands.add_parser("progress", help="show which exercises you have solved")
    progress.add_argument(
        "--notebooks", type=Path, metavar="FOLDER", help="default: your working copies"
    )
    progress.set_defaults(run=run_progress)

    commands.add_parser("sandbox", help="run the sandbox server; its options: resonance sandbox -h")

    doctor = commands.add_parser("doctor", help="check this machine; a fix for each finding")
    doctor.set_defaults(run=run_doctor)

    judge.add_parser(commands)
    conform.add_parser(commands)
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
    from ..lesson.manifest import NOTEBOOKS
    from .lab import LabError, lab

    folder = NOTEBOOKS if options.originals else options.notebooks
    try:
        return lab(notebooks=folder, port=options.port, browser=not options.no_browser)
    except LabError as error:
        return fail(str(error))


def sandbox(arguments: Sequence[str]) -> int:
    from resonance_sandbox.__main__ import main

    try:
        return main(arguments)
    except ModuleNotFoundError as error:
        from ..lesson.connect import INSTALL_SANDBOX

        return fail(f"the sandbox needs {error.name}, which is not installed. {INSTALL_SANDBOX}")


def run_progress(options: argparse.Namespace) -> int:
    from ..lesson.progress import overview
    from .copies import MY_LESSONS

    print(overview(options.notebooks or MY_LESSONS))
    return 0


def run_doctor(options: argparse.Namespace) -> int:
    from .doctor import examine

    return examine()


def fail(message: str) -> int:
    """Say what is wrong in one sentence; the exit code for it."""
    print(f"resonance: {message}", file=sys.stderr)
    return 1
