"""What each start of a sandbox hands out, so that a learner can be any kind of caller."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import Connection

from ..clock import Clock
from ..http.principal import SCOPES, USUAL_SCOPES
from ..store.catalog import TENANTS
from . import keys
from . import store as credential_store

__all__ = ["REDIRECT_URI", "first_credentials"]

REDIRECT_URI = "http://127.0.0.1/callback"
"""Where the browser of a demo app goes back to, on any port (RFC 8252, 7.3)."""


def first_credentials(connection: Connection, clock: Clock) -> dict[str, dict[str, str]]:
    """Make the secrets of this start, and return them.

    The ids are the same at each start, and a secret is added to those of earlier ones, of which the
    latest stay: so limits and idempotency records, which go by the id, outlive a restart.
    """
    issued = {}
    for tenant, access in TENANTS.items():
        if access == "private":
            issued[tenant] = {
                "api_key": _key(connection, tenant, tenant, USUAL_SCOPES, clock),
                **_client(connection, tenant, clock),
                **_app(connection, tenant, clock),
                **_user(connection, tenant, clock),
            }
    issued["admin"] = {"api_key": _key(connection, "admin", None, SCOPES, clock)}
    return issued


def _key(
    connection: Connection, name: str, tenant: str | None, scopes: tuple[str, ...], clock: Clock
) -> str:
    identity = hashlib.sha256(name.encode()).hexdigest()[:12]
    key = keys.mint(identity)
    credential_store.add(
        connection, identity, "api_key", tenant, scopes, clock, name="first key", initial=True
    )
    credential_store.add_secret(connection, identity, key, clock, initial=True)
    return key


def _client(connection: Connection, tenant: str, clock: Clock) -> dict[str, str]:
    """A service that acts for itself: client credentials."""
    identity, secret = f"{tenant}-service", secrets.token_urlsafe(32)
    credential_store.add(connection, identity, "client", tenant, USUAL_SCOPES, clock, initial=True)
    credential_store.add_secret(connection, identity, secret, clock, initial=True)
    return {"client_id": identity, "client_secret": secret}


def _app(connection: Connection, tenant: str, clock: Clock) -> dict[str, str]:
    """An app on somebody's own machine, which can keep no secret: authorization code, PKCE."""
    identity = f"{tenant}-app"
    credential_store.add(connection, identity, "app", tenant, USUAL_SCOPES, clock, initial=True)
    return {"app_client_id": identity, "redirect_uri": REDIRECT_URI}


def _user(connection: Connection, tenant: str, clock: Clock) -> dict[str, str]:
    """Somebody who may let the app act for them. As random as a key, and so stored like one."""
    identity, password = f"{tenant}-user", secrets.token_urlsafe(32)
    credential_store.add(connection, identity, "user", tenant, USUAL_SCOPES, clock, initial=True)
    credential_store.add_secret(connection, identity, password, clock, initial=True)
    return {"username": identity, "password": password}
