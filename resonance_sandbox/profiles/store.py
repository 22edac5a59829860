"""Profiles in the database, and the shared ones of the catalog beside them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ..hrv import HRVVector
from ..http import cursors
from ..http.problems import Problem
from ..http.strict_json import dumps
from ..store import Database, profiles
from ..store.catalog import OWN, SHARED, Preset

__all__ = [
    "MAX_OWN",
    "add",
    "change",
    "count_own",
    "find",
    "find_vector",
    "page",
    "remove",
    "seed",
]

MAX_OWN = 100
_SHARED = {preset.name: preset for preset in SHARED}
_SHARED_SINCE = "2025-01-01T00:00:00Z"


def find_vector(database: Database, tenant: str, name: str) -> HRVVector:
    """The target of a profile that `tenant` sees.

    Raises:
        Problem: unknown-profile.
    """
    if name in _SHARED:
        return _SHARED[name].vector
    with database.reading() as connection:
        row = connection.execute(
            select(profiles.c.hrv_vector).where(
                profiles.c.tenant == tenant, profiles.c.profile_name == name
            )
        ).first()
    if row is None:
        raise unknown()
    return HRVVector(json.loads(row.hrv_vector))


def find(connection: Connection, tenant: str, name: str) -> tuple[dict[str, Any], str]:
    """A profile that `tenant` sees, and its entity tag.

    Raises:
        Problem: unknown-profile.
    """
    if name in _SHARED:
        shown = _shown_shared(_SHARED[name], tenant)
        return shown, _etag(shown)
    row = connection.execute(
        select(profiles).where(profiles.c.tenant == tenant, profiles.c.profile_name == name)
    ).first()
    if row is None:
        raise unknown()
    return _shown(row), row.etag


def page(
    connection: Connection, tenant: str, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """At most `limit` profiles after `cursor`, shared ones first, each kind by name.

    And the cursor of the next page. A profile made meanwhile moves no other from its page.
    """
    own, after = (False, "") if cursor is None else cursors.read(cursor, tenant, bool, str)
    found: list[dict[str, Any]] = []
    if not own:
        found = [_shown_shared(_SHARED[name], tenant) for name in sorted(_SHARED) if name > after]
        after = ""
    if len(found) <= limit:
        rows = connection.execute(
            select(profiles)
            .where(profiles.c.tenant == tenant, profiles.c.profile_name > after)
            .order_by(profiles.c.profile_name)
            .limit(limit + 1 - len(found))
        )
        found.extend(_shown(row) for row in rows)
    shown = found[:limit]
    if len(found) <= limit:
        return shown, None
    last = shown[-1]
    return shown, cursors.make(tenant, not last["shared"], last["profile_name"])


def count_own(connection: Connection, tenant: str) -> int:
    """How many profiles `tenant` has of its own."""
    return int(
        connection.execute(
            select(func.count()).select_from(profiles).where(profiles.c.tenant == tenant)
        ).scalar_one()
    )


def add(
    connection: Connection,
    tenant: str,
    name: str,
    vector: HRVVector,
    description: str,
    metadata: dict[str, Any],
    now: str,
) -> tuple[dict[str, Any], str]:
    """Make a profile.

    Raises:
        Problem: profile-exists, profile-limit.
    """
    exists = Problem("profile-exists", "A profile of that name exists; PUT changes it.")
    if name in _SHARED:
        raise Problem(
            "profile-exists", "A shared profile has that name; take another for your own."
        )
    mine = (profiles.c.tenant == tenant) & (profiles.c.profile_name == name)
    if connection.execute(select(profiles.c.tenant).where(mine)).first() is not None:
        raise exists
    if count_own(connection, tenant) >= MAX_OWN:
        raise Problem(
            "profile-limit", f"The tenant has {MAX_OWN} profiles of its own; delete one first."
        )
    row = _row(tenant, name, vector, description, metadata, now, now)
    try:
        connection.execute(insert(profiles).values(**row))
    except IntegrityError:
        raise exists from None
    return find(connection, tenant, name)


def change(
    connection: Connection,
    tenant: str,
    name: str,
    vector: HRVVector,
    description: str,
    metadata: dict[str, Any],
    if_match: str | None,
    if_none_match: str | None,
    now: str,
) -> tuple[dict[str, Any], str]:
    """Replace a profile.

    Raises:
        Problem: unknown-profile, tenant-not-allowed, precondition-failed.
    """
    shown, etag = _to_change(connection, tenant, name, if_match, if_none_match)
    row = _row(tenant, name, vector, description, metadata, shown["created_at"], now, etag)
    connection.execute(
        update(profiles)
        .where(profiles.c.tenant == tenant, profiles.c.profile_name == name)
        .values(**row)
    )
    return find(connection, tenant, name)


def remove(
    connection: Connection,
    tenant: str,
    name: str,
    if_match: str | None,
    if_none_match: str | None,
) -> None:
    """Delete a profile.

    Raises:
        Problem: unknown-profile, tenant-not-allowed, precondition-failed.
    """
    _to_change(connection, tenant, name, if_match, if_none_match)
    connection.execute(
        delete(profiles).where(profiles.c.tenant == tenant, profiles.c.profile_name == name)
    )


def seed(connection: Connection, tenant: str, now: str) -> None:
    """Give `tenant` exactly the profiles that it has in a fresh sandbox."""
    connection.execute(delete(profiles).where(profiles.c.tenant == tenant))
    for preset in OWN.get(tenant, ()):
        row = _row(tenant, preset.name, preset.vector, preset.description, {}, now, now)
        connection.execute(insert(profiles).values(**row))


def unknown() -> Problem:
    """There is no such profile for this caller."""
    return Problem(
        "unknown-profile", "There is no profile of that name; GET /profiles lists what there is."
    )


def matches(header: str, etag: str, *, weak: bool = False) -> bool:
    """Whether `etag` is among the entity tags of If-Match or If-None-Match (RFC 9110, 13.1)."""
    if header.strip() == "*":
        return True
    for listed in header.split(","):
        tag = listed.strip()
        if weak:
            tag = tag.removeprefix("W/")
        if tag == etag:
            return True
    return False


def require(etag: str, if_match: str | None) -> None:
    """Refuse a request that is meant for another state than that of `etag`.

    Raises:
        Problem: precondition-failed.
    """
    if if_match is not None and not matches(if_match, etag):
        raise Problem(
            "precondition-failed",
            "The profile has changed since you read it; GET it again and decide anew.",
        )


def _to_change(
    connection: Connection,
    tenant: str,
    name: str,
    if_match: str | None,
    if_none_match: str | None,
) -> tuple[dict[str, Any], str]:
    shown, etag = find(connection, tenant, name)
    if shown["shared"]:
        raise Problem(
            "tenant-not-allowed",
            "A shared profile belongs to no tenant and cannot be changed; make one of your own.",
        )
    require(etag, if_match)
    if if_none_match is not None and matches(if_none_match, etag, weak=True):
        raise Problem(
            "precondition-failed",
            "The profile is there as If-None-Match has it; leave that out to change it.",
        )
    return shown, etag


def _row(
    tenant: str,
    name: str,
    vector: HRVVector,
    description: str,
    metadata: dict[str, Any],
    created_at: str,
    updated_at: str,
    before: str = "",
) -> dict[str, Any]:
    row = {
        "tenant": tenant,
        "profile_name": name,
        "hrv_vector": dumps(list(vector)).decode(),
        "description": description,
        "metadata": dumps(metadata).decode(),
        "created_at": created_at,
        "updated_at": updated_at,
    }
    # The tag before goes in, so that a profile changed there and back has a tag of its own.
    return {**row, "etag": _etag([row, before])}


def _etag(value: Any) -> str:
    return f'"{hashlib.sha256(dumps(value)).hexdigest()[:20]}"'


def _shown(row: Any) -> dict[str, Any]:
    return {
        "profile_name": row.profile_name,
        "tenant": row.tenant,
        "hrv_vector": json.loads(row.hrv_vector),
        "description": row.description,
        "metadata": json.loads(row.metadata),
        "created_at": row.created_at,
        "shared": False,
    }


def _shown_shared(preset: Preset, tenant: str) -> dict[str, Any]:
    # It belongs to no tenant; the one it is seen from is where a caller can use it.
    return {
        "profile_name": preset.name,
        "tenant": tenant,
        "hrv_vector": list(preset.vector),
        "description": preset.description,
        "metadata": {},
        "created_at": _SHARED_SINCE,
        "shared": True,
    }
