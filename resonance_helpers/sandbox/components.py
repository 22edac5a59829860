"""The parts that a sandbox stands on, and whether they work: probed for real by `GET /health`."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.to_thread
from sqlalchemy import text
from starlette.requests import Request

from ..hrv import HRVVector
from .call import call_of
from .catalog import SHARED
from .problems import Problem
from .security import Directory
from .store import Database
from .writer.base import Brief, Writer

__all__ = ["COMPONENTS", "Health", "Outages"]

COMPONENTS = ("database", "writer", "disk")
FRESH = {"database": 0.25, "writer": 10.0, "disk": 5.0}
"""Seconds that a probe's finding is used for: many callers of /health cost one probe."""

PATIENCE = 5.0
"""Seconds that a probe may take."""

FIRST = 25.0
"""Seconds for the first of a component: the writer loads its tables then, and in a workshop thirty
sandboxes start on one machine at once."""

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
        if self._down and component in self.of(self._directory.realm(call_of(request).principal)):
            raise Problem(
                f"{component}-unavailable",
                f"The {component} is out of order; try again later.",
                retry_after=1,
            )


class Health:
    """Probes of the components, each finding kept for a moment."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer
        self._found: dict[str, tuple[float, dict[str, Any]]] = {}
        self._locks = {name: asyncio.Lock() for name in COMPONENTS}
        self._probes: dict[str, Callable[[], Awaitable[str]]] = {
            "database": self._database_works,
            "writer": self._writer_works,
            "disk": self._disk_has_room,
        }

    async def checks(self, outages: frozenset[str]) -> dict[str, dict[str, Any]]:
        """For each component: `status` ok or failing, `latency_ms` of its probe, `detail`."""
        now = time.monotonic()
        found = {}
        for name in COMPONENTS:
            known = self._found.get(name)
            if known is None or now - known[0] > FRESH[name]:
                known = await self._probe(name)
            found[name] = known[1]
        for name in outages:
            found[name] = {**found[name], "status": "failing", "detail": "put out of order"}
        return found

    async def _probe(self, name: str) -> tuple[float, dict[str, Any]]:
        async with self._locks[name]:
            known = self._found.get(name)
            if known is not None and time.monotonic() - known[0] <= FRESH[name]:
                return known
            started = time.perf_counter()
            patience = FIRST if known is None else PATIENCE
            try:
                detail = await asyncio.wait_for(self._probes[name](), patience)
                status = "ok"
            except TimeoutError:
                status, detail = "failing", f"no answer within {patience:g} seconds"
            except Exception as error:
                status, detail = "failing", type(error).__name__
            elapsed = (time.perf_counter() - started) * 1000
            finding = {"status": status, "latency_ms": round(elapsed, 3), "detail": detail}
            known = self._found[name] = (time.monotonic(), finding)
            return known

    async def _database_works(self) -> str:
        # Through the writer's queue: it proves that thread, the lock and the file together.
        def ask(connection: Any) -> None:
            connection.execute(text("SELECT 1")).scalar_one()

        await asyncio.wrap_future(self._database.submit(ask))
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
        return "room enough"
