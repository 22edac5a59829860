"""A receiver on a real socket: what it answers, what it handles, and who can't keep it busy."""

from __future__ import annotations

import http.client
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from resonance_helpers.webhooks import Event, SeenEvents, WebhookReceiver, new_secret, sign
from tests.webhooks.deliveries import NOW, Sent, delivery

SECRET = new_secret()


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver(SECRET) as running:
        yield running


def send(receiver: WebhookReceiver, sent: Sent) -> requests.Response:
    return requests.post(receiver.url, data=sent.body, headers=sent.headers, timeout=10)


def fresh(webhook_id: str = "msg_1", secret: Any = SECRET, age: int = 0) -> Sent:
    return delivery(secret, webhook_id=webhook_id, timestamp=int(time.time()) - age)


def test_an_event_is_handled_and_a_duplicate_only_answered(receiver: WebhookReceiver) -> None:
    assert send(receiver, fresh()).status_code == 200
    assert send(receiver, fresh()).json() == {"outcome": "duplicate"}
    assert send(receiver, fresh("msg_2")).json() == {"outcome": "handled"}
    assert [event.id for event in receiver.wait(2)] == ["msg_1", "msg_2"]
    assert [one.outcome for one in receiver.receipts] == ["handled", "duplicate", "handled"]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (lambda: fresh(secret=new_secret()), "no-matching-signature"),
        (lambda: Sent(fresh().body + b" ", fresh().headers), "no-matching-signature"),
        (lambda: Sent(b"{}", {}), "missing-header"),
        (lambda: fresh(age=301), "too-old"),
        (lambda: fresh(age=-400), "too-new"),
    ],
    ids=["another secret", "another body", "nothing", "too old", "too new"],
)
def test_what_is_not_verified_is_refused_with_its_reason(
    receiver: WebhookReceiver, sent: Callable[[], Sent], reason: str
) -> None:
    response = send(receiver, sent())
    assert (response.status_code, response.json()["reason"]) == (400, reason)
    assert receiver.events == []
    assert receiver.receipts[-1].reason == reason


def test_a_handler_that_fails_is_called_again(receiver: WebhookReceiver) -> None:
    calls: list[Event] = []

    def handler(event: Event) -> None:
        calls.append(event)
        if len(calls) < 3:
            raise RuntimeError("the database is down")

    receiver.handler = handler
    statuses = [send(receiver, fresh()).status_code for _ in range(4)]
    assert statuses == [500, 500, 200, 200]
    assert len(calls) == 3
    assert len(receiver.events) == 1
    assert receiver.receipts[0].reason == "the handler raised RuntimeError: the database is down"


def test_of_64_replays_at_once_one_is_handled(receiver: WebhookReceiver) -> None:
    calls = []
    receiver.handler = lambda event: (time.sleep(0.05), calls.append(event))
    sent, start = fresh(), threading.Barrier(64)

    def replay(_: int) -> int:
        start.wait()
        return send(receiver, sent).status_code

    with ThreadPoolExecutor(64) as threads:
        statuses = list(threads.map(replay, range(64)))
    assert len(calls) == len(receiver.events) == 1
    assert set(statuses) <= {200, 409}
    outcomes = [one.outcome for one in receiver.receipts]
    assert len(outcomes) == 64
    assert outcomes.count("handled") == 1


def test_it_goes_down_and_comes_back_at_the_same_address(receiver: WebhookReceiver) -> None:
    url = receiver.url
    send(receiver, fresh())
    receiver.stop()
    receiver.stop()
    assert not receiver.listening
    with pytest.raises(requests.ConnectionError):
        send(receiver, fresh("msg_2"))
    receiver.start()
    receiver.start()
    assert receiver.url == url
    assert send(receiver, fresh()).json()["outcome"] == "duplicate"
    assert send(receiver, fresh("msg_2")).json()["outcome"] == "handled"
    ((down, up),) = receiver.outages
    assert up is not None
    assert down <= up


def test_while_a_secret_is_replaced_it_takes_both(receiver: WebhookReceiver) -> None:
    new = new_secret()
    receiver.secrets = [new, SECRET]
    assert send(receiver, fresh("msg_1", SECRET)).ok
    assert send(receiver, fresh("msg_2", new)).ok
    receiver.secrets = new
    assert send(receiver, fresh("msg_3", SECRET)).status_code == 400
    with pytest.raises(ValueError, match="signing secret"):
        receiver.secrets = "hunter2"
    assert SECRET.reveal() not in repr(receiver) + repr(receiver.secrets) + repr(vars(receiver))


def test_the_frame_has_a_row_for_each_delivery(receiver: WebhookReceiver) -> None:
    assert list(receiver.frame["outcome"]) == []
    send(receiver, fresh())
    send(receiver, fresh(secret=new_secret()))
    frame = receiver.frame
    assert list(frame["outcome"]) == ["handled", "refused"]
    assert list(frame["type"]) == ["profile.created", ""]


def test_waiting_ends_and_says_how_far_it_came(receiver: WebhookReceiver) -> None:
    with pytest.raises(TimeoutError, match="0 of 1 events were handled"):
        receiver.wait(1, timeout=0.01)
    receiver.stop()
    with pytest.raises(TimeoutError, match="the receiver is stopped"):
        receiver.wait(1, timeout=0.01)
    receiver.start()
    heard = []
    receiver.on_receipt(heard.append)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(receiver.wait, 1)
        send(receiver, fresh())
        assert waiting.result()[0].data == {"n": 1}
    assert [one.outcome for one in heard] == ["handled"]


def raw(receiver: WebhookReceiver, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", receiver.port), timeout=10) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65_536):
            answer += data
    return answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /webhook HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404),
        (b"POST /webhook HTTP/1.1\r\n\r\n{}", 411),
        (b"POST /webhook HTTP/1.1\r\nContent-Length: -1\r\n\r\n{}", 411),
        (b"POST /webhook HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n{}", 411),
        (b"POST /webhook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
        (b"POST /webhook HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}", 400),
        (b"POST /webhook HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413),
        (b"POST /webhook HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n" + b"x" * 1_048_577, 413),
        (b"POST /webhook HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"POST /webhook HTTP/9.9\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    ],
)
def test_what_is_no_delivery_is_answered_and_handled_by_nobody(
    receiver: WebhookReceiver, request_: bytes, status: int
) -> None:
    answer = raw(receiver, request_)
    assert answer.startswith((b"HTTP/1.0 %d " % status, b"<!DOCTYPE")), answer[:80]
    assert receiver.events == []
    assert send(receiver, fresh()).ok


def test_who_drips_is_cut_off_and_others_are_served_meanwhile() -> None:
    with WebhookReceiver(SECRET, patience=0.4) as receiver:
        head, body = (
            b"POST /webhook HTTP/1.1\r\n",
            b"POST /webhook HTTP/1.1\r\nContent-Length: 99\r\n\r\n",
        )
        drips = [socket.create_connection(("127.0.0.1", receiver.port)) for _ in range(20)]
        for number, connection in enumerate(drips):
            connection.sendall(head if number % 2 else body)
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.05):
                for connection in drips:
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        continue

        dripping = threading.Thread(target=drip)
        dripping.start()
        assert send(receiver, fresh()).ok
        for number, connection in enumerate(drips):
            connection.settimeout(30)
            try:
                answer = connection.recv(100)
            except ConnectionError:
                answer = b""
            assert answer == b"" if number % 2 else b" 408 " in answer
        stop.set()
        dripping.join()
        for connection in drips:
            connection.close()


def test_a_port_that_is_taken_is_told() -> None:
    with WebhookReceiver(SECRET) as first, pytest.raises(OSError, match=r"in use|Only one usage"):
        WebhookReceiver(SECRET, port=first.port)


def test_one_connection_is_one_request(receiver: WebhookReceiver) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    body = b"{}"
    connection.request("POST", "/webhook", body, sign(body, SECRET, "msg_1", int(time.time())))
    response = connection.getresponse()
    assert response.read() == b'{"outcome": "handled"}'
    assert response.isclosed()
    connection.close()


def article(number: int) -> dict[str, object]:
    return {"type": "generation.completed", "data": {"request_id": f"req_{number}"}}


def take(receiver: WebhookReceiver, number: int) -> None:
    sent = delivery(SECRET, article(number), webhook_id=f"msg_{number}")
    assert receiver.receive(sent.body, sent.headers.items()).status == 200


def test_who_waits_is_told_of_an_event_that_is_just_being_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with (
        WebhookReceiver(SECRET, clock=lambda: NOW) as receiver,
        ThreadPoolExecutor(2) as threads,
    ):
        note, handled, noted = receiver._note, threading.Event(), threading.Event()

        def late(*args: Any) -> Any:
            handled.set()
            assert noted.wait(30)
            return note(*args)

        monkeypatch.setattr(receiver, "_note", late)
        taken = threads.submit(take, receiver, 1)
        assert handled.wait(30)
        assert receiver.seen.handled(["req_1"])
        waiting = threads.submit(receiver.wait_for, ["req_1"], 30)
        time.sleep(0.1)
        noted.set()
        taken.result()
        assert list(waiting.result()) == ["req_1"]
        assert not receiver._under_way


def test_a_program_waits_for_the_events_of_its_own_requests(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with WebhookReceiver(SECRET, seen=SeenEvents(path), clock=lambda: NOW) as earlier:
        take(earlier, 1)
        assert earlier.wait_for(["req_1"])["req_1"].id == "msg_1"
        with pytest.raises(TimeoutError, match="no event of req_2, req_3 was handled within 0"):
            earlier.wait_for(["req_1", "req_2", "req_3"], timeout=0.01)
    with (
        WebhookReceiver(SECRET, seen=SeenEvents(path), clock=lambda: NOW) as later,
        ThreadPoolExecutor(1) as threads,
    ):
        waiting = threads.submit(later.wait_for, ["req_1", "req_2"])
        take(later, 9)
        take(later, 2)
        assert list(waiting.result()) == ["req_2"], "the other one was an earlier program's"


def test_what_another_process_handles_over_the_same_file_counts(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    other = SeenEvents(path, clock=lambda: NOW)
    with (
        WebhookReceiver(SECRET, seen=SeenEvents(path), clock=lambda: NOW) as receiver,
        ThreadPoolExecutor(1) as threads,
    ):
        waiting = threads.submit(receiver.wait_for, ["req_1"])
        with other.once("msg_1", "req_1"):
            pass
        assert waiting.result() == {}


def test_a_listener_that_raises_keeps_nobody_from_the_answer(
    receiver: WebhookReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[str] = []
    receiver.on_receipt(lambda _: 1 / 0)
    receiver.on_receipt(lambda receipt: told.append(receipt.outcome))
    assert send(receiver, fresh()).json() == {"outcome": "handled"}
    assert send(receiver, fresh()).json() == {"outcome": "duplicate"}
    assert told == ["handled", "duplicate"]
    assert "ZeroDivisionError" in caplog.text


def test_a_handler_that_wants_to_exit_has_failed(receiver: WebhookReceiver) -> None:
    receiver.handler = lambda _: sys.exit("enough")
    assert send(receiver, fresh()).status_code == 500
    assert "SystemExit" in receiver.receipts[-1].reason
    receiver.handler = None
    assert send(receiver, fresh()).json() == {"outcome": "handled"}


def test_an_event_about_what_is_no_text_is_handled_once(receiver: WebhookReceiver) -> None:
    handled: list[Event] = []
    receiver.handler = handled.append
    odd = {"type": "x", "data": {"request_id": "req_\ud800"}}
    sent = delivery(SECRET, odd, timestamp=int(time.time()))
    assert send(receiver, sent).json() == {"outcome": "handled"}
    assert send(receiver, sent).json() == {"outcome": "duplicate"}
    assert len(handled) == 1


def test_a_target_in_its_absolute_form_is_its_path(receiver: WebhookReceiver) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
    sent = fresh()
    connection.request("POST", receiver.url, sent.body, sent.headers)
    assert connection.getresponse().status == 200
    connection.close()


def test_the_events_kept_are_bounded_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resonance_helpers.webhooks.receiver.MEMORY_BYTES", 1_000)
    with WebhookReceiver(SECRET, clock=lambda: NOW) as receiver:
        for number in range(50):
            take(receiver, number)
        assert 5 < len(receiver.events) < 20
        assert receiver.events[-1].id == "msg_49"
        assert receiver.wait(50, timeout=0) == receiver.events, "so many were handled in all"
