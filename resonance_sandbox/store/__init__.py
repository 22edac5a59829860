"""The sandbox's memory: tables, a database with one writer thread, and what is asked of it."""

from .backend import DatabaseError, reason_of
from .database import Database
from .schema import (
    attempts,
    clock,
    credentials,
    deliveries,
    events,
    generations,
    grants,
    idempotency,
    profiles,
    secrets,
    tenants,
    webhooks,
)

__all__ = [
    "Database",
    "DatabaseError",
    "attempts",
    "clock",
    "credentials",
    "deliveries",
    "events",
    "generations",
    "grants",
    "idempotency",
    "profiles",
    "reason_of",
    "secrets",
    "tenants",
    "webhooks",
]
