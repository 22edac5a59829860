"""GET /health."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ..http.context import context_of
from ..http.problems import responses
from ..http.reply import json_response
from ..http.strict_route import StrictRoute
from .schemas import HealthStatus

__all__ = ["router"]

router = APIRouter(tags=["health"], route_class=StrictRoute)


@router.get(
    "/health",
    response_model=HealthStatus,
    responses={
        **responses(),
        503: {"model": HealthStatus, "description": "Unhealthy: most requests would fail"},
    },
    summary="Is the server well?",
)
async def health(request: Request) -> Response:
    """Probes the database, the writer and the disk.

    Without the database the server is unhealthy (503); without another component it is degraded
    (200).
    """
    state = request.app.state
    outages = state.outages.of(state.directory.realm(context_of(request).principal))
    checks = await state.health.checks(outages)
    failing = {name for name, check in checks.items() if check["status"] != "ok"}
    status = "unhealthy" if "database" in failing else "degraded" if failing else "healthy"
    return json_response(
        {
            "status": status,
            "version": state.version,
            "uptime_seconds": round(state.clock() - state.started, 3),
            "checks": checks,
        },
        503 if status == "unhealthy" else 200,
        {"Cache-Control": "no-store"},
    )
