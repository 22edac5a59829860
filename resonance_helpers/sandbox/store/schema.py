"""The tables. Plain column types alone, so that SQLite and PostgreSQL can hold them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

__all__ = [
    "MARK",
    "VERSION",
    "credentials",
    "generations",
    "grants",
    "idempotency",
    "metadata",
    "profiles",
    "secrets",
    "tenants",
]

VERSION = 2
"""Changes with the tables: a database of another version is not opened."""

MARK = f"ResonanceOS sandbox, version {VERSION}"

metadata = MetaData()

# Names are listed in the order of their characters, whatever language a database was made for.
_Name = String(64).with_variant(String(64, collation="C"), "postgresql")

tenants = Table(
    "tenants",
    metadata,
    Column("name", _Name, primary_key=True),
    Column("access", String(16), nullable=False),
    Column("created_at", String(32), nullable=False),
    comment=MARK,
)

profiles = Table(
    "profiles",
    metadata,
    Column("tenant", String(64), nullable=False),
    Column("profile_name", _Name, nullable=False),
    Column("hrv_vector", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("updated_at", String(32), nullable=False),
    Column("etag", String(64), nullable=False),
    PrimaryKeyConstraint("tenant", "profile_name"),
)

generations = Table(
    "generations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("realm", String(64), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("profile_name", String(64), nullable=False),
    Column("request_id", String(128), nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("hrv_feedback", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("generations_by_realm", "realm"),
)
"""One row for each generation that was executed and answered: the effects of the API."""

idempotency = Table(
    "idempotency",
    metadata,
    Column("scope", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Float, nullable=False),
    PrimaryKeyConstraint("scope", "key"),
    Index("idempotency_by_age", "created_at"),
)

credentials = Table(
    "credentials",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("tenant", String(64), nullable=True),
    Column("name", String(100), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("expires_at", Float, nullable=True),
    Column("expires_shown", String(32), nullable=True),
    Column("initial", Boolean, nullable=False),
    Column("revoked", Boolean, nullable=False),
)
"""Whoever can prove who they are: API keys, OAuth clients and the demo users. `expires_at` is real
time, which decides; `expires_shown` is displayed, and the same on every run of a still sandbox."""

secrets = Table(
    "secrets",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("credential", String(64), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("expires_at", Float, nullable=True),
    Column("expires_shown", String(32), nullable=True),
    Column("initial", Boolean, nullable=False),
)
"""What proves it: SHA-256 digests alone, as a secret of 256 random bits needs no slower hash."""

grants = Table(
    "grants",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("family", String(64), nullable=False),
    Column("client_id", String(64), nullable=False),
    Column("username", String(64), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("challenge", Text, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float, nullable=True),
    Index("grants_by_family", "family"),
)
"""Authorization codes and refresh tokens, as digests. A family is all that came of one consent."""
