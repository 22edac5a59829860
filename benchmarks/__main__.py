"""``python -m benchmarks [name ...] [--quick] [--rounds N] [--out DIR]``: measure.

It prints the tables, and writes each as Markdown, JSON and SVG. A full run writes to
docs/benchmarks, where the site reads it; a quick one only prints, unless --out says where.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness import Options, Result, save_index

BENCHMARKS = {
    "batch": "wall time of a batch over its ideal, and under faults",
    "cancellation": "how soon a cancelled call has closed its connection",
    "fault_matrix": "every fault at every point of a request, against every method",
    "judged": "which promises a program keeps through trouble, beside other clients",
    "pacing": "how much of an allowed rate a batch uses, and how often it is refused",
    "pacing_sandbox": "the same in real time against the sandbox, killed and resumed, too",
    "profile": "where a call's time goes, through requests and through the client",
    "per_call": "time per call and per import, beside other HTTP clients",
    "resilience": "success, duplicates and wall time under faults, beside other clients",
    "quality": "how near the writer comes to its targets, and whether it can be believed",
    "sandbox_share": "where the sandbox's time goes, layer by layer",
    "set_up": "seconds to set a fresh clone up, with uv and pip, and to its first article",
    "webhooks": "from a request to its event's arrival, beside a dead receiver too",
}
DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks"


def main(arguments: Sequence[str] | None = None) -> int:
    options, names, folder = _parsed(arguments)
    missed = False
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        results: list[Result] = module.run(options)
        for result in results:
            result.options = options
            print(result.markdown(), flush=True)
            missed |= any(not goal.met for goal in result.goals)
            if folder:
                result.save(folder)
    if folder:
        save_index(folder)
    # A quick run's figures mean nothing, so they fail nothing.
    return int(missed and not options.quick)


def _parsed(arguments: Sequence[str] | None) -> tuple[Options, list[str], Path | None]:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures side by side with named peers.",
        epilog="\n".join(f"{name:14} {what}" for name, what in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="name", help="which; none: all of them")
    parser.add_argument("--quick", action="store_true", help="small: shows only that they work")
    parser.add_argument("--rounds", type=int, help="rounds to measure, after the warm-up")
    parser.add_argument("--out", type=Path, help="folder for the tables, figures and plots")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds needs a whole number from 1 up")
    folder = given.out or (None if given.quick else DOCS)
    return Options(given.quick, given.rounds), given.names or list(BENCHMARKS), folder


if __name__ == "__main__":
    sys.exit(main())
