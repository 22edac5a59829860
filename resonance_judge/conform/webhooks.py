"""Clauses of webhooks: a receiver on this machine takes what the server sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from .clause import Broken, NotShown, clause, require
from .prober import Prober, problem
from .reading import body, clock_of
from .writing import NOBODY

PATIENCE = 15.0
"""Seconds to wait for a delivery."""

LARGEST = 1 << 20


class Receiver:
    """Takes deliveries, and answers them as it is told."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self._news = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "0")
                raw = self.rfile.read(min(int(length), LARGEST) if length.isdecimal() else 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                headers[":path"] = self.path
                with outer._news:
                    outer.taken.append((headers, raw))
                    status = outer.statuses.pop(0) if outer.statuses else 200
                    outer._news.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def wait(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """What has come, once there are so many.

        Raises:
            Broken: there are not, after `PATIENCE`.
        """
        with self._news:
            if not self._news.wait_for(lambda: len(self.taken) >= count, PATIENCE):
                raise Broken(f"{len(self.taken)} of {count} deliveries came in {PATIENCE:g} s.")
            return list(self.taken)

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def subscribed(call: Prober) -> Iterator[tuple[Receiver, str, dict[str, Any]]]:
    """A receiver with its webhook: it, the secret, and what the server said of the webhook."""
    receiver = Receiver()
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    sent = {"url": receiver.url, "events": ["generation.completed"], "secret": secret}
    try:
        response = call.post("/webhooks", {**sent, "tenant": call.tenant})
        told = _made(response)
        call.cleanup.append(lambda: call("DELETE", f"/webhooks/{told['id']}"))
        yield receiver, secret, told
        call("DELETE", f"/webhooks/{told['id']}")
    finally:
        receiver.close()


def _made(response: requests.Response) -> dict[str, Any]:
    """The webhook, if its server sends to this machine at all."""
    if response.status_code == 422 and "url" in response.text:
        raise NotShown("the server does not send to this machine (--allow-loopback-webhooks).")
    told: dict[str, Any] = body(response)
    return told


def signature(headers: dict[str, str], raw: bytes, secret: str) -> str:
    """The signature of Standard Webhooks that a delivery is to carry."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return f"v1,{base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()}"


@clause("webhook-signatures", "A delivery is signed as Standard Webhooks says, and fresh.", "write")
def _signatures(call: Prober) -> None:
    with subscribed(call) as (receiver, secret, hook):
        asked = call.post(f"/webhooks/{hook['id']}/test")
        body(asked)
        headers, raw = receiver.wait(1)[0]
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            require(name in headers, f"it lacks {name}.")
        given = headers["webhook-signature"].split()
        require(signature(headers, raw, secret) in given, "its signature does not hold.")
        age = min(
            abs(clock - int(headers["webhook-timestamp"]))
            for clock in (time.time(), clock_of(asked))
        )
        require(age <= 60, f"its time is {age:.0f} s off.")


@clause(
    "webhook-retries", "A delivery that failed comes again, under the same webhook-id.", "write"
)
def _retries(call: Prober) -> None:
    with subscribed(call) as (receiver, secret, hook):
        receiver.statuses.append(500)
        body(call.post(f"/webhooks/{hook['id']}/test"))
        first, second = receiver.wait(2)[:2]
        require(first[0]["webhook-id"] == second[0]["webhook-id"], "it has another webhook-id.")
        require(first[1] == second[1], "it has another body.")
        require(signature(second[0], second[1], secret) in second[0]["webhook-signature"],
                "its second signature does not hold.")  # fmt: skip


@clause("webhook-events", "A generation that is done is told to who asked for that.", "write")
def _events(call: Prober) -> None:
    with subscribed(call) as (receiver, _, _hook):
        sent = {"prompt": "Tides", "tenant": call.tenant, "paragraphs": 1, "max_length": 300}
        body(call.post("/hr_generate", sent))
        raw = receiver.wait(1)[0][1]
        require(b"generation.completed" in raw, "its type is not generation.completed.")


@clause("webhook-secrets", "A webhook's secret is never shown after its making.", "write")
def _secrets(call: Prober) -> None:
    with subscribed(call) as (_, secret, hook):
        for path in (f"/webhooks/{hook['id']}", f"/webhooks?tenant={call.tenant}"):
            require(secret not in call.get(path).text, f"GET {path.partition('?')[0]} shows it.")


@clause("webhook-addresses", "A webhook may not lead into a network of the server's own.", "write")
def _addresses(call: Prober) -> None:
    for url in ("https://169.254.169.254/latest", "https://10.0.0.1/", "ftp://example.com/"):
        sent = {"url": url, "events": ["generation.completed"], "tenant": call.tenant}
        response = call.post("/webhooks", sent)
        if response.status_code == 201:
            identity = response.json().get("id")
            call("DELETE", f"/webhooks/{identity}")
        problem(response, 400, 422)


@clause("webhook-changes", "PATCH changes what it names, and leaves what it does not.", "write")
def _changes(call: Prober) -> None:
    with subscribed(call) as (receiver, _, hook):
        place = f"/webhooks/{hook['id']}"
        for sent in ({"description": "changed"}, {}, {"colour": "red"}, {"url": None}):
            told = body(call("PATCH", place, json=sent))
            require(told == body(call.get(place)), "it answers something else than there is then.")
            require(told.get("description") == "changed", "it did not change the description.")
            for field in ("url", "events", "status"):
                require(told.get(field) == hook[field], f"{sent} changed {field}.")
        told = body(call("PATCH", place, json={"events": ["profile.created"]}))
        require(told.get("events") == ["profile.created"], "it did not change the events.")
        body(call("PATCH", place, json={"url": f"{receiver.url}2"}))
        body(call.post(f"{place}/test"))
        require(receiver.wait(1)[0][0][":path"] == "/hook2", "events still go to the old URL.")


@clause("webhook-changes-checked", "A change that cannot be is refused, and not made.", "write")
def _changes_checked(call: Prober) -> None:
    with subscribed(call) as (_, _secret, hook):
        place = f"/webhooks/{hook['id']}"
        for sent, field in (
            ({"events": ["profile.eaten"]}, "events"),
            ({"events": []}, "events"),
            ({"url": "https://10.0.0.1/"}, "url"),
            ({"description": 7}, "description"),
        ):
            told = problem(call("PATCH", place, json=sent), 422)
            named = f"{told.get('errors')} {told['detail']}"
            require(field in named, f"a bad {field} is not named.")
        other = {"Content-Type": "text/plain"}
        problem(call("PATCH", place, data=b'{"description": "x"}', headers=other), 415)
        problem(call("PATCH", place, data=b"{", headers={"Content-Type": "application/json"}), 400)
        problem(call("PATCH", f"/webhooks/{call.name()}", json={"description": "x"}), 404)
        require(body(call.get(place)).get("description") == "", "a refused change was made.")


@clause(
    "webhook-rotation", "While a secret is being replaced, deliveries are signed by both.", "write"
)
def _rotation(call: Prober) -> None:
    with subscribed(call) as (receiver, secret, hook):
        place = f"/webhooks/{hook['id']}"
        new = body(call.post(f"{place}/rotate_secret", {"overlap_seconds": 60}))["secret"]
        body(call.post(f"{place}/test"))
        headers, raw = receiver.wait(1)[0]
        given = headers["webhook-signature"].split()
        for name, one in (("new", new), ("old", secret)):
            require(signature(headers, raw, one) in given, f"it is not signed by the {name} one.")
        body(call.post(f"{place}/rotate_secret", {"overlap_seconds": 0}))
        body(call.post(f"{place}/test"))
        headers, raw = receiver.wait(2)[1]
        given = headers["webhook-signature"].split()
        require(len(given) == 1, "without an overlap it is still signed by the one before.")
        require(signature(headers, raw, new) not in given, "a secret that has ended still signs.")


@clause("webhook-deliveries", "Each attempt at a delivery is told, with what came of it.", "write")
def _deliveries(call: Prober) -> None:
    with subscribed(call) as (receiver, _, hook):
        receiver.statuses.append(500)
        place = f"/webhooks/{hook['id']}/deliveries"
        sent = body(call.post(f"/webhooks/{hook['id']}/test"))
        receiver.wait(2)
        told = _settled(call, f"{place}/{sent['id']}")
        require([one.get("status") for one in told["attempts"]] == [500, 200],
                f"the statuses of its attempts are {told['attempts']}.")  # fmt: skip
        for field in ("at", "latency_ms", "next_attempt_at"):
            require(all(field in one for one in told["attempts"]), f"an attempt lacks {field}.")
        require(told.get("payload", {}).get("type") == "webhook.test", "its payload is another.")
        found = [one["id"] for one in body(call.get(f"{place}?status=delivered"))["deliveries"]]
        require(found == [sent["id"]], "it is not listed among what was delivered.")


@clause("webhook-redelivery", "A delivery can be sent again, under its webhook-id.", "write")
def _redelivery(call: Prober) -> None:
    with subscribed(call) as (receiver, _, hook):
        place = f"/webhooks/{hook['id']}"
        sent = body(call.post(f"{place}/test"))
        first = receiver.wait(1)[0]
        _settled(call, f"{place}/deliveries/{sent['id']}")
        again = call.post(f"{place}/deliveries/{sent['id']}/redeliver")
        require(again.status_code == 202, f"redeliver was answered {again.status_code}.")
        second = receiver.wait(2)[1]
        _settled(call, f"{place}/deliveries/{sent['id']}")
        all_ = body(call.post(f"{place}/redeliver?since=2020-01-01T00:00:00Z"))
        require(all_.get("count") == 1, f"redeliver?since= told of {all_.get('count')!r}.")
        third = receiver.wait(3)[2]
        for headers, raw in (second, third):
            require(headers["webhook-id"] == first[0]["webhook-id"], "it has another webhook-id.")
            require(raw == first[1], "it has another body.")
        problem(call.post(f"{place}/deliveries/msg_none/redeliver"), 404)


@clause("webhook-secret-once", "A replay does not show a secret that was shown once.", "write")
def _secret_once(call: Prober) -> None:
    sent = {"url": NOBODY, "events": ["generation.failed"], "tenant": call.tenant}
    headers = {"Idempotency-Key": call.name()}
    told = []
    for _ in range(2):
        told.append(_made(call.post("/webhooks", sent, headers=headers)))
        place = f"/webhooks/{told[-1]['id']}"
        call.cleanup.append(lambda place=place: call("DELETE", place))  # type: ignore[misc]
    first, second = told
    require(str(first.get("secret")).startswith("whsec_"), "it was made without a secret.")
    require(first["id"] == second["id"], "the same request under its key made a second one.")
    require(second.get("secret") is None, "the replay shows it.")
    listed = [one["id"] for one in body(call.get(f"/webhooks?tenant={call.tenant}"))["webhooks"]]
    require(first["id"] in listed, "GET /webhooks does not list it.")


def _settled(call: Prober, place: str) -> dict[str, Any]:
    """A delivery, once the server has put down that it was delivered."""
    end = time.monotonic() + PATIENCE
    while True:
        told: dict[str, Any] = body(call.get(place))
        if told.get("status") == "delivered":
            return told
        if time.monotonic() > end:
            raise Broken(f"its status is {told.get('status')!r} after {PATIENCE:g} s.")
        time.sleep(0.1)
