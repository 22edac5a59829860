"""/api_keys: make, list, rotate and revoke."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy import Connection

from ..http.context import context_of
from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import IDEMPOTENT, WITH_BODY, Problem, responses
from ..http.reply import Reply, commit_access, json_response, read, with_secret
from ..http.schemas import PRINTED, Name
from ..http.strict_route import StrictRoute
from . import store as credential_store
from .schemas import ApiKeyList, NewApiKey, Rotation, ShownApiKey

__all__ = ["router"]

router = APIRouter(tags=["api keys"], route_class=StrictRoute)

Manager = Annotated[Principal, Depends(Needs("admin"))]
Identity = Annotated[str, Path(pattern=PRINTED, description="the key's public id")]


@router.post(
    "/api_keys",
    status_code=201,
    response_model=ShownApiKey,
    responses=responses("unknown-tenant", "api-key-limit", *WITH_BODY, *IDEMPOTENT),
    summary="Make an API key",
)
async def create_key(request: Request, body: NewApiKey, principal: Manager) -> Response:
    """The key is shown this once.

    Needs the scope `admin`; a manager who is bound to a tenant makes keys for it alone, with scopes
    of their own.
    """
    state = request.app.state
    tenant = state.directory.resolve(principal, body.tenant)
    if not set(body.scopes) <= principal.scopes:
        raise Problem("insufficient-scope", "A key cannot have a scope that its maker lacks.")
    identity = None
    if state.settings.still:
        # The request id is the same on every run, so this is too.
        identity = hashlib.sha256(context_of(request).request_id.encode()).hexdigest()[:12]

    def effect(connection: Connection) -> Reply:
        shown, key = credential_store.add_key(
            connection,
            tenant,
            body.scopes,
            state.clock,
            identity=identity,
            name=body.name,
            expires_in=body.expires_in,
        )
        return with_secret(201, shown, "key", key, {"Location": f"/api_keys/{shown['id']}"})

    return await commit_access(request, effect)


@router.get(
    "/api_keys",
    response_model=ApiKeyList,
    responses=responses("unknown-tenant"),
    summary="List API keys",
)
async def list_keys(
    request: Request, principal: Manager, tenant: Annotated[Name | None, Query()] = None
) -> Response:
    """Those of the caller's tenant.

    An administrator's list is of all tenants or, by `tenant`, of one. Never the keys themselves.
    """
    named = _tenant(request, principal, tenant)

    def look(connection: Connection) -> Response:
        found = credential_store.listed(connection, named, request.app.state.clock())
        return json_response({"api_keys": found, "count": len(found)})

    return await read(request, look)


@router.post(
    "/api_keys/{id}/rotate",
    response_model=ShownApiKey,
    responses=responses("unknown-api-key", *WITH_BODY, *IDEMPOTENT),
    summary="Give an API key a new secret",
)
async def rotate_key(
    request: Request, id: Identity, body: Rotation, principal: Manager
) -> Response:
    """The id stays, and with it limits and idempotency records.

    The key before works until `previous_expires_at`; with an `overlap_seconds` of 0 it ends at
    once. As the key is shown, a manager needs every scope it has.
    """
    tenant = _tenant(request, principal)
    clock = request.app.state.clock

    def effect(connection: Connection) -> Reply:
        shown, key = credential_store.rotate(
            connection, id, tenant, principal.scopes, body.overlap_seconds, clock
        )
        return with_secret(200, shown, "key", key)

    return await commit_access(request, effect)


@router.delete(
    "/api_keys/{id}",
    status_code=204,
    response_class=Response,
    responses=responses("unknown-api-key", *IDEMPOTENT),
    summary="Revoke an API key",
)
async def revoke_key(request: Request, id: Identity, principal: Manager) -> Response:
    """At once: the next request with it is refused."""
    tenant = _tenant(request, principal)

    def effect(connection: Connection) -> Reply:
        credential_store.revoke(connection, id, tenant)
        return Reply(204)

    return await commit_access(request, effect)


def _tenant(request: Request, principal: Principal, named: str | None = None) -> str | None:
    """Whose keys the caller manages; None for an administrator's: everybody's."""
    if principal.admin and named is None:
        return None
    return str(request.app.state.directory.resolve(principal, named))
