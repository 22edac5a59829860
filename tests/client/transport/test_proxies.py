"""What a proxy says is told: what it will never allow at once, what may pass after some tries."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from resonance_helpers import ResonanceOSAPIClient, RetryPolicy
from resonance_helpers.client.transport.address import is_loopback


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[bytes]]]:
    """Starts a proxy of the environment that answers with one status."""
    listeners = []

    def start(status: str) -> list[bytes]:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        asked: list[bytes] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    asked.append(connection.recv(4096))
                    connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())

        threading.Thread(target=serve, daemon=True).start()
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
        return asked

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_password_that_is_wanted_is_told_once(proxy: Any, scheme: str) -> None:
    asked = proxy("407 Proxy Authentication Required")
    client = ResonanceOSAPIClient(f"{scheme}://api.example.test", retry=RetryPolicy(base=0.001))
    answer = client.get_tenants()
    assert "407" in answer["message"]
    assert "password" in answer["message"]
    assert answer["type"] == "proxy-refused"
    assert answer["response_code"] == 407
    assert not answer["retryable"]
    assert len(asked) == answer["attempts"] == 1


@pytest.mark.parametrize(
    ("status", "tries"), [("403 Forbidden", 1), ("502 Bad Gateway", 3), ("504 Late", 3)]
)
def test_what_a_proxy_says_to_a_tunnel_decides(proxy: Any, status: str, tries: int) -> None:
    asked = proxy(status)
    policy = RetryPolicy(max_attempts=3, base=0.001)
    answer = ResonanceOSAPIClient("https://api.example.test", retry=policy).get_tenants()
    assert status[:3] in answer["message"]
    assert answer["response_code"] == int(status[:3])
    assert len(asked) == tries


@pytest.mark.parametrize(
    "address",
    ["socks5://127.0.0.1:1", "http://:99", "gopher://x", "http://me:p\u20acw@127.0.0.1:1"],
)
def test_an_address_that_can_be_no_proxys_is_told_once(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, address)
    client = ResonanceOSAPIClient("https://api.example.test", retry=RetryPolicy(base=0.001))
    answer = client.get_tenants()
    assert not answer["retryable"]
    assert answer["attempts"] == 1


HERE = ["localhost", "api.localhost.", "127.0.0.1", "127.8.9.1", "[::1]", "[0:0:0:0:0:0:0:1]"]
HERE += ["127.1", "0x7f000001", "017700000001", "2130706433", "[::ffff:127.0.0.1]", "LOCALHOST"]
ELSEWHERE = ["10.0.0.1", "127.evil.com", "[::2]", "api.example", "1.127", "localhost.example"]
ELSEWHERE += ["0.0.0.0", "[::ffff:10.0.0.1]", "127.0.0.1.nip.io", "xlocalhost"]


@pytest.mark.parametrize("host", HERE + ELSEWHERE)
def test_this_machine_is_known_in_any_spelling(host: str) -> None:
    assert is_loopback(host) is (host in HERE)


@pytest.mark.parametrize("host", ["127.1", "[0:0:0:0:0:0:0:1]", "0x7f000001"])
def test_no_spelling_of_this_machine_goes_to_a_proxy(proxy: Any, host: str) -> None:
    asked = proxy("502 Bad Gateway")
    ResonanceOSAPIClient(f"http://{host}:1", retry=None).get_tenants()
    assert asked == []
