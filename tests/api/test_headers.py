"""What every answer carries, whatever it is."""

from __future__ import annotations

import re

import pytest

from .conftest import API, slug

REQUESTS = [
    ("GET", "/health"),
    ("GET", "/nothing"),
    ("PUT", "/health"),
    ("OPTIONS", "/profiles"),
    ("HEAD", "/profiles"),
    ("POST", "/hr_generate"),
    ("POST", "/tenants"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/sandbox/requests"),
    ("DELETE", "/profiles/default/house_style"),
]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_every_answer(api: API, method: str, path: str) -> None:
    headers = api(method, path).headers
    assert re.fullmatch(r"req_[0-9a-f]{32}", headers["X-Request-ID"])
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert re.fullmatch(r"app;dur=\d+\.\d{3}", headers["Server-Timing"])
    policy = r'"burst";q=\d+;w=1, "minute";q=\d+;w=60, "day";q=\d+;w=86400'
    assert re.fullmatch(policy, headers["RateLimit-Policy"])
    state = r'"burst";r=\d+;t=\d+, "minute";r=\d+;t=\d+, "day";r=\d+;t=\d+'
    assert re.fullmatch(state, headers["RateLimit"])
    for name in ("Limit", "Remaining", "Reset"):
        assert headers[f"X-RateLimit-{name}"].isdecimal()


def test_a_valid_request_id_is_kept(api: API) -> None:
    for sent in ("abc", "a" * 128, "01J8:x.y_z-1"):
        assert api("GET", "/health", X_Request_ID=sent).headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "a" * 129, "a b", "a\tb", "<script>", "a;b"])
def test_an_invalid_request_id_is_replaced(api: API, sent: str) -> None:
    assert api("GET", "/health", X_Request_ID=sent).headers["X-Request-ID"].startswith("req_")


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "localhost.evil.example", "10.0.0.1", "", "[::1"),
        *("evil.example@localhost", "localhost/evil.example", "localhost:1:2"),
    ],
)
def test_another_host_is_421(api: API, host: str) -> None:
    response = api("GET", "/health", Host=host)
    assert (response.status_code, slug(response)) == (421, "host-not-allowed")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:9", "[::1]:80"])
def test_loopback_by_any_name(api: API, host: str) -> None:
    assert api("GET", "/health", Host=host).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", ""])
def test_another_origin_is_403(api: API, origin: str) -> None:
    response = api("POST", "/hrv", {"text": "So it is."}, Origin=origin)
    assert (response.status_code, slug(response)) == (403, "origin-not-allowed")


def test_its_own_origin_is_fine(api: API) -> None:
    assert api("GET", "/profiles", Origin=api.server.url).status_code == 200
