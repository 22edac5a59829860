"""Deliveries in the database: what is due, what came of each attempt, and how they are listed.

The life of a delivery:

    pending --2xx--> delivered
       |  ^--any other outcome, while tries are left--.
       |----------------------------------------------'
       '--the last try, 410, a disabled webhook--> dead

Who asks for it again makes it pending again, from either end. One under way is pending still: so
what a killed server had under way is sent again by the next one, and nothing else remembers it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..clock import Clock, later
from ..http import cursors
from ..http.problems import Problem
from ..store import attempts, deliveries, events, webhooks
from . import subscriptions
from .sending import AttemptOutcome

__all__ = ["AttemptRecorder", "due", "due_webhooks", "find", "next_due", "page", "purge", "waiting"]

KEPT = 7 * 86_400.0
"""Seconds that a delivery is kept after it was made, unless it is pending still."""

MOST_KEPT = 10_000
"""Deliveries that are kept of each webhook, the latest, beside those that are pending."""

MOST_ATTEMPTS = 100
"""Attempts that are kept of each delivery, the latest: it can be asked for again without end."""

JITTER = 0.2
"""How much longer than planned a wait may be, so that what failed together does not come back
together; never shorter, or it would come before a receiver asked for it."""

PATIENCE = 86_400.0
"""Seconds after which a delivery is tried whatever the receiver asked for."""

GONE = "The receiver is gone for good."
LAST = "The last try failed."


def due(
    connection: Connection, webhook: str, room: int, under_way: Collection[int], now: float
) -> tuple[list[Row[Any]], float | None]:
    """At most `room` deliveries to be tried now, those `under_way` left out.

    And how many seconds it is to the next one, None if there is none.
    """
    rows = connection.execute(
        select(
            deliveries.c.seq,
            deliveries.c.due_at,
            events.c.id.label("event"),
            events.c.body,
            webhooks,
        )
        .join(events, events.c.id == deliveries.c.event)
        .join(webhooks, webhooks.c.id == deliveries.c.webhook)
        .where(
            deliveries.c.webhook == webhook,
            deliveries.c.status == "pending",
            deliveries.c.seq.not_in(under_way),
        )
        .order_by(deliveries.c.due_at)
        .limit(room + 1)
    ).all()
    ready = [row for row in rows if row.due_at <= now]
    pause = rows[len(ready)].due_at - now if len(ready) < len(rows) else None
    return ready[:room], pause


def next_due(connection: Connection) -> tuple[float, str] | None:
    """When the next delivery is due, in seconds since 1970 and as displayed; None without one."""
    row = connection.execute(
        select(deliveries.c.due_at, deliveries.c.due_shown)
        .where(deliveries.c.status == "pending")
        .order_by(deliveries.c.due_at)
        .limit(1)
    ).first()
    return None if row is None else (row.due_at, row.due_shown)


def due_webhooks(connection: Connection, now: float) -> set[str]:
    """The webhooks that have something to be sent by `now`."""
    rows = connection.execute(
        select(deliveries.c.webhook)
        .where(deliveries.c.status == "pending", deliveries.c.due_at <= now)
        .distinct()
    )
    return set(rows.scalars())


def waiting(connection: Connection) -> list[str]:
    """The webhooks that have something to send."""
    rows = connection.execute(
        select(deliveries.c.webhook).where(deliveries.c.status == "pending").distinct()
    )
    return list(rows.scalars())


@dataclass(frozen=True, slots=True)
class AttemptRecorder:
    """Enters what came of an attempt, and decides what comes next.

    Attributes:
        retry: seconds from each failed try to the next; there is one try more than waits.
        disable_after: deliveries in a row that end dead, after which a webhook is disabled.
        clock: the sandbox's.
        still: whether waits leave out what chance adds, so that they are the same on every run.
    """

    retry: Sequence[float]
    disable_after: int
    clock: Clock
    still: bool

    def enter(self, connection: Connection, seq: int, url: str, outcome: AttemptOutcome) -> None:
        """What came of one attempt to send the delivery `seq` to `url`.

        Nothing if it has been deleted since. What an address says is of that address alone: if the
        webhook has another by now, a failure there is no try, and the new one is tried at once.
        """
        row = connection.execute(
            select(deliveries, webhooks.c.url)
            .join(webhooks, webhooks.c.id == deliveries.c.webhook)
            .where(deliveries.c.seq == seq)
        ).first()
        if row is None:
            return
        moved = row.url != url and row.status == "pending" and not outcome.delivered
        status, reason, wait, shown = (
            ("pending", None, 0.0, self.clock.shown()) if moved else self._next(row, outcome)
        )
        mine = attempts.c.delivery == seq
        last = connection.execute(select(func.max(attempts.c.number)).where(mine)).scalar() or 0
        connection.execute(
            delete(attempts).where(mine, attempts.c.number <= last - MOST_ATTEMPTS + 1)
        )
        connection.execute(
            insert(attempts).values(
                delivery=seq,
                number=last + 1,
                at=outcome.at,
                status=outcome.status,
                latency_ms=outcome.latency_ms,
                error=outcome.error,
                next_shown=shown,
            )
        )
        connection.execute(
            update(deliveries)
            .where(deliveries.c.seq == seq)
            .values(
                status=status,
                reason=reason,
                tries=row.tries + (not moved),
                due_at=None if wait is None else self.clock() + wait,
                due_shown=shown,
            )
        )
        if outcome.delivered:
            self._in_a_row(connection, row.webhook, 0)
        elif status == "dead" and row.status == "pending":
            self._died(connection, row.webhook, outcome)

    def _next(
        self, row: Row[Any], outcome: AttemptOutcome
    ) -> tuple[str, str | None, float | None, str | None]:
        """Status, reason, seconds to the next try, and when that is displayed to be."""
        if outcome.delivered:
            return "delivered", None, None, None
        if row.status != "pending":  # its webhook was disabled meanwhile
            return row.status, row.reason, None, None
        if outcome.gone:
            return "dead", GONE, None, None
        if row.tries >= len(self.retry):
            return "dead", LAST, None, None
        planned = self.retry[row.tries]
        asked = min(outcome.retry_after or 0.0, PATIENCE)
        chance = 1.0 if self.still else random.uniform(1, 1 + JITTER)
        wait = max(planned * chance, asked)
        return "pending", None, wait, later(self.clock.shown(), wait)

    def _died(self, connection: Connection, webhook: str, outcome: AttemptOutcome) -> None:
        if outcome.gone:
            subscriptions.disable(connection, webhook, "gone")
            return
        known = select(webhooks.c.dead_in_a_row).where(webhooks.c.id == webhook)
        count = connection.execute(known).scalar_one() + 1
        self._in_a_row(connection, webhook, count)
        if count >= self.disable_after:
            subscriptions.disable(connection, webhook, "failing")

    def _in_a_row(self, connection: Connection, webhook: str, count: int) -> None:
        connection.execute(
            update(webhooks)
            .where(webhooks.c.id == webhook, webhooks.c.dead_in_a_row != count)
            .values(dead_in_a_row=count)
        )


def page(
    connection: Connection, webhook: str, status: str | None, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """At most `limit` deliveries before `cursor`, newest first, and the cursor of the next page."""
    chosen = _listed().where(deliveries.c.webhook == webhook)
    if status is not None:
        chosen = chosen.where(deliveries.c.status == status)
    if cursor is not None:
        (before,) = cursors.read(cursor, webhook, int)
        chosen = chosen.where(deliveries.c.seq < before)
    rows = connection.execute(chosen.order_by(deliveries.c.seq.desc()).limit(limit + 1)).all()
    listed = rows[:limit]
    following = cursors.make(webhook, listed[-1].seq) if len(rows) > limit else None
    return _shown(connection, listed), following


def find(connection: Connection, webhook: str, event: str) -> dict[str, Any]:
    """A delivery of `webhook`, with what it carries.

    Raises:
        Problem: unknown-delivery.
    """
    row = connection.execute(
        _listed().where(deliveries.c.webhook == webhook, deliveries.c.event == event)
    ).first()
    if row is None:
        raise Problem(
            "unknown-delivery",
            "There is no such delivery; GET /webhooks/{id}/deliveries lists those of a webhook.",
        )
    return _shown(connection, [row])[0] | {"payload": json.loads(row.body)}


def purge(connection: Connection, now: float) -> None:
    """Forget deliveries that are too old or too many, and events that none is left of."""
    ended = deliveries.c.status != "pending"
    _forget(connection, ended & (deliveries.c.made_at < now - KEPT))
    counted = select(deliveries.c.webhook).where(ended).group_by(deliveries.c.webhook)
    for webhook in connection.execute(counted.having(func.count() > MOST_KEPT)).scalars().all():
        theirs = ended & (deliveries.c.webhook == webhook)
        latest = select(deliveries.c.seq).where(theirs).order_by(deliveries.c.seq.desc())
        last = connection.execute(latest.offset(MOST_KEPT).limit(1)).scalar_one()
        _forget(connection, theirs & (deliveries.c.seq <= last))
    # A join, for which both databases find an index of their own: one look at each event would be
    # a look at all deliveries.
    left = select(events.c.id).outerjoin(deliveries, deliveries.c.event == events.c.id)
    orphans = left.where(deliveries.c.seq.is_(None))
    connection.execute(delete(events).where(events.c.id.in_(orphans)))


def _forget(connection: Connection, which: Any) -> None:
    sequence = select(deliveries.c.seq).where(which)
    connection.execute(delete(attempts).where(attempts.c.delivery.in_(sequence)))
    connection.execute(delete(deliveries).where(which))


def _listed() -> Any:
    return select(deliveries, events.c.type, events.c.body, events.c.request_id).join(
        events, events.c.id == deliveries.c.event
    )


def _shown(connection: Connection, rows: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Deliveries as the API shows them, each with its attempts."""
    tried: dict[int, list[dict[str, Any]]] = {row.seq: [] for row in rows}
    for attempt in connection.execute(
        select(attempts).where(attempts.c.delivery.in_(tried)).order_by(attempts.c.number)
    ):
        tried[attempt.delivery].append(
            {
                "number": attempt.number,
                "at": attempt.at,
                "status": attempt.status,
                "latency_ms": attempt.latency_ms,
                "error": attempt.error,
                "next_attempt_at": attempt.next_shown,
            }
        )
    return [
        {
            "id": row.event,
            "webhook": row.webhook,
            "type": row.type,
            "status": row.status,
            "reason": row.reason,
            "request_id": row.request_id,
            "created_at": row.created_at,
            "next_attempt_at": row.due_shown,
            "attempts": tried[row.seq],
        }
        for row in rows
    ]
