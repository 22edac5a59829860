"""The bodies of /tenants."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ..http.schemas import Moment, Name, RequestBody

__all__ = ["NewTenant", "TenantList", "TenantSummary"]


class NewTenant(RequestBody):
    """A tenant to be made."""

    tenant: Name
    access: Literal["open", "private"] = "private"


class TenantSummary(BaseModel):
    """A tenant that the caller may use."""

    tenant: str
    access: Literal["open", "private"]
    profile_count: Annotated[int, Field(ge=0, description="shared profiles and its own")]
    created_at: Moment


class TenantList(BaseModel):
    """The tenants that the caller may use."""

    tenants: list[TenantSummary]
    count: int
