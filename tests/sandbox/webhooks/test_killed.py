"""A server that is killed over and over loses no event; receivers that fail handle each once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from resonance_helpers.webhooks import WebhookReceiver
from resonance_sandbox import Sandbox, start
from tests.support.waiting import eventually

UNLIMITED = 10**9
AT_ONCE = 8
LONG = 900.0  # seconds, for what hundreds of events take
FAILING = 0.2
"""Of the deliveries: half of them before the event is handled, half after, the answer lost."""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")


def test_each_event_is_handled_once_whatever_dies(database: str) -> None:
    survive(database, events=100, kills=2, receivers=1)


@pytest.mark.soak
@pytest.mark.stored
def test_ten_thousand_events_and_twenty_kills(database: str) -> None:
    survive(database, events=10_000, kills=20, receivers=2)


def survive(database: str, events: int, kills: int, receivers: int) -> None:
    """Generate `events` articles on a server that is killed `kills` times meanwhile."""
    names = [f"event-{number}" for number in range(events)]
    house = House(database)
    try:
        with ExitStack() as stack:
            listening = [stack.enter_context(failing_receiver(seed)) for seed in range(receivers)]
            webhooks = [house.subscribe(receiver) for receiver in listening]
            with ThreadPoolExecutor(AT_ONCE) as pool:
                answered = [pool.submit(house.generate, name) for name in names]
                for kill in range(1, kills + 1):
                    due = events * kill // (kills + 1)
                    assert eventually(lambda due=due: sum(map(done, answered)) >= due, LONG)
                    house.kill_and_restart()
                for one in answered:
                    one.result()
            for webhook, receiver in zip(webhooks, listening, strict=True):
                house.deliver_all(webhook, events)
                handled = Counter(event.data["request_id"] for event in receiver.events)
                assert handled.keys() == set(names), "none lost"
                assert set(handled.values()) == {1}, "none handled twice"
                outcomes = Counter(receipt.outcome for receipt in receiver.receipts)
                assert outcomes["refused"] == 0
                assert outcomes["failed"] > 0
                assert outcomes["duplicate"] > 0, "an answer was lost, and the event came again"
                print(f"\n{events:,} events, {kills} kills: {dict(outcomes)}")
    finally:
        house.server.stop()


def done(future: Any) -> bool:
    return bool(future.done())


class LostAnswer(Exception):
    """Breaks the connection off, after the event was handled and before that is told."""


def failing_receiver(seed: int) -> WebhookReceiver:
    chance = random.Random(seed)

    def handler(event: Any) -> None:
        if chance.random() < FAILING / 2:
            raise RuntimeError("the handler's own database is down")

    def listener(receipt: Any) -> None:
        if receipt.outcome == "handled" and chance.random() < FAILING / 2:
            raise LostAnswer

    receiver = WebhookReceiver("whsec_" + "A" * 43 + "=", handler=handler)
    receiver.on_receipt(listener)
    return receiver


class House:
    """A sandbox on a file, killed and started again; its callers wait until it is back."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._local = threading.local()
        self.server = self._start()

    def _start(self) -> Sandbox:
        return start(
            database=self._path,
            rate_limit=UNLIMITED,
            burst=UNLIMITED,
            quota=UNLIMITED,
            allow_loopback_webhooks=True,
            webhook_retry=[0.05 * 2**n for n in range(8)],
        )

    def kill_and_restart(self) -> None:
        os.kill(self.server.pid, signal.SIGKILL)
        self.server.stop()
        self.server = self._start()

    def call(self, method: str, path: str, **sent: Any) -> Any:
        """The JSON of the first answer that there is; the same key makes repeating it safe."""
        session = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
        while True:
            with contextlib.suppress(requests.RequestException):
                answer = session.request(method, self.server.url + path, timeout=30, **sent)
                if answer.status_code not in (409, 503):
                    assert answer.status_code < 300, answer.text
                    return answer.json()
            time.sleep(0.02)

    def subscribe(self, receiver: WebhookReceiver) -> str:
        body = {"url": receiver.url, "events": ["generation.completed"]}
        made = self.call("POST", "/webhooks", json={**body, "secret": "whsec_" + "A" * 43 + "="})
        return str(made["id"])

    def generate(self, name: str) -> None:
        body = {"prompt": name, "paragraphs": 1, "max_length": 60, "temperature": 0}
        headers = {"Idempotency-Key": name, "X-Request-ID": name}
        self.call("POST", "/hr_generate", json=body, headers=headers)

    def deliver_all(self, webhook: str, events: int) -> None:
        """Wait until nothing is pending; redeliver what chance has made a dead letter."""

        def none(status: str) -> bool:
            path = f"/webhooks/{webhook}/deliveries?limit=1&status={status}"
            return bool(self.call("GET", path)["count"] == 0)

        assert eventually(lambda: none("pending"), LONG)
        while not none("dead"):
            self.call(
                "POST", f"/webhooks/{webhook}/redeliver?since=2020-01-01T00:00:00Z&status=dead"
            )
            assert eventually(lambda: none("pending"), LONG)
