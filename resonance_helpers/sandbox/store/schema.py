"""The tables. Plain column types alone, so that another SQL database can hold them too."""

from __future__ import annotations

from sqlalchemy import (
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

__all__ = ["credentials", "generations", "idempotency", "metadata", "profiles", "tenants"]

metadata = MetaData()

tenants = Table(
    "tenants",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("access", String(16), nullable=False),
    Column("created_at", String(32), nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("tenant", String(64), nullable=False),
    Column("profile_name", String(64), nullable=False),
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
    Column("digest", String(64), nullable=False, unique=True),
    Column("tenant", String(64), nullable=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", String(32), nullable=False),
)
"""Keys are stored as SHA-256 digests alone: a key of 256 random bits needs no slower hash."""
