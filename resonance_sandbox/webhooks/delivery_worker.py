"""Delivers what is in the outbox, in a thread and an event loop of its own.

Each receiver has a queue, and none waits for another: one whose receiver is dead holds up nobody. A
queue is there while something is pending for its webhook. It sleeps until the outbox wakes it after
a commit, until a delivery under way ends, or until the next one is due; it never polls.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from ..clock import Clock
from ..store import Database, DatabaseError, reason_of
from ..telling import tell
from . import deliveries, subscriptions
from .secret_box import SecretBox
from .sending import AttemptOutcome, send, signed
from .ssrf_guard import SSRFGuard

__all__ = ["AT_ONCE", "DeliveryWorker"]

AT_ONCE = 8
"""Deliveries under way to one receiver."""

LONGEST_SLEEP = 60.0
"""Seconds after which a queue looks at the clock anew: the machine may have slept."""

AFTER_A_FAULT = 1.0
"""Seconds that deliveries rest after an outcome that could not be stored; after each more of them
twice as long, up to `LONGEST_SLEEP`."""


class DeliveryWorker:
    """Started once, stopped once.

    Args:
        timeout: seconds of wall-clock time that an attempt may take.
        agent: the header User-Agent.
    """

    def __init__(
        self,
        database: Database,
        box: SecretBox,
        guard: SSRFGuard,
        recorder: deliveries.AttemptRecorder,
        clock: Clock,
        timeout: float,
        agent: str,
    ) -> None:
        self._database = database
        self._box = box
        self._guard = guard
        self._recorder = recorder
        self._clock = clock
        self._timeout = timeout
        self._agent = agent
        self._queues: dict[str, _ReceiverQueue] = {}
        self._not_stored = 0
        self._rest = 0.0
        self._rests_until = -math.inf
        self._told: dict[str, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running = threading.Event()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name="webhook-delivery_worker", daemon=True
        )

    def start(self) -> None:
        """Begin with what an earlier process has left."""
        with self._database.reading() as connection:
            left = set(deliveries.waiting(connection))
        self._thread.start()
        self._running.wait()
        self.wake(left)

    def wake(self, webhooks: set[str]) -> None:
        """There may be something new for `webhooks`. From any thread; never blocks."""
        self._call(self._look, webhooks)

    async def settle(self) -> None:
        """Return once all that is due by now has been tried, and what came of it is stored.

        For the event loop of the caller.

        Raises:
            SQLAlchemyError, DatabaseError: the database fails; it is not waited out here.
        """
        assert self._loop is not None
        settled = asyncio.run_coroutine_threadsafe(self._settle(), self._loop)
        await asyncio.wrap_future(settled)

    def stop(self) -> None:
        """End at once; what is under way stays pending, to be sent again by the next server."""
        self._call(self._stopping.set)
        if self._thread.is_alive():
            self._thread.join()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running.set()
        await self._stopping.wait()

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # it has stopped, and its loop is closed
            if self._loop is not None:
                self._loop.call_soon_threadsafe(function, *arguments)

    async def _settle(self) -> None:
        not_stored = self._not_stored
        while True:
            if self._not_stored > not_stored:
                raise DatabaseError("a delivery could not be stored")
            with self._database.reading() as connection:
                due = deliveries.due_webhooks(connection, self._clock())
            self._look(due)
            under_way = [task for queue in self._queues.values() for task in queue.under_way]
            if under_way:
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            elif not due:
                return
            await asyncio.sleep(0)  # the queues take their turn

    def _look(self, webhooks: set[str]) -> None:
        for webhook in webhooks:
            if webhook not in self._queues:
                queue = self._queues[webhook] = _ReceiverQueue(
                    webhook, self._database, self._deliver, self._clock
                )
                queue.task = asyncio.create_task(self._along(queue))
            self._queues[webhook].fresh.set()

    async def _along(self, queue: _ReceiverQueue) -> None:
        while True:
            try:
                await queue.run()
            except Exception as error:
                self._say("a receiver's queue stopped", error)
                await self._recover()
            else:
                # In the same step as its last look at the database: no wake falls in between.
                del self._queues[queue.webhook]
                return

    async def _deliver(self, row: Row[Any]) -> None:
        """One attempt, recorded before it counts as done."""
        try:
            outcome = await self.attempt(row)
            entered = self._database.submit(
                lambda connection: self._recorder.enter(connection, row.seq, row.url, outcome)
            )
            await asyncio.wrap_future(entered)
            self._rest = 0.0
        except Exception as error:
            # It is pending still, so it will be sent again: twice is better than never.
            self._not_stored += 1
            self._say("a delivery was not stored", error)
            await self._recover()

    async def _recover(self) -> None:
        """Wait for what may pass: all that fail in the same rest, to its same end."""
        assert self._loop is not None
        now = self._loop.time()
        if now >= self._rests_until:
            rest = self._rest or AFTER_A_FAULT
            self._rests_until, self._rest = now + rest, min(2 * rest, LONGEST_SLEEP)
        await asyncio.sleep(self._rests_until - now)

    def _say(self, what: str, error: Exception) -> None:
        """On stderr, the same once a minute: a sentence if it is the database's fault."""
        assert self._loop is not None
        now = self._loop.time()
        if now - self._told.get(what, -math.inf) < LONGEST_SLEEP:
            return
        self._told[what] = now
        if isinstance(error, SQLAlchemyError | DatabaseError):
            tell(f"sandbox: {what}: {reason_of(error)}")
        else:
            tell(f"{what}:\n{''.join(traceback.format_exception(error)).rstrip()}")

    async def attempt(self, row: Row[Any]) -> AttemptOutcome:
        """Send one delivery, signed; what came of it."""
        at, now = self._clock.shown(), self._clock()
        try:
            secrets = subscriptions.secrets_of(self._box, row, now)
        except ValueError as error:
            return AttemptOutcome(at, error=f"The signing secret is of no use: {error}.")
        headers = {"user-agent": self._agent, **signed(row.event, row.body, secrets, now)}
        return await send(self._guard, row.url, headers, row.body, at, self._timeout, now)


class _ReceiverQueue:
    """What goes to one receiver."""

    def __init__(
        self,
        webhook: str,
        database: Database,
        deliver: Callable[[Row[Any]], Coroutine[Any, Any, None]],
        clock: Clock,
    ) -> None:
        self._clock = clock
        self.webhook = webhook
        self._database = database
        self._deliver = deliver
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self.fresh = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> list[asyncio.Task[None]]:
        """The deliveries that are being tried."""
        return [task for task in self._under_way.values() if not task.done()]

    async def run(self) -> None:
        """Deliver until nothing is pending."""
        while True:
            self.fresh.clear()
            pause = None
            if room := AT_ONCE - len(self._under_way):
                with self._database.reading() as connection:
                    ready, pause = deliveries.due(
                        connection, self.webhook, room, self._under_way, self._clock()
                    )
                for row in ready:
                    self._under_way[row.seq] = asyncio.create_task(self._deliver(row))
            if not self._under_way and pause is None:
                return
            await self._something(pause)
            for seq in [seq for seq, task in self._under_way.items() if task.done()]:
                del self._under_way[seq]

    async def _something(self, pause: float | None) -> None:
        """Return when something is new, done or due."""
        woken = asyncio.create_task(self.fresh.wait())
        watched: list[asyncio.Future[Any]] = [woken, *self._under_way.values()]
        try:
            await asyncio.wait(
                watched,
                timeout=None if pause is None else min(pause, LONGEST_SLEEP),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            woken.cancel()
