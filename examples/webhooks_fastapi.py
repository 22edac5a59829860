"""Events of ResonanceOS in a FastAPI application.

    pip install path/to/this/clone fastapi uvicorn
    RESONANCE_WEBHOOK_SECRET=whsec_... uvicorn webhooks_fastapi:app

Any answer but 2xx makes the server send the event again, under the same id.
"""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from starlette.requests import ClientDisconnect

from resonance_helpers.client.auth import Secret
from resonance_helpers.webhooks import (
    Event,
    EventInProgress,
    SeenEvents,
    WebhookVerificationError,
    verify,
)

LARGEST = 1 << 20  # bytes

app = FastAPI()
secret = Secret.from_env("RESONANCE_WEBHOOK_SECRET")  # while it is being replaced: [new, old]
seen = SeenEvents("events.db")  # workers of this application share the file


def handle(event: Event) -> None:
    """Your own code; what it raises becomes a 500, and the event comes again."""
    print(event.type, event.id)


async def raw_body(request: Request) -> bytes:
    """The bytes as they came: what was parsed and written anew has another signature."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST:
                raise HTTPException(413)
    except ClientDisconnect:  # nobody hears this, and it is no error of ours
        raise HTTPException(400) from None
    return body


@app.post("/webhook")
def receive(request: Request, body: Annotated[bytes, Depends(raw_body)]) -> dict[str, str]:
    try:
        event = verify(body, request.headers, secret)
    except WebhookVerificationError as error:
        raise HTTPException(400, error.message) from None
    try:
        with seen.once(event.id) as first:
            if first:
                handle(event)
    except EventInProgress:
        raise HTTPException(409, "This event is being handled.") from None
    return {"outcome": "handled" if first else "duplicate"}
