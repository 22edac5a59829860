"""Subscriptions in the database: made, found, listed, rotated, enabled, disabled, deleted."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..problems import Problem
from ..shown_time import later
from ..store import attempts, deliveries, events, webhooks
from .outbox import DISABLED
from .secret_box import SecretBox

__all__ = [
    "MAX_WEBHOOKS",
    "add",
    "clear",
    "disable",
    "enable",
    "find",
    "listed",
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
    now: str,
    *,
    identity: str | None = None,
) -> dict[str, Any]:
    """Make a webhook, of that id if it is free.

    Raises:
        Problem: webhook-limit.
    """
    mine = select(func.count()).select_from(webhooks).where(webhooks.c.tenant == tenant)
    if connection.execute(mine).scalar_one() >= MAX_WEBHOOKS:
        raise Problem(
            "webhook-limit", f"A tenant has at most {MAX_WEBHOOKS} webhooks; delete one first."
        )
    taken = select(webhooks.c.id).where(webhooks.c.id == identity)
    if identity is None or connection.execute(taken).first():
        identity = f"wh_{secrets.token_hex(6)}"
    connection.execute(
        insert(webhooks).values(
            id=identity,
            tenant=tenant,
            url=url,
            events=json.dumps(kinds),
            description=description,
            secret=box.seal(secret, identity),
            dead_in_a_row=0,
            created_at=now,
            made_at=time.time(),
        )
    )
    return shown(find(connection, identity, [tenant]))


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


def listed(connection: Connection, tenant: str) -> list[dict[str, Any]]:
    """The webhooks of `tenant`, oldest first."""
    rows = connection.execute(
        select(webhooks)
        .where(webhooks.c.tenant == tenant)
        .order_by(webhooks.c.made_at, webhooks.c.id)
    )
    return [shown(row) for row in rows]


def rotate(
    connection: Connection, box: SecretBox, webhook: Row[Any], secret: str, overlap: int, now: str
) -> dict[str, Any]:
    """Give a webhook a new secret; for `overlap` seconds the one before signs too."""
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook.id)
        .values(
            secret=box.seal(secret, webhook.id),
            previous_secret=webhook.secret if overlap else None,
            previous_expires_at=time.time() + overlap if overlap else None,
            previous_expires_shown=later(now, overlap) if overlap else None,
        )
    )
    return shown(find(connection, webhook.id, [webhook.tenant]))


def enable(connection: Connection, webhook: Row[Any]) -> dict[str, Any]:
    """Send to it again, from the next event on."""
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook.id)
        .values(disabled_reason=None, dead_in_a_row=0)
    )
    return shown(find(connection, webhook.id, [webhook.tenant]))


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


def secrets_of(box: SecretBox, webhook: Row[Any]) -> list[str]:
    """The secrets that sign now, newest first.

    Raises:
        ValueError: they were encrypted under another key.
    """
    found = [box.open(webhook.secret, webhook.id)]
    if webhook.previous_secret and time.time() < webhook.previous_expires_at:
        found.append(box.open(webhook.previous_secret, webhook.id))
    return found


def shown(webhook: Row[Any]) -> dict[str, Any]:
    """A webhook as the API shows it."""
    overlaps = webhook.previous_secret and time.time() < webhook.previous_expires_at
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
