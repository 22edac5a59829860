from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient, Secret, webhooks
from resonance_helpers.lesson.connect import LessonClient
from resonance_helpers.lesson.exercises import core


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    options: dict[str, Any] = {
        "rate_limit": 100_000,
        "burst": 1_000,
        "webhook_retry": (0.05, 0.5, 1, 2, 4),
    }
    with sandbox.start(still=True, allow_loopback_webhooks=True, **options) as running:
        yield running


@pytest.fixture(scope="module")
def receiver() -> Iterator[webhooks.WebhookReceiver]:
    with webhooks.WebhookReceiver(webhooks.new_secret()) as running:
        yield running


@pytest.fixture
def api(server: sandbox.Sandbox, monkeypatch: pytest.MonkeyPatch) -> LessonClient:
    """A client of a sandbox in its first state, which the checks ask too."""
    server.reset()
    client = LessonClient(server.url)
    client.sandbox = server
    monkeypatch.setattr(core, "_lesson", core._Lesson(api=client))
    return client


@pytest.fixture
def names(api: LessonClient, receiver: webhooks.WebhookReceiver) -> dict[str, Any]:
    """What a lesson has imported and made when an exercise comes."""
    import contextlib
    import json
    import tempfile

    import requests

    from resonance_helpers import performance
    from resonance_helpers.batch import run_batch
    from resonance_helpers.client import auth
    from resonance_helpers.lesson import profiles

    assert api.sandbox is not None
    key = api.sandbox.credentials["admin"]["api_key"]
    return {
        "api": api,
        "json": json,
        "contextlib": contextlib,
        "receiver": receiver,
        "requests": requests,
        "secret": receiver.secrets[0],
        "ResonanceOSAPIClient": ResonanceOSAPIClient,
        "Secret": Secret,
        **{name: getattr(webhooks, name) for name in webhooks.__all__},
        "admin": ResonanceOSAPIClient(api.base_url, auth=ApiKeyAuth(key)),
        "load": performance.load,
        "measure": performance.measure,
        "performance": performance,
        "profiles": profiles,
        "prompts": [f"Letter {i}" for i in range(40)],
        "read_jwt": auth.read_jwt,
        "run_batch": run_batch,
        "ServiceLevel": performance.ServiceLevel,
        "tempfile": tempfile,
    }
