"""The bodies of /profiles."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from ..http.schemas import LINE, Moment, Name, RequestBody, Shown, Vector
from ..http.strict_json import dumps

__all__ = ["MAX_METADATA", "Metadata", "NewProfile", "Profile", "ProfileList", "ProfileUpdate"]

MAX_METADATA = 16 << 10


def _small(value: dict[str, Any]) -> dict[str, Any]:
    if len(dumps(value)) > MAX_METADATA:
        raise ValueError(f"is larger than {MAX_METADATA:,} bytes of JSON")
    return value


Metadata = Annotated[
    dict[str, Any],
    Field(description=f"any JSON object of at most {MAX_METADATA:,} bytes"),
    AfterValidator(_small),
]


class NewProfile(RequestBody):
    """A profile to be made."""

    tenant: Name
    profile_name: Name
    hrv_vector: Vector
    description: Annotated[str, Field(max_length=500, pattern=LINE)] = ""
    metadata: Metadata | None = None


class ProfileUpdate(RequestBody):
    """What a profile is to be from now on; a field left out goes back to empty."""

    hrv_vector: Vector
    description: Annotated[str, Field(max_length=500, pattern=LINE)] = ""
    metadata: Metadata | None = None


class Profile(BaseModel):
    """A target for the writer.

    A shared one belongs to every tenant; its `tenant` is the one that asked, in which it can be
    used.
    """

    profile_name: str
    tenant: str
    hrv_vector: Shown
    description: str
    metadata: dict[str, Any]
    created_at: Moment
    shared: bool


class ProfileList(BaseModel):
    """A page of profiles."""

    profiles: list[Profile]
    count: Annotated[int, Field(ge=0, description="profiles on this page")]
    next_cursor: Annotated[str | None, Field(description="null on the last page")]
