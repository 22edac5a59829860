"""Every way to fail, with the body that a sandbox gave when it was made to fail so."""

from __future__ import annotations

import contextlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import requests
import uvicorn

import resonance_sandbox as sandbox
from resonance_sandbox import Settings, create_app
from resonance_sandbox.http.problems import PROBLEMS
from resonance_sandbox.listening import bind, url_of
from resonance_sandbox.writer import Brief
from resonance_sandbox.writer.base import Draft, WriterError

from .samples import VECTOR

__all__ = ["Failure", "failures"]

JSON = {"Content-Type": "application/json"}
HOOK = {"url": "http://localhost:9/events", "events": ["generation.completed"]}
LIMIT = 1000  # more than the server keeps of anything that one tenant may have


@dataclass(frozen=True, slots=True)
class Failure:
    """A problem type with the answer that had it."""

    slug: str
    status: int
    title: str
    body: str


class Caller:
    """Sends requests to one sandbox, as acme_corp unless another key is given."""

    def __init__(self, running: sandbox.Sandbox) -> None:
        self.running = running
        self.keys = {name: str(one["api_key"]) for name, one in running.credentials.items()}

    def __call__(
        self, method: str, path: str, who: str = "acme_corp", **options: Any
    ) -> requests.Response:
        key = self.keys.get(who, who)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers |= options.pop("headers", {})
        url = self.running.url + path
        return requests.request(method, url, headers=headers, timeout=30, **options)

    def generate(self, prompt: str = "Tides", key: str = "", **options: Any) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self("POST", "/hr_generate", json={"prompt": prompt} | options, headers=headers)

    def profile(self, name: str) -> requests.Response:
        body = {"tenant": "acme_corp", "profile_name": name, "hrv_vector": VECTOR}
        return self("POST", "/profiles", json=body)

    def until(self, slug: str, send: Callable[[int], requests.Response]) -> requests.Response:
        """Send on until that problem comes; the last answer if it never does."""
        for number in range(LIMIT):
            answer = send(number)
            if answer.status_code >= 400 and answer.json()["type"].endswith(slug):
                break
        return answer


def failures() -> Iterator[Failure]:
    """Each problem type of the API, in the order of its registry.

    Raises:
        RuntimeError: a request failed otherwise than it should have.
    """
    got: dict[str, requests.Response] = {}
    everything = 10**6
    roomy = {"rate_limit": everything, "burst": everything, "allow_loopback_webhooks": True}
    with sandbox.start(still=True, **roomy) as running:
        got |= usual(Caller(running))
    with sandbox.start(still=True, quota=1) as running:
        call = Caller(running)
        got["quota-exceeded"] = call.until("quota-exceeded", lambda _: call("GET", "/tenants"))
    with sandbox.start(still=True, burst=1, rate_limit=1) as running:
        call = Caller(running)
        got["rate-limited"] = call.until("rate-limited", lambda _: call("GET", "/tenants"))
    with sandbox.start(
        still=True, latency=1.0, webhook_retry=[0.05], webhook_disable_after=1, **roomy
    ) as running:
        got |= slow(Caller(running))
    got |= broken()
    for slug, (status, title) in PROBLEMS.items():
        answer = got.pop(slug, None)
        if answer is None or answer.json()["type"] != f"urn:resonanceos:problem:{slug}":
            raise RuntimeError(f"{slug} was not met: {answer is not None and answer.text}")
        yield Failure(slug, status, title, json.dumps(answer.json(), indent=2))


def usual(call: Caller) -> dict[str, requests.Response]:
    """The failures that one request brings about, or a few."""
    post, shared = "/hr_generate", "/profiles/acme_corp/tech_startup"
    narrow = call("POST", "/api_keys", "admin", json={"scopes": ["generate"], "tenant": "globex"})
    got = {
        "malformed-request": call(
            "POST", post, data="{}", headers={"Transfer-Encoding": "chunked"}
        ),
        "invalid-json": call("POST", post, data="{", headers=JSON),
        "duplicate-key": call("POST", post, data='{"prompt": "a", "prompt": "b"}', headers=JSON),
        "invalid-credentials": call("GET", "/profiles", "not-a-key"),
        "missing-credentials": call("GET", "/api_keys", ""),
        "insufficient-scope": call("GET", "/metrics", narrow.json()["key"]),
        "origin-not-allowed": call("GET", "/profiles", headers={"Origin": "https://example.com"}),
        "tenant-not-allowed": call("PUT", shared, json={"hrv_vector": VECTOR}),
        "not-found": call("GET", "/nothing"),
        "unknown-api-key": call("DELETE", "/api_keys/000000000000", "admin"),
        "unknown-profile": call.generate(profile_name="nobody"),
        "unknown-tenant": call("GET", "/profiles?tenant=globex"),
        "unknown-webhook": call("GET", "/webhooks/wh_000000000000"),
        "method-not-allowed": call("PATCH", "/profiles"),
        "not-acceptable": call("GET", "/metrics", headers={"Accept": "image/png"}),
        "tenant-exists": call("POST", "/tenants", "admin", json={"tenant": "globex"}),
        "body-too-large": call.generate("x" * 2_000_000),
        "unsupported-media-type": call("POST", post, data="Tides"),
        "headers-too-large": call("GET", "/health", headers={f"X-{n}": "1" for n in range(101)}),
        "host-not-allowed": call("GET", "/health", headers={"Host": "example.com"}),
        "validation-failed": call.generate("", paragraphs=9),
    }
    call.profile("plain_words")
    path, stale = "/profiles/acme_corp/plain_words", {"If-Match": '"an-older-one"'}
    got["profile-exists"] = call.profile("plain_words")
    got["precondition-failed"] = call("DELETE", path, headers=stale)
    call.generate(key="order-17")
    got["idempotency-key-reused"] = call.generate("Rain", key="order-17")
    hook = call("POST", "/webhooks", json=HOOK).json()["id"]
    got["unknown-delivery"] = call("GET", f"/webhooks/{hook}/deliveries/msg_{0:032}")
    admin, tenant = "admin", {"scopes": ["generate"], "tenant": "globex"}
    got["profile-limit"] = call.until("profile-limit", lambda n: call.profile(f"p{n}"))
    got["api-key-limit"] = call.until(
        "api-key-limit", lambda _: call("POST", "/api_keys", admin, json=tenant)
    )
    got["webhook-limit"] = call.until(
        "webhook-limit", lambda _: call("POST", "/webhooks", json=HOOK)
    )
    for part in ("writer", "database"):
        call.running.outage(part, tenant="acme_corp")
        got[f"{part}-unavailable"] = call.generate()
    call.running.outage(tenant="acme_corp")
    return got


def slow(call: Caller) -> dict[str, requests.Response]:
    """The failures that take a moment to come about."""
    first = threading.Thread(target=lambda: call.generate(key="order-17"))
    first.start()
    time.sleep(0.3)
    again = call.generate(key="order-17")
    first.join()
    hook = f"/webhooks/{call('POST', '/webhooks', json=HOOK).json()['id']}"
    call("POST", f"{hook}/test")
    end = time.monotonic() + 20
    while call("GET", hook).json()["status"] != "disabled" and time.monotonic() < end:
        time.sleep(0.1)
    return {
        "idempotency-in-progress": again,
        "webhook-disabled": call("POST", f"{hook}/test"),
    }


class Slow:
    """A writing engine that takes its time, and fails."""

    name = "slow"

    def write(self, brief: Brief) -> Draft:
        """Fail after a while."""
        time.sleep(0.3)
        raise WriterError("It is slow.")


def broken() -> dict[str, requests.Response]:
    """The failures of a server that is itself at fault."""
    app = create_app(Settings(writer_threads=1, max_queue=1), writer=Slow())
    app.add_api_route("/broken", lambda: 1 / 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="on"))
    with bind("127.0.0.1", 0) as listening, contextlib.redirect_stderr(io.StringIO()):
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.05)
            url = url_of(listening)
            got = {"internal-error": requests.get(f"{url}/broken", timeout=30)}

            def generate(number: int) -> requests.Response:
                return requests.post(f"{url}/hr_generate", json={"prompt": "Tides"}, timeout=30)

            with ThreadPoolExecutor(8) as callers:
                answers = list(callers.map(generate, range(8)))
        finally:
            server.should_exit = True
            thread.join()
    full = "urn:resonanceos:problem:overloaded"
    got["overloaded"] = next((one for one in answers if one.json()["type"] == full), answers[0])
    return got
