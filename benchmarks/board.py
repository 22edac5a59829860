"""What an instructor's board costs a check, where it answers and where it is dead.

``python -m benchmarks.board`` times the same check without a board and with three: one that nobody
listens at, one that swallows packets, one that takes a connection and never answers.
"""

from __future__ import annotations

import os
import socket
import time
from statistics import median, quantiles

from resonance_helpers.lesson import board
from resonance_helpers.lesson.exercises import check

__all__ = ["main"]

ROUNDS = 2_000


def measured() -> tuple[list[float], list[float]]:
    """Milliseconds of each check: on the wall, and of the learner's own thread."""
    wall, own = [], []
    for _ in range(ROUNDS):
        began, busy = time.perf_counter(), time.thread_time()
        check.health.guard(lambda health: True)
        own.append((time.thread_time() - busy) * 1e3)
        wall.append((time.perf_counter() - began) * 1e3)
    return wall, own


def main() -> None:
    """Print a table."""
    os.environ[board.KEY] = "key"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        places = {
            "no board": "",
            "nobody listens": "http://127.0.0.1:9",
            "packets are swallowed": "http://192.0.2.1:81",
            "never answers": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        check.health.guard(lambda health: True)
        columns = "median    p99    most"
        print(f"{ROUNDS} checks each, ms       wall: {columns}  CPU: {columns}")
        for name, url in places.items():
            os.environ[board.URL] = url
            board.use()
            print(f"  {name:23}", end="")
            for took in measured():
                print(f"      {median(took):7.3f} {quantiles(took, n=100)[98]:7.3f}", end=" ")
                print(f"{max(took):7.3f}", end="")
            print()
    del os.environ[board.URL], os.environ[board.KEY]
    board.use()


if __name__ == "__main__":
    main()
