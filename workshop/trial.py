"""A rehearsal: as many attendees as will come run lessons 1 to 3 on this machine at once.

Each has a kernel, and a sandbox of their own or a tenant of a shared one on PostgreSQL. Every cell
has to run; with a sandbox of one's own, every output has to be the committed one, too. It prints
the slowest cell and the memory of an attendee: the proportional set size (PSS) of their kernel and
all that it started, at its highest in samples two seconds apart, so that pages which several
processes share are counted once.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil

from authoring.execute import LessonError, cleared, differences, merge, run_cells
from resonance_helpers.lesson.manifest import NOTEBOOKS, available
from resonance_sandbox import start
from resonance_sandbox.tenants.attendees import read_keys

__all__ = ["add_options", "run"]

LESSONS = 3
CELL = 600.0
"""Seconds that a cell may take: thirty kernels on two cores are slow to begin."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--attendees", type=_number, default=30, metavar="N", help="default: %(default)s")
    add(
        "--database",
        metavar="URL",
        help="one shared sandbox on this empty PostgreSQL, a tenant each; else a sandbox each",
    )


def _number(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of attendees from 1 to 1000")
    return int(text)


@dataclass
class Watch:
    """What was seen: the slowest cell, the failures, and memory by the kernel's process."""

    slowest: tuple[float, str] = (0.0, "")
    failures: list[str] = field(default_factory=list)
    memory: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    total: int = 0
    kernels: int = 0
    restarts: int = 0
    shared: int | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def sample(self) -> None:
        """Look at every kernel with all that it started, until it is over."""
        while not self.over.wait(2):
            total, kernels = 0, 0
            for child in psutil.Process().children():
                pss = sum(pss_of(process) for process in [child, *descendants(child)])
                total += pss
                if child.pid != self.shared:
                    kernels += 1
                self.memory[child.pid] = max(self.memory[child.pid], pss)
            self.total = max(self.total, total)
            self.kernels = max(self.kernels, kernels)


def run(options: argparse.Namespace) -> int:
    names = [f"attendee-{number:02}" for number in range(1, options.attendees + 1)]
    watch = Watch()
    lessons = available()[:LESSONS]
    with ExitStack() as stack:
        url, keys = None, {}
        if options.database:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            (folder / "list.csv").write_text("\n".join(names) + "\n", "utf-8")
            shared = start(database=options.database, attendees=folder / "list.csv", timeout=120)
            stack.enter_context(shared)
            url, watch.shared = shared.url, shared.pid
            keys = read_keys(folder / "list-keys.csv")
        before, load = time.monotonic(), psutil.getloadavg()[0]
        sampler = threading.Thread(target=watch.sample)
        sampler.start()

        def attend(name: str) -> None:
            for lesson in lessons:
                learn(NOTEBOOKS / lesson.filename, name, url, keys.get(name), watch)

        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(attend, names))
        took = time.monotonic() - before
        watch.over.set()
        sampler.join()
    report(len(names), len(lessons), took, load, watch)
    return 1 if watch.failures else 0


def learn(path: Path, name: str, url: str | None, key: str | None, watch: Watch) -> None:
    """Run one lesson as one attendee would."""
    committed = nbformat.read(path, as_version=4)
    cells = cleared(committed, path)
    since = [0.0]

    def progress(done: int, total: int) -> None:
        now = time.monotonic()
        if since[0]:  # the first cell is prose: its end is when the kernel was there
            watch.slowest = max(
                watch.slowest, (now - since[0], f"{path.name}, cell {done} of {total}")
            )
        since[0] = now

    for again in (True, False):
        try:
            [fresh] = run_cells(
                cells,
                path.parent,
                name=path.name,
                timeout=CELL,
                url=url,
                key=key,
                progress=progress,
            )
            break
        except LessonError as error:
            watch.failures.append(f"{name}: {error}")
            return
        except RuntimeError as error:  # its ports were taken before it was there
            if not again:
                watch.failures.append(f"{name}: {error}")
                return
            watch.restarts += 1
    if url is None:
        watch.failures += [
            f"{name}: {one}"
            for one in differences(path.name, committed, merge(committed, fresh))
            if "its execution count" not in one.what
        ]


def report(attendees: int, lessons: int, took: float, load: float, watch: Watch) -> None:
    shared = watch.memory.pop(watch.shared, 0) if watch.shared else 0
    sizes = sorted(watch.memory.values())
    seconds, cell = watch.slowest
    print(f"{attendees} attendees, lessons 1 to {lessons}, {os.cpu_count()} cores,", end=" ")
    print("one shared sandbox on PostgreSQL" if watch.shared else "a sandbox each")
    print(f"  load before            {load:.1f}")
    print(f"  all done after         {took:.0f} s")
    print(f"  kernels at once        {watch.kernels}")
    if watch.restarts:
        print(f"  kernels started again  {watch.restarts} (a port was taken, as Jupyter mends too)")
    print(f"  slowest cell           {seconds:.1f} s ({cell})")
    print(f"  memory of an attendee  median {sizes[len(sizes) // 2] / 2**20:.0f} MiB,", end=" ")
    print(f"most {sizes[-1] / 2**20:.0f} MiB (PSS)")
    if shared:
        print(f"  the shared sandbox     {shared / 2**20:.0f} MiB")
    print(f"  all together, at most  {watch.total / 2**30:.1f} GiB")
    print(f"  failures               {len(watch.failures)}")
    for failure in watch.failures:
        print(f"    {failure}", file=sys.stderr)


def descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def pss_of(process: psutil.Process) -> int:
    """Bytes; the resident set size where the system knows no PSS (macOS)."""
    try:
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    except psutil.Error:
        return 0
