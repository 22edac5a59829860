"""Subscriptions through the client: made, tested, rotated, redelivered, and no secret shown."""

from __future__ import annotations

import base64
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ResonanceOSAPIClient, Secret, WebhookReceiver
from resonance_helpers.client.errors import InsecureTransportError, ResonanceError
from resonance_helpers.client.types import EventType, WebhookAnswer
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


# --- changed and ensured -------------------------------------------------------------------------

COMPLETED: list[EventType] = ["generation.completed"]
BOTH: list[EventType] = ["generation.completed", "profile.created"]
LOST = ["reset_after_commit", "reset_mid_headers", "reset_mid_body", "truncated_body"]


def signed_by(api: ResonanceOSAPIClient, hook: WebhookAnswer, receiver: WebhookReceiver) -> str:
    """What becomes of a test event: delivered where the receiver's secret signs."""
    sent = api.test_webhook(hook["id"])["id"]
    ended(api, hook["id"])
    return api.get_delivery(hook["id"], sent)["status"]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_doubles_no_subscription(
    server: sandbox.Sandbox, api: ResonanceOSAPIClient, fault: str
) -> None:
    server.faults.add(fault, route="/webhooks", count=1)
    made = api.create_webhook("http://127.0.0.1:9/", COMPLETED)
    assert (made.attempts, made.replayed) == (2, True)
    assert [hook["id"] for hook in api.get_webhooks()["webhooks"]] == [made["id"]]


def test_a_subscription_is_changed(api: ResonanceOSAPIClient, receiver: WebhookReceiver) -> None:
    made = api.create_webhook(receiver.url, COMPLETED, secret=SECRET, description="mine")
    changed = api.update_webhook(made["id"], events=BOTH)
    assert (changed["events"], changed["description"]) == (BOTH, "mine")
    assert api.update_webhook(made["id"], description="")["description"] == ""
    moved = api.update_webhook(made["id"], url="ftp://example.com")
    assert moved["type"] == "validation-failed"
    api.create_profile("default", "night_owl", [0.5] * 8)
    assert receiver.wait(1)[0].type == "profile.created"


def test_a_subscription_is_ensured(api: ResonanceOSAPIClient, receiver: WebhookReceiver) -> None:
    made = api.ensure_webhook(receiver.url, COMPLETED, secret=SECRET, description="mine")
    assert (made["events"], made["secret"], made.replayed) == (COMPLETED, SECRET, False)
    again = api.ensure_webhook(receiver.url, COMPLETED, secret=SECRET)
    assert {**again} == {**made}
    changed = api.ensure_webhook(receiver.url, BOTH, secret=SECRET, description="")
    assert (changed["id"], changed["events"]) == (made["id"], BOTH)
    assert changed["description"] == ""
    assert api.get_webhooks()["count"] == 1
    other = api.ensure_webhook(f"{receiver.url}?other", BOTH, "demo_tenant", secret=SECRET)
    assert (other["tenant"], api.get_webhooks("demo_tenant")["count"]) == ("demo_tenant", 1)


def test_its_secret_is_the_one_given_and_the_last_signs_along(
    api: ResonanceOSAPIClient, receiver: WebhookReceiver
) -> None:
    api.ensure_webhook(receiver.url, COMPLETED, secret=SECRET)
    fresh = new_secret()
    for _ in range(2):  # a second start ends no rotation before its time
        hook = api.ensure_webhook(receiver.url, COMPLETED, secret=fresh)
        assert hook["secret"] == fresh
        for secret in (fresh, SECRET):
            receiver.secrets = secret
            assert signed_by(api, hook, receiver) == "delivered"


def test_a_disabled_one_is_enabled(api: ResonanceOSAPIClient, receiver: WebhookReceiver) -> None:
    made = api.ensure_webhook(receiver.url, BOTH, secret=SECRET)
    receiver.stop()
    for name in ("one", "two"):
        api.create_profile("default", name, [0.5] * 8)
    ended(api, made["id"])
    assert api.get_webhook(made["id"])["status"] == "disabled"
    receiver.start()
    assert api.ensure_webhook(receiver.url, BOTH, secret=SECRET)["status"] == "enabled"


def test_one_that_is_gone_is_made_again(
    api: ResonanceOSAPIClient, receiver: WebhookReceiver
) -> None:
    ids = set()
    for _ in range(3):
        made = api.ensure_webhook(receiver.url, COMPLETED, secret=SECRET)
        assert made["secret"] == SECRET
        assert signed_by(api, made, receiver) == "delivered"
        ids.add(made["id"])
        api.delete_webhook(made["id"])
    assert len(ids) == 3


def test_of_several_the_best_is_taken(api: ResonanceOSAPIClient, receiver: WebhookReceiver) -> None:
    api.create_webhook(receiver.url, COMPLETED)
    best = api.create_webhook(receiver.url, BOTH)
    assert api.ensure_webhook(receiver.url, reversed(BOTH), secret=SECRET)["id"] == best["id"]
    assert api.get_webhooks()["count"] == 2


def test_many_that_start_together_make_one(
    server: sandbox.Sandbox, api: ResonanceOSAPIClient
) -> None:
    def start(_: int) -> str:
        with ResonanceOSAPIClient(server.url) as mine:
            return mine.ensure_webhook("http://127.0.0.1:9/", BOTH, secret=SECRET)["id"]

    with ThreadPoolExecutor(8) as threads:
        ids = {*threads.map(start, range(8))}
    assert [hook["id"] for hook in api.get_webhooks()["webhooks"]] == [*ids]


@pytest.mark.parametrize("fault", LOST)
def test_it_survives_lost_answers(
    server: sandbox.Sandbox, api: ResonanceOSAPIClient, fault: str
) -> None:
    server.faults.add(fault, attempts=1)  # of each call that it takes
    for events in (COMPLETED, BOTH):
        hook = api.ensure_webhook("http://127.0.0.1:9/", events, secret=SECRET)
        assert (hook["events"], hook.attempts) == (events, 2)
    server.faults.clear()
    assert api.get_webhooks()["count"] == 1


def test_it_fails_like_any_call(server: sandbox.Sandbox) -> None:
    api = ResonanceOSAPIClient(server.url)
    failed = api.ensure_webhook("https://10.0.0.1/", BOTH, secret=SECRET)
    assert (failed["type"], failed["response_code"]) == ("validation-failed", 422)
    with pytest.raises(ResonanceError):
        api.with_options(on_error="raise").ensure_webhook("", BOTH, secret=SECRET)
    nothing: Any = None
    for mode in (api, api.with_options(on_error="raise")):
        with pytest.raises(TypeError, match="secret is None"):
            mode.ensure_webhook("https://example.com", BOTH, secret=nothing)


def test_deliveries_are_turned_page_after_page(
    api: ResonanceOSAPIClient, receiver: WebhookReceiver
) -> None:
    made = api.create_webhook(receiver.url, COMPLETED, secret=SECRET)
    asked = [api.generate_content(f"Number {n}", paragraphs=1).request_id for n in range(5)]
    receiver.wait(5)
    ended(api, made["id"])
    rows = list(api.iter_deliveries(made["id"], limit=2))
    assert [row["request_id"] for row in reversed(rows)] == asked
    assert rows == api.get_deliveries(made["id"])["deliveries"]
    assert list(api.iter_deliveries(made["id"], status="dead")) == []
    with pytest.raises(ResonanceError, match="no such webhook"):
        next(api.iter_deliveries("wh_0"))


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
        lambda: client.ensure_webhook("https://example.com", BOTH, secret=SECRET),
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
    with pytest.raises(InsecureTransportError):
        far.ensure_webhook("https://example.com", BOTH, secret=SECRET)
