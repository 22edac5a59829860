"""The first state of a sandbox: made at the start, and restored realm by realm."""

from __future__ import annotations

from fastapi import FastAPI
from sqlalchemy import Connection, delete, insert, select

from ..auth import store as credential_store
from ..profiles import store as profile_store
from ..store import Database, generations, grants, idempotency, tenants
from ..store.catalog import TENANTS
from ..webhooks import subscriptions

__all__ = ["prepare", "restore"]


def prepare(database: Database, now: str) -> None:
    """Give a new database its tenants and profiles; leave one that has them as it is."""

    def work(connection: Connection) -> None:
        if connection.execute(select(tenants.c.name)).first() is not None:
            return
        for name, access in TENANTS.items():
            connection.execute(insert(tenants).values(name=name, access=access, created_at=now))
            profile_store.seed(connection, name, now)

    database.write(work)


def restore(app: FastAPI, realm: str) -> None:
    """Undo everything that the callers of `realm` did.

    Profiles, API keys, webhooks, generations, stored answers, figures, limits used, outages, faults
    and the log. Blocks: not for the event loop.
    """
    state = app.state
    directory = state.directory
    mine = [name for name in directory.access if directory.realm_of(name) == realm]

    def work(connection: Connection) -> None:
        for name in mine:
            profile_store.seed(connection, name, state.clock.shown())
        credential_store.restore(connection, mine)
        subscriptions.clear(connection, mine)
        connection.execute(delete(grants).where(grants.c.tenant.in_(mine)))
        connection.execute(delete(generations).where(generations.c.realm == realm))
        connection.execute(
            delete(idempotency).where(idempotency.c.scope.startswith(f"{realm} ", autoescape=True))
        )

    try:
        state.database.write(work)
    except BaseException:
        directory.stale = True  # it may have been stored all the same
        raise
    directory.load()
    state.metrics.reset(realm)
    state.limits.reset(realm)
    state.outages.reset(realm)
    state.faults.clear(realm)
    state.log.reset(realm)
