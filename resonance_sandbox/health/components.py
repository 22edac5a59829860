"""The parts that a sandbox stands on, and whether they work: probed for real by `GET /health`."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from starlette.requests import Request

from ..auth.directory import Directory
from ..hrv import HRVVector
from ..http.context import context_of
from ..http.problems import Problem
from ..store import Database, DatabaseError
from ..store.catalog import SHARED
from ..writer.base import Brief, Writer

__all__ = ["COMPONENTS", "HealthProbes", "Outages"]

COMPONENTS = ("database", "writer", "disk")
FRESH = {"database": 0.25, "writer": 10.0, "disk": 5.0}
"""Seconds that a probe's finding is used for: many callers of /health cost one probe."""

PATIENCE = 25.0
"""Seconds after which a probe that has not ended counts as failed. Long, for on a machine that has
fifty things to do a sound writer gets a fiftieth of it; but shorter than clients usually wait."""

MOMENT = 2.0
"""Seconds that a caller waits for a probe where an earlier finding can be told meanwhile."""

ROOM = 64 << 20
"""Bytes of free disk under which the disk is reported as failing."""


class Outages:
    """Components that a realm has put out of order for itself, by `PUT /sandbox/outages`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._down: dict[str, frozenset[str]] = {}

    def set(self, realm: str, components: frozenset[str]) -> None:
        """From now on exactly `components` are out of order."""
        self._down[realm] = components

    def of(self, realm: str) -> frozenset[str]:
        """What is out of order for `realm`."""
        return self._down.get(realm, frozenset())

    def reset(self, realm: str) -> None:
        """Put everything in order again."""
        self._down.pop(realm, None)

    def check(self, request: Request, component: str) -> None:
        """Raise the problem that an outage of `component` causes, if there is one."""
        if self._down and component in self.of(
            self._directory.realm(context_of(request).principal)
        ):
            raise Problem(
                f"{component}-unavailable",
                f"The {component} is out of order; try again later.",
                retry_after=1,
            )


class HealthProbes:
    """Probes of the components, one at a time of each; what one found is kept for a moment."""

    def __init__(self, database: Database, writer: Writer, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._database = database
        self._writer = writer
        self._found: dict[str, tuple[float, dict[str, Any]]] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._probes: dict[str, Callable[[], Awaitable[str]]] = {
            "database": self._database_works,
            "writer": self._writer_works,
            "disk": self._disk_has_room,
        }

    async def checks(self, outages: frozenset[str]) -> dict[str, dict[str, Any]]:
        """For each component: `status` ok or failing, `latency_ms` of its probe, `detail`."""
        await asyncio.gather(*map(self._look, COMPONENTS))
        found = {name: self._found[name][1] for name in COMPONENTS}
        for name in outages:
            found[name] = {**found[name], "status": "failing", "detail": "put out of order"}
        return found

    async def _look(self, name: str) -> None:
        """Have a finding: a fresh one, or that of the probe before one that takes long."""
        known = self._found.get(name)
        fresh = FRESH["database" if self._database.stuck else name]
        if known is not None and self._clock() - known[0] <= fresh:
            return
        probe = self._under_way.get(name)
        if probe is None:
            probe = self._under_way[name] = asyncio.create_task(self._probe(name))
        await asyncio.wait([probe], timeout=None if known is None else MOMENT)

    async def _probe(self, name: str) -> None:
        started = time.perf_counter()
        try:
            detail = await asyncio.wait_for(self._probes[name](), PATIENCE)
            status = "ok"
        except TimeoutError:
            status, detail = "failing", f"no answer within {PATIENCE:g} seconds"
        except Exception as error:
            status, detail = "failing", type(error).__name__
        elapsed = (time.perf_counter() - started) * 1000
        finding = {"status": status, "latency_ms": round(elapsed, 3), "detail": detail}
        self._found[name] = (self._clock(), finding)
        del self._under_way[name]

    async def _database_works(self) -> str:
        # Through the writer's queue: it proves that thread, the lock and the file together.
        await asyncio.wrap_future(self._database.prove())
        if self._database.damaged:
            raise DatabaseError("damaged")
        return self._database.system

    async def _writer_works(self) -> str:
        target: HRVVector = SHARED[0].vector
        brief = Brief("health", target, paragraphs=1, temperature=0)
        # Abandoned if it hangs: a probe has to end, though a thread can't be made to.
        draft = await anyio.to_thread.run_sync(self._writer.write, brief, abandon_on_cancel=True)
        if not draft.text.strip():
            raise ValueError("the writer wrote nothing")
        return self._writer.name

    async def _disk_has_room(self) -> str:
        free = shutil.disk_usage(self._database.folder).free
        if free < ROOM:
            raise OSError("too little free disk")
        if self._database.stuck:
            await self._database.prove_room()
        return "room enough"
