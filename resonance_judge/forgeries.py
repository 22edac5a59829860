"""Events that are not the server's, in eleven ways; and one of its own from long ago."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Iterator

__all__ = ["forgeries", "old"]

AGE = 3600
"""Seconds since an old event was sent."""

Message = tuple[str, dict[str, str], bytes]


def forgeries(event: str, body: bytes, secret: str) -> Iterator[Message]:
    """What is wrong with each, its headers and its body.

    Args:
        event: id of a genuine event.
        body: of it.
        secret: that signs it; used where a forger would have seen a genuine signature.
    """
    stranger = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    forged = _another(body)
    respelled = json.dumps(json.loads(body), indent=1).encode()
    identity = f"{event}x"
    genuine = _signed(event, body, secret)
    mine = _signed(identity, forged, stranger)
    signature = genuine["webhook-signature"]

    def instead(**changed: str) -> dict[str, str]:
        return genuine | {name.replace("_", "-"): value for name, value in changed.items()}

    yield "has no signature", {**mine, "webhook-signature": ""}, forged
    yield "has none of the headers", {}, forged
    yield "is signed by a stranger", mine, forged
    yield "has another body than was signed", genuine, forged
    yield "has the body that was signed, spelled in other bytes", genuine, respelled
    yield "has another id than was signed", instead(webhook_id=identity), body
    later = str(int(genuine["webhook-timestamp"]) + 1)
    yield "has another time than was signed", instead(webhook_timestamp=later), body
    yield "has half of a signature", instead(webhook_signature=signature[:20]), body
    yield "has a signature without its version", instead(webhook_signature=signature[3:]), body
    unknown = f"v0,{signature[3:]}"
    yield "has a signature of an unknown version", instead(webhook_signature=unknown), body
    keyless = _signed(identity, forged, "whsec_")
    yield "is signed with an empty secret", keyless, forged


def old(event: str, body: bytes, secret: str) -> Message:
    """An event that was genuine an hour ago."""
    return "is an hour old", _signed(f"{event}old", body, secret, time.time() - AGE), body


def _signed(identity: str, body: bytes, secret: str, at: float | None = None) -> dict[str, str]:
    """The headers of Standard Webhooks. Not by its library, which refuses what a forger does."""
    stamp = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{identity}.{stamp}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def _another(body: bytes) -> bytes:
    """The event with other texts in it: whoever believes it does something that nobody meant."""
    return json.dumps(_changed(json.loads(body))).encode()


def _changed(value: object, name: str = "") -> object:
    if isinstance(value, dict):
        return {key: _changed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_changed(inner, name) for inner in value]
    kept = name in ("type", "timestamp", "event", "tenant", "created_at")
    return f"{value} (forged)" if isinstance(value, str) and not kept else value
