"""The bodies of /api_keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from ..http.schemas import LINE, Moment, Name, Number, RequestBody, once

__all__ = ["ApiKey", "ApiKeyList", "NewApiKey", "Rotation", "Scope", "ShownApiKey"]

Scope = Literal[
    "generate", "profiles:read", "profiles:write", "metrics:read", "webhooks", "sandbox", "admin"
]


class NewApiKey(RequestBody):
    """A key to be made; it can do no more than its scopes, in its tenant."""

    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20), AfterValidator(once)]
    tenant: Name | None = None
    name: Annotated[str, Field(max_length=100, pattern=LINE, description="what it is for")] = ""
    expires_in: (
        Annotated[int, Field(ge=1, le=366 * 86_400, description="seconds; null for no end"), Number]
        | None
    ) = None


class Rotation(RequestBody):
    """How a key changes."""

    overlap_seconds: Annotated[
        int,
        Field(ge=0, le=7 * 86_400, description="seconds that the secret before still works"),
        Number,
    ] = 3600


class ApiKey(BaseModel):
    """An API key, without the key: that is shown once, when it is made or rotated."""

    id: Annotated[str, Field(description="public: the third part of the key")]
    name: str
    tenant: str
    scopes: list[Scope]
    created_at: Moment
    expires_at: Annotated[Moment | None, Field(description="null for no end")]
    previous_expires_at: Annotated[
        Moment | None, Field(description="end of the secret before, while a rotation overlaps")
    ]


class ShownApiKey(ApiKey):
    """An API key and, this once, the key itself."""

    key: Annotated[str | None, Field(description="keep it now; null in a replayed answer")]


class ApiKeyList(BaseModel):
    """The keys that the caller may manage."""

    api_keys: list[ApiKey]
    count: Annotated[int, Field(ge=0)]
