"""The OpenAPI document, held to what the server does."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from .problems import OAUTH, PROBLEMS, oauth_responses, urn
from .security import PUBLIC
from .settings import Settings

__all__ = ["AUTHORIZE", "install"]

HTML = "text/html"

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a repeated request safe: the first answer is replayed for 24 hours.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
EVERY_ANSWER = {
    "X-Request-ID": {"schema": {"type": "string"}, "description": "the caller's, if valid"},
    "Server-Timing": {"schema": {"type": "string"}, "description": "app;dur=<milliseconds>"},
    "RateLimit-Policy": {"schema": {"type": "string"}},
    "RateLimit": {"schema": {"type": "string"}},
    "X-RateLimit-Limit": {"schema": {"type": "string"}},
    "X-RateLimit-Remaining": {"schema": {"type": "string"}},
    "X-RateLimit-Reset": {"schema": {"type": "string"}, "description": "Unix time"},
}

_TEXT = {"type": "string"}
AUTHORIZE: dict[str, Any] = {
    "response_class": HTMLResponse,
    "responses": {
        303: {"description": "Back to the app, with `error` and `iss`"},
        **{
            status: {"description": "A page that says what is wrong", "content": {HTML: {}}}
            for status in (400,)
        },
        **oauth_responses(),
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
"""FastAPI's description of GET /oauth/authorize, whose query is read as RFC 6749 wants it."""


def install(app: FastAPI, settings: Settings) -> None:
    """Make `app.openapi` answer the document, built once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app, settings)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _build(app: FastAPI, settings: Settings) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=_describe(),
        routes=app.routes,
    )
    schemes = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "an API key or an access token",
        },
        "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "client": {"type": "http", "scheme": "basic", "description": "an OAuth client's secret"},
    }
    components = document.setdefault("components", {})
    components["securitySchemes"] = schemes
    for name in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(name, None)
    needed: list[dict[str, list[str]]] = [{"bearer": []}, {"api_key": []}]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            public = path == "/health" or path.startswith(PUBLIC)
            admin = path.startswith("/api_keys") or (path, method) == ("/tenants", "post")
            anonymous = settings.auth == "optional" and not admin
            if public:
                operation.setdefault("security", [])
            else:
                operation["security"] = [*([{}] if anonymous else []), *needed]
            if method in ("post", "put", "delete") and not path.startswith(OAUTH):
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            for status, response in operation["responses"].items():
                response.setdefault("headers", {}).update(EVERY_ANSWER)
                if status in ("429", "503") and path != "/health":
                    response["headers"]["Retry-After"] = {"schema": {"type": "string"}}
    return document


def _describe() -> str:
    rows = "\n".join(
        f"| `{urn(slug)}` | {status} | {title} |" for slug, (status, title) in PROBLEMS.items()
    )
    return (
        "Every error is `application/problem+json` (RFC 9457) of one of these types:\n\n"
        f"| type | status | title |\n|---|---|---|\n{rows}\n"
    )
