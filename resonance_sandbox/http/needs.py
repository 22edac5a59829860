"""What a route asks of its caller, as a FastAPI dependency."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import Route

from .context import context_of
from .principal import Principal
from .problems import OAUTH, Problem

__all__ = ["Needs", "is_public", "missing_credentials", "needs_of"]

_PUBLIC = (OAUTH, "/.well-known/")


def is_public(path: str) -> bool:
    """Whether `path` never needs a credential."""
    return path == "/health" or path.startswith(_PUBLIC)


@dataclass(frozen=True, slots=True)
class Needs:
    """A FastAPI dependency: the caller, who has `scope`."""

    scope: str

    async def __call__(self, request: Request) -> Principal:
        caller = context_of(request).principal
        assert caller is not None
        if self.scope in caller.scopes:
            return caller
        if caller.anonymous:
            raise missing_credentials()
        raise Problem(
            "insufficient-scope",
            f"This needs the scope {self.scope}; use a credential that has it.",
            headers={
                "WWW-Authenticate": 'Bearer realm="resonanceos", error="insufficient_scope", '
                f'scope="{self.scope}"'
            },
        )


def needs_of(route: Route) -> list[Needs]:
    """What `route` asks of a caller."""
    asked = route.dependant.dependencies if isinstance(route, APIRoute) else ()
    return [each.call for each in asked if isinstance(each.call, Needs)]


def missing_credentials() -> Problem:
    """The answer to a caller who has to say who they are."""
    return Problem(
        "missing-credentials",
        "Send an API key or an access token as Authorization: Bearer, or a key as X-API-Key.",
        headers={"WWW-Authenticate": 'Bearer realm="resonanceos"'},
    )
