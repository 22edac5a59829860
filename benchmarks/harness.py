"""What every benchmark shares: interleaved rounds, and a result.

The result becomes a table, a plot and a JSON file; it has spreads instead of single numbers.

A benchmark is a module with ``run(options: Options) -> list[Result]``. It either times cases::

    spreads = interleaved({"requests": one_round, "ours": another}, options)
    result = Result("per_call", "Time per call", columns=("client", "µs"),
                    rows=[(name, spread.scaled(1e6)) for name, spread in spreads.items()])

or counts something, and puts plain numbers in the rows. Ratios within one run are what travels
to another machine; the seconds are given beside them.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.plot import save_bars
from benchmarks.spread import Spread, number

__all__ = [
    "Goal",
    "Options",
    "Result",
    "index",
    "interleaved",
    "machine",
    "save_index",
    "stage",
    "versions",
]


@dataclass(frozen=True)
class Options:
    """How much to measure. `quick` shows that a benchmark works; its figures mean nothing.

    `rounds` overrules a benchmark's own number of rounds; `seed` sets the order of the cases.
    """

    quick: bool = False
    rounds: int | None = None
    seed: int = 6

    def size(self, full: int, quick: int) -> int:
        """`full`, or `quick` on a quick run."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Goal:
    """A figure that the project promises, beside what this run measured."""

    text: str
    measured: float
    bound: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        verdict = "met" if self.met else "MISSED"
        return f"{verdict}: {self.text} {sign} {number(self.bound)}: {number(self.measured)}"


@dataclass
class Result:
    """One table with its plot. A cell of `rows` is a text, a number or a `Spread`.

    `bars` names the column to plot as horizontal bars (a spread gets its quartiles as a whisker);
    `line` draws a vertical line there, such as the baseline 1.0 of a ratio.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    notes: Sequence[str] = ()
    goals: Sequence[Goal] = ()
    bars: str | None = None
    line: float | None = None
    options: Options = field(default_factory=Options)

    def markdown(self) -> str:
        """The table in Markdown, with the command that made it and the machine it ran on."""
        lines = [f"# {self.title}", ""]
        lines += _table(self.columns, self.rows)
        lines += ["", *(f"- {goal}" for goal in self.goals)] if self.goals else []
        lines += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        lines += ["", f"`{self.command}` on {machine()}."]
        if any(isinstance(cell, Spread) for row in self.rows for cell in row):
            lines[-1] += " A figure is the median of its rounds, with the quartiles in brackets."
        return "\n".join(lines) + "\n"

    @property
    def command(self) -> str:
        flags = " --quick" if self.options.quick else ""
        flags += f" --rounds {self.options.rounds}" if self.options.rounds else ""
        return f"python -m benchmarks {self.name.partition('-')[0]}{flags}"

    def as_json(self) -> dict[str, Any]:
        """All figures of the run, each round's included."""
        return {
            "name": self.name,
            "title": self.title,
            "command": self.command,
            "machine": machine(),
            "columns": list(self.columns),
            "rows": [[_plain(cell) for cell in row] for row in self.rows],
            "goals": [
                {
                    "text": goal.text,
                    "measured": goal.measured,
                    "bound": goal.bound,
                    "at_least": goal.at_least,
                    "met": goal.met,
                }
                for goal in self.goals
            ],
            "notes": list(self.notes),
        }

    def save(self, folder: Path) -> list[Path]:
        """Writes ``<name>.md``, ``<name>.json`` and, where there is a plot, ``<name>.svg``."""
        folder.mkdir(parents=True, exist_ok=True)
        text = self.markdown()
        written = [folder / f"{self.name}.md", folder / f"{self.name}.json"]
        if self.bars:
            column = list(self.columns).index(self.bars)
            written.append(folder / f"{self.name}.svg")
            bars = [(str(row[0]), row[column]) for row in self.rows]
            save_bars(written[-1], self.title, self.bars, bars, self.line)
            text += f"\n![{self.title}]({self.name}.svg)\n"
        written[0].write_text(text, encoding="utf-8")
        body = json.dumps(self.as_json(), indent=1, ensure_ascii=False)
        written[1].write_text(body + "\n", encoding="utf-8")
        return written


def index(folder: Path) -> str:
    """All tables that were saved in `folder`, and how their goals fared, as Markdown."""
    lines = ["# Benchmarks", "", "Each by the command on its page.", ""]
    lines += ["| table | goals met |", "| --- | --- |"]
    for path in sorted(folder.glob("*.json")):
        saved = json.loads(path.read_text(encoding="utf-8"))
        met = [goal["met"] for goal in saved["goals"]]
        tally = f"{sum(met)} of {len(met)}" if met else "none set"
        lines.append(f"| [{saved['title']}]({path.stem}.md) | {tally} |")
    return "\n".join(lines) + "\n"


def save_index(folder: Path) -> None:
    """Writes the `index` of `folder` into its ``README.md``."""
    (folder / "README.md").write_text(index(folder), encoding="utf-8")


def interleaved(
    cases: Mapping[str, Callable[[], float | None]],
    options: Options,
    *,
    rounds: int = 15,
    warmup: int = 1,
) -> dict[str, Spread]:
    """Every case once in each round, in an order drawn anew for each, after `warmup` rounds.

    A case does one round's work. It returns the seconds that count, or None to have the whole
    call timed. Interleaving lets what slows the machine down slow every case alike; the drawn
    order keeps one case from always running after the same neighbour.

    Returns the spread of each case in seconds, in the order of `cases`, the rounds paired.
    """
    rounds = options.rounds or options.size(rounds, 2)
    order = random.Random(options.seed)
    taken: dict[str, list[float]] = {name: [] for name in cases}
    gc.collect()
    gc.freeze()  # what is there already need not be looked through again before each case
    try:
        for turn in range(-options.size(warmup, min(warmup, 1)), rounds):
            for name in order.sample(list(cases), len(cases)):
                seconds = _timed(cases[name])
                if turn >= 0:
                    taken[name].append(seconds)
            if turn >= 0:
                _progress(f"round {turn + 1} of {rounds}")
    finally:
        gc.unfreeze()
        _progress("")
    return {name: Spread(tuple(values)) for name, values in taken.items()}


def _timed(case: Callable[[], float | None]) -> float:
    gc.collect()  # so that no case pays for its neighbour's garbage
    began = time.perf_counter()
    seconds = case()
    return time.perf_counter() - began if seconds is None else seconds


@contextmanager
def stage(text: str) -> Iterator[None]:
    """Says on the terminal what is going on, and wipes it afterwards."""
    _progress(text)
    try:
        yield
    finally:
        _progress("")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def machine() -> str:
    """What the figures depend on, and nothing that names the machine."""
    return (
        f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def versions(*distributions: str) -> str:
    """``requests 2.34.2, httpx 0.28.1``: the peers as they are installed."""
    named = []
    for name in distributions:
        try:
            named.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            named.append(f"{name} (not installed: left out)")
    return ", ".join(named)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    right = [all(not isinstance(row[i], str) for row in rows) for i in range(len(columns))]
    rule = ["---:" if is_right else "---" for is_right in right]
    cells = [[_shown(cell) for cell in row] for row in rows]
    return ["| " + " | ".join(row) + " |" for row in [list(columns), rule, *cells]]


def _shown(cell: object) -> str:
    return number(cell) if isinstance(cell, float) else str(cell)


def _plain(cell: object) -> object:
    if isinstance(cell, Spread):
        return {
            "median": cell.median,
            "quartiles": list(cell.quartiles),
            "rounds": list(cell.values),
        }
    return cell
