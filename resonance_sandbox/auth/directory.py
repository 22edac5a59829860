"""Who calls, and what they may do.

The tenant comes from the credential. A tenant that a caller may not use and one that does not
exist go through the same lines here, so that neither body nor timing tells them apart.
"""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from ..http.principal import ANONYMOUS, Principal
from ..http.problems import Problem
from ..store import Database, credentials, secrets, tenants
from ..store.catalog import DEFAULT_TENANT
from . import keys
from .access_tokens import AccessTokens, InvalidTokenError

__all__ = ["ADMIN_REALM", "NOBODY", "OPEN_REALM", "Credential", "Directory", "authenticate"]

OPEN_REALM = "*open"
ADMIN_REALM = "*admin"


@dataclass(frozen=True, slots=True)
class Credential:
    """An API key, an OAuth client or a user, with the digests of what proves it.

    Attributes:
        kind: "api_key", "client" (it has a secret), "app" (it has none) or "user".
        tenant: the tenant it is bound to; None for the administrator's.
        secrets: the digest of each secret and when it ends, in Unix time, or None.
    """

    id: str
    kind: str
    tenant: str | None
    scopes: tuple[str, ...]
    expires_at: float | None
    secrets: tuple[tuple[bytes, float | None], ...]

    @property
    def client_id(self) -> str:
        """The id, as oauthlib calls it."""
        return self.id

    def proved_by(self, secret: bytes, now: float) -> bool:
        """Whether `secret` is one of its own, in a time that does not depend on which.

        Args:
            secret: what the caller sent.
            now: seconds since 1970.
        """
        given = keys.digest(secret).encode()
        proved = False
        for digest, ends in self.secrets:
            same = hmac.compare_digest(digest, given)
            proved |= same and (ends is None or now < ends)
        return proved and (self.expires_at is None or now < self.expires_at)


NOBODY = Credential("", "", None, (), None, ((keys.digest(b"").encode(), 0.0),))
"""Stands in where there is no such credential, so that looking takes as long as for a wrong one."""


class Directory:
    """Tenants and credentials, held in memory beside the database: each request asks here.

    Attributes:
        stale: the last `load` failed, or a commit of which it is not known whether it did: what is
            stored may not hold here.
    """

    def __init__(
        self, database: Database, tokens: AccessTokens, clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._clock = clock
        self._tokens = tokens
        self._lock = threading.Lock()
        self.anonymous = ANONYMOUS
        self.stale = False
        self.access: dict[str, str] = {}
        self._credentials: dict[str, Credential] = {}
        self.load()

    def load(self) -> None:
        """Read tenants and credentials anew: whatever was committed before holds afterwards."""
        with self._lock:
            self._load()

    def refresh(self) -> None:
        """`load` where it is stale, and no other request has seen to that meanwhile."""
        with self._lock:
            if self.stale:
                self._load()

    def _load(self) -> None:
        try:
            self._read()
        except BaseException:
            self.stale = True
            raise
        self.stale = False

    def _read(self) -> None:
        with self._database.reading() as connection:
            access = {
                row.name: row.access
                for row in connection.execute(select(tenants).order_by(tenants.c.created_at))
            }
            held: dict[str, list[tuple[bytes, float | None]]] = {}
            for row in connection.execute(select(secrets)):
                held.setdefault(row.credential, []).append((row.digest.encode(), row.expires_at))
            known = {
                row.id: Credential(
                    row.id,
                    row.kind,
                    row.tenant,
                    tuple(json.loads(row.scopes)),
                    row.expires_at,
                    tuple(held.get(row.id, ())),
                )
                for row in connection.execute(
                    select(credentials).where(credentials.c.revoked.is_(False))
                )
            }
            self.access = access
            self._credentials = known

    def credential(self, identity: str, *kinds: str) -> Credential:
        """The credential of that id and of one of `kinds`, or `NOBODY`."""
        found = self._credentials.get(identity, NOBODY)
        return found if found.kind in kinds else NOBODY

    def proves(self, credential: Credential, secret: bytes) -> bool:
        """Whether `secret` is one of the credential's, and both are in force now."""
        return credential.proved_by(secret, self._clock())

    def find(self, sent: bytes, *, bearer: bool) -> Principal:
        """The principal that an API key or, from a `bearer`, an access token belongs to.

        Raises:
            Problem: invalid-credentials.
        """
        if bearer and not sent.startswith(b"ros_"):
            return self._by_token(sent)
        held = self.credential(keys.identity_of(sent) or "", "api_key")
        if not self.proves(held, sent):
            raise _invalid("The credential is unknown, expired or revoked.")
        return Principal(held.id, held.tenant, frozenset(held.scopes))

    def _by_token(self, token: bytes) -> Principal:
        try:
            claims = self._tokens.check(token)
        except InvalidTokenError as error:
            raise _invalid(f"The access token is not valid: {error}.") from None
        if (
            self.credential(claims.client_id, "client", "app") is NOBODY
            or claims.tenant not in self.access
        ):
            raise _invalid("The access token is not valid: its client is gone.")
        # The id is the client's, not the token's: a new token brings no new limits.
        name = claims.client_id
        if claims.subject != name:
            name += f":{claims.subject}"
        return Principal(name, claims.tenant, claims.scopes)

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


def authenticate(
    directory: Directory, authorization: bytes | None, api_key: bytes | None
) -> tuple[Principal, str]:
    """The caller and how they said so, from the two headers that may hold a credential.

    Raises:
        Problem: invalid-credentials.
    """
    if authorization is None and api_key is None:
        return directory.anonymous, "none"
    sent = []
    if authorization is not None:
        scheme, _, token = authorization.partition(b" ")
        if scheme.lower() != b"bearer" or not token.strip():
            raise _invalid("The Authorization header is not of the form Bearer <key or token>.")
        sent.append(token.strip())
    if api_key is not None:
        sent.append(api_key.strip())
    if len(set(sent)) != 1:
        raise _invalid("Authorization and X-API-Key disagree; send one of them.")
    how = "bearer" if authorization is not None else "x-api-key"
    return directory.find(sent[0], bearer=authorization is not None), how


def _invalid(detail: str) -> Problem:
    return Problem(
        "invalid-credentials",
        detail,
        headers={"WWW-Authenticate": 'Bearer realm="resonanceos", error="invalid_token"'},
    )
