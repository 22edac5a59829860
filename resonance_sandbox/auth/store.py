"""API keys, OAuth clients and users in the database: made, listed, rotated, revoked, restored.

A secret goes in as a digest and never comes out. Rotating a key changes its secret, not its id:
what is counted and remembered by the id (rate limits, idempotency records) goes on.
"""

from __future__ import annotations

import json
import secrets as randomness
from collections.abc import Iterable, Set
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ..clock import Clock, later
from ..http.problems import Problem
from ..store import credentials, secrets
from . import keys

__all__ = [
    "MAX_KEYS",
    "MAX_SECRETS",
    "add",
    "add_key",
    "add_secret",
    "listed",
    "purge",
    "restore",
    "revoke",
    "rotate",
]

MAX_KEYS = 100
"""API keys of one tenant."""

MAX_SECRETS = 5
"""Secrets of one key that may be valid together while rotations overlap."""

MAX_STARTS = 20
"""Starts whose secrets are valid together on one database, the latest."""

API_KEY = "api_key"

KEPT = 86_400.0
"""Seconds that a key is still listed after its end."""


def add(
    connection: Connection,
    identity: str,
    kind: str,
    tenant: str | None,
    scopes: Iterable[str],
    clock: Clock,
    *,
    name: str = "",
    expires_in: float | None = None,
    initial: bool = False,
) -> None:
    """Store a credential that has no secret yet; one of that id that is there already stays."""
    if connection.execute(select(credentials.c.id).where(credentials.c.id == identity)).first():
        return
    made_at, shown = clock(), clock.shown()
    connection.execute(
        insert(credentials).values(
            id=identity,
            kind=kind,
            tenant=tenant,
            name=name,
            scopes=json.dumps(list(scopes)),
            created_at=shown,
            made_at=made_at,
            expires_at=None if expires_in is None else made_at + expires_in,
            expires_shown=None if expires_in is None else later(shown, expires_in),
            initial=initial,
            revoked=False,
        )
    )


def add_secret(
    connection: Connection, identity: str, secret: str, clock: Clock, *, initial: bool = False
) -> None:
    """Store the digest of one more secret of `identity`; an `initial` one is that of a start."""
    if initial:
        _keep_latest(connection, identity, MAX_STARTS - 1, initial=True)
    connection.execute(
        insert(secrets).values(
            digest=keys.digest(secret.encode()),
            credential=identity,
            made_at=clock(),
            expires_at=None,
            expires_shown=None,
            initial=initial,
        )
    )


def add_key(
    connection: Connection,
    tenant: str,
    scopes: Iterable[str],
    clock: Clock,
    *,
    identity: str | None = None,
    name: str = "",
    expires_in: float | None = None,
) -> tuple[dict[str, Any], str]:
    """Make a key for `tenant`: how it is shown, and the key itself, which is not kept.

    Raises:
        Problem: api-key-limit.
    """
    count = connection.execute(
        select(func.count()).select_from(credentials).where(_living_keys(tenant))
    ).scalar_one()
    if count >= MAX_KEYS:
        raise Problem(
            "api-key-limit", f"A tenant has at most {MAX_KEYS} API keys; revoke one that is idle."
        )
    taken = select(credentials.c.id).where(credentials.c.id == identity)
    if identity is None or connection.execute(taken).first():
        identity = randomness.token_hex(6)
    key = keys.mint(identity)
    add(connection, identity, API_KEY, tenant, scopes, clock, name=name, expires_in=expires_in)
    add_secret(connection, identity, key, clock)
    return _shown(connection, _find(connection, identity, tenant), clock()), key


def listed(connection: Connection, tenant: str | None, now: float) -> list[dict[str, Any]]:
    """The keys of `tenant`, or of every tenant, oldest first."""
    rows = connection.execute(
        select(credentials)
        .where(_living_keys(tenant))
        .order_by(credentials.c.made_at, credentials.c.id)
    ).all()
    return [_shown(connection, row, now) for row in rows]


def rotate(
    connection: Connection,
    identity: str,
    tenant: str | None,
    scopes: Set[str],
    overlap: float,
    clock: Clock,
) -> tuple[dict[str, Any], str]:
    """Give a key a new secret, for somebody who has `scopes`.

    Those before it end after `overlap` seconds.

    Raises:
        Problem: unknown-api-key, insufficient-scope.
    """
    row = _find(connection, identity, tenant)
    if not scopes >= set(json.loads(row.scopes)):
        raise Problem("insufficient-scope", "The key has a scope that you lack; you may revoke it.")
    end = clock() + overlap
    connection.execute(
        update(secrets)
        .where(
            secrets.c.credential == identity,
            secrets.c.expires_at.is_(None) | (secrets.c.expires_at > end),
        )
        .values(expires_at=end, expires_shown=later(clock.shown(), overlap))
    )
    _keep_latest(connection, identity, MAX_SECRETS - 1, initial=False)
    key = keys.mint(identity)
    add_secret(connection, identity, key, clock)
    return _shown(connection, row, clock()), key


def revoke(connection: Connection, identity: str, tenant: str | None) -> None:
    """End a key at once.

    Raises:
        Problem: unknown-api-key.
    """
    _find(connection, identity, tenant)
    connection.execute(update(credentials).where(credentials.c.id == identity).values(revoked=True))
    _forget(connection, credentials.c.id == identity)


def restore(connection: Connection, tenants: list[str]) -> None:
    """Forget the keys that were made since the start. What was ended stays so, rotations too."""
    _forget(connection, credentials.c.tenant.in_(tenants))


def purge(connection: Connection, now: float) -> None:
    """Forget keys that ended a day ago or more, and secrets that no longer prove anything."""
    _forget(connection, credentials.c.revoked | (credentials.c.expires_at <= now - KEPT))
    connection.execute(delete(secrets).where(secrets.c.expires_at <= now))


def _forget(connection: Connection, which: Any) -> None:
    """Delete credentials and their secrets, but for the first ones, which a start finds again."""
    chosen = which & credentials.c.initial.is_(False)
    connection.execute(
        delete(secrets).where(secrets.c.credential.in_(select(credentials.c.id).where(chosen)))
    )
    connection.execute(delete(credentials).where(chosen))


def _keep_latest(connection: Connection, identity: str, most: int, *, initial: bool) -> None:
    older = connection.execute(
        select(secrets.c.digest)
        .where(secrets.c.credential == identity, secrets.c.initial.is_(initial))
        .order_by(secrets.c.made_at.desc())
        .offset(most)
    )
    connection.execute(delete(secrets).where(secrets.c.digest.in_(older.scalars().all())))


def _living_keys(tenant: str | None) -> Any:
    # The administrator's own key belongs to no tenant: it is the server's, and not managed here.
    whose = credentials.c.tenant.is_not(None) if tenant is None else credentials.c.tenant == tenant
    return whose & (credentials.c.kind == API_KEY) & credentials.c.revoked.is_(False)


def _find(connection: Connection, identity: str, tenant: str | None) -> Row[Any]:
    row = connection.execute(
        select(credentials).where(_living_keys(tenant), credentials.c.id == identity)
    ).first()
    if row is None:
        raise Problem(
            "unknown-api-key", "There is no such API key; GET /api_keys lists those you may manage."
        )
    return row


def _shown(connection: Connection, row: Row[Any], now: float) -> dict[str, Any]:
    """A key as the API shows it."""
    overlap = connection.execute(
        select(secrets.c.expires_shown)
        .where(secrets.c.credential == row.id, secrets.c.expires_at > now)
        .order_by(secrets.c.expires_at.desc())
    ).first()
    return {
        "id": row.id,
        "name": row.name,
        "tenant": row.tenant,
        "scopes": json.loads(row.scopes),
        "created_at": row.created_at,
        "expires_at": row.expires_shown,
        "previous_expires_at": overlap and overlap.expires_shown,
    }
