# ruff: noqa: E501 (a table reads best with a row on each line)
"""Whatever reads a stranger's text says no in its own words, whatever the text.

Each parser of the client, the receiver, the server, the judge and the workshop is given texts that
hypothesis makes from good ones: cut, doubled, mixed and strewn with what parsers trip over. Only
the errors that it documents may come out. In `make soak` each is given seventy times as many, and the
counts are printed.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h11
import pytest
import requests
import urllib3
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_helpers.cli.copies import _read as record
from resonance_helpers.cli.copies import strip
from resonance_helpers.client.auth import read_jwt
from resonance_helpers.client.auth.endpoint import _document
from resonance_helpers.client.auth.jwt import expiry
from resonance_helpers.client.auth.loopback import Redirect
from resonance_helpers.client.errors import ResonanceError
from resonance_helpers.client.transport.address import is_loopback, web_address
from resonance_helpers.client.transport.compression import codings_of, decompressed
from resonance_helpers.client.transport.content import check, read_content
from resonance_helpers.client.transport.fast.message import answered
from resonance_helpers.client.transport.rate_limit import RateLimit, parse_policies
from resonance_helpers.client.transport.retry_after import parse_retry_after
from resonance_helpers.lesson.solved import FILE, solved
from resonance_helpers.webhooks import WebhookVerificationError, sign, verify
from resonance_helpers.webhooks.signature import check_secrets, new_secret
from resonance_judge.meaning import meaning
from resonance_judge.server import _token_id
from resonance_sandbox.app import create_app, issue_credentials
from resonance_sandbox.auth.access_tokens import AccessTokens, InvalidTokenError
from resonance_sandbox.auth.keys import identity_of
from resonance_sandbox.http import cursors
from resonance_sandbox.http.problems import Problem
from resonance_sandbox.http.strict_http import StrictConnection
from resonance_sandbox.http.strict_json import loads
from resonance_sandbox.oauth.forms import InvalidRequestError, parameters
from resonance_sandbox.profiles.store import matches
from resonance_sandbox.settings import Settings
from resonance_sandbox.tenants.attendees import AttendeesError, read_keys, read_list
from resonance_sandbox.webhooks.secret_box import read_secret
from resonance_sandbox.webhooks.sending import _seconds
from resonance_sandbox.webhooks.ssrf_guard import Refused
from resonance_sandbox.webhooks.ssrf_guard import read as read_address
from workshop.board.server import read as read_report
from workshop.board.state import exercises

NOW = 1_800_000_000.0
DATE = b"Fri, 15 Jan 2027 08:00:00 GMT"
JSON = (
    b'{"article": "An article.", "hrv_feedback": 0.9, "hrv": {"warmth": [1, 2.5e-3, null, true]}}'
)
PROBLEM = (
    b'{"type": "https://x/problems/validation-failed", "title": "No.", "status": 422, "detail": "x"'
    b', "errors": [{"field": "prompt", "message": "is missing"}], "checks": {"db": {"status": "up"}}}'
)
JWT = b"eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjE4MDAwMDAwMDAsImp0aSI6ImEifQ.c2lnbmF0dXJl"
SECRET = new_secret()
TROUBLE = (
    *(bytes([code]) for code in b'\0\t\r\n "\\,;:=.-+/%&?#@[]{}()<>\x7f\x80\xff'),
    *(b"\r\n", b"\r\n\r\n", b"\xef\xbb\xbf", b"\xd9\xa3", b"\xc2\xb2", b"\xf0\x9f\x9a\x80", b"\\ud800"),
    *(b"NaN", b"-Infinity", b"1e400", b"-1", b"0", b"9" * 400, b"9" * 5000, b"1" + b"0" * 30, b"null"),
    *(b"[" * 2000, b'{"a":' * 2000, b" " * 3000, b"a" * 70_000, b"W/", b"*", b"\x1f\x8b", b"%00", b"..%2f"),
)  # fmt: skip


@dataclass(frozen=True)
class Parser:
    """What reads `seeds` and texts like them, and the errors that it may answer with."""

    name: str
    read: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    errors: tuple[type[Exception], ...] = ()


def text(data: bytes) -> str:
    """As a server's framework gives out a header."""
    return data.decode("latin-1")


def words(data: bytes) -> str:
    """As a file or an argument is read."""
    return data.decode("utf-8", "surrogateescape")


def retry_after(data: bytes) -> None:
    for date in (None, text(data)):
        wait = parse_retry_after(text(data), now=NOW, date=date)
        assert wait is None or (math.isfinite(wait) and wait >= 0)
    wait = _seconds(data, data, NOW)
    assert wait is None or (math.isfinite(wait) and wait >= 0)


def rate_limit(data: bytes) -> None:
    one = text(data)
    for names in (
        ("RateLimit", "RateLimit-Policy"),
        ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
        ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    ):
        headers = requests.structures.CaseInsensitiveDict(
            {**dict.fromkeys(names, one), "Date": one}
        )
        found = RateLimit.from_headers(headers, NOW)
        assert found is None or math.isfinite(found.reset)
        parse_policies(headers)


def answer(data: bytes) -> None:
    """As the client reads one: headers and body, of several kinds, of each status."""
    head, _, body = data.partition(b"\n\n")
    for status in (200, 201, 302, 407, 422, 503):
        for kind in ("application/json", "application/problem+json", text(head)):
            response = requests.Response()
            response.status_code, response.url = status, "http://127.0.0.1:1/x"
            headers = {
                "Content-Type": kind,
                "Content-Encoding": text(head),
                "Retry-After": text(head),
            }
            response.headers = requests.structures.CaseInsensitiveDict(headers)
            response.raw = urllib3.HTTPResponse(io.BytesIO(body), preload_content=False)
            try:
                content = read_content(response, 10_000)
            except urllib3.exceptions.DecodeError:
                continue
            if isinstance(content, bytes):
                told = check(response, content, {"article": str}, text=True)
                assert isinstance(told, dict | ResonanceError)
                str(told), repr(told)


def unpacked(data: bytes) -> None:
    for coding in ("gzip", "deflate", "gzip, deflate", text(data[:40])):
        whole = decompressed(
            data, [one for one in codings_of(coding) if one in ("gzip", "deflate")], 5_000
        )
        assert len(whole) <= max(5_001 + 100_000, len(data))


def delivered(data: bytes) -> None:
    head, _, body = data.partition(b"\n\n")
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    for headers in (dict.fromkeys(names, text(head)), [(name, head) for name in names]):
        with pytest.raises(WebhookVerificationError):
            verify(data, headers, SECRET, now=NOW)
    verify(body, sign(body, SECRET, "e", int(NOW)), SECRET, now=NOW)  # of a friend gone mad


def address(data: bytes) -> None:
    is_loopback(web_address("url", words(data)).hostname or "")


LOG_IN = cache(lambda: Redirect("http://127.0.0.1/callback"))


def logged_in(data: bytes) -> None:
    status, title, sentence = LOG_IN().take(text(data))
    assert status in (400, 404)  # of a state that nobody can guess
    assert title
    assert sentence


def ordinary(data: bytes) -> None:
    """As the client reads one that has come whole."""
    told = answered(requests.Request("GET", "http://127.0.0.1:1/x").prepare(), data)
    if isinstance(told, int):
        assert told >= 0
    else:
        told.content, told.encoding, told.raw, told.text  # noqa: B018


def head(data: bytes) -> None:
    """As the server's protocol reads what comes through a socket."""
    connection = StrictConnection()
    connection.receive_data(data)
    while (event := connection.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        if isinstance(event, h11.ConnectionClosed):
            break


def copied(data: bytes) -> None:
    assert isinstance(strip(data), bytes)


def etags(data: bytes) -> None:
    matches(text(data), '"a"', weak=True)


def bearer(data: bytes) -> None:
    read_jwt(words(data))


def filed(read: Callable[[Path], object]) -> Callable[[bytes], None]:
    def parse(data: bytes) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder, FILE)
            path.write_bytes(data)
            read(path)

    return parse


def progress(path: Path) -> None:
    assert isinstance(solved(path.parent), dict | set | frozenset | list)


class Served:
    """A sandbox called as uvicorn calls it; any answer of 500 and more is a fault of its own."""

    def __init__(self) -> None:
        self.app = create_app(Settings(rate_limit=10**9, burst=10**9), url="http://127.0.0.1:1")
        self.key = issue_credentials(self.app)["acme_corp"]["api_key"].encode()
        self.loop = asyncio.new_event_loop()
        self.living = self.app.router.lifespan_context(self.app)
        self.loop.run_until_complete(self.living.__aenter__())
        self.statuses: Counter[int] = Counter()

    def __call__(self, method: str, path: str, query: bytes, body: bytes, headers: Any) -> None:
        sent: list[Any] = []
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            return parts.pop() if parts else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "surrogatepass"),
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"127.0.0.1:1"), *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 1),
        }
        self.loop.run_until_complete(self.app(scope, receive, send))
        status = sent[0]["status"]
        self.statuses[status] += 1
        assert status < 500, (method, path, query, body[:200], headers, sent)

    def end(self) -> None:
        self.loop.run_until_complete(self.living.__aexit__(None, None, None))
        self.loop.close()


served = cache(Served)


@pytest.fixture(scope="module", autouse=True)
def server_that_ends() -> Iterator[None]:
    yield
    if served.cache_info().currsize:
        served().end()


def body_of(path: str, method: str = "POST") -> Callable[[bytes], None]:
    def parse(data: bytes) -> None:
        key = b"Bearer " + served().key
        kind = (
            b"application/x-www-form-urlencoded"
            if b"oauth" in path.encode()
            else b"application/json"
        )
        served()(method, path, b"", data, [(b"content-type", kind), (b"authorization", key)])

    return parse


def headers_of(path: str, method: str = "POST", *names: bytes) -> Callable[[bytes], None]:
    def parse(data: bytes) -> None:
        value = (
            data.replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")
        )  # h11 refuses those
        key = [] if b"authorization" in names else [(b"authorization", b"Bearer " + served().key)]
        body = b'{"prompt": "x", "tenant": "acme_corp"}' if method == "POST" else b""
        kind = [] if b"content-type" in names else [(b"content-type", b"application/json")]
        served()(method, path, b"", body, [*kind, *key, *((name, value) for name in names)])

    return parse


def query_of(path: str) -> Callable[[bytes], None]:
    def parse(data: bytes) -> None:
        query = data.replace(b"\r", b"").replace(b"\n", b"").replace(b" ", b"+")
        served()("GET", path, query, b"", [(b"authorization", b"Bearer " + served().key)])

    return parse


def path_of(data: bytes) -> None:
    path = "/" + text(data).lstrip("/")
    served()("GET", path, b"", b"", [(b"authorization", b"Bearer " + served().key)])


TOKENS = AccessTokens("http://127.0.0.1:1", 60, lambda: NOW)
PROFILE = b'{"name": "mine", "target": {"warmth": 0.5}, "description": "x"}'
REQUEST = (
    b'{"prompt": "Write.", "tenant": "acme_corp", "profile": "neutral_professional", "length": 2}'
)
HOOK = b'{"url": "https://example.com/x", "events": ["generation.completed"]}'
FORM = b"grant_type=client_credentials&client_id=a&client_secret=b&scope=generate"
FAULT = b'{"kind": "status", "status": 503, "times": 2, "route": "/hr_generate"}'
REPORT = b'{"exercise": "health.guard", "outcome": "Not yet", "wrong": 0, "age": 1.5}'
PARSERS = [
    Parser("Retry-After", retry_after, (b"120", DATE, b"0", b"Friday, 15-Jan-27 08:00:00 GMT")),
    Parser("RateLimit", rate_limit, (b'"burst";r=5;t=3, "day";r=1', b'"burst";q=20;w=60', b"100", DATE)),
    Parser("an answer", answer, (b"gzip\n\n" + JSON, b"5\n\n" + PROBLEM, b"text/plain; charset=x\n\nok")),
    Parser("compression", unpacked, (gzip.compress(JSON), zlib.compress(JSON)), (urllib3.exceptions.DecodeError,)),
    Parser("a JWT", bearer, (JWT, b"W10.e30.c", b"e30.bnVsbA.c"), (ValueError,)),
    Parser("a JWT's end", lambda data: expiry(text(data)), (JWT, b"e30.eyJleHAiOjFlNDAwfQ.c")),
    Parser("a log-in's answer", logged_in, (b"/callback?state=a&code=b", b"/callback?error=access_denied&state=", b"//[::1/")),
    Parser("an ordinary answer", ordinary, (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",), (requests.RequestException,)),
    Parser("a request's head", head, (b"POST /hrv HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}", b"OPTIONS * HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"), (h11.RemoteProtocolError,)),
    Parser("a receiver's address", lambda data: read_address(words(data)), (b"https://example.com:8443/x?y", b"http://[::1]:80/"), (Refused,)),
    Parser("a lesson to copy", copied, (b'{"cells": [{"cell_type": "code", "outputs": [1]}], "metadata": {}}', b"[" * 3_000)),
    Parser("what was copied", filed(record), (b'{"01_health.ipynb": "abc"}', b"[" * 3_000)),
    Parser("a token's document", _document, (JSON,)),
    Parser("an address", address, (b"https://api.example.com:443/v6", b"http://[::1%25eth0]:80", b"http://127.1"), (ValueError,)),
    Parser("a delivery", delivered, (b"v1,c2ln v1a,c2ln\n\n" + JSON, DATE + b"\n\n{}"), (WebhookVerificationError,)),
    Parser("a signing secret", lambda data: check_secrets(words(data)), (b"whsec_" + b"QUJD" * 8,), (ValueError,)),
    Parser("what is solved", filed(progress), (b"SQLite format 3\0" + b"\0" * 84,)),
    Parser("a body", loads, (JSON, PROBLEM), (Problem,)),
    Parser("a cursor", lambda data: cursors.read(text(data), "profiles", str), (cursors.make("profiles", "a").encode(),), (Problem,)),
    Parser("a form", parameters, (FORM,), (InvalidRequestError,)),
    Parser("entity tags", etags, (b'W/"a", "b"',)),
    Parser("an API key", identity_of, (b"ros_sandbox_" + b"a" * 40,)),
    Parser("an access token", TOKENS.check, (JWT, TOKENS.issue("c", "s", "t", ["a"]).encode()), (InvalidTokenError,)),
    Parser("a secret of one's own", lambda data: read_secret(words(data)), (b"whsec_" + b"QUJD" * 8,), (ValueError,)),
    Parser("attendees", filed(read_list), (b"name;board\nAda;name\nGrace;\n", b"Ada\nJos\xc3\xa9\n"), (AttendeesError,)),
    Parser("their keys", filed(read_keys), (b"attendee,tenant,RESONANCE_URL,RESONANCE_API_KEY\nA,a,u,k\n",), (AttendeesError,)),
    Parser("a report to the board", lambda data: read_report(data, exercises_of(), 1, NOW), (REPORT, b'{"question": true}'), (ValueError,)),
    Parser("a body's meaning", lambda data: meaning(data, {"/tmp/x": "{folder}"}), (JSON,)),
    Parser("a judged token", lambda data: _token_id(text(data)), (b"Bearer " + JWT, b"Bearer a.W10.c", b"Bearer a.e30.c", b"a.bnVsbA.c")),
    Parser("POST /hr_generate", body_of("/hr_generate"), (REQUEST, JSON)),
    Parser("POST /profiles", body_of("/profiles"), (PROFILE,)),
    Parser("PATCH /profiles/x", body_of("/profiles/x", "PATCH"), (PROFILE,)),
    Parser("POST /webhooks", body_of("/webhooks"), (HOOK,)),
    Parser("POST /oauth/token", body_of("/oauth/token"), (FORM,)),
    Parser("POST /sandbox/faults", body_of("/sandbox/faults"), (FAULT,)),
    Parser("PATCH /sandbox/clock", body_of("/sandbox/clock", "POST"), (b'{"hours": 28}',)),
    Parser("Authorization", headers_of("/profiles", "GET", b"authorization"), (b"Bearer " + JWT, b"Basic YTpi")),
    Parser("Idempotency-Key", headers_of("/hr_generate", "POST", b"idempotency-key"), (b"a-key", b'"a-key"')),
    Parser("Content-Type", headers_of("/hr_generate", "POST", b"content-type"), (b"application/json; charset=utf-8",)),
    Parser("other headers", headers_of("/profiles", "GET", b"if-none-match", b"x-request-id", b"accept", b"cookie", b"traceparent", b"accept-encoding", b"origin", b"range"), (b'W/"a"', b"gzip;q=0.5")),
    Parser("a query", query_of("/profiles"), (b"limit=5&cursor=abc&tenant=acme_corp",)),
    Parser("a query of deliveries", query_of("/webhooks/a/deliveries"), (b"limit=5&since=2026-01-31T12:00:00Z",)),
    Parser("a path", path_of, (b"profiles/mine", b"hrv/profiles/..%2f", b"docs")),
]  # fmt: skip

exercises_of = cache(exercises)


WHERE = 1 << 16
CHANGE = st.tuples(
    st.integers(0, WHERE - 1),
    st.integers(0, WHERE - 1),
    st.sampled_from((*TROUBLE, "twice", "cut", "turned")) | st.binary(max_size=8),
    st.booleans(),
)
"""From where to where, of `WHERE` parts of a text; what is put there; whether it goes in front."""


def strange(seeds: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """A seed after up to five changes, or bytes of no origin."""
    return st.builds(changed, st.sampled_from((*seeds, b"")), st.lists(CHANGE, max_size=5))


def changed(data: bytes, changes: list[tuple[int, int, str | bytes, bool]]) -> bytes:
    for *ends, new, keeps in changes:
        at, end = sorted(where * (len(data) + 1) // WHERE for where in ends)
        if isinstance(new, str):
            new = {"twice": data[at:end] * 2, "cut": b"", "turned": data[::-1]}[new]
        data = (data[:at] + new + data[at if keeps else end :])[:200_000]
    return data


def try_out(parser: Parser, examples: int) -> Counter[str]:
    """How often what came out."""
    outcomes: Counter[str] = Counter()

    @settings(max_examples=examples, database=None, suppress_health_check=())
    @given(strange(parser.seeds))
    def run(data: bytes) -> None:
        try:
            parser.read(data)
        except parser.errors as error:
            outcomes[type(error).__name__] += 1
        else:
            outcomes["read"] += 1

    run()
    return outcomes


@pytest.mark.parametrize("parser", PARSERS, ids=lambda one: one.name)
def test_it_says_no_in_its_own_words(parser: Parser) -> None:
    assert try_out(parser, 20).total() >= 15


@pytest.mark.soak
@pytest.mark.parametrize("parser", PARSERS, ids=lambda one: one.name)
def test_it_does_so_however_often(parser: Parser, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = try_out(parser, 3_000)
    with capsys.disabled():
        print(f"\n{parser.name}: {outcomes.total():,} texts, {json.dumps(outcomes)}")
    assert outcomes.total() >= 2_500
