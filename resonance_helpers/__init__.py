"""Helpers for the ResonanceOS v6 API tutorial, and a client to copy.

The names below are all a learner needs; the rest is reached by module. They load on first use,
so that ``import resonance_helpers`` costs little more than ``import requests``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .auth import ApiKeyAuth as ApiKeyAuth
    from .auth import JWTAuth as JWTAuth
    from .auth import OAuth2AuthorizationCode as OAuth2AuthorizationCode
    from .auth import OAuth2ClientCredentials as OAuth2ClientCredentials
    from .auth import Secret as Secret
    from .batch import run_batch as run_batch
    from .client import AuthenticatedAPIClient as AuthenticatedAPIClient
    from .client import ResonanceOSAPIClient as ResonanceOSAPIClient
    from .errors import ResonanceError as ResonanceError
    from .exercises import check as check
    from .exercises import hint as hint
    from .hrv import DIMENSIONS as DIMENSIONS
    from .hrv import HRVVector as HRVVector
    from .transport import RetryPolicy as RetryPolicy
    from .tutorial import connect as connect
    from .tutorial import needs_sandbox as needs_sandbox
    from .webhooks import WebhookHandler as WebhookHandler
    from .webhooks import WebhookReceiver as WebhookReceiver

_HOMES = {
    "ApiKeyAuth": "auth",
    "AuthenticatedAPIClient": "client",
    "DIMENSIONS": "hrv",
    "HRVVector": "hrv",
    "JWTAuth": "auth",
    "OAuth2AuthorizationCode": "auth",
    "OAuth2ClientCredentials": "auth",
    "ResonanceError": "errors",
    "ResonanceOSAPIClient": "client",
    "RetryPolicy": "transport",
    "Secret": "auth",
    "WebhookHandler": "webhooks",
    "WebhookReceiver": "webhooks",
    "check": "exercises",
    "connect": "tutorial",
    "hint": "exercises",
    "needs_sandbox": "tutorial",
    "run_batch": "batch",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
