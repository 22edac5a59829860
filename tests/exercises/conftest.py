from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient, sandbox
from resonance_helpers.exercises import core
from resonance_helpers.tutorial import LessonClient
from resonance_helpers.webhooks import WebhookReceiver, new_secret

SECRET = new_secret()


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(still=True, allow_loopback_webhooks=True) as running:
        yield running


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as running:
        yield running


@pytest.fixture
def api(
    server: sandbox.Sandbox, receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> LessonClient:
    """A client of a sandbox in its first state, which the checks ask too."""
    server.reset()
    client = LessonClient(server.url)
    client.sandbox = server
    client.receiver = receiver
    monkeypatch.setattr(core, "_lesson", core._Lesson(api=client))
    return client


def administrator(api: LessonClient) -> ResonanceOSAPIClient:
    """A client of the sandbox's administrator."""
    assert api.sandbox is not None
    key = api.sandbox.credentials["admin"]["api_key"]
    return ResonanceOSAPIClient(api.base_url, auth=ApiKeyAuth(key))


@pytest.fixture
def names(api: LessonClient) -> dict[str, Any]:
    """What a lesson has imported when an exercise comes."""
    import requests

    from resonance_helpers import auth, profiles, webhooks

    return {
        "api": api,
        "requests": requests,
        "profiles": profiles,
        "admin": administrator(api),
        "read_jwt": auth.read_jwt,
        "receiver": api.receiver,
        "secret": SECRET,
        "verify": webhooks.verify,
        "WebhookVerificationError": webhooks.WebhookVerificationError,
    }
