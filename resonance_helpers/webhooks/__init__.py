"""Webhooks: events that come to you.

signature   signing and verifying, for any framework
seen        which events were handled, so that none is handled twice
receiver    a small HTTP server that takes events
handler     generate an article, and notify a URL of your own

A server of your own needs `verify` and `SeenEvents`, and nothing that is not in requests or the
standard library; `examples/` shows both in FastAPI and in Flask.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .seen import EventInProgress, SeenEvents
from .signature import Event, WebhookVerificationError, new_secret, sign, verify

if TYPE_CHECKING:
    from .handler import Delivery as Delivery
    from .handler import WebhookHandler as WebhookHandler
    from .receiver import Receipt as Receipt
    from .receiver import WebhookReceiver as WebhookReceiver

# Loaded on first use: who only verifies needs no server.
_HOMES = {
    "Delivery": "handler",
    "Receipt": "receiver",
    "WebhookHandler": "handler",
    "WebhookReceiver": "receiver",
}

__all__ = [
    "Event",
    "EventInProgress",
    "SeenEvents",
    "WebhookVerificationError",
    "new_secret",
    "sign",
    "verify",
    *_HOMES,
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value
