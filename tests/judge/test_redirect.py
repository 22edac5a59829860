"""The host that a redirect leads to, and the way there."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from typing import Any

import pytest
import requests

from resonance_judge.elsewhere import Elsewhere
from resonance_judge.scenarios import CALM
from resonance_judge.witness import Witness
from tests.support.waiting import eventually


def test_who_breaks_off_there_is_no_matter_for_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = threading.active_count()
    with Elsewhere() as elsewhere:
        elsewhere.home = lambda: "http://home"
        port = int(elsewhere.url.rpartition(":")[2])
        for length in (b"100", b"9" * 5_000):
            with socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(b"POST /a HTTP/1.1\r\nContent-Length: %b\r\n\r\nabc" % length)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for method in ("POST", "PATCH"):
            answer = requests.request(
                method, f"{elsewhere.url}/a?b=c", data=b"d", allow_redirects=False, timeout=30
            )
            assert (answer.status_code, answer.headers["Location"]) == (307, "http://home/a?b=c")
    assert eventually(lambda: threading.active_count() <= before)
    assert capsys.readouterr().err == ""


class _Told:
    def tell(self, *_: object) -> None:
        pass

    async def count(self, *_: object) -> str:
        return "redirect"

    async def too_late(self) -> bool:
        return False


def test_the_whole_target_is_led_there() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def none(*_: object) -> None:
        raise AssertionError

    scope = {
        **{"type": "http", "method": "POST", "path": "/profiles/a b\n", "headers": []},
        **{"raw_path": b"/profiles/a%20b%0A", "query_string": b"since=2026%2B"},
    }
    told: Any = _Told()
    witness = Witness(none, CALM, told, told, {}, 1, "http://elsewhere")
    asyncio.run(witness(scope, none, send))  # type: ignore[arg-type]
    [location] = [value for name, value in sent[0]["headers"] if name == b"location"]
    assert location == b"http://elsewhere/profiles/a%20b%0A?since=2026%2B"
