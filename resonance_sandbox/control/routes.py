"""/sandbox/…: what only a sandbox has, for lessons and tests.

Each caller reaches its own realm alone; an administrator names one by `?tenant=`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from ..http.context import context_of
from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import Problem
from ..http.reply import json_response
from ..http.schemas import Name
from ..http.strict_json import dumps
from ..http.strict_route import StrictRoute
from .request_log import LoggedRequest
from .reset import restore
from .schemas import Advance, Outage

__all__ = ["PIECE", "listed", "realm_of", "router"]

router = APIRouter(prefix="/sandbox", include_in_schema=False, route_class=StrictRoute)
SCOPED = [Depends(Needs("sandbox"))]

Tenant = Annotated[Name | None, Query()]

PIECE = 100
"""Requests of the log that are written out at a time."""


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
    entries = request.app.state.log.entries(realm_of(request, tenant), limit)
    return StreamingResponse(listed(entries), media_type="application/json")


def listed(entries: Iterator[LoggedRequest]) -> Iterator[bytes]:
    """The log piece by piece, as its reader takes it.

    With long headers all is 70 MB: for whoever reads nothing that would be held, and nobody else
    had a turn while it is made.
    """
    count = 0
    yield b'{"requests":['
    while piece := list(itertools.islice(entries, PIECE)):
        yield b"," * bool(count) + b",".join(map(dumps, piece))
        count += len(piece)
    yield b'],"count":%d}' % count


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
