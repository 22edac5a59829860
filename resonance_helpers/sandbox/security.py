"""Who calls, and what they may do.

The tenant comes from the credential. A tenant that a caller may not use and one that does not
exist go through the same lines here, so that neither body nor timing tells them apart.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select
from starlette.requests import Request

from .call import call_of
from .catalog import DEFAULT_TENANT
from .problems import Problem
from .store import Database, credentials, tenants

__all__ = ["ADMIN_REALM", "OPEN_REALM", "SCOPES", "Directory", "Principal", "issue", "needs"]

SCOPES = ("generate", "profiles:read", "profiles:write", "metrics:read", "webhooks", "admin")
ANONYMOUS_SCOPES = frozenset(SCOPES) - {"admin"}

OPEN_REALM = "*open"
ADMIN_REALM = "*admin"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    Attributes:
        credential_id: the credential's public id; "anonymous" without one.
        tenant: the tenant it is bound to; None for an anonymous caller or an administrator.
        scopes: what it may do.
    """

    credential_id: str
    tenant: str | None
    scopes: frozenset[str]

    @property
    def anonymous(self) -> bool:
        return self.credential_id == "anonymous"

    @property
    def admin(self) -> bool:
        return "admin" in self.scopes


ANONYMOUS = Principal("anonymous", None, ANONYMOUS_SCOPES)


class Directory:
    """Tenants and credentials, held in memory beside the database: each request asks here."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self.access: dict[str, str] = {}
        self._by_digest: dict[str, Principal] = {}
        self.load()

    def load(self) -> None:
        """Read tenants and credentials anew."""
        with self._database.reading() as connection:
            access = {
                row.name: row.access
                for row in connection.execute(select(tenants).order_by(tenants.c.created_at))
            }
            principals = {
                row.digest: Principal(row.id, row.tenant, frozenset(json.loads(row.scopes)))
                for row in connection.execute(select(credentials))
            }
        with self._lock:
            self.access = access
            self._by_digest = principals

    def find(self, key: str) -> Principal | None:
        """The principal that `key` belongs to."""
        return self._by_digest.get(_digest(key))

    def realm_of(self, tenant: str) -> str:
        """The unit that sees only itself: a private tenant, or the open tenants together."""
        return OPEN_REALM if self.access.get(tenant) == "open" else tenant

    def realm(self, principal: Principal | None) -> str:
        """The realm that a caller's requests are counted in."""
        if principal is None or principal.anonymous:
            return OPEN_REALM
        return ADMIN_REALM if principal.tenant is None else self.realm_of(principal.tenant)

    def usable(self, principal: Principal) -> list[str]:
        """The tenants a caller may name."""
        return [name for name in self.access if self._may_use(principal, name)]

    def resolve(self, principal: Principal, named: str | None) -> str:
        """The tenant that a request works in.

        Raises:
            Problem: unknown-tenant, whether `named` is another's or does not exist.
        """
        if named is None:
            return principal.tenant or DEFAULT_TENANT
        if not self._may_use(principal, named):
            raise Problem(
                "unknown-tenant", "There is no such tenant; GET /tenants lists those you may use."
            )
        return named

    def _may_use(self, principal: Principal, name: str) -> bool:
        access = self.access.get(name)
        if principal.tenant is not None:
            return access is not None and name == principal.tenant
        return access is not None and (principal.admin or access == "open")


def issue(
    connection: Connection, tenant: str | None, scopes: Iterable[str], created_at: str
) -> str:
    """Make an API key, store its digest, and return it: it cannot be read again."""
    identity = secrets.token_hex(6)
    key = f"ros_sandbox_{identity}_{secrets.token_urlsafe(32)}"
    connection.execute(
        insert(credentials).values(
            id=identity,
            digest=_digest(key),
            tenant=tenant,
            scopes=json.dumps(sorted(scopes)),
            created_at=created_at,
        )
    )
    return key


def authenticate(
    directory: Directory, authorization: bytes | None, api_key: bytes | None
) -> tuple[Principal, str]:
    """The caller and how they said so, from the two headers that may hold a credential.

    Raises:
        Problem: invalid-credentials.
    """
    if authorization is None and api_key is None:
        return ANONYMOUS, "none"
    keys = []
    if authorization is not None:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not token.strip():
            raise _invalid("The Authorization header is not of the form Bearer <key>.")
        keys.append(token.strip())
    if api_key is not None:
        keys.append(api_key.strip())
    if len(set(keys)) != 1:
        raise _invalid("Authorization and X-API-Key disagree; send one of them.")
    principal = directory.find(keys[0].decode("latin-1"))
    if principal is None:
        raise _invalid("The credential is unknown, expired or revoked.")
    return principal, "bearer" if authorization is not None else "x-api-key"


def missing() -> Problem:
    """The answer to a caller who has to say who they are."""
    return Problem(
        "missing-credentials",
        "Send an API key as Authorization: Bearer <key> or X-API-Key.",
        headers={"WWW-Authenticate": 'Bearer realm="resonanceos"'},
    )


def needs(scope: str) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: the caller, who has `scope`."""

    async def principal(request: Request) -> Principal:
        caller = call_of(request).principal
        assert caller is not None
        if scope in caller.scopes:
            return caller
        if caller.anonymous:
            raise missing()
        raise Problem(
            "insufficient-scope",
            f"This needs the scope {scope}; use a credential that has it.",
            headers={
                "WWW-Authenticate": 'Bearer realm="resonanceos", error="insufficient_scope", '
                f'scope="{scope}"'
            },
        )

    return principal


def _invalid(detail: str) -> Problem:
    return Problem(
        "invalid-credentials",
        detail,
        headers={"WWW-Authenticate": 'Bearer realm="resonanceos", error="invalid_token"'},
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
