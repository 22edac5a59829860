"""Authorization codes and refresh tokens, kept as digests.

All that comes of one consent is a family. The life of a family:

    consent --> code --exchanged--> refresh token 1 --used--> refresh token 2 --used--> ...
                                            '--- the last one unused, until the family's end

Each member is used once. One that comes again was stolen or lost its answer: within `GRACE`
seconds, and while its successor is unused, it gets the same answer again, kept in memory alone;
otherwise somebody else may have it, and the whole family is revoked (RFC 9700, 4.14.2).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from ..auth import keys
from ..store import Database, grants

__all__ = ["CODE_LIFETIME", "GRACE", "REFRESH_LIFETIME", "Grant", "Grants", "purge"]

CODE_LIFETIME = 60.0
"""Seconds that an authorization code waits for its exchange."""

REFRESH_LIFETIME = 30 * 86_400.0
"""Seconds from a consent to the end of its family."""

GRACE = 10.0
"""Seconds in which a lost answer can be had again."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A code or a refresh token.

    Attributes:
        kind: "code" or "refresh".
        scopes: those of the consent, whatever an access token was narrowed to.
        redirect_uri, challenge: of a code; empty for a refresh token.
        expires_at: Unix time.
        used_at: Unix time, or None.
    """

    digest: str
    kind: str
    family: str
    client_id: str
    username: str
    tenant: str
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str
    expires_at: float
    used_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Given:
    answer: str
    successor: str
    until: float


class Grants:
    """The grants of a sandbox.

    For one thread at a time: what is checked has to hold when it is stored.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._given: dict[str, _Given] = {}

    def add_code(
        self,
        code: str,
        client_id: str,
        username: str,
        tenant: str,
        scopes: tuple[str, ...],
        redirect_uri: str,
        challenge: str,
    ) -> None:
        """Store a code, the first of a new family."""
        grant = Grant(
            _digest(code),
            "code",
            secrets.token_hex(16),
            client_id,
            username,
            tenant,
            scopes,
            redirect_uri,
            challenge,
            self._clock() + CODE_LIFETIME,
        )
        self._database.write(lambda connection: _insert(connection, grant))

    def find(self, kind: str, secret: str, client_id: str) -> Grant | None:
        """The code or refresh token, used or not, that is of that client and has not expired."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(grants).where(
                    grants.c.digest == _digest(secret),
                    grants.c.kind == kind,
                    grants.c.client_id == client_id,
                    grants.c.expires_at > self._clock(),
                )
            ).first()
        if row is None:
            return None
        return Grant(**{**row._mapping, "scopes": tuple(json.loads(row.scopes))})

    def succeed(self, used: Grant, refresh_token: str) -> None:
        """Use up `used` and store the refresh token that takes its place, both or neither."""
        now = self._clock()
        ends = now + REFRESH_LIFETIME if used.kind == "code" else used.expires_at
        grant = Grant(
            _digest(refresh_token),
            "refresh",
            used.family,
            used.client_id,
            used.username,
            used.tenant,
            used.scopes,
            "",
            "",
            ends,
        )

        def work(connection: Connection) -> None:
            connection.execute(
                update(grants).where(grants.c.digest == used.digest).values(used_at=now)
            )
            _insert(connection, grant)

        self._database.write(work)
        # Who uses a token has its answer: the one before it needs no grace any more.
        self._given = {
            digest: given
            for digest, given in self._given.items()
            if given.until > now and given.successor != used.digest
        }

    def keep_answer(self, used: str, refresh_token: str, answer: str) -> None:
        """Keep the answer to the refresh token `used` for the time of grace."""
        self._given[_digest(used)] = _Given(answer, _digest(refresh_token), self._clock() + GRACE)

    def given(self, used: Grant) -> str | None:
        """The answer that `used` was given, if that may still be had again."""
        given = self._given.get(used.digest)
        return given.answer if given is not None and given.until > self._clock() else None

    def revoke(self, family: str) -> None:
        """End a family."""
        self._database.write(
            lambda connection: connection.execute(delete(grants).where(grants.c.family == family))
        )


def purge(connection: Connection, now: float) -> None:
    """Forget what has expired."""
    connection.execute(delete(grants).where(grants.c.expires_at <= now))


def _insert(connection: Connection, grant: Grant) -> None:
    values = {name: getattr(grant, name) for name in Grant.__slots__}
    connection.execute(insert(grants).values(values | {"scopes": json.dumps(grant.scopes)}))


def _digest(secret: str) -> str:
    return keys.digest(secret.encode())
