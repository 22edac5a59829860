"""Helpers for the ResonanceOS v6 API tutorial, and a client to copy.

The names below are all a learner needs; the rest is reached by module. They load on first use,
so that ``import resonance_helpers`` costs little more than ``import requests``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from resonance_sandbox.hrv import DIMENSIONS as DIMENSIONS
    from resonance_sandbox.hrv import HRVVector as HRVVector

    from .batch import JournalError as JournalError
    from .batch import run_batch as run_batch
    from .client.api import AuthenticatedAPIClient as AuthenticatedAPIClient
    from .client.api import ResonanceOSAPIClient as ResonanceOSAPIClient
    from .client.asynchronous import AsyncResonanceOSAPIClient as AsyncResonanceOSAPIClient
    from .client.auth import ApiKeyAuth as ApiKeyAuth
    from .client.auth import JWTAuth as JWTAuth
    from .client.auth import OAuth2AuthorizationCode as OAuth2AuthorizationCode
    from .client.auth import OAuth2ClientCredentials as OAuth2ClientCredentials
    from .client.auth import Secret as Secret
    from .client.errors import AuthenticationError as AuthenticationError
    from .client.errors import NotSentError as NotSentError
    from .client.errors import OutcomeUnknownError as OutcomeUnknownError
    from .client.errors import RateLimitedError as RateLimitedError
    from .client.errors import ResonanceError as ResonanceError
    from .client.errors import StatusError as StatusError
    from .client.errors import ValidationError as ValidationError
    from .client.transport import RetryPolicy as RetryPolicy
    from .lesson.board import question as question
    from .lesson.connect import connect as connect
    from .lesson.examples import example as example
    from .lesson.exercises import check as check
    from .lesson.exercises import hint as hint
    from .webhooks import WebhookHandler as WebhookHandler
    from .webhooks import WebhookReceiver as WebhookReceiver
    from .webhooks import WebhookVerificationError as WebhookVerificationError

_HOMES = {
    "ApiKeyAuth": ".client.auth",
    "AsyncResonanceOSAPIClient": ".client.asynchronous",
    "AuthenticatedAPIClient": ".client.api",
    "AuthenticationError": ".client.errors",
    "DIMENSIONS": "resonance_sandbox.hrv",
    "HRVVector": "resonance_sandbox.hrv",
    "JWTAuth": ".client.auth",
    "JournalError": ".batch",
    "NotSentError": ".client.errors",
    "OAuth2AuthorizationCode": ".client.auth",
    "OAuth2ClientCredentials": ".client.auth",
    "OutcomeUnknownError": ".client.errors",
    "RateLimitedError": ".client.errors",
    "ResonanceError": ".client.errors",
    "ResonanceOSAPIClient": ".client.api",
    "RetryPolicy": ".client.transport",
    "Secret": ".client.auth",
    "StatusError": ".client.errors",
    "ValidationError": ".client.errors",
    "WebhookHandler": ".webhooks",
    "WebhookReceiver": ".webhooks",
    "WebhookVerificationError": ".webhooks",
    "check": ".lesson.exercises",
    "connect": ".lesson.connect",
    "example": ".lesson.examples",
    "hint": ".lesson.exercises",
    "question": ".lesson.board",
    "run_batch": ".batch",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home, __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
