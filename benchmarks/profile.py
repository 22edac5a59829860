"""Where a call's time goes: before, through a stock session, and after, in the client.

Both post the same prompt to the cheap server over one connection. What is counted is processor
time: the wait for the server is no work of the client's. The profiler makes every call of a Python
function dearer than it is, so the shares tell where to look, and `per_call` what came of it.
"""

from __future__ import annotations

import cProfile
import pstats
import sysconfig
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Options, Result, stage
from benchmarks.per_call import OURS, bare_requests, ours
from benchmarks.server import running

SHOWN = 25
CASES = {"before": ("requests.Session", bare_requests), "after": (OURS, ours)}
_ROOTS = [
    Path(sysconfig.get_path("purelib")),
    Path(sysconfig.get_path("stdlib")),
    Path(__file__).parent.parent,
]


def run(options: Options) -> list[Result]:
    return [_profile(name, *case, options) for name, case in CASES.items()]


def _profile(name: str, title: str, client: Any, options: Options) -> Result:
    count = options.size(1000, 5)
    profile = cProfile.Profile(
        time.thread_time
    )  # on the processor: waiting is not the client's work
    with running() as server, client(server.url) as call, stage(f"profiling {title}"):
        for _ in range(options.size(50, 2)):
            call()
        profile.enable()
        for _ in range(count):
            call()
        profile.disable()
    stats: Any = pstats.Stats(profile)
    own = sorted(stats.stats.items(), key=lambda item: item[1][2], reverse=True)
    rows = [
        (_place(where), calls / count, seconds / count * 1e6, 100 * seconds / stats.total_tt)
        for where, (_, calls, seconds, _, _) in own[:SHOWN]
    ]
    return Result(
        f"profile-{name}",
        f"Where a call's time goes: {title}",
        columns=("function", "calls a call", "own µs of CPU", "%"),
        rows=rows,
        notes=[
            f"{stats.total_calls / count:,.0f} function calls a call, over {count} calls",
            f"the {SHOWN} functions that take the longest by themselves, profiler's cost included",
        ],
    )


def _place(where: tuple[str, int, str]) -> str:
    """``requests/adapters.py:634 send``, whatever the machine keeps it under."""
    file, line, function = where
    if file == "~":  # built in
        return f"`{function}`"
    for root in _ROOTS:
        if Path(file).is_relative_to(root):
            file = Path(file).relative_to(root).as_posix()
            break
    return f"`{file}:{line} {function}`"
