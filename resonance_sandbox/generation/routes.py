"""POST /hr_generate."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
import traceback
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import Connection, insert
from sqlalchemy.exc import SQLAlchemyError

from ..hrv import HRVVector
from ..http.context import context_of
from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import IDEMPOTENT, WITH_BODY, Problem, responses, urn
from ..http.reply import Reply, commit, database_fails
from ..http.strict_json import dumps
from ..http.strict_route import StrictRoute
from ..profiles.store import find_vector
from ..scoring import measure
from ..store import DatabaseError, generations
from ..store.catalog import DEFAULT_PROFILE
from ..telling import tell
from ..writer.base import Brief, Draft, WriterError
from .schemas import Article, Generated, GenerationRequest

__all__ = ["router"]

router = APIRouter(tags=["generation"], route_class=StrictRoute)

PARAGRAPHS = 3
TEMPERATURE = 0.7
MAX_WARNED = 20


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
    context = context_of(request)
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
            context.excluded += time.perf_counter() - started
        made = await state.writer_queue.run(state.directory.realm(principal), produce)
    except Problem as problem:
        if problem.slug == "writer-unavailable":
            await _report(request, tenant, profile_name, problem)
        raise
    made |= {
        "tenant": tenant,
        "profile_name": profile_name,
        "request_id": context.request_id,
        "created_at": state.clock.shown(),
    }
    realm = state.directory.realm(principal)

    def store(connection: Connection) -> Reply:
        connection.execute(
            insert(generations).values(
                realm=realm,
                tenant=tenant,
                profile_name=profile_name,
                request_id=context.request_id,
                created_at=made["created_at"],
                hrv_feedback=made["hrv_feedback"],
                body=dumps(made),
            )
        )
        event = {name: made[name] for name in Article.model_fields}
        state.outbox.emit(connection, "generation.completed", tenant, event, context.request_id)
        return Reply(200, made)

    response = await commit(request, store)
    recorder.generation(made["content_length"], made["generation_time"], made["hrv_feedback"])
    return response


async def _report(request: Request, tenant: str, profile_name: str, problem: Problem) -> None:
    """Put down that the writer failed. What the caller is told does not depend on it."""
    state, context = request.app.state, context_of(request)
    event = {
        "request_id": context.request_id,
        "tenant": tenant,
        "profile_name": profile_name,
        "created_at": state.clock.shown(),
        "problem": {
            "type": urn(problem.slug),
            "title": problem.title,
            "status": problem.status_code,
            "detail": problem.detail,
        },
    }

    def store(connection: Connection) -> None:
        state.outbox.emit(connection, "generation.failed", tenant, event, context.request_id)

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
        tell(f"the writer failed:\n{traceback.format_exc().rstrip()}")
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
