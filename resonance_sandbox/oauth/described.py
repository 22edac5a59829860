"""What the OpenAPI document says of forms and queries that FastAPI does not read.

OAuth is stricter, and has errors of its own.
"""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

from ..http.problems import oauth_responses
from .forms import FORM, LONGEST

__all__ = ["AUTHORIZE", "REVOKE", "TOKEN"]

_TEXT = {"type": "string", "minLength": 1, "maxLength": LONGEST}
_CLIENT = {"client_id": _TEXT, "client_secret": _TEXT}


def _form(required: str, **fields: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": [required], "properties": {**fields, **_CLIENT}}
    return {
        "requestBody": {"required": True, "content": {FORM: {"schema": schema}}},
        "security": [{}, {"client": []}],
    }


TOKEN = _form(
    "grant_type",
    grant_type={
        "type": "string",
        "enum": ["client_credentials", "authorization_code", "refresh_token"],
    },
    scope=_TEXT,
    code=_TEXT,
    redirect_uri=_TEXT,
    code_verifier={"type": "string", "pattern": "^[A-Za-z0-9._~-]{43,128}$"},
    refresh_token=_TEXT,
)
"""`openapi_extra=` of POST /oauth/token. Which fields go with which grant type, RFC 6749 says."""

REVOKE = _form("token", token=_TEXT, token_type_hint=_TEXT)
"""`openapi_extra=` of POST /oauth/revoke."""

AUTHORIZE: dict[str, Any] = {
    "response_class": HTMLResponse,
    "responses": {
        303: {"description": "Back to the app, with `error` and `iss`"},
        **oauth_responses(),
        400: {
            "description": "The app or its redirect URI is not known: a page says so",
            "content": {"text/html": {"schema": {"type": "string"}}},
        },
    },
    "openapi_extra": {
        "parameters": [
            {"name": name, "in": "query", "required": required, "schema": schema}
            for name, required, schema in (
                ("response_type", True, {"type": "string", "enum": ["code"]}),
                ("client_id", True, _TEXT),
                ("redirect_uri", True, _TEXT),
                ("code_challenge", True, {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}),
                ("code_challenge_method", True, {"type": "string", "enum": ["S256"]}),
                ("scope", False, _TEXT),
                ("state", False, _TEXT),
            )
        ],
    },
}
"""What FastAPI is told of GET /oauth/authorize."""
