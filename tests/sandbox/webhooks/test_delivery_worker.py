"""The delivery_worker: woken, never polling, and twice rather than never."""

from __future__ import annotations

import errno
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select

from resonance_sandbox.app import create_app
from resonance_sandbox.settings import Settings
from resonance_sandbox.store import deliveries as table
from resonance_sandbox.store import events
from resonance_sandbox.webhooks import deliveries, delivery_worker, subscriptions
from resonance_sandbox.webhooks.secret_box import new_secret
from resonance_sandbox.webhooks.sending import AttemptOutcome
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


@pytest.fixture
def stops_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver's queue meets a fault where it looks for what is due."""
    monkeypatch.setattr(delivery_worker, "AFTER_A_FAULT", 0.01)
    real, failures = deliveries.due, iter([OSError("the disk is away")])

    def due(*args: Any) -> Any:
        for failure in failures:
            raise failure
        return real(*args)

    monkeypatch.setattr(deliveries, "due", due)


@pytest.mark.usefixtures("stops_once")
def test_a_queue_that_stops_goes_on(house: House, hooks: HookServer, capsys: Any) -> None:
    house.send(house.subscribe(hooks.url))
    hooks.wait(1)
    assert eventually(lambda: house.statuses() == ["delivered"])
    assert "a receiver's queue stopped" in capsys.readouterr().err


@pytest.mark.usefixtures("stops_once")
def test_a_queue_goes_on_though_nothing_can_be_said_of_its_stop(
    house: House, hooks: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        flush = write

    monkeypatch.setattr(sys, "stderr", Full())
    house.send(house.subscribe(hooks.url))
    hooks.wait(1)
    assert eventually(lambda: house.statuses() == ["delivered"])


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


def test_what_an_old_address_says_does_not_meet_the_new_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = house.state.delivery_worker._recorder
    monkeypatch.setattr(house.state.outbox, "wake", lambda touched: None)
    webhook = house.subscribe("http://127.0.0.1:9/old")
    gone = AttemptOutcome("2026-01-01T00:00:00Z", 410, error="The receiver answered 410.")

    def enter(url: str) -> tuple[Any, Any]:
        def work(connection: Connection) -> tuple[Any, Any]:
            recorder.enter(connection, seq, url, gone)
            row = connection.execute(select(table).where(table.c.seq == seq)).one()
            return row, subscriptions.find(connection, webhook.id, ["default"]).disabled_reason

        found: tuple[Any, Any] = house.state.database.write(work)
        return found

    house.send(webhook)
    (seq,) = house.column(table.c.seq)
    house.state.database.write(
        lambda c: subscriptions.change(c, webhook, "http://127.0.0.1:9/new", None, None)
    )
    row, reason = enter("http://127.0.0.1:9/old")
    assert (row.status, row.tries, reason) == ("pending", 0, None)
    assert row.due_at <= house.state.clock(), "the new one is tried at once"
    row, reason = enter("http://127.0.0.1:9/new")
    assert (row.status, row.tries, reason) == ("dead", 1, "gone")


def test_of_a_delivery_that_is_asked_for_without_end_the_latest_attempts_are_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST_ATTEMPTS", 3)
    monkeypatch.setattr(house.state.outbox, "wake", lambda touched: None)
    recorder = house.state.delivery_worker._recorder
    webhook = house.subscribe("http://127.0.0.1:9/")
    event = house.send(webhook)
    (seq,) = house.column(table.c.seq)
    outcome = AttemptOutcome("2026-01-01T00:00:00Z", 200)
    for _ in range(8):
        house.state.database.write(lambda c: recorder.enter(c, seq, webhook.url, outcome))
    with house.state.database.reading() as connection:
        shown = deliveries.find(connection, webhook.id, event)
    assert [attempt["number"] for attempt in shown["attempts"]] == [6, 7, 8]


def fill(house: House, webhook: str, count: int, status: str = "delivered") -> None:
    def work(connection: Connection) -> None:
        for _ in range(count):
            identity = new_secret()
            connection.execute(
                insert(events).values(id=identity, tenant="default", type="x", body=b"{}")
            )
            connection.execute(
                insert(table).values(
                    webhook=webhook,
                    event=identity,
                    status=status,
                    tries=1,
                    created_at="",
                    made_at=time.time(),
                )
            )

    house.state.database.write(work)


def purge(house: House) -> int:
    """Purge; how many thousand steps SQLite took."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    def work(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(step, 1000)
        deliveries.purge(connection, time.time())
        driver.set_progress_handler(None, 0)

    house.state.database.write(work)
    return steps


def test_a_webhook_keeps_the_latest_of_its_deliveries(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "MOST_KEPT", 5)
    fill(house, "wh_a", 4)
    fill(house, "wh_b", 3, "pending")
    fill(house, "wh_b", 9)
    purge(house)
    with house.state.database.reading() as connection:
        left = connection.execute(select(table.c.webhook, table.c.status)).all()
        assert Counter(map(tuple, left)) == {
            ("wh_a", "delivered"): 4,
            ("wh_b", "pending"): 3,
            ("wh_b", "delivered"): 5,
        }
        assert len(connection.execute(select(events)).all()) == len(left)
    assert house.column(table.c.seq)[-1] == 16, "the latest are left"


def test_a_purge_takes_as_long_as_there_is_much(house: House) -> None:
    took = []
    for webhook in ("wh_a", "wh_b", "wh_c"):
        fill(house, webhook, 500 << len(took) >> (len(took) > 0))  # 500, 1000, 2000 in all
        took.append(purge(house))
    assert took[2] <= 2.5 * took[1] <= 2.5 * 2.5 * took[0], took
