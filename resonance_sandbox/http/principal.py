"""Who makes a request, and the scopes that say what they may do."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANONYMOUS", "SCOPES", "STRANGER", "USUAL_SCOPES", "Principal"]

SCOPES = (
    "generate",
    "profiles:read",
    "profiles:write",
    "metrics:read",
    "webhooks",
    "sandbox",
    "admin",
)
USUAL_SCOPES = tuple(scope for scope in SCOPES if scope != "admin")


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
        """Whether it administers the server; bound to a tenant, the scope is for that alone."""
        return self.tenant is None and "admin" in self.scopes


ANONYMOUS = Principal("anonymous", None, frozenset(USUAL_SCOPES))

STRANGER = Principal("anonymous", None, frozenset(USUAL_SCOPES) - {"sandbox"})
"""An anonymous caller of a server that several people reach: they reset nothing for one another."""
