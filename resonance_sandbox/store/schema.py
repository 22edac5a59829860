"""The tables. Plain column types alone, so that SQLite and PostgreSQL can hold them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
)

__all__ = [
    "MARK",
    "OLDER",
    "VERSION",
    "attempts",
    "clock",
    "credentials",
    "deliveries",
    "events",
    "generations",
    "grants",
    "idempotency",
    "make",
    "metadata",
    "profiles",
    "secrets",
    "tenants",
    "webhooks",
]

VERSION = 4
"""Changes with the tables: a database of a version that is not named here is not opened."""

OLDER = (2, 3)
"""Versions that lack whole tables or columns alone, which are made when the database is opened."""

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

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("events", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("secret", LargeBinary, nullable=False),
    Column("previous_secret", LargeBinary, nullable=True),
    Column("previous_expires_at", Float, nullable=True),
    Column("previous_expires_shown", String(32), nullable=True),
    Column("disabled_reason", String(16), nullable=True),
    Column("dead_in_a_row", Integer, nullable=False),
    Column("created_at", String(32), nullable=False),
    Column("made_at", Float, nullable=False),
    Index("webhooks_by_tenant", "tenant"),
)
"""Who wants to hear of what. Secrets are encrypted: they are needed to sign."""

events = Table(
    "events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("type", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("request_id", String(128), nullable=True),
)
"""What happened, in the very bytes that are sent, and the request that caused it."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("webhook", String(64), nullable=False),
    Column("event", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", Text, nullable=True),
    Column("tries", Integer, nullable=False),
    Column("due_at", Float, nullable=True),
    Column("due_shown", String(32), nullable=True),
    Column("created_at", String(32), nullable=False),
    Column("made_at", Float, nullable=False),
    UniqueConstraint("webhook", "event"),
    Index("deliveries_due", "webhook", "status", "due_at"),
    sqlite_autoincrement=True,  # a number is never used twice, not even that of a deleted row
)
"""One event to one webhook. `tries` counts since it was last asked for; `due_at` is real time."""

attempts = Table(
    "attempts",
    metadata,
    Column("delivery", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("at", String(32), nullable=False),
    Column("status", Integer, nullable=True),
    Column("latency_ms", Float, nullable=False),
    Column("error", Text, nullable=True),
    Column("next_shown", String(32), nullable=True),
    PrimaryKeyConstraint("delivery", "number"),
)
"""Every time that a delivery was tried."""

clock = Table(
    "clock",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ahead", Float, nullable=False),
)
"""Seconds that the clock is ahead of the machine's, in one row: a restart does not turn it back."""


def make(connection: Connection) -> None:
    """Make what is not there: all tables, or what a database of an older version lacks."""
    older = set(inspect(connection).get_table_names())
    metadata.create_all(connection)
    for table in metadata.sorted_tables:
        if table.name not in older:
            continue
        there = {column["name"] for column in inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(connection.dialect)
                connection.exec_driver_sql(
                    f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"
                )
