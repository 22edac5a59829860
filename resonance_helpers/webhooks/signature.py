"""Signing and verifying as Standard Webhooks says: HMAC-SHA256 over ``id.timestamp.body``.

The signature is made over bytes, so the bytes are verified, as they came: whoever parses a body and
writes it again has another body. Nothing is parsed before its signature holds.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets as random
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..client.auth.secret import Secret
from ..client.transport.arguments import is_number, kind, shown, span, text

if TYPE_CHECKING:
    from ..client.types import EventData, EventPayload

__all__ = ["Event", "WebhookVerificationError", "new_secret", "sign", "verify"]

PREFIX = "whsec_"
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

TOLERANCE = 300.0
"""Seconds that a delivery may be older, or newer, than this machine's clock."""

LATEST = 1e12
"""Seconds since 1970 that no clock shows."""

_MOST_SIGNATURES = 16
# No dot: it parts the id from the timestamp in what is signed.
_ID_FORM = re.compile(r"[!-\-/-~]{1,256}")
_TIMESTAMP_FORM = re.compile(r"[0-9]{1,12}")
_SIGNATURE_FORM = re.compile(r"v[0-9]{1,3}[a-z]?,[A-Za-z0-9+/]{1,512}={0,2}")

SecretLike = str | Secret
Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]


class WebhookVerificationError(Exception):
    """A delivery that can't be trusted, or not be read.

    Attributes:
        reason: ``missing-header``, ``malformed-header``, ``too-old``, ``too-new``,
            ``no-matching-signature`` or ``malformed-body``.
        message: One sentence for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.reason, self.message)


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, as a verified delivery tells it.

    Attributes:
        id: The ``webhook-id``: the same in every delivery of this event, so the key to remember
            what was handled by.
        sent_at: When this delivery was signed, in seconds since 1970.
        payload: The whole body.
    """

    id: str
    sent_at: int
    payload: EventPayload = field(repr=False)

    @property
    def type(self) -> str:
        """What kind of event: ``"generation.completed"``, or `WebhookHandler`'s own words.

        These are such as ``"content_generated"``.
        """
        kind = self.payload.get("type", self.payload.get("event"))
        return kind if isinstance(kind, str) else ""

    @property
    def data(self) -> EventData:
        """What the event is about; of a payload without ``data`` the whole."""
        data: Any = self.payload.get("data", self.payload)
        return data  # type: ignore[no-any-return]


def new_secret() -> Secret:
    """A signing secret: ``whsec_`` and 32 random bytes in base64."""
    return Secret(PREFIX + base64.b64encode(random.token_bytes(32)).decode())


def sign(
    body: bytes, secrets: SecretLike | Iterable[SecretLike], webhook_id: str, timestamp: int
) -> dict[str, str]:
    """The three headers to send `body` with.

    Args:
        body: The payload, byte for byte as it is sent.
        secrets: One secret, or several for as long as a rotation lasts: one signature by each.
        webhook_id: The event's own, the same at each attempt.
        timestamp: The attempt's, in seconds since 1970.

    Raises:
        TypeError, ValueError: An argument could not be signed; the message names it.
    """
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError(f"body is a {kind(body)}; sign the bytes that are sent")
    if not _ID_FORM.fullmatch(text("webhook_id", webhook_id)):
        raise ValueError("webhook_id has to be 1 to 256 visible ASCII characters without a dot")
    if not (isinstance(timestamp, int) and 0 <= timestamp < LATEST) or isinstance(timestamp, bool):
        raise ValueError(f"timestamp is {shown(timestamp)}; it has to be whole seconds since 1970")
    content = _content(webhook_id, str(timestamp), bytes(body))
    signatures = " ".join(_signature(secret, content) for secret in check_secrets(secrets))
    return {ID: webhook_id, TIMESTAMP: str(timestamp), SIGNATURE: signatures}


def verify(
    body: bytes,
    headers: Headers,
    secrets: SecretLike | Iterable[SecretLike],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> Event:
    """The event in a delivery, if one of `secrets` has signed it and lately.

    Args:
        body: The raw bytes, before anything has parsed them: ``await request.body()`` of FastAPI,
            ``request.get_data()`` of Flask.
        headers: Those of the request, names in any case: a mapping, or pairs.
        secrets: One signing secret (``whsec_...``), or several while one is being replaced.
        tolerance: Seconds that the timestamp may lie in the past or the future.
        now: Seconds since 1970; None for this machine's clock.

    Raises:
        WebhookVerificationError: Whatever is wrong with the delivery; its `reason` says what.
        TypeError, ValueError: `body` is not bytes, or a secret can't be one.
    """
    if not isinstance(body, bytes | bytearray | memoryview):
        raise TypeError(f"body is a {type(body).__name__}; verify the raw bytes, before parsing")
    body, secrets, tolerance = bytes(body), check_secrets(secrets), span("tolerance", tolerance)
    if now is not None and not (is_number(now) and -LATEST < now < LATEST):
        raise TypeError("now has to be a number of seconds since 1970, or None for this clock")
    webhook_id, timestamp, signatures = _read(headers)
    _check_time(int(timestamp), time.time() if now is None else now, tolerance)
    if not _matches(_content(webhook_id, timestamp, body), signatures, secrets):
        raise WebhookVerificationError(
            "no-matching-signature",
            "No signature matches: the secret is another, or the delivery was changed on its way.",
        )
    return Event(webhook_id, int(timestamp), _parse(body))


def _read(headers: Headers) -> tuple[str, str, list[bytes]]:
    """The id, the timestamp and the signatures of version v1, each in its form."""
    # Not every framework's headers are a Mapping, but all that are no pairs have items().
    pairs = headers.items() if hasattr(headers, "items") else headers
    if isinstance(pairs, str | bytes) or not isinstance(pairs, Iterable):
        raise TypeError(f"headers is a {kind(headers)}, not a mapping or pairs")
    found: dict[str, str] = {}
    for name, value in pairs:
        name = _header_text(name).lower()
        if name in (ID, TIMESTAMP, SIGNATURE):
            if name in found:
                raise WebhookVerificationError("malformed-header", f"{name} was sent twice.")
            found[name] = _header_text(value)
    for name in (ID, TIMESTAMP, SIGNATURE):
        if not found.get(name):
            raise WebhookVerificationError("missing-header", f"The header {name} is missing.")
    for name, form in ((ID, _ID_FORM), (TIMESTAMP, _TIMESTAMP_FORM)):
        if not form.fullmatch(found[name]):
            raise WebhookVerificationError("malformed-header", f"{name} is not in its form.")
    given = found[SIGNATURE].split(" ", _MOST_SIGNATURES)
    if len(given) > _MOST_SIGNATURES or not all(map(_SIGNATURE_FORM.fullmatch, given)):
        raise WebhookVerificationError("malformed-header", f"{SIGNATURE} is not in its form.")
    # The version belongs to what is compared: v1a is another algorithm, and not ours.
    return found[ID], found[TIMESTAMP], [one.encode() for one in given if one.startswith("v1,")]


def _check_time(sent: int, now: float, tolerance: float) -> None:
    if sent < now - tolerance:
        raise WebhookVerificationError(
            "too-old", f"The delivery was signed more than {tolerance:g} s ago."
        )
    if sent > now + tolerance:
        raise WebhookVerificationError(
            "too-new",
            f"The delivery is signed for more than {tolerance:g} s ahead; is this clock right?",
        )


def _parse(body: bytes) -> EventPayload:
    try:
        payload = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise WebhookVerificationError(
            "malformed-body", "The signature holds, but the body is no JSON object."
        )
    checked: Any = payload
    return checked  # type: ignore[no-any-return]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _content(webhook_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{webhook_id}.{timestamp}.".encode() + body


def _matches(content: bytes, signatures: Iterable[bytes], secrets: Iterable[Secret]) -> bool:
    # A function of its own: no traceback shows the signature that would have been right. Every pair
    # is compared, in a time that tells nothing of where they differ.
    expected = [_signature(secret, content).encode() for secret in secrets]
    return sum(hmac.compare_digest(a, b) for a in expected for b in signatures) > 0


def _signature(secret: Secret, content: bytes) -> str:
    digest = hmac.digest(_key(secret.reveal()), content, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def _header_text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def check_secrets(secrets: SecretLike | Iterable[SecretLike]) -> tuple[Secret, ...]:
    """One signing secret or several, as `Secret`s; raises as `verify` does for what is none."""
    one = isinstance(secrets, str | bytes | Secret) or not isinstance(secrets, Iterable)
    several: list[Any] = [secrets] if one else list(secrets)  # type: ignore[arg-type]
    if not several:
        raise ValueError("there is no signing secret")
    for secret in several:
        if not isinstance(secret, str | Secret):
            kind = type(secret).__name__
            raise TypeError(f"a signing secret is a string or a Secret, not a {kind}")
    texts = (one.reveal() if isinstance(one, Secret) else one for one in several)
    if not all(24 <= len(_key(text)) <= 64 for text in texts):
        # Whatever it is, it may be a secret: it is not repeated.
        raise ValueError(
            f"a signing secret is {PREFIX} and 24 to 64 bytes in base64; new_secret() makes one"
        )
    return tuple(one if isinstance(one, Secret) else Secret(one) for one in several)


def _key(text: str) -> bytes:
    """The bytes that a secret stands for, none where it stands for none."""
    encoded = text.strip().removeprefix(PREFIX).rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:  # no base64, or not even ASCII
        return b""
