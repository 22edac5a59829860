"""Generate and notify: what is sent, how often, and what becomes of the article."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from resonance_helpers import ResonanceOSAPIClient, RetryPolicy, Secret, WebhookHandler
from resonance_helpers.client.errors import OverloadedError
from resonance_helpers.client.types import GenerationOptions
from resonance_helpers.webhooks import WebhookReceiver, new_secret
from tests.support.raw_server import RawServer, drips, raw_server, replies, resets, sends

SECRET = new_secret()
QUICK = RetryPolicy(max_attempts=3, base=0.001)


class Writer:
    """A client that needs no server."""

    def __init__(self, failure: Exception | None = None, on_error: str = "return") -> None:
        self.failure, self.on_error = failure, on_error
        self.asked: list[dict[str, Any]] = []

    def generate_content(self, prompt: str, **kwargs: Any) -> dict[str, Any]:
        self.asked.append({"prompt": prompt, **kwargs})
        if self.failure is None:
            return {"article": f"About {prompt}.", "hrv_feedback": 0.9}
        if self.on_error == "raise":
            raise self.failure
        return self.failure.as_dict()  # type: ignore[attr-defined, no-any-return]


def handler_of(url: str, client: Any = None, **options: Any) -> WebhookHandler:
    options = {"secret": SECRET, "retry": QUICK, **options}
    return WebhookHandler(url, client=client or Writer(), **options)


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as running:
        yield running


def ids(server: RawServer) -> list[str]:
    lines = [line for request in server.requests for line in request.split(b"\r\n")]
    return [line.decode() for line in lines if line.lower().startswith(b"webhook-id:")]


def test_the_four_steps(receiver: WebhookReceiver) -> None:
    writer = Writer()
    handler = handler_of(receiver.url, writer)
    before = time.time()
    result = handler.generate_and_notify("tides", profile_name="tech_startup", tenant="default")
    assert result["article"] == "About tides."
    assert writer.asked == [
        {"prompt": "tides", "profile_name": "tech_startup", "tenant": "default"}
    ]
    (event,) = receiver.wait(1)
    payload = event.payload
    assert list(payload) == ["event", "timestamp", "prompt", "result", "metadata"]
    assert event.type == payload["event"] == "content_generated"
    assert before <= payload["timestamp"] <= time.time()
    assert payload["prompt"] == "tides"
    assert payload["result"] == result
    assert payload["metadata"] == {"profile_name": "tech_startup", "tenant": "default"}

    sent = handler.last_delivery
    assert sent is not None
    assert sent.delivered
    assert sent.signed
    assert (sent.id, sent.status, len(sent.attempts)) == (event.id, 200, 1)
    assert sent.latency is not None
    assert 0 < sent.latency < 10
    assert sent.payload == payload


def test_the_keywords_of_a_call_are_nobody_elses(receiver: WebhookReceiver) -> None:
    writer = Writer()
    options: GenerationOptions = {
        "headers": {"x-team": "mine"},
        "idempotency_key": "k",
        "pace": True,
        "timeout": 5,
        "deadline": 9,
    }
    handler_of(receiver.url, writer).generate_and_notify("tides", seed=1, **options)
    assert writer.asked == [{"prompt": "tides", "seed": 1, **options}]
    (event,) = receiver.wait(1)
    assert event.payload["metadata"] == {"seed": 1}


def test_the_same_id_at_each_attempt_and_an_article_each_time() -> None:
    with raw_server(replies(status=503), resets, replies(status=500), replies()) as server:
        handler = handler_of(server.url, retry=RetryPolicy(max_attempts=4, base=0.001))
        assert handler.generate_and_notify("tides")["article"]
        sent = handler.last_delivery
        assert sent is not None
        assert sent.delivered
        assert [one.status for one in sent.attempts] == [503, None, 500, 200]
        assert [bool(one.reason) for one in sent.attempts] == [True, True, True, False]
        assert len(set(ids(server))) == 1
        assert len(ids(server)) == 4
        handler.generate_and_notify("tides")
        assert len(set(ids(server))) == 2


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(400, 1), (401, 1), (404, 1), (410, 1), (301, 1), (408, 3), (409, 3), (429, 3), (500, 3)],
)
def test_what_will_never_be_taken_is_not_sent_again(status: int, attempts: int) -> None:
    location = {"Location": "http://127.0.0.1:1/"}
    with raw_server(replies(status=status, headers=location)) as server:
        handler = handler_of(server.url)
        assert handler.generate_and_notify("tides")["article"]
        sent = handler.last_delivery
        assert sent is not None
        assert (sent.delivered, len(sent.attempts), sent.status) == (False, attempts, status)
        assert sent.reason == f"the receiver answered {status}"


def test_a_receiver_that_asks_for_time_gets_it() -> None:
    waits: list[float] = []
    policy = RetryPolicy(max_attempts=3, sleep=waits.append)
    with raw_server(replies(status=503, headers={"Retry-After": "7"}), replies()) as server:
        handler = handler_of(server.url, retry=policy)
        handler.generate_and_notify("tides")
        assert handler.last_delivery is not None
        assert handler.last_delivery.delivered
        assert 7 <= waits[0] <= 7.7
    with raw_server(replies(status=503, headers={"Retry-After": "700"})) as server:
        handler = handler_of(server.url, retry=policy)
        handler.generate_and_notify("tides")
        assert len(server.requests) == 1


FATES: dict[str, Any] = {
    "refused": None,
    "reset": resets,
    "drip": drips(b"HTTP/1.1 200 OK\r\n" * 9),
    "nonsense": lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
}


@pytest.mark.parametrize("fate", FATES)
def test_a_failed_notification_never_loses_the_article(
    fate: str, caplog: pytest.LogCaptureFixture
) -> None:
    if FATES[fate] is None:
        handler = handler_of("http://127.0.0.1:1/hook?token=canary")
        result = handler.generate_and_notify("tides")
    else:
        with raw_server(FATES[fate]) as server:
            handler = handler_of(f"{server.url}/hook?token=canary", timeout=0.15)
            began = time.monotonic()
            result = handler.generate_and_notify("tides")
            assert time.monotonic() - began < 10
    assert result["article"] == "About tides."
    sent = handler.last_delivery
    assert sent is not None
    assert not sent.delivered
    assert sent.status is None
    assert sent.payload["result"]["article"]
    with caplog.at_level(logging.DEBUG):
        told = caplog.text + repr(handler) + repr(sent) + sent.reason
    assert "canary" not in told
    assert SECRET.reveal() not in told


BODIES: dict[str, Any] = {
    "broken chunks": sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n"),
    "dripping": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + b"x" * 99, after=40),
    "cut off": sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
    "no gzip": sends(
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain"
    ),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_status_decides_whatever_befalls_the_body(body: str) -> None:
    with raw_server(*[BODIES[body]] * 3) as server:
        handler = handler_of(server.url, timeout=1.0)
        handler.generate_and_notify("tides")
        assert handler.last_delivery is not None
        assert (handler.last_delivery.delivered, handler.last_delivery.status) == (True, 200)
        assert len(server.requests) == 1


@pytest.mark.parametrize("odd", [object(), float("nan")])
def test_what_json_cannot_say_is_not_sent_and_not_lost(odd: Any, receiver: WebhookReceiver) -> None:
    handler = handler_of(receiver.url)
    assert handler.generate_and_notify("tides", seed=odd)["article"]
    assert handler.last_delivery is not None
    assert "JSON" in handler.last_delivery.reason
    assert receiver.receipts == []


@pytest.mark.parametrize("on_error", ["return", "raise"])
def test_a_failed_generation_is_notified_as_such(on_error: str, receiver: WebhookReceiver) -> None:
    failure = OverloadedError("Too much to do.", response_code=503)
    handler = handler_of(receiver.url, Writer(failure, on_error))
    if on_error == "raise":
        with pytest.raises(OverloadedError):
            handler.generate_and_notify("tides")
    else:
        assert handler.generate_and_notify("tides")["status"] == "error"
    (event,) = receiver.wait(1)
    assert event.type == "content_failed"
    assert event.payload["result"]["status"] == "error"
    assert event.payload["result"]["type"] == "overloaded"


def test_without_a_secret_it_is_sent_unsigned(receiver: WebhookReceiver) -> None:
    with raw_server(replies()) as server:
        handler = WebhookHandler(server.url, client=Writer())  # type: ignore[arg-type]
        handler.generate_and_notify("tides")
        assert handler.last_delivery is not None
        assert handler.last_delivery.delivered
        assert not handler.last_delivery.signed
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert b"webhook-signature" not in head.lower()
        assert b"webhook-id: msg_" in head
        assert json.loads(body)["prompt"] == "tides"
    handler = WebhookHandler(receiver.url, client=Writer())  # type: ignore[arg-type]
    handler.generate_and_notify("tides")
    assert receiver.receipts[-1].reason == "missing-header"


def test_redelivery_keeps_the_id(receiver: WebhookReceiver) -> None:
    handler = handler_of(receiver.url)
    with pytest.raises(LookupError, match="nothing was sent"):
        handler.redeliver()
    receiver.stop()
    handler.generate_and_notify("tides")
    receiver.start()
    assert handler.redeliver().delivered
    assert handler.redeliver().delivered
    assert [one.outcome for one in receiver.receipts] == ["handled", "duplicate"]
    assert handler.last_delivery is not None
    assert receiver.events[0].id == handler.last_delivery.id


def test_the_seeds_call_is_enough() -> None:
    handler = WebhookHandler("https://your-app.com/webhook/resonanceos")
    assert isinstance(handler.client, ResonanceOSAPIClient)
    assert handler.client.base_url == "http://localhost:8000"
    assert handler.last_delivery is None


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("", ValueError),
        ("your-app.com/hook", ValueError),
        ("ftp://your-app.com", ValueError),
        ("https://", ValueError),
        ("https://me:pw@your-app.com", ValueError),
        ("http://[::1", ValueError),
        ("http://host:port", ValueError),
        ("http://a b/", ValueError),
        (None, TypeError),
    ],
)
def test_a_url_that_could_not_work_is_told_at_once(url: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="webhook_url"):
        WebhookHandler(url)


@pytest.mark.parametrize("name", ["timeout", "deadline"])
def test_seconds_are_seconds(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is 0"):
        WebhookHandler("https://your-app.com", **{name: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "odd"), [("retry", 3), ("session", "s")])
def test_what_could_not_send_is_told_at_once(name: str, odd: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} is a"):
        WebhookHandler("http://127.0.0.1:1", **{name: odd})


def test_no_retries_is_one_attempt() -> None:
    handler = handler_of("http://127.0.0.1:1", retry=None)
    handler.generate_and_notify("tides")
    assert handler.last_delivery is not None
    assert len(handler.last_delivery.attempts) == 1


def test_a_secret_that_is_none_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="signing secret"):
        WebhookHandler("https://your-app.com", secret="hunter2")
    WebhookHandler("https://your-app.com", secret=[SECRET, Secret(new_secret().reveal())])


def test_it_is_dated_by_its_clock() -> None:
    def tomorrow() -> float:
        return time.time() + 28 * 3600

    with WebhookReceiver(SECRET, clock=tomorrow) as receiver:
        handler_of(receiver.url).generate_and_notify("tides")
        assert receiver.receipts[-1].reason == "too-old"
        handler_of(receiver.url, clock=tomorrow).generate_and_notify("tides")
        [event] = receiver.events
        assert event.payload["timestamp"] > time.time() + 27 * 3600
