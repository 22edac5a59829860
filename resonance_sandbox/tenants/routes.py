"""GET and POST /tenants."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import IDEMPOTENT, WITH_BODY, Problem, responses
from ..http.reply import Reply, commit_access, json_response, read
from ..http.strict_route import StrictRoute
from ..profiles import store as profile_store
from ..store import tenants
from ..store.catalog import SHARED
from .schemas import NewTenant, TenantList, TenantSummary

__all__ = ["router"]

router = APIRouter(tags=["tenants"], route_class=StrictRoute)


@router.get(
    "/tenants",
    response_model=TenantList,
    responses=responses(),
    summary="List the tenants that you may use",
)
async def list_tenants(
    request: Request, principal: Annotated[Principal, Depends(Needs("profiles:read"))]
) -> Response:
    """Open tenants for an anonymous caller, its own for a tenant's credential."""
    usable = set(request.app.state.directory.usable(principal))

    def look(connection: Connection) -> Response:
        rows = connection.execute(select(tenants).order_by(tenants.c.name)).all()
        listed = [_shown(connection, row) for row in rows if row.name in usable]
        return json_response({"tenants": listed, "count": len(listed)})

    return await read(request, look)


@router.post(
    "/tenants",
    status_code=201,
    response_model=TenantSummary,
    responses=responses("tenant-exists", "tenant-not-allowed", *WITH_BODY, *IDEMPOTENT),
    summary="Make a tenant",
)
async def create_tenant(
    request: Request,
    body: NewTenant,
    principal: Annotated[Principal, Depends(Needs("admin"))],
) -> Response:
    """Needs the scope `admin`, bound to no tenant."""
    state = request.app.state
    if not principal.admin:
        raise Problem("tenant-not-allowed", "Only an administrator of the server makes tenants.")
    now = state.clock.shown()

    def effect(connection: Connection) -> Reply:
        exists = Problem("tenant-exists", "A tenant of that name exists; take another name.")
        if connection.execute(select(tenants).where(tenants.c.name == body.tenant)).first():
            raise exists
        try:
            connection.execute(
                insert(tenants).values(name=body.tenant, access=body.access, created_at=now)
            )
        except IntegrityError:
            raise exists from None
        row = connection.execute(select(tenants).where(tenants.c.name == body.tenant)).one()
        return Reply(201, _shown(connection, row))

    return await commit_access(request, effect)


def _shown(connection: Connection, row: Any) -> dict[str, Any]:
    return {
        "tenant": row.name,
        "access": row.access,
        "profile_count": len(SHARED) + profile_store.count_own(connection, row.name),
        "created_at": row.created_at,
    }
