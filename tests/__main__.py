"""``python -m tests [PART ...]``: the tests, part by part; what ``make test`` and ``soak`` run.

Without a name, all but the long ones. The cheapest part comes first and the first failure ends the
run, with the command that repeats that part alone. The closing line counts the tests of all parts
together.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PYTEST = ("pytest", "-q", "--no-header", "-p", "no:schemathesis", "-p", "tests.support.quick_start")
NO_NBVAL = ("-p", "no:nbval")
"""Like schemathesis, a plugin that each worker takes long to load; no test of that part uses it."""
SPREAD = ("-n", "4", "--dist", "loadfile")
"""More workers than cores: most tests wait for a server half of their time."""
ORDERED = ("--no-loadscope-reorder",)
"""As `tests/conftest.py` has put them: the longest first."""
LONG = "soak"
SOAK = (
    *("-vv", "-n", "3", "--dist", "loadfile"),
    *("-m", "soak", "-o", "faulthandler_timeout=7200", "--durations=20"),
)
PARTS: dict[str, list[tuple[str, ...]]] = {
    "lint": [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
        ("tests.floors", "--no-cache", "--no-logo"),
    ],
    "units": [
        (*PYTEST, *NO_NBVAL, *SPREAD, *ORDERED, "--ignore=tests/browser", "tests"),
    ],
    "lessons": [
        (
            *(*PYTEST, *SPREAD),
            *("--nbval", "--nbval-current-env", "--nbval-cell-timeout=60"),
            *("--nbval-sanitize-with", "authoring/measured.cfg", "notebooks"),
        ),
    ],
    "browser": [
        (*PYTEST, *NO_NBVAL, *SPREAD, "tests/browser"),
    ],
    # A line for each. Those of the browser apart: Playwright leaves an event loop behind.
    LONG: [
        (*PYTEST, *NO_NBVAL, *SOAK, *ORDERED, "--ignore=tests/browser", "tests"),
        (*PYTEST, *NO_NBVAL, *SOAK, "tests/browser"),
    ],
}
COLLECT = (*PYTEST, *NO_NBVAL, "--collect-only", "--ignore=tests/browser", "tests")
"""Compiles the tests, once for all workers, while lint leaves a core free."""
COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed|deselected|warnings?)")


def main(chosen: list[str]) -> int:
    """Run the chosen parts, by default all but the long one; 0 if everything passed."""
    if unknown := set(chosen) - PARTS.keys():
        print(f"no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}")
        return 2
    began = time.monotonic()
    counts: Counter[str] = Counter()
    failed = ""
    parts = [part for part in PARTS if (part in chosen if chosen else part != LONG)]
    with contextlib.ExitStack() as beside:
        if parts[:2] == ["lint", "units"]:
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            beside.enter_context(python(COLLECT, **silent))
        for part in parts:
            print(f"\n== {part}", flush=True)
            if part == "units":
                beside.close()  # waits for its end
            for command in PARTS[part]:
                code = run(command, counts)
                if code:
                    failed = f"{part} failed: {shlex.join(('python', '-m', *command))}"
                    break
            if failed:
                break
    if failed:
        print(f"\n{failed}\nAgain, this part alone: make test PARTS={failed.split()[0]}")
    total = ", ".join(f"{counts[word]} {word}" for word in sorted(counts, key=order)) or "no tests"
    print(f"===== {total} in {time.monotonic() - began:.0f}s =====")
    return 1 if failed else 0


def run(command: tuple[str, ...], counts: Counter[str]) -> int:
    """Run one tool, passing on its output, and add up what its last line counts."""
    last = ""
    text = {"encoding": "utf-8", "errors": "replace"}
    with python(command, stdout=subprocess.PIPE, **text) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line if line.strip() else last
    if command[0] == "pytest":
        for number, word in COUNT.findall(last):
            counts[word.removesuffix("s") if word.startswith("error") else word] += int(number)
    return process.returncode


def python(command: tuple[str, ...], **options: Any) -> subprocess.Popen[Any]:
    """Begin a tool."""
    # Hundreds of processes start here, and none is to compile again what another has.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env, **options)


def order(word: str) -> tuple[bool, bool, str]:
    """Failures first, then what passed, then the rest."""
    return (word not in ("failed", "error"), word != "passed", word)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
