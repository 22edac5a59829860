"""``resonance judge``: run a program through trouble, and say which promises it keeps."""

from __future__ import annotations

import argparse
import functools
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .verdict_files import add_files, missing_folder, write_files

if TYPE_CHECKING:
    from resonance_judge import Judgement

__all__ = ["add_parser"]

KEPT, BROKEN, NOT_JUDGED = 0, 1, 2

NOTE = """\
COMMAND is any program in any language. It runs with your rights, many times, each time against a
sandbox of its own on this machine. It is told where, by its environment:

  RESONANCE_URL              the server's base URL
  RESONANCE_API_KEY          an API key; or, for OAuth's client credentials,
  RESONANCE_CLIENT_ID        a client's id
  RESONANCE_CLIENT_SECRET    and its secret
  RESONANCE_RECEIVER_PORT    a free port for a receiver of webhooks
  RESONANCE_FOLDER           a folder for its files, which outlives a kill

It has to end by itself once its work is done. Exit code: 0 no promise is broken, 1 one is, 2 it
could not be judged."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the grammar."""
    parser = commands.add_parser(
        "judge",
        help="run a program through trouble; which promises does it keep?",
        usage="%(prog)s [OPTION ...] -- COMMAND [ARGUMENT ...]",
        description="Run a program through trouble, and judge it by what the server saw.",
        epilog=NOTE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_files(parser)
    parser.add_argument(
        "--html", type=Path, metavar="F", help="write a page with a timeline of each scenario"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="decides the moments (default: 0)"
    )
    parser.add_argument("command", nargs="+", metavar="COMMAND", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Judge, print the verdicts, write the files."""
    try:
        from resonance_judge import JudgeError, judge, report
        from resonance_judge.junit import junit
    except ModuleNotFoundError as error:
        _say(
            f"resonance: the judge needs {error.name}, which is not installed: "
            "pip install 'resonance-helpers[judge]'"
        )
        return NOT_JUDGED
    if fault := missing_folder(options.json, options.junit, options.html):
        _say(f"resonance: {fault}")
        return NOT_JUDGED
    _say(f"{options.command[0]} runs with your rights, against sandboxes on this machine.")
    signal.signal(signal.SIGTERM, _ended)
    try:
        judgement = judge(options.command, seed=options.seed, told=_say)
    except JudgeError as error:
        _say(f"resonance: not judged: {error}")
        why = str(error)
        junit_of = functools.partial(junit, "resonance judge", "promises", [], error=why)
        write_files(options, {"not_judged": why, "promises": []}, junit_of)
        return NOT_JUDGED
    _show(judgement)

    def as_html() -> str:
        from resonance_judge.page import page

        return page(judgement)

    write_files(options, report.as_dict(judgement), lambda: report.as_junit(judgement), as_html)
    return BROKEN if judgement.broken else KEPT


def _ended(number: int, _: object) -> None:
    raise SystemExit(128 + number)  # so that what is under way is ended, too


def _show(judgement: Judgement) -> None:
    print()
    for verdict in judgement.verdicts:
        print(f"{verdict.verdict:>9}  {verdict.promise.name}: {verdict.promise.says}")
        if verdict.verdict == "broken":
            print(f"           {verdict.shown_by}\n           Fix: {verdict.promise.advice}")
    counts = [verdict.verdict for verdict in judgement.verdicts]
    print(
        f"\n{counts.count('kept')} kept, {counts.count('broken')} broken, "
        f"{counts.count('not shown')} not shown."
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
