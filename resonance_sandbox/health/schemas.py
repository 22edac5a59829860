"""The body of GET /health."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

__all__ = ["ComponentCheck", "HealthStatus"]


class ComponentCheck(BaseModel):
    """One component's state."""

    status: Literal["ok", "failing"]
    latency_ms: Annotated[float, Field(ge=0)]
    detail: str


class HealthStatus(BaseModel):
    """The server's state: healthy; degraded (it answers, but not everything works); unhealthy."""

    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    uptime_seconds: Annotated[float, Field(ge=0)]
    checks: dict[str, ComponentCheck]
