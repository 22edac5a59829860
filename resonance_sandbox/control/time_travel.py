"""Advancing the clock: what falls due on the way is done in its order, and nothing sleeps."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection, delete, insert, select

from ..auth.store import purge as purge_keys
from ..clock import MAX_AHEAD, Clock, FrozenClock, later
from ..generation.store import purge as purge_generations
from ..http.problems import Problem
from ..idempotency.middleware import purge as purge_answers
from ..limits.rate_limits import RateLimits
from ..oauth.grants import purge as purge_grants
from ..store import Database
from ..store import clock as table
from ..webhooks import deliveries
from ..webhooks.delivery_worker import DeliveryWorker

__all__ = ["TimeTravel", "clock_of", "purge"]


class TimeTravel:
    """Moves a sandbox's clock forward, one caller at a time.

    Deliveries are tried at the very moment that each is due, one moment after the other, so that
    what one leads to (a retry, a disabled webhook) is there before the next. What has ended by the
    new time is purged last; until then nobody was given it.
    """

    def __init__(
        self, clock: Clock, database: Database, worker: DeliveryWorker, limits: RateLimits
    ) -> None:
        self._clock = clock
        self._database = database
        self._worker = worker
        self._limits = limits
        self._turn = asyncio.Lock()

    async def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`, and return once all that is due by then is done.

        Raises:
            Problem: validation-failed, if the clock would be more than a hundred years ahead.
        """
        async with self._turn:
            if self._clock.ahead + seconds > MAX_AHEAD:
                message = "would set the clock more than 100 years ahead"
                raise Problem(
                    "validation-failed",
                    f"seconds {message}; start a new sandbox.",
                    errors=[("seconds", message)],
                )
            end, end_shown = self._clock() + seconds, later(self._clock.shown(), seconds)
            await self._worker.settle()
            while (due := await anyio.to_thread.run_sync(self._next_due)) and due[0] <= end:
                self._clock.advance_to(*due)
                await self._worker.settle()
            self._clock.advance_to(end, end_shown)
            await asyncio.wrap_future(self._database.submit(self._kept))
            await asyncio.wrap_future(
                self._database.submit(lambda connection: purge(connection, self._clock()))
            )
            self._limits.purge()
            # What waits for a later moment has counted the seconds to it by the time before.
            self._worker.wake(await anyio.to_thread.run_sync(self._waiting))

    def _next_due(self) -> tuple[float, str] | None:
        with self._database.reading() as connection:
            return deliveries.next_due(connection)

    def _waiting(self) -> set[str]:
        with self._database.reading() as connection:
            return set(deliveries.waiting(connection))

    def _kept(self, connection: Connection) -> None:
        connection.execute(delete(table))
        connection.execute(insert(table).values(id=1, ahead=self._clock.ahead))


def clock_of(database: Database, still: bool, ahead: float) -> Clock:
    """The clock of a sandbox on `database`: as far ahead as it was left, at least by `ahead`."""
    with database.reading() as connection:
        left: Any = connection.execute(select(table.c.ahead)).scalar()
    ahead = max(ahead, left or 0.0)
    return FrozenClock(ahead) if still else Clock(ahead)


def purge(connection: Connection, now: float) -> None:
    """Forget what nobody can be given any more, and what is too much to keep."""
    purge_answers(connection, now)
    purge_keys(connection, now)
    purge_generations(connection)
    purge_grants(connection, now)
    deliveries.purge(connection, now)
