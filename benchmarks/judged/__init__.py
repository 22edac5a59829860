"""Short, honest programs with one task, each judged on every promise.

The task: make three styles, and write an article in each. This project's program does more: it
gets its token by OAuth, and writes an introduction to each style when its event comes.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import Goal, Options, Result, stage, versions
from resonance_judge import JudgeError, Judgement, judge
from resonance_judge.promises import PROMISES

HERE = Path(__file__).parent

PROGRAMS = {
    "this client": "this_client.py",
    "the seed's client": "seed_client.py",
    "requests, urllib3's Retry": "requests_retry.py",
    "requests, tenacity": "with_tenacity.py",
    "openai SDK": "openai_sdk.py",
    "aiohttp": "with_aiohttp.py",
    "Node, fetch and p-retry": "node_fetch.mjs",
}

QUICK = ("lost-after", "asked-to-wait", "killed-between")
"""Scenarios of a quick run."""

SIGNS = {"kept": "kept", "broken": "**broken**", "not shown": ""}


def run(options: Options) -> list[Result]:
    """Judge each program, and put the verdicts side by side."""
    judged: dict[str, Judgement] = {}
    notes = []
    for name, file in PROGRAMS.items():
        command = command_of(HERE / file)
        if command is None:
            notes.append(f"{name}: left out, since npm is not installed.")
            continue
        with stage(name):
            try:
                judged[name] = judge(
                    command, only=lambda one: not options.quick or one.name in QUICK
                )
            except JudgeError as error:
                notes.append(f"{name}: not judged: {error}")
    return [table(judged, notes)]


def command_of(file: Path) -> list[str] | None:
    """How a program is run; None where what runs it is not installed."""
    if file.suffix == ".py":
        return [sys.executable, str(file)]
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return None
    subprocess.run([npm, "ci", "--no-audit", "--no-fund", "--silent"], cwd=file.parent, check=True)
    return [node, str(file)]


def table(judged: dict[str, Judgement], notes: list[str]) -> Result:
    """The verdicts: a row for each promise, a column for each program."""
    verdicts = {
        name: {verdict.promise.name: verdict for verdict in judgement.verdicts}
        for name, judgement in judged.items()
    }
    rows = [
        [promise.says, *(SIGNS[verdicts[name][promise.name].verdict] for name in judged)]
        for promise in PROMISES.values()
    ]
    told = [
        f"{name}, {verdict.promise.says.rstrip('.')}: {verdict.shown_by}"
        for name, judgement in judged.items()
        for verdict in judgement.broken
    ]
    ours = verdicts.get("this client", {})
    return Result(
        "judged",
        "Which promises does a program keep?",
        columns=("promise", *judged),
        rows=rows,
        goals=[
            Goal(
                "promises that this client keeps",
                sum(verdict.verdict == "kept" for verdict in ours.values()),
                len(PROMISES),
                at_least=True,
            )
        ],
        notes=[
            "Each program is in benchmarks/judged, as short as its library's documentation "
            "suggests, and none is tuned to fail. An empty cell: nothing that it does puts the "
            "promise to the test (only this client's program gets tokens and takes events).",
            f"The peers: {versions('requests', 'urllib3', 'tenacity', 'openai', 'aiohttp')}.",
            *told,
            *notes,
        ],
    )
