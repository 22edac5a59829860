"""GET /metrics."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import func, select

from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import Problem, responses
from ..http.reply import json_response
from ..http.strict_route import StrictRoute
from ..store import Database, generations
from .recorder import summary
from .schemas import MetricsSummary

__all__ = ["preferred", "router"]

router = APIRouter(tags=["metrics"], route_class=StrictRoute)

JSON = "application/json"
TEXT = "text/plain"


@router.get(
    "/metrics",
    response_model=MetricsSummary,
    responses={
        **responses("not-acceptable"),
        200: {
            "description": "The figures, as JSON or as Prometheus text",
            "content": {TEXT: {"schema": {"type": "string"}}},
        },
    },
    summary="What the server measured of itself",
)
async def metrics(
    request: Request, principal: Annotated[Principal, Depends(Needs("metrics:read"))]
) -> Response:
    """The figures of the caller's own realm (all open tenants together, or its private tenant).

    An administrator sees those of the whole server. Times leave declared waiting out.
    """
    state = request.app.state
    offered = preferred(request.headers.get("accept"))
    realm = None if principal.admin else state.directory.realm(principal)
    recorders = state.metrics.seen(realm)
    uptime = state.clock() - state.started
    vary = {"Vary": "Accept", "Cache-Control": "no-store"}
    if offered == TEXT:
        from .exposition import CONTENT_TYPE, exposition

        return Response(
            exposition(recorders, uptime), headers={**vary, "Content-Type": CONTENT_TYPE}
        )
    kept = await anyio.to_thread.run_sync(_kept, state.database, realm)
    return json_response(summary(recorders, uptime, kept), headers=vary)


def _kept(database: Database, realm: str | None) -> int:
    counted = select(func.count()).select_from(generations)
    if realm is not None:
        counted = counted.where(generations.c.realm == realm)
    with database.reading() as connection:
        return int(connection.execute(counted).scalar_one())


def preferred(accept: str | None) -> str:
    """What to answer to an `Accept` header (RFC 9110, 12.5.1); JSON unless text is liked better.

    Raises:
        Problem: not-acceptable.
    """
    if accept is None or not accept.strip():
        return JSON
    weights = {JSON: (-1, 0.0), TEXT: (-1, 0.0)}
    for part in accept.split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        if media == "application/openmetrics-text":
            continue
        for known, (precision, _) in weights.items():
            kind = known.split("/")[0]
            match = {known: 2, f"{kind}/*": 1, "*/*": 0}.get(media, -1)
            if match > precision:
                weights[known] = (match, weight)
    text, json = weights[TEXT][1], weights[JSON][1]
    if text <= 0 and json <= 0:
        raise Problem("not-acceptable", f"There is {JSON} and {TEXT}; accept one of them.")
    return TEXT if text > json else JSON
