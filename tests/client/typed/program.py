"""What the types of the client promise, for type checkers to confirm. It is never run."""

import json
from collections.abc import Mapping
from typing import Any, Literal, assert_type

from resonance_helpers import (
    AuthenticatedAPIClient,
    OAuth2ClientCredentials,
    ResonanceOSAPIClient,
    Secret,
)
from resonance_helpers.batch import BatchResult, run_batch
from resonance_helpers.client.asynchronous import AsyncResonanceOSAPIClient
from resonance_helpers.client.errors import Failure, ResonanceError
from resonance_helpers.client.transport import Answer
from resonance_helpers.client.types import (
    Article,
    ArticleAnswer,
    Delivery,
    EventData,
    Paragraph,
    Problem,
    Profile,
    Webhook,
)
from resonance_helpers.webhooks import WebhookHandler, WebhookReceiver, verify
from resonance_sandbox import start

api = ResonanceOSAPIClient.from_env(on_error="raise", deadline=60)
AuthenticatedAPIClient("https://example.com", Secret.from_env(), pace=True)
auth = OAuth2ClientCredentials.discover("https://example.com", "newsroom", Secret.from_env())
ResonanceOSAPIClient("https://example.com", auth=auth)

# A success.
answer = api.generate_content(
    "Night trains",
    profile_name="tech_startup",
    paragraphs=2,
    seed=1,
    idempotency_key="night-trains",
    headers={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    pace=True,
    timeout=5,
    deadline=None,
)
assert_type(answer, ArticleAnswer)
assert_type(answer["article"], str)
assert_type(answer["hrv_feedback"], float)
assert_type(answer["hrv_vector"], list[float])
assert_type(answer["paragraphs"], list[Paragraph])
assert_type(answer["paragraphs"][0]["hrv_feedback"], float)
assert_type(answer.get("seed"), int | None)
assert_type(answer.get("hrv_feedback", "N/A"), float | str)
assert_type(answer.etag, str | None)
assert_type(answer.request_id, str | None)
assert_type(answer.replayed, bool)
assert_type("article" in answer, bool)

# It is a dict, for whatever takes one.
kept: dict[str, Any] = answer
copied: dict[str, Any] = dict(answer)
merged: dict[str, Any] = {**answer, "read": True}
plain: Mapping[str, object] = answer
print(json.dumps(answer), len(answer), [*answer], answer | {"read": True})

# A failure, which has the same type until somebody asks.
assert_type(answer["message"], str)
assert_type(answer["response_code"], int | None)
assert_type(answer.get("response_code", 200), int | None)
assert_type(answer["retryable"], bool)
assert_type(answer.error, ResonanceError)
if isinstance(answer, Failure):
    print(answer.error.category, answer["message"], answer["article"])
else:
    assert_type(answer["article"], str)

# Other answers, rows and iterators.
health = api.health_check()
assert_type(health["status"], Literal["healthy", "degraded", "unhealthy", "error"])
assert_type(health["checks"]["writer"]["latency_ms"], float)
assert_type(api.get_system_metrics()["response_time"]["p95"], float | None)
assert_type(api.measure_text("We did.")["evidence"]["curiosity_index"]["value"], float)
assert_type(api.get_prometheus_metrics()["text"], str)
assert_type([*api.iter_profiles(limit=5)], list[Profile])
profile = api.get_profile("demo_tenant", "mine")
api.update_profile("demo_tenant", "mine", profile["hrv_vector"], if_match=profile.etag)
assert_type(api.delete_profile("demo_tenant", "mine", if_match=profile.etag).status_code, int)
assert_type(api.create_api_key(["generate"])["key"], Secret)
secret = Secret.from_env("RESONANCE_WEBHOOK_SECRET")
hook = api.ensure_webhook("https://example.com", ["profile.created"], secret=secret)
assert_type(hook["secret"], Secret)
assert_type(api.get_webhooks()["webhooks"], list[Webhook])
assert_type([*api.iter_deliveries(hook["id"], status="dead")], list[Delivery])
assert_type(api.redeliver_since(hook["id"], "2026-01-31T12:00:00Z")["count"], int)
call = api.prepare_generation("Night trains")
assert_type(call.run(), ArticleAnswer)
any_answer: Answer = call.run()

# Events, batches, and what the sandbox has seen.
event = WebhookReceiver(secret).wait(1)[0]
assert_type(event.data, EventData)
assert_type(event.data["article"], str)
assert_type(event.data["problem"], Problem)
assert_type(event.data.get("shared"), bool | None)
assert_type(event.payload["timestamp"], str | float)
assert_type(verify(b"", {}, secret).payload["data"]["hrv_vector"], list[float])
assert_type(api.get_delivery(hook["id"], "msg_1")["payload"]["data"]["content_length"], int)
handler = WebhookHandler("https://example.com", secret=secret, client=api)
assert handler.last_delivery is not None
assert_type(handler.last_delivery.payload["result"], Article)
for row in run_batch(api, ["Night trains"]).results:
    assert_type(row, BatchResult)
    assert_type(row["result"]["paragraphs"], list[Paragraph])
    assert_type(row["result"]["message"], str)
with start() as sandbox:
    assert_type(sandbox.requests()[0]["idempotency_key"], str | None)
    with sandbox.faults.inject("unavailable") as fault:
        assert_type(fault["struck"], int)


async def main() -> None:
    async with AsyncResonanceOSAPIClient("https://example.com") as client:
        awaited = await client.generate_content("Night trains", paragraphs=2)
        assert_type(awaited, ArticleAnswer)
        async for profile in client.iter_profiles():
            assert_type(profile["profile_name"], str)
