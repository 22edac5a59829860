"""/sandbox/…: what only a sandbox has, for lessons and tests.

Each caller reaches its own realm alone; an administrator names one by `?tenant=`.
"""

from __future__ import annotations

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from ..http.context import context_of
from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import Problem
from ..http.reply import json_response
from ..http.schemas import Name
from ..http.strict_json import dumps
from ..http.strict_route import StrictRoute
from .reset import restore
from .schemas import Advance, Outage

__all__ = ["realm_of", "router"]

router = APIRouter(prefix="/sandbox", include_in_schema=False, route_class=StrictRoute)
SCOPED = [Depends(Needs("sandbox"))]

Tenant = Annotated[Name | None, Query()]


def realm_of(request: Request, tenant: str | None) -> str:
    """The realm that a request to /sandbox/… acts on.

    Its own or, for an administrator, that of the tenant it names.
    """
    state = request.app.state
    principal = context_of(request).principal
    return str(state.directory.realm_of(state.directory.resolve(principal, tenant)))


@router.get("/requests", dependencies=SCOPED)
async def requests(
    request: Request, tenant: Tenant = None, limit: Annotated[int, Query(ge=1, le=10_000)] = 1000
) -> Response:
    """The latest requests, oldest first."""
    realm = realm_of(request, tenant)

    def listed() -> Response:
        # One by one: with long headers all are 100 MB, for which nobody else would have a turn.
        shown = [dumps(entry) for entry in request.app.state.log.entries(realm, limit)]
        body = b'{"requests":[%b],"count":%d}' % (b",".join(shown), len(shown))
        return Response(body, media_type="application/json")

    return await anyio.to_thread.run_sync(listed)


@router.post("/reset", status_code=204, dependencies=SCOPED)
async def reset(request: Request, tenant: Tenant = None) -> Response:
    """Restore the first state."""
    await anyio.to_thread.run_sync(restore, request.app, realm_of(request, tenant))
    return Response(status_code=204)


@router.get("/outages", dependencies=SCOPED)
async def read_outages(request: Request, tenant: Tenant = None) -> Response:
    """Which components are out of order."""
    down = request.app.state.outages.of(realm_of(request, tenant))
    return json_response({"components": sorted(down)})


@router.put("/outages", dependencies=SCOPED)
async def set_outages(request: Request, body: Outage, tenant: Tenant = None) -> Response:
    """Put exactly these components out of order, for the caller's realm."""
    down = frozenset(body.components)
    request.app.state.outages.set(realm_of(request, tenant), down)
    return json_response({"components": sorted(down)})


class _NeedsOwner(Needs):
    """A FastAPI dependency: the owner of the server, whose clock it is; in a room, nobody."""

    async def __call__(self, request: Request) -> Principal:
        if request.app.state.settings.shared:
            raise Problem(
                "tenant-not-allowed",
                "Several people share this server, and so its clock; advance that of your own.",
            )
        principal = await super().__call__(request)
        if not principal.admin:
            raise Problem(
                "tenant-not-allowed",
                "The clock is the whole server's; use the administrator's key, bound to no tenant.",
            )
        return principal


Owner = Annotated[Principal, Depends(_NeedsOwner("admin"))]


@router.get("/clock")
async def read_clock(request: Request, principal: Owner) -> Response:
    """What time it is."""
    return json_response(_clock(request))


@router.post("/clock")
async def advance_clock(request: Request, body: Advance, principal: Owner) -> Response:
    """Advance it; answered once all that fell due is done."""
    await request.app.state.time_travel.advance(body.seconds)
    return json_response(_clock(request))


def _clock(request: Request) -> dict[str, Any]:
    clock = request.app.state.clock
    return {"time": clock(), "shown": clock.shown(), "ahead_seconds": clock.ahead}
