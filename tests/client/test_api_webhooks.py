"""Subscriptions through the client: made, tested, rotated, redelivered, and no secret shown."""

from __future__ import annotations

import base64
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ResonanceOSAPIClient, Secret, WebhookReceiver
from resonance_helpers.client.errors import InsecureTransportError, ResonanceError
from resonance_helpers.webhooks import WebhookVerificationError, new_secret, sign, verify

SECRET = new_secret()


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(
        allow_loopback_webhooks=True, webhook_retry=[0.1, 0.1], webhook_disable_after=2
    ) as running:
        yield running


@pytest.fixture
def api(server: sandbox.Sandbox) -> ResonanceOSAPIClient:
    server.reset()
    return ResonanceOSAPIClient(server.url)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as running:
        yield running


def ended(api: ResonanceOSAPIClient, webhook_id: str) -> list[dict[str, Any]]:
    """The deliveries once none is pending, the newest first."""
    while api.get_deliveries(webhook_id, status="pending")["deliveries"]:
        time.sleep(0.02)
    listed: list[dict[str, Any]] = api.get_deliveries(webhook_id)["deliveries"]
    return listed


def test_a_subscription_from_its_making_to_its_end(
    api: ResonanceOSAPIClient, receiver: WebhookReceiver
) -> None:
    made = api.create_webhook(
        receiver.url, ["generation.completed"], "demo_tenant", secret=SECRET, description="mine"
    )
    assert (made["tenant"], made["status"], made["description"]) == (
        "demo_tenant",
        "enabled",
        "mine",
    )
    assert made["secret"] == SECRET
    assert [hook["id"] for hook in api.get_webhooks("demo_tenant")["webhooks"]] == [made["id"]]
    assert "secret" not in api.get_webhook(made["id"])

    assert api.test_webhook(made["id"])["type"] == "webhook.test"
    assert receiver.wait(1)[0].type == "webhook.test"
    answer = api.generate_content("Rain", "demo_tenant")
    event = receiver.wait(2)[1]
    assert event.type == "generation.completed"
    assert event.data["article"] == answer["article"]
    newest, oldest = ended(api, made["id"])
    assert (newest["id"], newest["status"]) == (event.id, "delivered")
    assert api.get_delivery(made["id"], newest["id"])["payload"] == event.payload
    page = api.get_deliveries(made["id"], limit=1)
    assert api.get_deliveries(made["id"], limit=1, cursor=page["next_cursor"])["deliveries"] == [
        oldest
    ]

    assert api.delete_webhook(made["id"]) == {}
    assert type(api.get_webhook(made["id"]).error).__name__ == "UnknownWebhookError"


def test_a_secret_of_the_servers_is_rotated_and_not_shown(
    api: ResonanceOSAPIClient, receiver: WebhookReceiver
) -> None:
    made = api.create_webhook(receiver.url, ["profile.created"])
    rotated = api.rotate_webhook_secret(made["id"], overlap_seconds=60)
    for answer in (made, rotated):
        assert isinstance(answer["secret"], Secret)
        assert answer["secret"].reveal() not in repr(answer)
    for secret in (made["secret"], rotated["secret"]):
        receiver.secrets = secret
        api.test_webhook(made["id"])
        assert {one["status"] for one in ended(api, made["id"])} == {"delivered"}
    mine = new_secret()
    assert api.rotate_webhook_secret(made["id"], overlap_seconds=0, secret=mine)["secret"] == mine
    receiver.secrets = mine
    api.test_webhook(made["id"])
    assert ended(api, made["id"])[0]["status"] == "delivered"


def test_what_died_is_sent_again(api: ResonanceOSAPIClient, receiver: WebhookReceiver) -> None:
    since = datetime.now(UTC)
    made = api.create_webhook(receiver.url, ["profile.created"], secret=SECRET)
    receiver.stop()
    for name in ("one", "two"):
        api.create_profile("default", name, [0.5] * 8)
    dead = ended(api, made["id"])
    assert [one["status"] for one in dead] == ["dead", "dead"]
    assert api.get_webhook(made["id"])["disabled_reason"] == "failing"
    refused = api.redeliver(made["id"], dead[0]["id"])
    assert type(refused.error).__name__ == "WebhookDisabledError"

    receiver.start()
    assert api.enable_webhook(made["id"])["status"] == "enabled"
    assert api.redeliver(made["id"], dead[0]["id"])["status"] == "pending"
    assert receiver.wait(1)[0].id == dead[0]["id"]
    ended(api, made["id"])
    assert api.redeliver_since(made["id"], since, status="dead") == {"count": 1}
    assert {event.id for event in receiver.wait(2)} == {one["id"] for one in dead}
    unknown = api.get_delivery(made["id"], "msg_0")
    assert type(unknown.error).__name__ == "UnknownDeliveryError"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda api: api.create_webhook(7, []), TypeError, "url is a int"),
        (lambda api: api.create_webhook("u", "profile.created"), TypeError, "events is a str"),
        (lambda api: api.create_webhook("u", [], secret=b"x"), TypeError, "secret is a bytes"),
        (lambda api: api.get_webhook(".."), ValueError, "path"),
        (lambda api: api.redeliver("wh_1", ""), ValueError, "path"),
        (lambda api: api.redeliver_since("wh_1", 7), TypeError, "since is a int"),
        (lambda api: api.redeliver_since("wh_1", datetime(2026, 1, 1)), ValueError, "time zone"),
    ],
)
def test_wrong_arguments_raise(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(ResonanceOSAPIClient("http://127.0.0.1:1"))


def test_no_traceback_shows_a_signing_secret() -> None:
    client = ResonanceOSAPIClient("http://127.0.0.1:1", on_error="raise", retry=None)
    calls = [
        lambda: client.create_webhook("https://example.com", ["profile.created"], secret=SECRET),
        lambda: client.rotate_webhook_secret("wh_1", secret=SECRET),
        lambda: verify(b"{}", sign(b"{}", new_secret(), "msg_1", int(time.time())), SECRET),
        lambda: verify(b"{}", {}, [SECRET, Secret("whsec_canary")]),
    ]
    raw = repr(base64.b64decode(SECRET.reveal().removeprefix("whsec_")))
    for call in calls:
        with pytest.raises((ResonanceError, WebhookVerificationError, ValueError)) as caught:
            call()
        error = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        ours = [frame.locals for frame in error.stack if "resonance_helpers" in frame.filename]
        told = str(error) + repr(ours)
        assert len(ours) >= 1
        assert not any(one in told for one in (SECRET.reveal(), raw, "canary"))


def test_a_signing_secret_crosses_no_open_network() -> None:
    far = ResonanceOSAPIClient("http://api.example.com")
    with pytest.raises(InsecureTransportError):
        far.create_webhook("https://example.com", ["profile.created"], secret=SECRET)
    with pytest.raises(InsecureTransportError):
        far.rotate_webhook_secret("wh_1", secret=SECRET)
