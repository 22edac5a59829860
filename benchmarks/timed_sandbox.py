"""A sandbox that keeps account of its own CPU time, layer by layer, in a process of its own.

    python -m benchmarks.timed_sandbox sandbox|empty

prints its URL as one line when it is ready and ends when its stdin does. ``GET /share`` answers
the CPU seconds so far. ``empty`` serves one FastAPI route that returns an empty object, by the
same uvicorn with the same settings: what a sandbox can't go below.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from resonance_sandbox.settings import Settings

ENOUGH = 10_000_000  # requests a minute: no limit is to be met here


class Account:
    """CPU seconds by layer, of the threads that work for it."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def charge(self, module: Any, name: str, layer: str, within: str | None = None) -> None:
        """From now on, what `module.name` burns in its thread counts for `layer`.

        `within` is the layer of the function that calls it, which is not to count it a second time.
        """
        plain: Callable[..., Any] = getattr(module, name)

        @wraps(plain)
        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.thread_time()
            try:
                return plain(*arguments, **options)
            finally:
                spent = time.thread_time() - began
                self.spent[layer] += spent
                if within:
                    self.spent[within] -= spent

        setattr(module, name, timed)


def sandbox(folder: str) -> tuple[FastAPI, Settings]:
    """The sandbox, with `/share`. Its database is a durable file, as one that people keep."""
    from resonance_sandbox.app import create_app
    from resonance_sandbox.generation import routes as generation
    from resonance_sandbox.store import database

    account = Account()
    account.charge(generation, "_generate", "writing")
    account.charge(generation, "find_vector", "database")
    account.charge(database, "_commit", "database")
    settings = Settings(
        port=0,
        database=str(Path(folder) / "share.db"),
        rate_limit=ENOUGH,
        burst=ENOUGH,
        quota=ENOUGH,
    )
    app = create_app(settings)

    @app.get("/share", include_in_schema=False)
    async def share() -> dict[str, float]:
        return {**account.spent, "process": time.process_time()}

    return app, settings


def empty(_: str) -> tuple[FastAPI, Settings]:
    """An application of one route that does nothing, with `/share`."""
    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {}

    @app.get("/share")
    async def share() -> dict[str, float]:
        return {"process": time.process_time()}

    return app, Settings(port=0)


@contextmanager
def running(kind: str) -> Iterator[str]:
    """The URL of one of the two, while the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.timed_sandbox", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=20)


def main() -> None:
    from resonance_sandbox.listening import bind, url_of
    from resonance_sandbox.server import run

    make = {"sandbox": sandbox, "empty": empty}[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        app, settings = make(folder)
        listening = bind(settings.host, settings.port)
        url = url_of(listening)
        run(app, listening, lambda: print(url, flush=True), until_stdin_ends=True)


if __name__ == "__main__":
    main()
