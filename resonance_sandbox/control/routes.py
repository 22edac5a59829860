"""/sandbox/…: what only a sandbox has, for lessons and tests.

Each caller reaches its own realm alone; an administrator names one by `?tenant=`.
"""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from ..http.context import context_of
from ..http.reply import json_response
from ..http.schemas import Name
from ..http.strict_route import StrictRoute
from .reset import restore
from .schemas import Outage

__all__ = ["realm_of", "router"]

router = APIRouter(prefix="/sandbox", include_in_schema=False, route_class=StrictRoute)

Tenant = Annotated[Name | None, Query()]


def realm_of(request: Request, tenant: str | None) -> str:
    """The realm that a request to /sandbox/… acts on.

    Its own or, for an administrator, that of the tenant it names.
    """
    state = request.app.state
    principal = context_of(request).principal
    return str(state.directory.realm_of(state.directory.resolve(principal, tenant)))


@router.get("/requests")
async def requests(
    request: Request, tenant: Tenant = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> Response:
    """The latest requests, oldest first."""
    entries = request.app.state.log.entries(realm_of(request, tenant), limit)
    return json_response({"requests": entries, "count": len(entries)})


@router.post("/reset", status_code=204)
async def reset(request: Request, tenant: Tenant = None) -> Response:
    """Restore the first state."""
    await anyio.to_thread.run_sync(restore, request.app, realm_of(request, tenant))
    return Response(status_code=204)


@router.get("/outages")
async def read_outages(request: Request, tenant: Tenant = None) -> Response:
    """Which components are out of order."""
    down = request.app.state.outages.of(realm_of(request, tenant))
    return json_response({"components": sorted(down)})


@router.put("/outages")
async def set_outages(request: Request, body: Outage, tenant: Tenant = None) -> Response:
    """Put exactly these components out of order, for the caller's realm."""
    down = frozenset(body.components)
    request.app.state.outages.set(realm_of(request, tenant), down)
    return json_response({"components": sorted(down)})
