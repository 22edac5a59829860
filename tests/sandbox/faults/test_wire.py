"""What a peer really sees of each fault: bytes, and how the connection ends."""

from __future__ import annotations

import json
import time

import pytest

from resonance_sandbox import Sandbox
from resonance_sandbox.faults.control import WatchedFaults as Faults
from resonance_sandbox.faults.kinds import KINDS
from tests.support.waiting import eventually

from .conftest import Peer, request

BODY = json.dumps({"prompt": "Tides", "paragraphs": 1}).encode()
GENERATE = request("POST", "/hr_generate", BODY)
HEALTH = request("GET", "/health")


def effects(sandbox: Sandbox) -> int:
    """Generations that the server executed and stored for the open tenants."""
    return int(sandbox.call("GET", "/metrics?tenant=default")["generations"]["stored"])


def split(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body


@pytest.mark.parametrize(
    ("kind", "ending", "done"),
    [
        ("reset_before_request", "RST", 0),
        ("reset_mid_request", "RST", 0),
        ("reset_after_commit", "RST", 1),
        ("close_without_answer", "FIN", 0),
    ],
)
def test_no_byte_of_an_answer(
    kind: str, ending: str, done: int, resonance_sandbox: Sandbox, faults: Faults, peer: Peer
):
    faults.add(kind)
    peer.send(GENERATE)
    assert peer.until_the_end() == (b"", ending)
    assert effects(resonance_sandbox) == done


@pytest.mark.parametrize(("kind", "ending"), [("reset_mid_body", "RST"), ("truncated_body", "FIN")])
def test_half_of_the_body(
    kind: str, ending: str, resonance_sandbox: Sandbox, faults: Faults, peer: Peer
):
    faults.add(kind)
    peer.send(GENERATE)
    received, how = peer.until_the_end()
    head, body = split(received)
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert (how, len(body)) == (ending, length // 2)
    assert effects(resonance_sandbox) == 1


def test_half_of_the_head(resonance_sandbox: Sandbox, faults: Faults, peer: Peer):
    faults.add("reset_mid_headers")
    peer.send(GENERATE)
    received, how = peer.until_the_end()
    assert how == "RST"
    assert received.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in received
    assert effects(resonance_sandbox) == 1


def test_bytes_that_are_not_http(faults: Faults, peer: Peer):
    faults.add("not_http")
    peer.send(GENERATE)
    received, how = peer.until_the_end()
    assert (received[:4], how) == (b"SSH-", "FIN")


@pytest.mark.parametrize("kind", ["drip_headers", "drip_body", "bandwidth", "stall_mid_body"])
def test_a_slow_answer_is_whole_and_the_connection_lives_on(kind: str, faults: Faults, peer: Peer):
    parameters = {
        "drip_headers": {"interval": 0.002},
        "drip_body": {"interval": 0.002},
        "bandwidth": {"bytes_per_second": 5000},
        "stall_mid_body": {"seconds": 0.3},
    }[kind]
    faults.add(kind, count=1, **parameters)
    started = time.monotonic()
    peer.send(HEALTH)
    slow = peer.answer()
    # The least that each has to take, by its own parameters.
    head, body = split(slow)
    least = {
        "drip_headers": 0.002 * len(head),
        "drip_body": 0.002 * (len(body) - 1),
        "bandwidth": len(slow) / 5000 - 0.06,
        "stall_mid_body": 0.3,
    }[kind]
    assert time.monotonic() - started >= least
    assert json.loads(body)["status"] == "healthy"
    peer.send(HEALTH)
    assert json.loads(split(peer.answer())[1])["status"] == "healthy"


def test_a_drip_comes_in_pieces(faults: Faults, peer: Peer):
    faults.add("drip_body", interval=0.02, size=40)
    peer.send(HEALTH)
    pieces = []
    while not b"".join(pieces).endswith(b"}}"):
        pieces.append(peer.socket.recv(65536))
    assert len(pieces) >= 3
    # Where this side was kept from reading, what it reads are several pieces at once.
    assert [len(piece) % 40 for piece in pieces[1:-1]] == [0] * (len(pieces) - 2)


def test_a_slow_close_ends_the_body_with_the_connection(faults: Faults, peer: Peer):
    faults.add("slow_close", seconds=0.4)
    started = time.monotonic()
    peer.send(HEALTH)
    received, how = peer.until_the_end()
    head, body = split(received)
    assert how == "FIN"
    assert time.monotonic() - started >= 0.4
    assert b"content-length" not in head.lower()
    assert json.loads(body)["status"] == "healthy"


def test_a_stalled_accept_serves_the_request_though_its_sender_has_left(
    resonance_sandbox: Sandbox, faults: Faults, peer: Peer
):
    faults.add("stalled_accept", seconds=2)
    peer.send(GENERATE)
    peer.socket.settimeout(0.1)  # far below the stall, also where the machine is busy
    assert peer.until_the_end() == (b"", "silence")
    peer.reset()
    assert effects(resonance_sandbox) == 0
    assert eventually(lambda: effects(resonance_sandbox), 10)
    assert effects(resonance_sandbox) == 1


def test_a_reset_in_the_middle_of_a_request_comes_before_its_end(faults: Faults, peer: Peer):
    faults.add("reset_mid_request")
    body = b'{"prompt": "' + b"x" * 4000 + b'"}'
    whole = request("POST", "/hr_generate", body)
    peer.send(whole[:-1000])  # the rest never comes, and the reset does not wait for it
    assert peer.until_the_end() == (b"", "RST")


def test_a_rule_for_half_a_request_lets_the_others_through_whole(
    resonance_sandbox: Sandbox, faults: Faults, peer: Peer
):
    faults.add("reset_mid_request", attempts=1)
    peer.send(GENERATE)
    assert peer.until_the_end() == (b"", "RST")
    again = Peer(resonance_sandbox)
    again.send(GENERATE)
    assert json.loads(split(again.answer())[1])["article"]
    again.socket.close()


@pytest.mark.parametrize("kind", ["drip_body", "stall_mid_body", "bandwidth"])
def test_pipelined_answers_keep_their_order(kind: str, faults: Faults, peer: Peer):
    parameters = {
        "drip_body": {"interval": 0.001, "size": 20},
        "stall_mid_body": {"seconds": 0.1},
        "bandwidth": {"bytes_per_second": 20_000},
    }[kind]
    faults.add(kind, rate=0.5, seed=2, **parameters)
    names = [f"pipelined-{number}" for number in range(8)]
    peer.send(b"".join(request("GET", "/health", b"", f"X-Request-ID: {name}") for name in names))
    received = b""
    while received.count(b"HTTP/1.1 200") < 8 or not received.endswith(b"}"):
        received += peer.socket.recv(65536)
    order = [
        line.split(b": ")[1].decode()
        for line in received.split(b"\r\n")
        if line.startswith(b"x-request-id")
    ]
    assert order == names
    assert 0 < faults.list()[0]["struck"] < 8


def test_a_reset_takes_the_answers_behind_it_along(faults: Faults, peer: Peer):
    faults.add("reset_mid_body", count=1)
    peer.send(HEALTH * 3)
    received, how = peer.until_the_end()
    assert how == "RST"
    assert received.count(b"HTTP/1.1 200") == 1


def test_connection_close_is_honoured_after_a_slow_body(faults: Faults, peer: Peer):
    faults.add("drip_body", interval=0.001, size=50)
    peer.send(request("GET", "/health", close=True))
    received, how = peer.until_the_end()
    assert how == "FIN"
    assert json.loads(split(received)[1])["status"] == "healthy"


def test_a_chunked_request_meets_faults_like_any_other(faults: Faults, peer: Peer):
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (BODY[:10], BODY[10:]))
    head = request(
        "POST", "/hr_generate", b"", "Content-Type: application/json", "Transfer-Encoding: chunked"
    )
    faults.add("stall_mid_body", seconds=0.05)
    peer.send(head + chunks + b"0\r\n\r\n")
    assert split(peer.answer())[0].startswith(b"HTTP/1.1 200")
    assert faults.list()[0]["struck"] == 1


@pytest.mark.parametrize("kind", ["drip_headers", "reset_mid_request"])
def test_who_expects_100_continue_gets_it_before_the_fault(kind: str, faults: Faults, peer: Peer):
    head, body = split(request("POST", "/hr_generate", BODY, "Expect: 100-continue"))
    faults.add(kind, **({"interval": 0.001} if kind == "drip_headers" else {}))
    peer.send(head + b"\r\n\r\n")
    first = peer.socket.recv(65536)
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    peer.send(body)
    if kind == "drip_headers":
        assert split(peer.answer())[0].startswith(b"HTTP/1.1 200")
    else:
        assert peer.until_the_end() == (b"", "RST")


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.layer == "wire"])
def test_a_peer_that_leaves_early_does_the_server_no_harm(
    kind: str, resonance_sandbox: Sandbox, faults: Faults
):
    faults.add(kind, may_miss=True)  # the peer may be gone before
    leaver = Peer(resonance_sandbox)
    leaver.send(GENERATE)
    leaver.reset()
    faults.clear()
    after = Peer(resonance_sandbox)
    after.send(HEALTH)
    assert split(after.answer())[0].startswith(b"HTTP/1.1 200")
    after.socket.close()
    assert "Traceback" not in resonance_sandbox.log()
    assert "returned without" not in resonance_sandbox.log()


def test_connections_side_by_side_meet_faults_apart(faults: Faults, resonance_sandbox: Sandbox):
    faults.add("stall_mid_body", seconds=20, route="/profiles")
    slow, quick = Peer(resonance_sandbox), Peer(resonance_sandbox)
    slow.send(request("GET", "/profiles"))
    begun = slow.socket.recv(65536)
    quick.send(HEALTH)
    quick.answer()
    slow.socket.settimeout(0.1)
    rest, how = slow.until_the_end()
    assert how == "silence"
    with pytest.raises(json.JSONDecodeError):
        json.loads(split(begun + rest)[1])
    for peer in (slow, quick):
        peer.reset()


def test_the_answer_has_no_header_of_the_machinery(faults: Faults, peer: Peer):
    peer.send(HEALTH)
    plain = {line.split(b":")[0] for line in split(peer.answer())[0].split(b"\r\n")[1:]}
    faults.add("stall_mid_body", seconds=0)
    peer.send(HEALTH)
    faulted = {line.split(b":")[0] for line in split(peer.answer())[0].split(b"\r\n")[1:]}
    assert faulted == plain
