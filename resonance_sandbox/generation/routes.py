"""POST /hr_generate."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import sys
import time
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import Connection, insert
from sqlalchemy.exc import SQLAlchemyError

from ..auth.security import Needs, Principal
from ..hrv import HRVVector
from ..http.answer import Answer, commit, database_fails
from ..http.call import call_of
from ..http.problems import IDEMPOTENT, WITH_BODY, Problem, responses, urn
from ..http.schemas import Article, Generated, GenerationRequest
from ..http.strict_json import dumps
from ..http.strict_route import StrictRoute
from ..profiles.store import find_vector
from ..scoring import measure
from ..store import DatabaseError, generations
from ..tenants.catalog import DEFAULT_PROFILE
from ..writer.base import Brief, Draft, WriterError

__all__ = ["Desk", "router"]

router = APIRouter(tags=["generation"], route_class=StrictRoute)

PARAGRAPHS = 3
TEMPERATURE = 0.7
MAX_WARNED = 20


class Desk:
    """Where generations wait for a writing thread: in order, and not without end."""

    def __init__(self, threads: int, room: int) -> None:
        self._limiter = anyio.CapacityLimiter(threads)
        self._room = room
        self._inside = 0
        self._typical = 0.02

    async def run(self, work: Callable[[], Any]) -> Any:
        """`work` in a thread.

        Raises:
            Problem: overloaded, when too many wait already.
        """
        if self._inside >= self._room + self._limiter.total_tokens:
            wait = self._inside * self._typical / self._limiter.total_tokens
            raise Problem(
                "overloaded",
                f"{self._inside} generations wait already; try again later.",
                retry_after=max(1.0, wait),
            )
        self._inside += 1
        try:
            async with self._limiter:
                started = time.perf_counter()
                try:
                    return await anyio.to_thread.run_sync(work, limiter=_UNBOUNDED)
                finally:
                    self._typical += (time.perf_counter() - started - self._typical) / 10
        finally:
            self._inside -= 1


_UNBOUNDED = anyio.CapacityLimiter(math.inf)  # the desk's own limiter counts


@router.post(
    "/hr_generate",
    response_model=Generated,
    responses=responses(
        "unknown-tenant",
        "unknown-profile",
        "overloaded",
        "writer-unavailable",
        *WITH_BODY,
        *IDEMPOTENT,
    ),
    summary="Write an article towards a profile's vector",
)
async def hr_generate(
    request: Request,
    body: GenerationRequest,
    principal: Annotated[Principal, Depends(Needs("generate"))],
) -> Response:
    """The same request gives the same article; without a `seed` it is derived from the request."""
    state = request.app.state
    call = call_of(request)
    tenant = state.directory.resolve(principal, body.tenant)
    profile_name = body.profile_name or DEFAULT_PROFILE
    recorder = state.metrics.of(state.directory.realm(principal))

    def produce() -> dict[str, Any]:
        target = find_vector(state.database, tenant, profile_name)
        recorder.wrote()
        return _generate(state.writer, body, target)

    try:
        state.outages.check(request, "writer")
        database_fails(request)
        if state.settings.latency:
            started = time.perf_counter()
            await asyncio.sleep(state.settings.latency)
            call.excluded += time.perf_counter() - started
        made = await state.desk.run(produce)
    except Problem as problem:
        if problem.slug == "writer-unavailable":
            await _report(request, tenant, profile_name, problem)
        raise
    made |= {
        "tenant": tenant,
        "profile_name": profile_name,
        "request_id": call.request_id,
        "created_at": state.now(),
    }
    realm = state.directory.realm(principal)

    def store(connection: Connection) -> Answer:
        connection.execute(
            insert(generations).values(
                realm=realm,
                tenant=tenant,
                profile_name=profile_name,
                request_id=call.request_id,
                created_at=made["created_at"],
                hrv_feedback=made["hrv_feedback"],
                body=dumps(made),
            )
        )
        event = {name: made[name] for name in Article.model_fields}
        state.outbox.emit(connection, "generation.completed", tenant, event, call.request_id)
        return Answer(200, made)

    response = await commit(request, store)
    recorder.generation(made["content_length"], made["generation_time"], made["hrv_feedback"])
    return response


async def _report(request: Request, tenant: str, profile_name: str, problem: Problem) -> None:
    """Put down that the writer failed. What the caller is told does not depend on it."""
    state, call = request.app.state, call_of(request)
    event = {
        "request_id": call.request_id,
        "tenant": tenant,
        "profile_name": profile_name,
        "created_at": state.now(),
        "problem": {
            "type": urn(problem.slug),
            "title": problem.title,
            "status": problem.status_code,
            "detail": problem.detail,
        },
    }

    def store(connection: Connection) -> None:
        state.outbox.emit(connection, "generation.failed", tenant, event, call.request_id)

    with contextlib.suppress(SQLAlchemyError, DatabaseError):
        await asyncio.wrap_future(state.database.submit(store))


def _generate(writer: Any, body: GenerationRequest, target: HRVVector) -> dict[str, Any]:
    """Write, measure what was written, and put it as the API does."""
    started = time.perf_counter()
    paragraphs = body.paragraphs or PARAGRAPHS
    temperature = TEMPERATURE if body.temperature is None else body.temperature
    seed = body.seed
    if seed is None:
        seed = _derived_seed(body.prompt, target, paragraphs, body.max_length, temperature)
    brief = Brief(body.prompt, target, paragraphs, body.max_length, temperature, seed)
    try:
        draft: Draft = writer.write(brief)
    except WriterError as error:
        raise Problem("writer-unavailable", str(error), retry_after=1) from None
    except Exception:
        print(f"the writer failed:\n{traceback.format_exc()}", file=sys.stderr, end="")
        raise Problem(
            "writer-unavailable", "The writer failed on this request.", retry_after=1
        ) from None
    article = draft.text
    vector = measure(article).vector
    parts = [(text, measure(text).vector) for text in draft.paragraphs]
    return {
        "article": article,
        "hrv_feedback": round(vector.feedback(target), 6),
        "hrv_vector": _rounded(vector),
        "target_hrv": list(target),
        "paragraphs": [
            {
                "text": text,
                "hrv_vector": _rounded(part),
                "hrv_feedback": round(part.feedback(target), 6),
            }
            for text, part in parts
        ],
        "generation_time": round(time.perf_counter() - started, 6),
        "content_length": len(article),
        "seed": seed,
        "warnings": [*draft.warnings, *_unknown(body)],
    }


def _derived_seed(prompt: str, *rest: Any) -> int:
    digest = hashlib.sha256(repr((prompt, *rest)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _rounded(vector: HRVVector) -> list[float]:
    return [round(value, 6) for value in vector]


def _unknown(body: GenerationRequest) -> list[str]:
    extra = list(body.model_extra or ())
    named = [f"unknown field ignored: {name[:64]}" for name in extra[:MAX_WARNED]]
    if len(extra) > MAX_WARNED:
        named.append(f"{len(extra) - MAX_WARNED} more unknown fields ignored")
    return named
