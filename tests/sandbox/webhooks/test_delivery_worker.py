"""The delivery_worker: woken, never polling, and twice rather than never."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from resonance_sandbox.app import create_app
from resonance_sandbox.settings import Settings
from resonance_sandbox.store import deliveries as table
from resonance_sandbox.webhooks import deliveries, delivery_worker, subscriptions
from resonance_sandbox.webhooks.secret_box import new_secret
from tests.support.hook_server import HookServer, hook_server
from tests.support.waiting import eventually


class House:
    """The parts around a delivery_worker, as an app puts them together, without a server."""

    def __init__(self, *retry: float) -> None:
        settings = Settings(allow_loopback_webhooks=True, webhook_retry=retry)
        self.state = create_app(settings).state
        self.state.outbox.wake = self.state.delivery_worker.wake
        self.state.delivery_worker.start()

    def subscribe(self, url: str) -> Any:
        state = self.state

        def work(connection: Connection) -> Any:
            made = subscriptions.add(
                connection, state.secret_box, "default", url, [], "", new_secret(), state.clock
            )
            return subscriptions.find(connection, made["id"], ["default"])

        return state.database.write(work)

    def send(self, webhook: Any) -> str:
        outbox = self.state.outbox
        return str(self.state.database.write(lambda c: outbox.test(c, webhook, "req_1")))

    def column(self, column: Any) -> list[Any]:
        with self.state.database.reading() as connection:
            return list(connection.execute(select(column).order_by(table.c.seq)).scalars())

    def statuses(self) -> list[str]:
        return self.column(table.c.status)

    def close(self) -> None:
        self.state.delivery_worker.stop()
        self.state.database.close()


@pytest.fixture
def hooks() -> Iterator[HookServer]:
    with hook_server() as server:
        yield server


@pytest.fixture
def house() -> Iterator[House]:
    made = House(3600.0)
    yield made
    made.close()


def test_it_looks_only_when_there_is_something_to_see(
    house: House, hooks: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    real = deliveries.due
    monkeypatch.setattr(deliveries, "due", lambda *args: looks.append(1) or real(*args))  # type: ignore[func-returns-value]
    hooks.say(500)
    webhook = house.subscribe(hooks.url)
    house.send(webhook)
    hooks.wait(1)
    assert eventually(lambda: house.column(table.c.due_at)[0] > time.time() + 3000)
    seen = len(looks)
    time.sleep(0.3)
    assert len(looks) <= seen + 1, "the next try is an hour away"
    hooks.say(200)
    house.send(webhook)
    hooks.wait(2)
    assert eventually(lambda: house.statuses() == ["pending", "delivered"])


def test_an_outcome_that_could_not_be_stored_is_sent_again(
    house: House, hooks: HookServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(delivery_worker, "AFTER_A_FAULT", 0.01)
    real, failures = deliveries.AttemptRecorder.enter, iter([OSError("the disk is full")])

    def enter(self: Any, *args: Any) -> None:
        for failure in failures:
            raise failure
        real(self, *args)

    monkeypatch.setattr(deliveries.AttemptRecorder, "enter", enter)
    event = house.send(house.subscribe(hooks.url))
    assert [hook.id for hook in hooks.wait(2)] == [event, event]
    assert eventually(lambda: house.statuses() == ["delivered"])
    assert "a delivery was not stored" in capsys.readouterr().err


def test_while_nothing_can_be_stored_rests_grow_by_the_rest_and_not_by_the_delivery(
    house: House, hooks: HookServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(delivery_worker, "AFTER_A_FAULT", 0.05)
    real, failing = deliveries.AttemptRecorder.enter, [True]

    def enter(self: Any, *args: Any) -> None:
        if failing:
            raise OSError("the disk is full")
        real(self, *args)

    monkeypatch.setattr(deliveries.AttemptRecorder, "enter", enter)
    webhook = house.subscribe(hooks.url)
    began = time.monotonic()
    for _ in range(delivery_worker.AT_ONCE):
        house.send(webhook)
    hooks.wait(3 * delivery_worker.AT_ONCE)  # twice each after the first
    away = time.monotonic() - began
    failing.clear()
    assert eventually(lambda: house.statuses() == ["delivered"] * delivery_worker.AT_ONCE)
    assert time.monotonic() - began < 4 * away + 20
    assert capsys.readouterr().err.count("a delivery was not stored") == 1


def test_a_queue_that_stops_goes_on(
    house: House, hooks: HookServer, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(delivery_worker, "AFTER_A_FAULT", 0.01)
    real, failures = deliveries.due, iter([OSError("the disk is away")])

    def due(*args: Any) -> Any:
        for failure in failures:
            raise failure
        return real(*args)

    monkeypatch.setattr(deliveries, "due", due)
    house.send(house.subscribe(hooks.url))
    hooks.wait(1)
    assert eventually(lambda: house.statuses() == ["delivered"])
    assert "a receiver's queue stopped" in capsys.readouterr().err


def test_what_is_deleted_meanwhile_is_no_matter(house: House, hooks: HookServer) -> None:
    webhook = house.subscribe(hooks.url)

    def answer(hook: Any) -> tuple[int, dict[str, str]]:
        house.state.database.write(lambda c: subscriptions.remove(c, webhook.id))
        return 200, {}

    hooks.answer = answer
    house.send(webhook)
    hooks.wait(1)
    assert eventually(lambda: house.statuses() == [])
    hooks.say(200)
    house.send(house.subscribe(hooks.url))
    assert eventually(lambda: house.statuses() == ["delivered"])


def test_old_deliveries_are_forgotten(house: House, hooks: HookServer) -> None:
    webhook = house.subscribe(hooks.url)
    house.send(webhook)
    hooks.wait(1)
    hooks.say(500)
    house.send(webhook)
    hooks.wait(2)
    assert eventually(lambda: house.statuses() == ["delivered", "pending"])
    house.state.database.write(lambda c: deliveries.purge(c, time.time()))
    assert len(house.statuses()) == 2
    later = time.time() + 8 * 86_400
    house.state.database.write(lambda c: deliveries.purge(c, later))
    assert house.statuses() == ["pending"], "what is not done is kept"
