"""A FastAPI route that reads query and body in one way, and insists on the content type."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from .needs import needs_of
from .problems import Problem
from .strict_json import loads

__all__ = ["StrictRoute"]


class _StrictRequest(Request):
    async def body(self) -> bytes:
        raw = await super().body()
        if self.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Problem(
                "unsupported-media-type", "Send the body as it is, without Content-Encoding."
            )
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not raw:
            raise Problem("invalid-json", "The body is empty; send a JSON object.")
        if media != "application/json":
            raise Problem(
                "unsupported-media-type", "Send the body as Content-Type: application/json."
            )
        return raw

    async def json(self) -> Any:
        return loads(await super().body())


class StrictRoute(APIRoute):
    """FastAPI reads a body through the request, so another request is all it takes."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        needs = needs_of(self)
        known = [parameter.alias for parameter in self.dependant.query_params]

        async def strict(request: Request) -> Response:
            for need in needs:  # before anything else is looked at, whatever it is like
                await need(request)
            twice = [name for name in known if len(request.query_params.getlist(name)) > 1]
            if twice:
                message = "stands twice; send it once"
                raise Problem(
                    "validation-failed",
                    f"{twice[0]} {message}.",
                    errors=[(name, message) for name in twice],
                )
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict if self.body_field is not None or known else handle
