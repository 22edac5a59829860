"""The OpenAPI document, held to what the server does."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from .http.needs import is_public
from .http.problems import OAUTH, PROBLEMS, urn
from .settings import Settings
from .webhooks.routes import sent

__all__ = ["install"]

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
        webhooks=sent.routes,
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
            public = is_public(path)
            admin = path.startswith("/api_keys") or (path, method) == ("/tenants", "post")
            anonymous = settings.auth == "optional" and not admin
            if public:
                operation.setdefault("security", [])
            else:
                operation["security"] = [*([{}] if anonymous else []), *needed]
            if method in ("post", "put", "patch", "delete") and not path.startswith(OAUTH):
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
