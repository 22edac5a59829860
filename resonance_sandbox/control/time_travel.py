"""Advancing the clock: what falls due on the way is done in its order, and nothing sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio.to_thread
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from ..auth.store import purge as purge_keys
from ..clock import MAX_AHEAD, Clock, FrozenClock, later
from ..generation.store import purge as purge_generations
from ..http.problems import Problem
from ..idempotency.middleware import purge as purge_answers
from ..limits.rate_limits import RateLimits
from ..oauth.grants import purge as purge_grants
from ..store import Database, DatabaseError
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
            Problem: validation-failed, if the clock would be more than a hundred years ahead;
                database-unavailable, where what is due could not be stored.
        """
        async with self._turn:
            try:
                await self._advance(seconds)
            except (SQLAlchemyError, DatabaseError):
                raise Problem(
                    "database-unavailable",
                    "What fell due could not be stored; read the clock to see how far it came.",
                    retry_after=1,
                ) from None

    async def _advance(self, seconds: float) -> None:
        clock = self._clock
        ahead, shown = clock.ahead + seconds, later(clock.shown(), seconds)
        if ahead > MAX_AHEAD:
            message = "would set the clock more than 100 years ahead"
            raise Problem(
                "validation-failed",
                f"seconds {message}; start a new sandbox.",
                errors=[("seconds", message)],
            )
        # First, so that a server that is killed on the way does not come back to an earlier time.
        await self._write(lambda connection: _keep(connection, ahead))
        await self._worker.settle()
        while due := await anyio.to_thread.run_sync(self._next_due):
            moment, moment_shown = due
            if moment > clock() + ahead - clock.ahead:
                break
            clock.advance_to(moment, moment_shown)
            await self._worker.settle()
        clock.set_ahead(ahead, shown)
        await self._write(lambda connection: purge(connection, clock()))
        self._limits.purge()
        # What waits for a later moment has counted the seconds to it by the time before.
        self._worker.wake(await anyio.to_thread.run_sync(self._waiting))

    def _next_due(self) -> tuple[float, str] | None:
        with self._database.reading() as connection:
            return deliveries.next_due(connection)

    def _waiting(self) -> set[str]:
        with self._database.reading() as connection:
            return set(deliveries.waiting(connection))

    async def _write(self, work: Callable[[Connection], None]) -> None:
        await asyncio.wrap_future(self._database.submit(work))


def clock_of(database: Database, still: bool, ahead: float) -> Clock:
    """The clock of a sandbox on `database`: as far ahead as it was left, at least by `ahead`."""
    with database.reading() as connection:
        left: Any = connection.execute(select(table.c.ahead)).scalar()
    ahead = max(ahead, left or 0.0)
    return FrozenClock(ahead) if still else Clock(ahead)


def _keep(connection: Connection, ahead: float) -> None:
    connection.execute(delete(table))
    connection.execute(insert(table).values(id=1, ahead=ahead))


def purge(connection: Connection, now: float) -> None:
    """Forget what nobody can be given any more, and what is too much to keep."""
    purge_answers(connection, now)
    purge_keys(connection, now)
    purge_generations(connection)
    purge_grants(connection, now)
    deliveries.purge(connection, now)
