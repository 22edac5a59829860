"""From exceptions of FastAPI and Starlette to problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from ..hrv import NAMES
from ..store import DatabaseError
from .context import context_of
from .problems import Problem, render, unavailable
from .schemas import NAME
from .strict_json import FIELDS

__all__ = ["handlers"]

Handler = Callable[[Request, Any], Any]


def handlers() -> dict[Any, Handler]:
    """FastAPI's `exception_handlers=`."""
    return {
        Problem: _problem,
        RequestValidationError: _invalid,
        HTTPException: _http,
        SQLAlchemyError: _database,
        DatabaseError: _database,
    }


async def _problem(request: Request, problem: Problem) -> Response:
    context = context_of(request)
    context.problem = problem.slug
    return render(problem, context.request_id, request.scope["path"])


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    errors = list(dict.fromkeys(map(_found, error.errors())))
    more = f" ({len(errors) - 1} more: see errors)" if len(errors) > 1 else ""
    field, message = errors[0]
    return await _problem(
        request, Problem("validation-failed", f"{field}: {message}{more}.", errors=errors)
    )


async def _http(request: Request, error: HTTPException) -> Response:
    # OPTIONS * asks about the whole server (RFC 9110, 9.3.7); CONNECT names none of its addresses.
    whole = request.scope["path"] == "*" or request.method == "CONNECT"
    if error.status_code == 405 or whole:
        allow = ", ".join(_allowed(request, whole))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allow})
        return await _problem(
            request,
            Problem(
                "method-not-allowed",
                f"This {'server' if whole else 'address'} takes {allow}.",
                headers={"Allow": allow},
            ),
        )
    if error.status_code == 404:
        return await _problem(
            request, Problem("not-found", "There is nothing at this address; see /docs.")
        )
    raise error


async def _database(request: Request, error: Exception) -> Response:
    return await _problem(request, unavailable())


def _allowed(request: Request, whole: bool) -> list[str]:
    found: set[str] = set()
    for route in request.app.state.routes:
        if whole or route.path_regex.match(request.scope["path"]):
            found |= route.methods or set()
    if not found or "GET" in found:  # none: a file of the documentation
        found |= {"GET", "HEAD"}
    return sorted(found | {"OPTIONS"})


def _found(error: dict[str, Any]) -> tuple[str, str]:
    kind, location = error["type"], error["loc"]
    short = kind == "missing" and len(location) > 2
    if location[1:2] == ("hrv_vector",) and (short or kind == "too_long"):
        return "hrv_vector", f"has to have exactly {len(NAMES)} numbers"
    return _field(location), _message(error)


def _field(location: tuple[Any, ...]) -> str:
    """The field as a caller knows it; a name that is not ours is not repeated."""
    source, *rest = location
    if source == "header":
        return "-".join(part.capitalize() for part in str(rest[0]).split("-"))
    if not rest or (source == "body" and rest[0] not in FIELDS):
        return "body"
    name = str(rest[0])
    for part in rest[1:]:
        if isinstance(part, int):
            name += f"[{part}]"
            if rest[0] == "hrv_vector" and part < len(NAMES):
                name += f" ({NAMES[part]})"
    return name


def _message(error: dict[str, Any]) -> str:
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind.startswith(("datetime", "timezone")):
        return (
            "is to be a time with its offset from UTC, as in 2026-01-31T12:00:00Z; in an address "
            "a + is written %2B"
        )
    if kind == "string_pattern_mismatch":
        if context.get("pattern") == NAME:
            return "is to be 1 to 64 lower-case letters, digits, _ or -, not starting with _ or -"
        return "has characters that are not allowed"
    if kind == "string_unicode":
        return "holds half of a surrogate pair, which is no character"
    if kind == "string_too_long":
        return f"has more than {context['max_length']:,} characters"
    if kind in ("string_too_short", "too_short"):
        return "is empty"
    if kind == "too_long":
        return f"has more than {context['max_length']} items"
    if kind == "tuple_type":
        return f"is to be a list of {len(NAMES)} numbers"
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "value_error":
        return str(context["error"])
    text = str(error["msg"])
    return text.replace("Input should be", "is to be").replace("Input", "it")


_PLAIN = {
    "bool_parsing": "is to be true or false",
    "dict_type": "is to be an object",
    "finite_number": "is not a finite number",
    "float_parsing": "is to be a number",
    "float_type": "is a number of too many digits",
    "int_from_float": "is to be a whole number",
    "int_parsing": "is to be a whole number",
    "int_parsing_size": "is a number of too many digits",
    "list_type": "is to be a list",
    "missing_argument": "is missing",
    "model_attributes_type": "is to be a JSON object",
    "string_type": "is to be text in quotes",
}
