"""Every way to fail, as `application/problem+json` (RFC 9457): one registry, one shape.

>>> raise Problem("unknown-profile", "No profile of that name; GET /profiles lists what there is.")
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

__all__ = [
    "MEDIA_TYPE",
    "PROBLEMS",
    "Problem",
    "oauth_responses",
    "problem_schema",
    "render",
    "responses",
    "unavailable",
    "urn",
]

MEDIA_TYPE = "application/problem+json"

PROBLEMS: dict[str, tuple[int, str]] = {
    "malformed-request": (400, "The request is not HTTP/1.1"),
    "invalid-json": (400, "The body is not JSON"),
    "duplicate-key": (400, "A key stands twice in the body"),
    "invalid-credentials": (401, "The credential is not valid"),
    "missing-credentials": (401, "A credential is needed"),
    "insufficient-scope": (403, "The credential lacks a scope"),
    "origin-not-allowed": (403, "The web page's origin is not allowed"),
    "tenant-not-allowed": (403, "Not allowed in this tenant"),
    "not-found": (404, "There is nothing at this address"),
    "unknown-api-key": (404, "Unknown API key"),
    "unknown-profile": (404, "Unknown profile"),
    "unknown-delivery": (404, "Unknown delivery"),
    "unknown-tenant": (404, "Unknown tenant"),
    "unknown-webhook": (404, "Unknown webhook"),
    "method-not-allowed": (405, "The method is not allowed here"),
    "not-acceptable": (406, "No representation that you accept"),
    "api-key-limit": (409, "The tenant has all the API keys it may have"),
    "idempotency-in-progress": (409, "The first request under this key still runs"),
    "profile-exists": (409, "The profile exists"),
    "profile-limit": (409, "The tenant has all the profiles it may have"),
    "tenant-exists": (409, "The tenant exists"),
    "webhook-disabled": (409, "The webhook is disabled"),
    "webhook-limit": (409, "The tenant has all the webhooks it may have"),
    "precondition-failed": (412, "The resource has changed"),
    "body-too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The content type is not supported"),
    "host-not-allowed": (421, "The server does not answer to this host name"),
    "idempotency-key-reused": (422, "The idempotency key belongs to another request"),
    "validation-failed": (422, "The request is not valid"),
    "quota-exceeded": (429, "The day's quota is used up"),
    "rate-limited": (429, "Too many requests"),
    "headers-too-large": (431, "The headers are too large"),
    "internal-error": (500, "The server failed"),
    "overloaded": (503, "The server is overloaded"),
    "writer-unavailable": (503, "The writer is not available"),
    "database-unavailable": (503, "The database is not available"),
}
"""Slug of each problem type: its status and its title, which never vary."""

ANYWHERE = (
    "malformed-request",
    "invalid-credentials",
    "missing-credentials",
    "insufficient-scope",
    "origin-not-allowed",
    "body-too-large",
    "headers-too-large",
    "host-not-allowed",
    "validation-failed",
    "quota-exceeded",
    "rate-limited",
    "internal-error",
    "database-unavailable",
)
"""What any operation may answer."""

WITH_BODY = ("invalid-json", "duplicate-key", "unsupported-media-type")
IDEMPOTENT = ("idempotency-in-progress", "idempotency-key-reused")


OAUTH = "/oauth/"
"""Beginning of the routes whose errors are those of RFC 6749."""

OAUTH_CODES = {
    429: "temporarily_unavailable",
    500: "server_error",
    503: "temporarily_unavailable",
}


def urn(slug: str) -> str:
    """The `type` of a problem."""
    return f"urn:resonanceos:problem:{slug}"


class Problem(HTTPException):
    """An answer that is an error.

    `detail` is one sentence that says what to do and never repeats what the caller sent.

    Args:
        slug: a key of `PROBLEMS`.
        detail: this occurrence in one sentence.
        errors: for validation-failed, ``(field, message)`` pairs.
        retry_after: seconds after which the same request may succeed.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        slug: str,
        detail: str,
        *,
        errors: Iterable[tuple[str, str]] = (),
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        status, self.title = PROBLEMS[slug]
        self.slug = slug
        self.errors = tuple(errors)
        self.retry_after = retry_after
        merged = dict(headers or {})
        if retry_after is not None:
            # Whole seconds, rounded up: who waits as long as told is never early.
            merged["Retry-After"] = str(max(0, math.ceil(retry_after)))
        super().__init__(status, detail, merged)


def unavailable() -> Problem:
    """The answer where the database cannot be reached."""
    return Problem("database-unavailable", "Try again later.", retry_after=1)


def render(problem: Problem, request_id: str, path: str = "") -> Response:
    """The answer to the request to `path` that `problem` stopped."""
    if path.startswith(OAUTH):
        return render_oauth(problem)
    body: dict[str, Any] = {
        "type": urn(problem.slug),
        "title": problem.title,
        "status": problem.status_code,
        "detail": problem.detail,
        "instance": f"urn:resonanceos:request:{request_id}",
        "request_id": request_id,
    }
    if problem.errors:
        body["errors"] = [{"field": field, "message": text} for field, text in problem.errors]
    return Response(
        json.dumps(body, ensure_ascii=False).encode(),
        problem.status_code,
        headers=problem.headers,
        media_type=MEDIA_TYPE,
    )


def render_oauth(problem: Problem) -> Response:
    """The same in the words of RFC 6749, 5.2, for whoever calls ``/oauth/…``."""
    code = OAUTH_CODES.get(problem.status_code, "invalid_request")
    body = {"error": code, "error_description": problem.detail}
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache", **(problem.headers or {})}
    return Response(json.dumps(body), problem.status_code, headers, "application/json")


def problem_schema(slugs: Iterable[str]) -> dict[str, Any]:
    """JSON Schema of a problem whose type is one of `slugs`."""
    listed = sorted(slugs)
    statuses = sorted({PROBLEMS[slug][0] for slug in listed})
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance", "request_id"],
        "properties": {
            "type": {"type": "string", "enum": [urn(slug) for slug in listed]},
            "title": {"type": "string", "enum": [PROBLEMS[slug][1] for slug in listed]},
            "status": {"type": "integer", "enum": statuses},
            "detail": {"type": "string"},
            "instance": {"type": "string", "format": "uri"},
            "request_id": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "message"],
                    "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                },
            },
        },
    }


def responses(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses=` for an operation: `slugs` and what any operation may answer."""
    by_status: dict[int, list[str]] = {}
    for slug in (*ANYWHERE, *slugs):
        by_status.setdefault(PROBLEMS[slug][0], []).append(slug)
    return {
        status: {
            "description": "; ".join(PROBLEMS[slug][1] for slug in listed),
            "content": {MEDIA_TYPE: {"schema": problem_schema(listed)}},
        }
        for status, listed in sorted(by_status.items())
    }


def oauth_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses=` for an operation of OAuth.

    It fails with `statuses`, and with what any operation may.
    """
    schema = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    }
    described: dict[int | str, dict[str, Any]] = {}
    for slug in ANYWHERE:
        status, title = PROBLEMS[slug]
        if status in (403, 413, 421, 429, 431, 500, 503) or status in statuses:
            described[status] = {"description": title}
    for status in statuses:
        described[status] = {"description": "An error of RFC 6749, 5.2"}
    for found in described.values():
        found["content"] = {"application/json": {"schema": schema}}
    return described
