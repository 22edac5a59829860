"""The sandbox's memory: tables, a database with one writer thread, and what is asked of it."""

from .backend import DatabaseError
from .database import Database
from .schema import credentials, generations, grants, idempotency, profiles, secrets, tenants

__all__ = [
    "Database",
    "DatabaseError",
    "credentials",
    "generations",
    "grants",
    "idempotency",
    "profiles",
    "secrets",
    "tenants",
]
