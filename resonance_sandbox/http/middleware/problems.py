"""From what the layers below raise to an answer."""

from __future__ import annotations

import asyncio
import traceback

from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...store import DatabaseError
from ...telling import tell
from ..context import RequestContext
from ..problems import Problem, render, unavailable

__all__ = ["ProblemMiddleware"]

NO_THREAD = "can't start new thread"
"""Python's own words, whose error has no class of its own: a container may have a few threads."""


class ProblemMiddleware:
    """Answers a `Problem`; anything else that is raised is a 500, with its traceback on stderr."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context: RequestContext = scope["context"]
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
            return
        except Problem as raised:
            problem = raised
        except (SQLAlchemyError, DatabaseError):
            if started:
                raise
            problem = unavailable()
        except asyncio.CancelledError:
            if started:
                raise
            problem = Problem("overloaded", "The server is stopping; try again.", retry_after=1)
        except Exception as error:
            if started:
                raise
            if isinstance(error, RuntimeError) and str(error) == NO_THREAD:
                problem = Problem(
                    "overloaded",
                    "There is no thread left for this; try again later.",
                    retry_after=1,
                )
            else:
                tell(f"request {context.request_id} failed:\n{traceback.format_exc().rstrip()}")
                problem = Problem(
                    "internal-error", "This is a fault of the server, not of the request."
                )
        context.problem = problem.slug
        await render(problem, context.request_id, scope["path"])(scope, receive, send)
