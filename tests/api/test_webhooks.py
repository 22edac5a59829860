"""Webhooks: subscribed, signed, delivered, tried again, given up, redelivered."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from resonance_sandbox import start
from resonance_sandbox.webhooks import schemas
from tests.support.hook_server import HookServer, hook_server
from tests.support.raw_server import raw_server, stalls

from .conftest import API, slug

ALL = ["generation.completed", "generation.failed", "profile.created"]
LONG_AGO = "2026-01-01T00:00:00Z"
OWN = "whsec_" + "A" * 32
TRIES = 3  # as the fixture `server` sets it
ENOUGH_DEAD = 2


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with hook_server() as server:
        yield server


def subscribe(api: API, url: str, *events: str, **fields: Any) -> dict[str, Any]:
    answer = api("POST", "/webhooks", {"url": url, "events": events or ALL, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def deliveries(api: API, webhook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api("GET", f"/webhooks/{webhook['id']}/deliveries{query}").json()[
        "deliveries"
    ]
    return found


def settled(api: API, webhook: dict[str, Any], count: int = 1) -> list[dict[str, Any]]:
    """The deliveries, newest first, once there are `count` and none is pending."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = deliveries(api, webhook)
        if len(found) == count and all(one["status"] != "pending" for one in found):
            return found
        time.sleep(0.01)
    raise AssertionError(found)


def state(api: API, webhook: dict[str, Any]) -> tuple[str, str | None]:
    found = api("GET", f"/webhooks/{webhook['id']}").json()
    return found["status"], found["disabled_reason"]


def act(api: API, webhook: dict[str, Any], path: str, body: Any = None) -> requests.Response:
    return api("POST", f"/webhooks/{webhook['id']}/{path}", body)


def test_the_secret_is_shown_once(api: API, hooks: HookServer) -> None:
    body = {"url": hooks.url, "events": ["profile.created", "profile.created"]}
    first, again = (api("POST", "/webhooks", body, Idempotency_Key="one") for _ in range(2))
    made = first.json()
    assert first.headers["Location"] == f"/webhooks/{made['id']}"
    assert first.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"whsec_[0-9A-Za-z+/]{43}=", made["secret"])
    assert (made["tenant"], made["events"]) == ("default", ["profile.created"])
    assert (made["status"], made["disabled_reason"]) == ("enabled", None)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == {**made, "secret": None}
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert api("GET", "/webhooks").json() == {"webhooks": [shown], "count": 1}
    assert api("GET", first.headers["Location"]).json() == shown
    rotated, again = (
        api("POST", f"/webhooks/{made['id']}/rotate_secret", {}, Idempotency_Key="two")
        for _ in range(2)
    )
    assert rotated.json()["secret"] not in (None, made["secret"])
    assert again.json() == {**rotated.json(), "secret": None}
    assert api("DELETE", f"/webhooks/{made['id']}").status_code == 204
    assert slug(api("GET", f"/webhooks/{made['id']}")) == "unknown-webhook"
    assert slug(api("DELETE", f"/webhooks/{made['id']}")) == "unknown-webhook"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "https://10.0.0.1/hook"),
        ("url", "https://2130706433/hook"),
        ("url", "http://example.org/hook"),
        ("url", "https://user:hunter2@example.org/hook"),
        ("url", ""),
        ("url", 7),
        ("events", []),
        ("events", ["webhook.test"]),
        ("secret", "hunter2-hunter2-hunter2-hunter2-hunter2"),
        ("secret", "whsec_" + "A" * 31),
        ("secret", "whsec_" + "A" * 28),
        ("secret", "whsec_" + "A" * 92),
        ("secret", OWN + "\n"),
    ],
)
def test_what_is_refused(api: API, field: str, value: Any) -> None:
    body = {"url": "http://127.0.0.1:9/", "events": ALL, "secret": OWN, field: value}
    answer = api("POST", "/webhooks", body)
    assert (answer.status_code, slug(answer)) == (422, "validation-failed")
    assert [error["field"].partition("[")[0] for error in answer.json()["errors"]] == [field]
    assert "hunter2" not in answer.text
    assert api("GET", "/webhooks").json()["count"] == 0


def test_a_tenant_has_so_many_and_no_more(api: API) -> None:
    made = [subscribe(api, "http://127.0.0.1:9/", secret=OWN) for _ in range(20)]
    assert made[0]["secret"] == OWN
    body = {"url": "http://127.0.0.1:9/", "events": ALL}
    assert slug(api("POST", "/webhooks", body)) == "webhook-limit"
    subscribe(api, "http://127.0.0.1:9/", tenant="demo_tenant")
    api.server.reset()
    assert api("GET", "/webhooks").json()["count"] == 0
    assert api("GET", "/webhooks?tenant=demo_tenant").json()["count"] == 0


@pytest.mark.stored
def test_each_event_arrives_signed(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    profile = api.create("mine", description="é").json()
    (created,) = hooks.wait(1)
    article = api.generate().json()
    _, completed = hooks.wait(2)
    api.server.outage("writer")
    failed_answer = api.generate()
    api.server.outage()
    *_, failed = hooks.wait(3)
    assert [hook.payload["type"] for hook in (completed, failed, created)] == ALL
    assert created.payload["data"] == profile
    left_out = {"paragraphs": None, "warnings": None}
    assert {**completed.payload["data"], **left_out} == {**article, **left_out}
    problem = failed.payload["data"]["problem"]
    assert {name: failed_answer.json()[name] for name in problem} == problem
    assert failed.payload["data"]["request_id"] == failed_answer.headers["X-Request-ID"]
    found = settled(api, webhook, 3)
    described = (schemas.GenerationCompleted, schemas.GenerationFailed, schemas.ProfileCreated)
    for hook, model in zip((completed, failed, created), described, strict=True):
        assert model(**hook.payload).model_dump() == hook.payload, "as the document says"
    for hook in hooks.hooks:
        assert Webhook(webhook["secret"]).verify(hook.body, hook.headers) == hook.payload
        assert hook.headers["content-type"] == "application/json"
        assert set(hook.payload) == {"type", "timestamp", "data"}
    assert [one["id"] for one in found] == [failed.id, completed.id, created.id]
    detail = api("GET", f"/webhooks/{webhook['id']}/deliveries/{created.id}").json()
    assert detail == {**found[-1], "payload": created.payload}


def test_only_what_happened_and_was_asked_for(
    api: API, acme: API, globex: API, hooks: HookServer
) -> None:
    webhook = subscribe(api, hooks.url, "profile.created")
    theirs = subscribe(acme, hooks.url, "profile.created")
    api.generate()  # another type
    globex.create("mine", "globex")  # another tenant
    api.create("mine", tenant="demo_tenant")
    api.create("Not A Name")  # refused
    for _ in range(2):
        api.create("mine", Idempotency_Key="once")  # replayed
    assert slug(api.create("mine")) == "profile-exists"
    (hook,) = hooks.wait(1)
    assert hook.payload["data"]["tenant"] == "default"
    assert len(settled(api, webhook)) == 1
    assert deliveries(acme, theirs) == []
    acme.create("mine", "acme_corp")
    assert hooks.wait(2)[1].payload["data"]["tenant"] == "acme_corp"


def test_a_failed_delivery_is_tried_again_under_its_id(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    hooks.answer = lambda hook: (503 if len(hooks.hooks) < 2 else 200, {})
    api.create("mine")
    (found,) = settled(api, webhook)
    assert found["status"] == "delivered"
    assert found["next_attempt_at"] is None
    tried = found["attempts"]
    assert [attempt["number"] for attempt in tried] == [1, 2, 3]
    assert [attempt["status"] for attempt in tried] == [503, 503, 200]
    assert [attempt["error"] for attempt in tried] == [*["The receiver answered 503."] * 2, None]
    assert all(attempt["latency_ms"] > 0 for attempt in tried)
    for before, after in itertools.pairwise(tried):
        assert before["at"] <= before["next_attempt_at"] <= after["at"]
    assert {hook.id for hook in hooks.hooks} == {found["id"]}
    for hook in hooks.hooks:
        Webhook(webhook["secret"]).verify(hook.body, hook.headers)


@pytest.mark.stored
def test_a_dead_letter_is_kept_and_redelivered(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    hooks.say(500)
    api.create("mine")
    (dead,) = settled(api, webhook)
    assert (dead["status"], dead["reason"]) == ("dead", "The last try failed.")
    assert [attempt["next_attempt_at"] is None for attempt in dead["attempts"]] == [0, 0, 1]
    assert state(api, webhook) == ("enabled", None)
    hooks.say(200)
    answer = act(api, webhook, f"deliveries/{dead['id']}/redeliver")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    (again,) = settled(api, webhook)
    assert api("GET", answer.headers["Location"]).json()["status"] == "delivered"
    assert (again["status"], again["reason"], again["id"]) == ("delivered", None, dead["id"])
    assert [attempt["number"] for attempt in again["attempts"]] == [1, 2, 3, 4]
    assert slug(act(api, webhook, "deliveries/msg_none/redeliver")) == "unknown-delivery"


@pytest.mark.stored
def test_all_since_a_time(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    hooks.answer = lambda hook: (500 if hook.payload["data"]["profile_name"] == "a" else 200, {})
    api.create("a")
    settled(api, webhook, 1)
    api.create("b")
    first = settled(api, webhook, 2)
    hooks.say(200)
    seen = len(hooks.hooks)

    def since(time: str, **query: str) -> int:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        answer = act(api, webhook, f"redeliver?since={time}{more}")
        assert answer.status_code == 202, answer.text
        settled(api, webhook, 2)
        return int(answer.json()["count"])

    assert since(LONG_AGO, status="dead") == 1
    assert since(LONG_AGO, status="dead") == 0
    assert since(LONG_AGO) == 2
    assert since(first[0]["created_at"]) == 1
    assert since("2100-01-01T00:00:00%2B01:00") == 0
    assert len(hooks.hooks) == seen + 4
    for query in ("", "?since=", "?since=yesterday", "?since=0.5", "?since=2026-01-01T00:00:00"):
        assert slug(act(api, webhook, f"redeliver{query}")) == "validation-failed"


def test_a_webhook_that_keeps_failing_is_disabled(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    hooks.say(500)
    for number in range(ENOUGH_DEAD):
        api.create(f"dead{number}")
        settled(api, webhook, number + 1)
    assert state(api, webhook) == ("disabled", "failing")
    tried = len(hooks.hooks)
    hooks.say(200)
    api.create("meanwhile")
    (missed, *_) = settled(api, webhook, ENOUGH_DEAD + 1)
    assert (missed["reason"], missed["attempts"]) == ("The webhook is disabled.", [])
    for path in ("test", f"redeliver?since={LONG_AGO}", f"deliveries/{missed['id']}/redeliver"):
        assert slug(act(api, webhook, path)) == "webhook-disabled"
    assert len(hooks.hooks) == tried
    enabled = act(api, webhook, "enable")
    assert (enabled.status_code, enabled.json()["status"]) == (200, "enabled")
    count = act(api, webhook, f"redeliver?since={LONG_AGO}&status=dead").json()["count"]
    assert count == ENOUGH_DEAD + 1
    found = settled(api, webhook, ENOUGH_DEAD + 1)
    assert {one["status"] for one in found} == {"delivered"}
    assert {hook.id for hook in hooks.hooks[tried:]} == {one["id"] for one in found}


def test_a_receiver_that_is_gone_is_left_alone(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    hooks.say(410)
    api.create("mine")
    (dead,) = settled(api, webhook)
    assert dead["reason"] == "The receiver is gone for good."
    assert state(api, webhook) == ("disabled", "gone")
    assert len(hooks.hooks) == 1


def test_one_success_forgets_the_failures_before(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    for number in range(2 * ENOUGH_DEAD):
        hooks.say(500 if number % ENOUGH_DEAD else 200)
        api.create(f"p{number}")
        settled(api, webhook, number + 1)
    assert state(api, webhook) == ("enabled", None)


def test_a_receiver_is_left_alone_as_long_as_it_asks(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    hooks.say(429, Retry_After="1")
    api.create("mine")
    hooks.wait(1)
    hooks.say(200)
    first, second = hooks.wait(2)
    assert second.at - first.at >= 0.999
    (found,) = settled(api, webhook)
    assert [attempt["status"] for attempt in found["attempts"]] == [429, 200]


def test_both_secrets_sign_while_a_rotation_overlaps(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    rotated = act(api, webhook, "rotate_secret", {"overlap_seconds": 60, "secret": OWN}).json()
    assert rotated["secret"] == OWN
    assert rotated["previous_secret_expires_at"] > rotated["created_at"]
    assert act(api, webhook, "test").status_code == 202
    (hook,) = hooks.wait(1)
    assert len(hook.headers["webhook-signature"].split(" ")) == 2
    for secret in (OWN, webhook["secret"]):
        assert Webhook(secret).verify(hook.body, hook.headers)["type"] == "webhook.test"
    ended = act(api, webhook, "rotate_secret", {"overlap_seconds": 0}).json()
    assert ended["previous_secret_expires_at"] is None
    act(api, webhook, "test")
    _, hook = hooks.wait(2)
    assert len(hook.headers["webhook-signature"].split(" ")) == 1
    Webhook(ended["secret"]).verify(hook.body, hook.headers)


def test_the_same_secret_again_changes_nothing(api: API, hooks: HookServer) -> None:
    """So that a program which gives its secret at each start ends no rotation before its time."""
    webhook = subscribe(api, hooks.url)
    first = act(api, webhook, "rotate_secret", {"overlap_seconds": 60, "secret": OWN}).json()
    again = act(api, webhook, "rotate_secret", {"overlap_seconds": 90, "secret": OWN}).json()
    assert again == first
    assert act(api, webhook, "test").status_code == 202
    (hook,) = hooks.wait(1)
    for secret in (OWN, webhook["secret"]):
        assert Webhook(secret).verify(hook.body, hook.headers)["type"] == "webhook.test"
    ended = act(api, webhook, "rotate_secret", {"overlap_seconds": 0, "secret": OWN}).json()
    assert ended["previous_secret_expires_at"] is None


def test_a_change_leaves_the_rest(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url, "generation.completed", description="mine")
    path = f"/webhooks/{webhook['id']}"
    shown = api("GET", path).json()
    for change in (
        {"events": ["profile.created"]},
        {"description": "yours"},
        {"url": f"{hooks.url}?x=1"},
        {},
    ):
        answer = api("PATCH", path, change)
        assert (answer.status_code, answer.json()) == (200, shown | change)
        shown |= change
    api.create("mine")
    (hook,) = hooks.wait(1)
    assert Webhook(webhook["secret"]).verify(hook.body, hook.headers)["type"] == "profile.created"
    first = api("PATCH", path, {"description": "once"}, Idempotency_Key="k")
    api("PATCH", path, {"description": "since"})
    again = api("PATCH", path, {"description": "once"}, Idempotency_Key="k")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()
    assert api("GET", path).json()["description"] == "since"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "ftp://example.com"),
        ("url", "https://10.0.0.1/"),
        ("events", []),
        ("events", ["webhook.test"]),
        ("description", 7),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    api: API, hooks: HookServer, field: str, value: Any
) -> None:
    webhook = subscribe(api, hooks.url)
    path = f"/webhooks/{webhook['id']}"
    before = api("GET", path).json()
    refused = api("PATCH", path, {"description": "changed", field: value})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"].startswith(field)
    assert api("GET", path).json() == before


def test_a_delivery_tells_the_request_that_caused_it(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url, "profile.created", "generation.completed")
    asked = [api.create("mine"), api.generate(), act(api, webhook, "test")]
    found = settled(api, webhook, 3)
    assert [row["request_id"] for row in reversed(found)] == [
        answer.headers["X-Request-ID"] for answer in asked
    ]


def test_a_dead_receiver_holds_up_no_other(api: API, hooks: HookServer) -> None:
    """Not even with more deliveries under way than one receiver may have."""
    with raw_server(stalls) as silent:
        dead = subscribe(api, silent.url)
        alive = subscribe(api, hooks.url)
        for number in range(20):
            api.create(f"p{number}")
        hooks.wait(20)
        settled(api, alive, 20)
        assert not any(one["status"] == "delivered" for one in deliveries(api, dead))
        assert silent.connections >= 1
        api("DELETE", f"/webhooks/{dead['id']}")


@pytest.mark.stored
def test_pages(api: API, hooks: HookServer) -> None:
    webhook = subscribe(api, hooks.url)
    for _ in range(5):
        act(api, webhook, "test")
    found: list[str] = []
    query = "?limit=2"
    sizes = []
    while query:
        page = api("GET", f"/webhooks/{webhook['id']}/deliveries{query}").json()
        found += [one["id"] for one in page["deliveries"]]
        sizes.append(page["count"])
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert sizes == [2, 2, 1]
    assert found == [one["id"] for one in deliveries(api, webhook)]
    other = subscribe(api, hooks.url)
    cursor = api("GET", f"/webhooks/{webhook['id']}/deliveries?limit=1").json()["next_cursor"]
    foreign = api("GET", f"/webhooks/{other['id']}/deliveries?cursor={cursor}")
    assert slug(foreign) == "validation-failed"
    settled(api, webhook, 5)
    assert deliveries(api, webhook, "?status=dead") == []


def test_a_still_sandbox_shows_the_same_on_every_run(hooks: HookServer) -> None:
    hooks.answer = lambda hook: (500 if len(hooks.hooks) % 2 == 0 else 200, {})
    seen = []
    with start(still=True, allow_loopback_webhooks=True, webhook_retry=[0.05]) as server:
        api = API(server)
        for _ in range(2):
            server.reset()
            webhook = subscribe(api, hooks.url, secret=OWN)
            api.create("mine")
            settled(api, webhook)
            act(api, webhook, "test")
            found = settled(api, webhook, 2)
            for attempt in (attempt for one in found for attempt in one["attempts"]):
                assert attempt.pop("latency_ms") > 0
            seen.append((webhook, found))
    assert seen[0] == seen[1]
    assert all(abs(int(hook.headers["webhook-timestamp"]) - hook.at) < 60 for hook in hooks.hooks)
