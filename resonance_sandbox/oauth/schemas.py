"""What the authorization server answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

__all__ = ["Jwks", "OAuthMetadata", "TokenResponse"]


class TokenResponse(BaseModel):
    """RFC 6749, 5.1."""

    access_token: Annotated[str, Field(description="a JWT in the profile of RFC 9068")]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(ge=1, description="seconds")]
    scope: str
    refresh_token: str | None = None


class OAuthMetadata(BaseModel):
    """RFC 8414."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    service_documentation: str
    scopes_supported: list[str]
    response_types_supported: list[str]
    response_modes_supported: list[str]
    grant_types_supported: list[str]
    code_challenge_methods_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    authorization_response_iss_parameter_supported: bool


class Jwks(BaseModel):
    """RFC 7517: public keys."""

    keys: list[dict[str, Any]]
