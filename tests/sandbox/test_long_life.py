"""A sandbox that lives long: whatever comes, it keeps to its size."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from resonance_helpers.webhooks import WebhookReceiver
from resonance_helpers.webhooks.signature import new_secret
from resonance_sandbox.faults.control import Faults
from resonance_sandbox.faults.kinds import KINDS

ROUNDS = 24
REQUESTS = 150
"""In a round, after which a day goes by: an hour's requests, one a second, in all."""

WARM = 9
"""Rounds after which all that is kept for a time has come to its end once."""

# What is kept by number is kept to a smaller one, or these requests would not come near it.
SANDBOX = """
import sys
from resonance_sandbox.generation import store
from resonance_sandbox.control import request_log
from resonance_sandbox.metrics import recorder
store.MOST_KEPT = request_log.KEPT = 200
from resonance_sandbox.__main__ import main
main(sys.argv[1:])
"""
OPTIONS = (
    *("--port", "0", "--json", "--allow-loopback-webhooks", "--webhook-retry", "60,3600"),
    *("--rate-limit", "1000000", "--burst", "1000000", "--quota", "1000000000"),
)
KEPT_FROM = {"drip_headers", "drip_body", "stall_mid_body", "stalled_accept", "slow_close"}
STRIKING = sorted(set(KINDS) - KEPT_FROM - {"latency", "bandwidth"})


class Traffic:
    """Requests of every kind, by a tenant's key, from a seed."""

    def __init__(self, url: str, credentials: dict[str, dict[str, str]]) -> None:
        self.url = url
        self.port = int(url.rsplit(":", 1)[1])
        self.held = credentials["acme_corp"]
        self.admin = {"Authorization": f"Bearer {credentials['admin']['api_key']}"}
        self.mine = {"Authorization": f"Bearer {self.held['api_key']}"}
        self.came: Counter[str] = Counter()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """The answer's document; empty if there was none, as where a fault struck."""
        sent = {**self.mine, **headers}
        with requests.Session() as session:
            session.trust_env = False
            try:
                answer = session.request(
                    method, self.url + path, json=body, headers=sent, timeout=60
                )
                self.came[str(answer.status_code)] += 1
                found = answer.json() if answer.content else {}
            except (requests.RequestException, ValueError) as error:
                self.came[type(error).__name__] += 1
                return {}
        return found if isinstance(found, dict) else {}

    def one(self, seed: int) -> None:
        """One request, or the few that belong together."""
        dice = random.Random(seed)
        act = dice.choices(
            (
                self.generate,
                self.profile,
                self.look,
                self.mistake,
                self.token,
                self.key,
                self.leave,
            ),
            (40, 15, 15, 15, 5, 3, 10),
        )[0]
        act(dice)

    def generate(self, dice: random.Random) -> None:
        number = dice.randrange(10**9)
        body = {"tenant": "acme_corp", "prompt": f"Write about {number}", "max_length": 400}
        for _ in range(dice.choice((1, 1, 2))):  # and again, for the stored answer
            self.ask("POST", "/hr_generate", body, **{"Idempotency-Key": f"k{number}"})

    def profile(self, dice: random.Random) -> None:
        name = f"p{dice.randrange(10**9)}"
        body = {"tenant": "acme_corp", "profile_name": name, "hrv_vector": [0.5] * 8}
        self.ask("POST", "/profiles", body, **{"Idempotency-Key": name})
        self.ask("PUT", f"/profiles/acme_corp/{name}", {"hrv_vector": [0.4] * 8})
        for _ in range(9):  # until no fault strikes: a tenant has so many
            if self.ask("DELETE", f"/profiles/acme_corp/{name}").get("status") == 404:
                return

    def look(self, dice: random.Random) -> None:
        path = dice.choice(
            ("/profiles", "/metrics", "/health", "/webhooks", "/tenants", "/openapi.json")
        )
        self.ask("GET", path)
        self.ask("POST", "/hrv", {"text": "The tide turned. " * dice.randrange(1, 50)})

    def mistake(self, dice: random.Random) -> None:
        number = str(dice.randrange(10**9))
        dice.choice(
            (
                lambda: self.ask("GET", f"/nothing/{number}"),
                lambda: self.ask(
                    "POST", "/hr_generate", {"prompt": number, "profile_name": number}
                ),
                lambda: self.ask("POST", "/hr_generate", {"prompt": [number]}),
                lambda: self.ask("GET", "/profiles?limit=0"),
                lambda: self.ask("GET", "/profiles", Authorization=f"Bearer {number}"),
                lambda: self.ask("PATCH", "/profiles"),
                lambda: self.ask(f"M{number}", "/profiles"),
                lambda: self.ask("GET", "/profiles", Host=f"{number}.example"),
                lambda: self.ask("GET", f"/profiles?cursor={number}"),
                lambda: self.ask("GET", "/profiles", Accept="x" * 20_000),
                lambda: self.ask("GET", "/health", **{"X-Request-ID": number}),
            )
        )()

    def token(self, dice: random.Random) -> None:
        form = {"grant_type": "client_credentials", "scope": "generate profiles:read"}
        who = (self.held["client_id"], self.held["client_secret"])
        with (
            requests.Session() as session,
            contextlib.suppress(requests.RequestException, ValueError),
        ):
            session.trust_env = False
            answer = session.post(f"{self.url}/oauth/token", form, auth=who, timeout=60).json()
            if token := answer.get("access_token"):
                self.ask("GET", "/profiles", Authorization=f"Bearer {token}")
                session.post(f"{self.url}/oauth/revoke", {"token": token}, auth=who, timeout=60)

    def key(self, dice: random.Random) -> None:
        asked = {"tenant": "acme_corp", "scopes": ["generate"], "name": str(dice.randrange(10**9))}
        made = self.ask("POST", "/api_keys", asked, **self.admin)
        if "id" in made:
            self.ask("POST", f"/api_keys/{made['id']}/rotate", {}, **self.admin)
            self.ask("DELETE", f"/api_keys/{made['id']}", **self.admin)

    def leave(self, dice: random.Random) -> None:
        """Break off: in the head, in the body, or before the answer; with RST or in good order."""
        body = json.dumps({"prompt": f"Left {dice.randrange(10**9)}", "tenant": "acme_corp"})
        whole = (
            f"POST /hr_generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: {self.mine['Authorization']}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as peer:
            peer.sendall(whole[: dice.choice((0, 20, len(whole) - 5, len(whole)))])
            if dice.random() < 0.5:
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.came["left"] += 1


@contextlib.contextmanager
def running(*options: str) -> Iterator[tuple[psutil.Process, Traffic]]:
    command = [sys.executable, "-c", SANDBOX, *OPTIONS, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield psutil.Process(process.pid), Traffic(told["url"], told["credentials"])
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def size(file: Path) -> int:
    return sum(path.stat().st_size for path in file.parent.glob(f"{file.name}*"))


@pytest.mark.soak
def test_an_hours_mixed_traffic_leaves_it_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, secret = tmp_path / "kept.db", new_secret()
    table: list[dict[str, float]] = []
    with (
        running("--database", str(file)) as (process, traffic),
        WebhookReceiver(secret, tolerance=ROUNDS * 86_400) as receiver,
        ThreadPoolExecutor(8) as pool,
    ):
        faults = Faults(traffic.url, api_key=traffic.held["api_key"])
        events = ["generation.completed", "profile.created"]
        hook = {"url": receiver.url, "events": events, "secret": secret.reveal()}
        assert "id" in traffic.ask("POST", "/webhooks", hook)
        dead = {"url": "http://127.0.0.1:9/", "events": events}
        began = time.monotonic()
        for number in range(ROUNDS):
            gone = traffic.ask("POST", "/webhooks", dead)
            faults.add(STRIKING, rate=0.1, seed=number)
            list(pool.map(traffic.one, range(number * REQUESTS, (number + 1) * REQUESTS)))
            faults.clear()
            traffic.ask("DELETE", f"/webhooks/{gone['id']}")
            assert traffic.ask("POST", "/sandbox/clock", {"seconds": 86_400}, **traffic.admin)
            time.sleep(0.5)  # for connections that were left to be closed
            table.append(
                {
                    "MiB": process.memory_info().rss / 2**20,
                    "files": process.num_fds(),
                    "threads": process.num_threads(),
                    "database, MiB": size(file) / 2**20,
                }
            )
        took = time.monotonic() - began
        delivered = sum(receipt.status == 200 for receipt in receiver.receipts)
    with capsys.disabled():
        print(f"\n{sum(traffic.came.values()):,} requests in {took:.0f} s: {dict(traffic.came)}")
        print(f"{delivered:,} deliveries arrived; after rounds {WARM + 1} and {ROUNDS}:")
        print(f"{table[WARM]}\n{table[-1]}")
    # Threads and files of a pool come and go; what grows by a little each day is beyond these soon.
    for name, slack in (("MiB", 8.0), ("files", 6.0), ("threads", 6.0), ("database, MiB", 0.5)):
        seen = [one[name] for one in table]
        early, late = statistics.median(seen[WARM : WARM + 5]), statistics.median(seen[-5:])
        assert late <= early + slack, (name, seen)
    assert delivered > 100
    assert {"200", "201", "204", "401", "404", "405", "421", "422", "431"} <= set(traffic.came)
    assert sum(traffic.came.values()) >= ROUNDS * REQUESTS
