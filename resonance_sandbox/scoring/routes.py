"""POST /hrv."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from ..http.needs import Needs
from ..http.principal import Principal
from ..http.problems import IDEMPOTENT, WITH_BODY, responses
from ..http.reply import json_response
from ..http.strict_route import StrictRoute
from . import measure
from .schemas import HRVRequest, Measured

__all__ = ["router"]

router = APIRouter(tags=["generation"], route_class=StrictRoute)


@router.post(
    "/hrv",
    response_model=Measured,
    responses=responses("overloaded", *WITH_BODY, *IDEMPOTENT),
    summary="Measure a text",
)
async def hrv(
    request: Request,
    body: HRVRequest,
    principal: Annotated[Principal, Depends(Needs("generate"))],
) -> Response:
    """The eight dimensions of a text and, for each, the words or sentences that were counted."""
    state = request.app.state
    realm = state.directory.realm(principal)
    found = await state.writer_queue.run(realm, lambda: measure(body.text))
    return json_response({"hrv_vector": list(found.vector), "evidence": found.evidence})
