"""A FastAPI service that has articles written by ResonanceOS, and is ready for SIGTERM.

    pip install path/to/this/clone fastapi uvicorn
    RESONANCE_URL=http://localhost:8000 RESONANCE_API_KEY=rk_... \
        uvicorn fastapi_service:app --timeout-graceful-shutdown 20

At SIGTERM uvicorn takes no more requests, and gives those under way 20 seconds, more than LONGEST.
What is not done by then is cancelled, and its call to ResonanceOS broken off. Who has sent an
Idempotency-Key asks again under the same one, here or at the next process: there is one article.
"""

import math
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from resonance_helpers.client import errors
from resonance_helpers.client.asynchronous import AsyncResonanceOSAPIClient

LONGEST = 15.0
"""Seconds for a request, where its caller has less patience for none."""

TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

api: AsyncResonanceOSAPIClient


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
    global api
    async with AsyncResonanceOSAPIClient.from_env(on_error="raise") as api:
        yield


app = FastAPI(lifespan=lifespan)


class Wish(BaseModel):
    subject: str = Field(min_length=1, max_length=500)
    profile: str | None = Field(None, max_length=64)


class Article(BaseModel):
    text: str
    feedback: float
    request_id: str


@app.post("/articles")
async def write(
    wish: Wish,
    idempotency_key: Annotated[str | None, Header(pattern="^[!-~]{1,255}$")] = None,
    traceparent: Annotated[str | None, Header()] = None,
    x_request_timeout: Annotated[float, Header(gt=0)] = LONGEST,
) -> Article:
    """An article; the caller's patience, in seconds, is that of the call to ResonanceOS."""
    passed_on = traceparent and TRACEPARENT.fullmatch(traceparent)
    answer = await api.generate_content(
        f"An article on {wish.subject}",
        profile_name=wish.profile,
        idempotency_key=idempotency_key,
        headers={"traceparent": passed_on[0]} if passed_on else None,
        deadline=min(x_request_timeout, LONGEST),
    )
    return Article(
        text=answer["article"], feedback=answer["hrv_feedback"], request_id=answer["request_id"]
    )


@app.get("/health")
async def health(response: Response) -> dict[str, str]:
    """Whether this service can do its work: 503 while ResonanceOS can't do its own."""
    status: str
    try:
        status = (await api.health_check(timeout=2))["status"]
    except errors.ResonanceError as error:
        status = error.type
    response.status_code = 200 if status == "healthy" else 503
    return {"status": "ok" if status == "healthy" else "unavailable", "resonanceos": status}


def status_of(error: errors.ResonanceError) -> int:
    """What a failed call means to this service's caller."""
    match error:
        case errors.ValidationError() | errors.NotFoundError() | errors.ConflictError():
            return error.response_code or 502
        case errors.RateLimitedError() | errors.NotYetAllowedError() | errors.UnavailableError():
            return 503
        case errors.AttemptTimeoutError() | errors.ConnectTimeoutError():
            return 504
        case errors.GatewayTimeoutError():
            return 504
        case errors.AuthenticationError() | errors.NotAllowedError() | errors.TokenError():
            return 500  # our own credentials: nothing that the caller could do
        case _:
            return 502


@app.exception_handler(errors.ResonanceError)
async def failed(_: Request, error: errors.ResonanceError) -> JSONResponse:
    status = status_of(error)
    told: dict[str, Any] = {"type": error.type, "request_id": error.request_id}
    told["detail"] = error.message if status < 500 else "ResonanceOS could not be asked."
    wait = error.retry_after
    headers = {} if wait is None else {"Retry-After": str(math.ceil(wait))}
    return JSONResponse({**told, "retryable": error.retryable}, status, headers)
