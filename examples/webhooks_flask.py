"""Events of ResonanceOS in a Flask application.

    pip install path/to/this/clone flask
    RESONANCE_WEBHOOK_SECRET=whsec_... flask --app webhooks_flask run

Any answer but 2xx makes the server send the event again, under the same id.
"""

from flask import Flask, abort, request

from resonance_helpers.client.auth import Secret
from resonance_helpers.webhooks import (
    Event,
    EventInProgress,
    SeenEvents,
    WebhookVerificationError,
    verify,
)

app = Flask(__name__)
app.config["MAX_CONTENT_LENGTH"] = 1 << 20  # bytes
secret = Secret.from_env("RESONANCE_WEBHOOK_SECRET")  # while it is being replaced: [new, old]
seen = SeenEvents("events.db")  # workers of this application share the file


def handle(event: Event) -> None:
    """Your own code; what it raises becomes a 500, and the event comes again."""
    print(event.type, event.id)


@app.post("/webhook")
def receive() -> dict[str, str]:
    # The bytes as they came: what was parsed and written anew has another signature.
    body = request.get_data()
    try:
        event = verify(body, request.headers, secret)
    except WebhookVerificationError as error:
        abort(400, error.message)
    try:
        with seen.once(event.id) as first:
            if first:
                handle(event)
    except EventInProgress:
        abort(409, "This event is being handled.")
    return {"outcome": "handled" if first else "duplicate"}
