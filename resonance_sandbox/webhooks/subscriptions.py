"""Subscriptions in the database: made, found, listed, rotated, enabled, disabled, deleted."""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..clock import Clock, later
from ..http.problems import Problem
from ..store import Database, DatabaseError, attempts, deliveries, events, webhooks
from .outbox import DISABLED
from .secret_box import KEY_VARIABLE, SecretBox

__all__ = [
    "MAX_WEBHOOKS",
    "add",
    "change",
    "clear",
    "disable",
    "enable",
    "find",
    "listed",
    "prove",
    "remove",
    "rotate",
    "secrets_of",
    "shown",
]

MAX_WEBHOOKS = 20
"""Webhooks of one tenant."""


def add(
    connection: Connection,
    box: SecretBox,
    tenant: str,
    url: str,
    kinds: list[str],
    description: str,
    secret: str,
    clock: Clock,
    *,
    still: bool = False,
) -> dict[str, Any]:
    """Make a webhook; one of a `still` sandbox has an id that is the same on every run.

    Raises:
        Problem: webhook-limit.
    """
    mine = select(func.count()).select_from(webhooks).where(webhooks.c.tenant == tenant)
    if connection.execute(mine).scalar_one() >= MAX_WEBHOOKS:
        raise Problem(
            "webhook-limit", f"A tenant has at most {MAX_WEBHOOKS} webhooks; delete one first."
        )
    identity = _counted(connection, tenant) if still else f"wh_{secrets.token_hex(6)}"
    connection.execute(
        insert(webhooks).values(
            id=identity,
            tenant=tenant,
            url=url,
            events=json.dumps(kinds),
            description=description,
            secret=box.seal(secret, identity),
            dead_in_a_row=0,
            created_at=clock.shown(),
            made_at=clock(),
        )
    )
    return shown(find(connection, identity, [tenant]), clock())


def _counted(connection: Connection, tenant: str) -> str:
    """The first free id in a row that is the tenant's own.

    Not from the request: its URL often has a port that is another on every run.
    """
    for count in itertools.count(1):
        identity = f"wh_{hashlib.sha256(f'{tenant} {count}'.encode()).hexdigest()[:12]}"
        if not connection.execute(select(webhooks.c.id).where(webhooks.c.id == identity)).first():
            break
    return identity


def find(connection: Connection, identity: str, tenants: Collection[str]) -> Row[Any]:
    """A webhook of one of `tenants`.

    Raises:
        Problem: unknown-webhook, whether it is another's or does not exist.
    """
    row = connection.execute(
        select(webhooks).where(webhooks.c.id == identity, webhooks.c.tenant.in_(tenants))
    ).first()
    if row is None:
        raise Problem(
            "unknown-webhook", "There is no such webhook; GET /webhooks lists those of a tenant."
        )
    return row


def listed(connection: Connection, tenant: str, now: float) -> list[dict[str, Any]]:
    """The webhooks of `tenant`, oldest first."""
    rows = connection.execute(
        select(webhooks)
        .where(webhooks.c.tenant == tenant)
        .order_by(webhooks.c.made_at, webhooks.c.id)
    )
    return [shown(row, now) for row in rows]


def change(
    connection: Connection,
    webhook: Row[Any],
    url: str | None,
    kinds: Sequence[str] | None,
    description: str | None,
) -> None:
    """Give a webhook another URL, other events, another description; None leaves it as it is."""
    given = {
        "url": url,
        "events": None if kinds is None else json.dumps(kinds),
        "description": description,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    if changed:
        connection.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(changed))


def rotate(
    connection: Connection,
    box: SecretBox,
    webhook: Row[Any],
    secret: str,
    overlap: int,
    clock: Clock,
) -> dict[str, Any]:
    """Give a webhook a new secret; for `overlap` seconds the one before signs too.

    One that it has already changes nothing; the one before that goes on to its own end, which is
    now where `overlap` is 0.
    """
    if overlap and box.open(webhook.secret, webhook.id) == secret:
        return shown(webhook, clock())
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook.id)
        .values(
            secret=box.seal(secret, webhook.id),
            previous_secret=webhook.secret if overlap else None,
            previous_expires_at=clock() + overlap if overlap else None,
            previous_expires_shown=later(clock.shown(), overlap) if overlap else None,
        )
    )
    return shown(find(connection, webhook.id, [webhook.tenant]), clock())


def enable(connection: Connection, webhook: Row[Any], now: float) -> dict[str, Any]:
    """Send to it again, from the next event on."""
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook.id)
        .values(disabled_reason=None, dead_in_a_row=0)
    )
    return shown(find(connection, webhook.id, [webhook.tenant]), now)


def disable(connection: Connection, identity: str, reason: str) -> None:
    """Send nothing more to it; what waits is dead until it is asked for again."""
    connection.execute(
        update(webhooks).where(webhooks.c.id == identity).values(disabled_reason=reason)
    )
    connection.execute(
        update(deliveries)
        .where(deliveries.c.webhook == identity, deliveries.c.status == "pending")
        .values(status="dead", reason=DISABLED, due_at=None, due_shown=None)
    )


def remove(connection: Connection, identity: str) -> None:
    """Delete a webhook, and all its deliveries."""
    theirs = deliveries.c.webhook == identity
    sequence = select(deliveries.c.seq).where(theirs)
    connection.execute(delete(attempts).where(attempts.c.delivery.in_(sequence)))
    connection.execute(delete(deliveries).where(theirs))
    connection.execute(delete(webhooks).where(webhooks.c.id == identity))


def clear(connection: Connection, tenants: list[str]) -> None:
    """Forget every webhook and event of `tenants`."""
    rows = connection.execute(select(webhooks.c.id).where(webhooks.c.tenant.in_(tenants)))
    for identity in rows.scalars().all():
        remove(connection, identity)
    connection.execute(delete(events).where(events.c.tenant.in_(tenants)))


def prove(database: Database, box: SecretBox) -> None:
    """Make sure that the secrets in `database` can be read, before the first event needs one.

    Raises:
        DatabaseError: they were encrypted under another key.
    """
    with database.reading() as connection:
        row = connection.execute(select(webhooks)).first()
    try:
        if row is not None:
            box.open(row.secret, row.id)
    except ValueError:
        raise DatabaseError(
            "the database has secrets of webhooks that another key encrypted; put back the file "
            f"{database.key_file}, or set {KEY_VARIABLE}"
        ) from None


def secrets_of(box: SecretBox, webhook: Row[Any], now: float) -> list[str]:
    """The secrets that sign now, newest first.

    Raises:
        ValueError: they were encrypted under another key.
    """
    found = [box.open(webhook.secret, webhook.id)]
    if webhook.previous_secret and now < webhook.previous_expires_at:
        found.append(box.open(webhook.previous_secret, webhook.id))
    return found


def shown(webhook: Row[Any], now: float) -> dict[str, Any]:
    """A webhook as the API shows it."""
    overlaps = webhook.previous_secret and now < webhook.previous_expires_at
    return {
        "id": webhook.id,
        "tenant": webhook.tenant,
        "url": webhook.url,
        "events": json.loads(webhook.events),
        "description": webhook.description,
        "status": "enabled" if webhook.disabled_reason is None else "disabled",
        "disabled_reason": webhook.disabled_reason,
        "created_at": webhook.created_at,
        "previous_secret_expires_at": webhook.previous_expires_shown if overlaps else None,
    }
