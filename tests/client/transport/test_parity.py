"""Our session beside a stock one: the same request bytes, the same answers, the same errors.

A fast session is easily a wrong one. So each behaviour that a caller may rely on is played to
both, over the wire, and what the server saw and what the caller got is compared. Where ours
differs on purpose, a test of its own says so.
"""

from __future__ import annotations

import copy
import gzip
import pickle
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import requests
import urllib3
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from resonance_helpers.client.transport import Adapter, Session
from tests.support.raw_server import (
    RawServer,
    answer,
    drips,
    raw_server,
    replies,
    resets,
    sends,
    sends_and_closes,
)

Use = Callable[[requests.Session, str], Any]


def play(session: requests.Session, handlers: list[Any], use: Use) -> dict[str, Any]:
    """What came of it: the result or the error, the requests seen, the connections made."""
    with raw_server(*handlers) as server, session:
        try:
            result = use(session, server.url)
        except Exception as error:
            result = kind_of(error)
        return {
            "result": facts(result, server),
            "requests": [head_and_body(request, server) for request in server.requests],
            "connections": server.connections,
            "cookies": sorted((c.name, c.value, c.path) for c in session.cookies),
        }


def kind_of(error: Exception) -> Any:
    """What two errors are compared by."""
    return type(error)


def facts(result: Any, server: RawServer) -> Any:
    if not isinstance(result, requests.Response):
        return result
    return {
        "status": (result.status_code, result.reason, result.ok, result.is_redirect),
        "headers": list(result.headers.items()),
        "content": result.content,
        "streamed": getattr(result, "streamed", None),
        "text": result.text,
        "encoding": result.encoding,
        "url": result.url.replace(server.url, ""),
        "cookies": result.cookies.get_dict(),
        "history": [(past.status_code, past.content) for past in result.history],
        "links": result.links,
        "request": (result.request.method, result.request.body),
        "elapsed": result.elapsed.total_seconds() > 0,
    }


def head_and_body(request: bytes, server: RawServer) -> tuple[bytes, list[bytes], bytes]:
    port = server.url.rpartition(":")[2].encode()
    head, _, body = request.replace(port, b"PORT").partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    return first, sorted(lines), body


def same(use: Use, *handlers: Any) -> dict[str, Any]:
    session = requests.Session()
    session.headers["Accept-Encoding"] = "gzip, deflate"  # and zstd, where this Python has it
    stock = play(session, list(handlers), use)
    ours = play(Session(), list(handlers), use)
    assert ours == stock
    return ours


OK = replies({"ok": True})
once: dict[str, Any] = {"timeout": 5, "allow_redirects": False}
SKIP = urllib3.util.SKIP_HEADER
PREPARED: dict[str, Any] = {"verify": True, "stream": False, "cert": None, "proxies": {}}


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


REQUESTS: dict[str, Use] = {
    "get": lambda s, u: s.get(u + "/a", **once),
    "get the root": lambda s, u: s.get(u, **once),
    "query": lambda s, u: s.get(u + "/a", params={"b": "c d", "e": ["1", "2"], "n": None}, **once),
    "query in the URL": lambda s, u: s.get(u + "/a?x=1&y=%2F#frag", params={"z": "ü"}, **once),
    "query as pairs": lambda s, u: s.get(u, params=[("a", "1"), ("a", "2")], **once),
    "odd characters": lambda s, u: s.get(u + "/ä b/%7e/../x'y", **once),
    "quoted slash": lambda s, u: s.get(u + "/profiles/a%2Fb/c%20d", **once),
    "json": lambda s, u: s.post(u + "/a", json={"ü": [1, None]}, **once),
    "json that is NaN": lambda s, u: s.post(u + "/a", json={"a": float("nan")}, **once),
    "bytes": lambda s, u: s.post(u + "/a", data=b"\x00\xff", **once),
    "no bytes": lambda s, u: s.post(u + "/a", data=b"", **once),
    "no body": lambda s, u: s.post(u + "/a", **once),
    "put": lambda s, u: s.put(u + "/a", data=b"x", **once),
    "put nothing": lambda s, u: s.put(u + "/a", **once),
    "delete": lambda s, u: s.delete(u + "/a", **once),
    "patch": lambda s, u: s.patch(u + "/a", data=b"x", **once),
    "options": lambda s, u: s.options(u + "/a", **once),
    "text": lambda s, u: s.post(u + "/a", data="grüße", **once),
    "form": lambda s, u: s.post(u + "/a", data={"a": "1", "b": ["2", "3"]}, **once),
    "large": lambda s, u: s.post(u + "/a", data=b"x" * 300_000, **once),
    "headers": lambda s, u: s.get(u, headers={"X-A": "1", "accept": "text/x", "X-B": b"2"}, **once),
    "own type": lambda s, u: s.post(u, data=b"{}", headers={"Content-Type": "a/b"}, **once),
    "header dropped": lambda s, u: s.get(u, headers={"Accept": None}, **once),
    "header with a break": lambda s, u: s.get(u, headers={"X-A": "1\r\nX-B: 2"}, **once),
    "header with a space": lambda s, u: s.get(u, headers={"X-A": " 1"}, **once),
    "header that is no string": lambda s, u: s.get(u, headers={"X-A": 1}, **once),
    "name with a break": lambda s, u: s.get(u, headers={"X\r\nA": "1"}, **once),
    "own host": lambda s, u: s.get(u, headers={"Host": "example.com"}, **once),
    "own user agent": lambda s, u: s.get(u, headers={"user-agent": "me"}, **once),
    "close": lambda s, u: s.get(u, headers={"Connection": "close"}, **once),
    "basic auth": lambda s, u: s.get(u, auth=("a", "b"), **once),
    "basic auth class": lambda s, u: s.get(u, auth=HTTPBasicAuth("a", "ü"), **once),
    "auth in the URL": lambda s, u: s.get(u.replace("//", "//me:pass@"), **once),
    "cookies": lambda s, u: s.get(u, cookies={"a": "b"}, **once),
    "no scheme": lambda s, u: s.get("127.0.0.1/x", **once),
    "another scheme": lambda s, u: s.get("ftp://127.0.0.1/x", **once),
    "bad host": lambda s, u: s.get("http://.example/", **once),
    "no host": lambda s, u: s.get("http:///x", **once),
    "bad port": lambda s, u: s.get("http://127.0.0.1:99999/", **once),
    "nobody there": lambda s, u: s.get("http://127.0.0.1:1/", **once),
    "unknown name": lambda s, u: s.get("http://no-such-host.invalid/", **once),
    "bad timeout": lambda s, u: s.get(u, timeout=-1),
    "lower case method": lambda s, u: s.request("get", u, **once),
    "head": lambda s, u: s.head(u + "/a", **once),
    "header with a tab": lambda s, u: s.get(u, headers={"X-A": "1\t2"}, **once),
    "header beyond ASCII": lambda s, u: s.get(u, headers={"X-A": "für"}, **once),
    "header left out by urllib3": lambda s, u: s.get(u, headers={"User-Agent": SKIP}, **once),
    "no compression": lambda s, u: s.get(u, headers={"Accept-Encoding": None}, **once),
    "no user agent": lambda s, u: s.get(u, headers={"User-Agent": None}, **once),
    "own length": lambda s, u: s.get(u, headers={"Content-Length": "0"}, **once),
    "quoted in lower case": lambda s, u: s.get(u + "/a%2fb%c3%bc?c=%5b", **once),
    "brackets": lambda s, u: s.get(u + "/a[1]?b[]=2", **once),
    "query without a path": lambda s, u: s.get(u + "?a=/b", **once),
    "method with a break": lambda s, u: s.request("GET\r\nX: y", u, **once),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_request(name: str) -> None:
    use = REQUESTS[name]
    same(lambda session, url: [facts_of(use(session, url)) for _ in range(3)], OK)


def facts_of(response: Any) -> Any:
    return response if response is None else (response.status_code, response.content)


def chunked(*parts: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def in_parts(data: bytes, first: int, then: Any = None) -> Any:
    """Writes `data` in two parts with a pause between them."""

    def handler(connection: Any, _request: bytes) -> None:
        connection.sendall(data[:first])
        time.sleep(0.05)
        connection.sendall(data[first:])
        if then:
            time.sleep(0.05)
            then(connection)

    return handler


def reset(connection: Any) -> None:
    resets(connection, b"")


ANSWERS: dict[str, list[Any]] = {
    "plain": [OK],
    "no type": [replies(b"x", content_type=None)],
    "latin-1": [replies("ü".encode("latin-1"), content_type="text/plain; charset=latin-1")],
    "text without a charset": [replies("ü".encode(), content_type="text/plain")],
    "gzip": [replies(gzip.compress(b"hello"), headers={"Content-Encoding": "gzip"})],
    "deflate": [replies(zlib.compress(b"hello"), headers={"Content-Encoding": "deflate"})],
    "gzip twice": [
        replies(gzip.compress(gzip.compress(b"x")), headers={"Content-Encoding": "gzip, gzip"})
    ],
    "broken gzip": [replies(b"nope", headers={"Content-Encoding": "gzip"})],
    "chunked": [sends(chunked(b"abc", b"d" * 10_000))],
    "chunked with a trailer": [sends(chunked(b"abc")[:-2] + b"X-T: 1\r\n\r\n")],
    "no length": [sends_and_closes(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")],
    "1.0": [sends_and_closes(b"HTTP/1.0 200 OK\r\n\r\nold")],
    "1.0 kept alive": [
        sends(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx")
    ],
    "204": [sends(b"HTTP/1.1 204 No Content\r\n\r\n")],
    "304": [sends(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')],
    "interim answer": [sends(b"HTTP/1.1 100 Continue\r\n\r\n" + answer({"a": 1}))],
    "no reason": [sends(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n")],
    "latin-1 reason": [sends("HTTP/1.1 200 für\r\nContent-Length: 0\r\n\r\n".encode("latin-1"))],
    "repeated headers": [
        sends(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n")
    ],
    "folded header": [sends(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n")],
    "bare newlines": [sends(b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx")],
    "link": [replies({}, headers={"Link": '</b>; rel="next"'})],
    "cookie": [replies({}, headers={"Set-Cookie": "a=b; Path=/"})],
    "cookie for elsewhere": [replies({}, headers={"Set-Cookie": "a=b; Domain=example.com"})],
    "many headers": [replies({}, headers={f"X-{n}": "y" * n for n in range(90)})],
    "a header of odd characters": [sends(answer({}).replace(b"\r\n", b"\r\nX-A: \xe9\x01\r\n", 1))],
    "a header without a name": [sends(answer({}).replace(b"\r\n", b"\r\n: x\r\n", 1))],
    # Which takes the length with it, so that the body ends with the connection.
    "a header with a space": [sends_and_closes(answer({}).replace(b"\r\n", b"\r\nX A: x\r\n", 1))],
    "a line without a colon": [
        sends_and_closes(answer({}).replace(b"\r\n", b"\r\nnonsense\r\n", 1))
    ],
    "spaces around a value": [replies({}, headers={"X-A": " \t b \t "})],
    "an empty value": [replies({}, headers={"X-A": ""})],
    "negative length": [sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc")],
    "length with a plus": [sends(b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na")],
    "length and chunks": [sends(chunked(b"abc").replace(b"\r\n", b"\r\nContent-Length: 1\r\n", 1))],
    "another transfer coding": [
        sends_and_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nabc")
    ],
    "an unknown version": [sends(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")],
    "a status of two digits": [sends_and_closes(b"HTTP/1.1 20 OK\r\n\r\n")],
    "404": [replies({"detail": "no"}, 404)],
    "500": [replies(b"oops", 500, content_type="text/html")],
    "in two parts": [in_parts(answer({"a": 1}), 40)],
    "head and body apart": [in_parts(answer({"a": 1}), len(answer({"a": 1})) - 8)],
    "byte by byte": [drips(answer({"a": 1}), every=0.001)],
    "more than was announced": [sends(answer({"a": 1}) + b"more")],
    "another answer unasked": [sends(answer({"a": 1}) + answer({"a": 2}))],
    "large": [replies(b"x" * 200_000)],
    "nothing in the body": [replies(b"")],
    "two lengths that agree": [
        sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na")
    ],
    "a length of other digits": [
        sends_and_closes("HTTP/1.1 200 \r\nContent-Length: ٣\r\n\r\nabc".encode())
    ],
    "kept alive expressly": [replies({}, headers={"Connection": "keep-alive"})],
    "reset in the body": [OK, OK, in_parts(answer({"a": "b" * 50})[:-9], 80, then=reset)],
    "close": [sends_and_closes(answer({}, headers={"Connection": "close"}))],
    "redirect not followed": [replies({}, 302, {"Location": "/b"})],
    "reset": [resets],
    "closed": [sends_and_closes(b"")],
    "not HTTP": [sends_and_closes(b"hello\r\n\r\n")],
    "half a body": [sends_and_closes(answer({"a": "b" * 50})[:-9])],
    "half a chunk": [sends_and_closes(chunked(b"abcdef")[:-9])],
    "stale connection": [OK, sends_and_closes(answer({"ok": 1})), OK],
    "endless header": [sends(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n")],
    "too many headers": [sends(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n")],
    "bad length": [sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc")],
    "two lengths": [sends(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab")],
}


@pytest.mark.parametrize("name", ANSWERS)
def test_the_same_answer(name: str) -> None:
    def use(session: requests.Session, url: str) -> Any:
        session.get(url + "/a", **once)
        with session.get(url + "/a", stream=True, **once) as response:
            # Of a redirect a stock session has read the body, to have `response.next` at hand.
            if response.is_redirect:
                streamed = response.content
            else:
                streamed = response.raw.read(decode_content=True)
        if name == "stale connection":
            time.sleep(0.5)  # until the end of the connection has arrived
        response = session.get(url + "/a", **once)
        response.streamed = streamed
        return response

    same(use, *ANSWERS[name])


SESSIONS: dict[str, Use] = {}


def session_use(use: Use) -> Use:
    SESSIONS[use.__name__.strip("_").replace("_", " ")] = use
    return use


@session_use
def _headers_set_later_count(s: requests.Session, u: str) -> Any:
    s.get(u, **once)
    s.headers["X-A"] = "1"
    s.get(u, **once)
    s.headers["X-A"] = "2"
    s.get(u, **once)
    del s.headers["X-A"]
    return s.get(u, **once)


@session_use
def _params_of_the_session(s: requests.Session, u: str) -> Any:
    s.params = {"a": "b"}
    s.get(u, **once)
    return s.get(u, params={"c": "d"}, **once)


@session_use
def _auth_of_the_session(s: requests.Session, u: str) -> Any:
    s.auth = ("a", "b")
    s.get(u, **once)
    s.get(u, auth=("c", "d"), **once)
    s.auth = None
    return s.get(u, **once)


@session_use
def _cookies_of_the_session(s: requests.Session, u: str) -> Any:
    s.cookies.set("a", "b")
    s.get(u, **once)
    s.cookies.clear()
    return s.get(u, **once)


@session_use
def _hooks_see_and_replace(s: requests.Session, u: str) -> Any:
    seen = []
    s.hooks["response"].append(lambda r, **kw: seen.append((r.status_code, sorted(kw))))
    s.get(u, **once)
    s.get(u, hooks={"response": lambda r, **kw: seen.append("own")}, **once)
    s.hooks["response"].append(lambda r, **kw: "replaced")
    return seen, s.get(u, **once, stream=True)


@session_use
def _an_adapter_of_ones_own(s: requests.Session, u: str) -> Any:
    class Counting(requests.adapters.HTTPAdapter):
        sent = 0

        def send(self, *args: Any, **kwargs: Any) -> Any:
            self.sent += 1
            return super().send(*args, **kwargs)

    adapter = Counting()
    s.mount(u, adapter)
    s.get(u, **once)
    s.get(u + "/b", **once)
    return adapter.sent


@session_use
def _streaming(s: requests.Session, u: str) -> Any:
    with s.get(u, stream=True, **once) as response:
        return b"".join(response.iter_content(3))


@session_use
def _prepared_by_hand(s: requests.Session, u: str) -> Any:
    prepared = s.prepare_request(requests.Request("POST", u + "/a", data=b"1"))
    prepared.headers["X-Late"] = "1"
    s.send(prepared, **once, **PREPARED)
    other = s.prepare_request(requests.Request("POST", u + "/a", data=b"22"))
    return s.send(other.copy(), **once, **PREPARED)


@session_use
def _an_auth_that_changes_the_request(s: requests.Session, u: str) -> Any:
    def sign(request: Any) -> Any:
        request.url += "?signed=1"
        request.body = (request.body or b"") + b"!"
        request.headers["X-Signed"] = "yes"
        request.register_hook("response", lambda r, **kw: setattr(r, "reason", "hooked"))
        return request

    s.post(u + "/a", data=b"x", auth=sign, **once)
    s.post(u + "/a", data=b"x", **once)
    return s.post(u + "/a", auth=sign, **once)


@session_use
def _redirects_are_followed_when_asked_for(s: requests.Session, u: str) -> Any:
    return [s.get(u + "/a", timeout=5).status_code, len(s.get(u + "/a", timeout=5).history)]


@session_use
def _a_header_set_on_a_prepared_request(s: requests.Session, u: str) -> Any:
    outcomes = []
    for name, value in (
        ("X-A", "1\r\nX-B: 2"),
        ("X:A", "1"),
        ("X A", "1"),
        ("X-A", 5),
        ("X-A", " "),
    ):
        s.get(u, **once)
        prepared = s.prepare_request(requests.Request("POST", u + "/a", data=b"1"))
        prepared.headers[name] = value
        try:
            outcomes.append(s.send(prepared, **once, **PREPARED).content)
        except Exception as error:
            outcomes.append(type(error))
    return outcomes


@session_use
def _the_raw_answer(s: requests.Session, u: str) -> Any:
    s.get(u, **once)
    read, streamed = s.get(u, **once), s.get(u, **once, stream=True)
    raw = streamed.raw
    facts = (
        raw.status,
        raw.version,
        raw.reason,
        sorted(raw.headers.items()),
        raw.headers.getlist("x"),
    )
    return facts, raw.closed, raw.read(4), raw.read(), raw.closed, read.raw.read(), streamed.content


@session_use
def _a_stream_is_read_once(s: requests.Session, u: str) -> Any:
    s.get(u, **once)
    response = s.get(u, **once, stream=True)
    parts = list(response.iter_content(5))
    try:
        return parts, list(response.iter_content(5))
    except requests.exceptions.StreamConsumedError as error:
        return parts, type(error), list(s.get(u, **once).iter_content(5))


@session_use
def _pickled(s: requests.Session, u: str) -> Any:
    s.get(u, **once)
    response = s.get(u, **once)
    copy = pickle.loads(pickle.dumps(response))
    return facts_of(copy), copy.headers["content-type"], copy.encoding, copy.cookies.get_dict()


@session_use
def _timeouts_of_every_kind(s: requests.Session, u: str) -> Any:
    outcomes = []
    for timeout in (None, 5, (5, 5), (None, 5), urllib3.Timeout(5), 0, -1, "x", (1, 2, 3), True):
        try:
            outcomes.append(s.get(u, timeout=timeout, allow_redirects=False).content)
        except Exception as error:
            outcomes.append(type(error))
    return outcomes


@session_use
def _closed_and_used_again(s: requests.Session, u: str) -> Any:
    s.get(u, **once)
    s.close()
    return s.get(u, **once)


@session_use
def _two_hosts(s: requests.Session, u: str) -> Any:
    s.get(u + "/a", **once)
    s.get(u.replace("127.0.0.1", "localhost") + "/a", **once)
    return s.get(u + "/a", **once)


@pytest.mark.parametrize("name", SESSIONS)
def test_the_same_session(name: str) -> None:
    same(SESSIONS[name], OK)


def test_the_same_digest() -> None:
    challenge = replies(
        {}, 401, {"WWW-Authenticate": 'Digest realm="r", nonce="n", algorithm=MD5, qop=auth'}
    )
    seen = play(
        Session(),
        [challenge, OK],
        lambda s, u: s.get(u, auth=HTTPDigestAuth("a", "b"), **once),
    )
    assert seen["result"]["status"][0] == 200
    assert seen["result"]["history"] == [(401, b"{}")]
    assert len(seen["requests"]) == 2
    assert seen["connections"] == 1


def test_the_same_retries_of_an_adapter() -> None:
    def use(session: requests.Session, url: str) -> Any:
        for _ in range(2):
            session.get(url, **once)
        retry = urllib3.Retry(3, status_forcelist=[503], backoff_factor=0)
        session.get_adapter(url).max_retries = retry
        return session.get(url, **once)

    assert same(use, OK, OK, replies({}, 503), OK)["connections"] == 1


def test_an_answer_that_nobody_read_is_nobody_elses() -> None:
    def use(session: requests.Session, url: str) -> Any:
        session.get(url, **once)
        session.get(url, **once, stream=True).raw.release_conn()
        return session.get(url, **once)

    same(use, OK, sends(chunked(b"a" * 200_000)), OK)


@pytest.mark.parametrize("sent", [b"", answer({"a": 1})[:20], answer({"a": "b" * 40})[:-4]])
def test_the_same_timeout(sent: bytes) -> None:
    def use(session: requests.Session, url: str) -> Any:
        for _ in range(2):
            session.get(url, **once)
        started = time.monotonic()
        try:
            return session.get(url, timeout=0.3, allow_redirects=False).content
        except requests.exceptions.RequestException as error:
            assert time.monotonic() - started >= 0.3
            return kind_of(error)

    same(use, OK, OK, sends(sent))


def test_a_cookie_of_a_redirect_is_kept() -> None:
    hop = replies({}, 302, {"Location": "/b", "Set-Cookie": "a=b"})
    same(lambda s, u: s.get(u + "/a", timeout=5), hop, OK)


def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def seen(session: requests.Session) -> list[bytes]:
        with raw_server(OK) as proxy, session:
            monkeypatch.setenv("http_proxy", proxy.url)
            for _ in range(2):
                session.get("http://api.example/a", **once)
            return [request.split(b"\r\n")[0] for request in proxy.requests]

    assert seen(Session()) == seen(requests.Session()) == [b"GET http://api.example/a HTTP/1.1"] * 2


# --- where ours differs, on purpose --------------------------------------------------------------


def test_new_cookies_without_end_stop_no_request_and_no_balancer() -> None:
    answers = [
        replies({}, headers={"Set-Cookie": f"{name}={number:04}{'x' * 500}; Path=/"})
        for number in range(30)
        for name in (f"n{number}", "balancer")
    ]
    with raw_server(*answers) as server, pickle.loads(pickle.dumps(Session())) as session:
        for _ in range(61):
            session.get(server.url, **once)
        [line] = [line for line in server.requests[-1].split(b"\r\n") if b"Cookie:" in line]
        assert len(line) <= 8192
        assert b"n0=0000" in line
        assert b"balancer=0029" in line
        session.cookies.clear()
        session.get(server.url, **once)
        assert list(session.cookies.keys()) == ["balancer"]


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with raw_server(OK) as proxy, Session() as session:
        monkeypatch.setenv("http_proxy", proxy.url)
        session.get("http://api.example/a", **once)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        session.get("http://api.example/a", **once)
        assert len(proxy.requests) == 2
        session.proxies = {"http": proxy.url + "/"}  # said to the session, it counts at once
        monkeypatch.delenv("http_proxy")
        session.get("http://api.example/a", **once)
        assert len(proxy.requests) == 3


def test_this_machine_is_not_reached_by_way_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with raw_server(OK) as server, Session() as session:
        for host in ("127.0.0.1", "localhost"):
            url = server.url.replace("127.0.0.1", host)
            assert session.get(url, **once).status_code == 200
        session.proxies = {"http": "http://127.0.0.1:1"}  # unless the session says so
        with pytest.raises(requests.exceptions.ProxyError):
            session.get(server.url, **once)


def test_there_is_a_connection_for_each_thread_and_all_are_kept() -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    together = Barrier(24)

    def handler(connection: Any, _request: bytes) -> None:
        together.wait(10)
        connection.sendall(answer({}))

    with raw_server(handler) as server, Session() as session, ThreadPoolExecutor(24) as threads:
        for _ in range(3):
            list(threads.map(lambda _: session.get(server.url, **once), range(24)))
        assert server.connections == 24


def test_what_is_remembered_has_an_end() -> None:
    with Session() as session:
        for number in range(600):
            session.merge_environment_settings(f"http://h{number}/", {}, True, None, None)
        assert len(session._settings) <= 256


def test_an_adapter_starts_afresh_in_another_process() -> None:
    with raw_server(OK) as server:
        session = requests.Session()
        session.mount("http://", pickle.loads(pickle.dumps(Adapter())))
        assert session.get(server.url, **once).json() == {"ok": True}


@pytest.mark.parametrize("twin", [copy.copy, lambda session: pickle.loads(pickle.dumps(session))])
def test_a_copy_of_a_session_works_as_the_session_does(twin: Any) -> None:
    with raw_server(OK) as server:
        for session in (requests.Session(), Session()):
            session.headers["X-A"] = "1"
            session.get(server.url, **once)
            for _ in range(2):
                assert twin(session).get(server.url, **once).json() == {"ok": True}
        assert all(b"X-A: 1" in request for request in server.requests)
