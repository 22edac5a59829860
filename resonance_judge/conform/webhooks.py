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

from .clause import Broken, NotShown, clause, require
from .prober import Prober, problem
from .reading import body

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
        if response.status_code == 422 and "url" in response.text:
            raise NotShown("the server does not send to this machine (--allow-loopback-webhooks).")
        told = body(response)
        call.cleanup.append(lambda: call("DELETE", f"/webhooks/{told['id']}"))
        yield receiver, secret, told
        call("DELETE", f"/webhooks/{told['id']}")
    finally:
        receiver.close()


def signature(headers: dict[str, str], raw: bytes, secret: str) -> str:
    """The signature of Standard Webhooks that a delivery is to carry."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return f"v1,{base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()}"


@clause("webhook-signatures", "A delivery is signed as Standard Webhooks says, and fresh.", "write")
def _signatures(call: Prober) -> None:
    with subscribed(call) as (receiver, secret, hook):
        body(call.post(f"/webhooks/{hook['id']}/test"))
        headers, raw = receiver.wait(1)[0]
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
            require(name in headers, f"it lacks {name}.")
        given = headers["webhook-signature"].split()
        require(signature(headers, raw, secret) in given, "its signature does not hold.")
        age = abs(time.time() - int(headers["webhook-timestamp"]))
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
