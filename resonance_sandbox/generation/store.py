"""Generations in the database."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from ..store import generations

__all__ = ["MOST_KEPT", "purge"]

MOST_KEPT = 10_000
"""Generations that are kept of each realm, the latest."""


def purge(connection: Connection) -> None:
    """Forget what is beyond the latest `MOST_KEPT` of a realm."""
    counted = select(generations.c.realm).group_by(generations.c.realm)
    for realm in connection.execute(counted.having(func.count() > MOST_KEPT)).scalars().all():
        mine = generations.c.realm == realm
        oldest = select(generations.c.id).where(mine).order_by(generations.c.id.desc())
        last = connection.execute(oldest.offset(MOST_KEPT).limit(1)).scalar_one()
        connection.execute(delete(generations).where(mine, generations.c.id <= last))
