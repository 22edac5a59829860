"""The short way: an ordinary request over an open connection, and its ordinary answer.

Between a prepared request and the socket, urllib3 and the standard library handle each header
several times over, write head and body separately, parse the answer's head as if it were e-mail
and stack four readers upon its body: most of what a call costs. An ordinary exchange needs none
of that. Its request is joined and sent as one piece; its answer's head is checked by one pattern
and split; its body, small and of a known length, is received there and then.

The patterns say what is ordinary, and leave out whatever could be read in two ways. All else goes
the long way, which is urllib3's own: the first request on a connection, a request through a proxy,
an answer in chunks or with a cookie. That costs time and nothing more. No request is sent twice:
where only the answer is out of the ordinary, what came of it is handed to urllib3.
"""

from __future__ import annotations

import io
import re
from collections.abc import KeysView
from datetime import timedelta
from functools import cached_property
from typing import Any

import requests
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.util import SKIP_HEADER

from .deadline import Punctual

SMALL = 64 * 1024
"""Bytes; a larger body is not waited for, but left to whoever reads it."""

_TOKEN = r"[-!#$%&'*+.^_`|~0-9A-Za-z]+"
_REQUEST = re.compile(rf"(?!HEAD )[A-Z]+ [!-~]+ HTTP/1\.1\r\n(?:{_TOKEN}: [\t -~]*\r\n)+\r\n")
_ANSWER = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-5][0-9][0-9]) ([ -~]*)\r\n((?:%b:[\t -~]*\r\n){1,50})\r\n"
    % _TOKEN.encode()
)
_LENGTH = re.compile(r"[0-9]{1,9}")

_ADDED_BY_URLLIB3 = {"user-agent", "accept-encoding"}
_BODILESS = {"GET", "DELETE", "OPTIONS"}
_ODD_IN_A_REQUEST = {"host", "transfer-encoding"}
_ODD_IN_AN_ANSWER = {"connection", "set-cookie", "transfer-encoding"}


class Headers(CaseInsensitiveDict[Any]):
    """Headers; what is to be done with all of them is done at once.

    `_store` is what every `CaseInsensitiveDict` keeps: the name as it was given and the value,
    by the name in lower case.
    """

    def copy(self) -> Headers:
        twin = Headers.__new__(Headers)
        twin._store = self._store.copy()
        return twin

    def names(self) -> KeysView[str]:
        """In lower case."""
        return self._store.keys()

    def composed(self, method: str, url: str, host: str, body: bytes | None) -> bytes | None:
        """The request that urllib3 would send, byte for byte; None if it is not ordinary."""
        names = self.names()
        sized = "content-length" in names or (body is None and method in _BODILESS)
        if not sized or not names >= _ADDED_BY_URLLIB3 or not names.isdisjoint(_ODD_IN_A_REQUEST):
            return None
        try:
            lines = "\r\n".join(map(": ".join, self._store.values()))
        except TypeError:  # a value in bytes
            return None
        head = f"{method} {url} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n\r\n"
        if not _REQUEST.fullmatch(head) or SKIP_HEADER in lines:
            return None
        if lines.count("\r\n") != len(names) - 1:  # a value that holds a line
            return None
        return head.encode("ascii") + (body or b"")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._store


class Whole(requests.Response):
    """An answer that has come whole.

    On its way up from the connection urllib3's pool takes it for a response of its own; the
    adapter adds what a `requests` response has. What few ask for is made when they do.

    Attributes:
        at_hand: The body; None where it has to be decompressed first.
    """

    version_string = "HTTP/1.1"
    length_remaining = 0
    elapsed = timedelta(0)
    _content: Any = False
    _content_consumed = False
    _next = None
    _pool: Any = None
    _connection: Any = None

    def __init__(
        self, status: int, reason: str, headers: Headers, body: bytes, **facts: Any
    ) -> None:
        self.status = self.status_code = status
        self.reason = reason
        self.headers = headers
        self.history = []
        self.at_hand = None if "content-encoding" in headers else body
        self._body = body
        self._facts = facts

    @cached_property
    def raw(self) -> HTTPResponse:
        """The answer as urllib3 would have it."""
        response = HTTPResponse(
            io.BytesIO(self._body),
            headers=HTTPHeaderDict(self.headers),
            status=self.status,
            version=11,
            reason=self.reason,
            **self._facts,
        )
        response.version_string = self.version_string
        if self._content_consumed:
            response.drain_conn()
        return response

    @cached_property
    def cookies(self) -> RequestsCookieJar:  # type: ignore[override]
        """Empty: an answer with cookies is not ordinary."""
        return RequestsCookieJar()

    @cached_property
    def encoding(self) -> str | None:  # type: ignore[override]
        return get_encoding_from_headers(self.headers)

    @property
    def content(self) -> bytes:
        if self.at_hand is not None and not self._content_consumed:
            self._content, self._content_consumed = self.at_hand, True
        return super().content

    def drain_conn(self) -> None:
        """Give the connection back; nothing is left to read from it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool._put_conn(connection)

    def get_redirect_location(self) -> Any:
        return self.raw.get_redirect_location()


class ShortWay(Punctual):
    """A connection that carries out ordinary exchanges itself, and leaves the rest to urllib3."""

    _asked: tuple[str, str, dict[str, Any]] | None = None
    _muted = False

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **options: Any
    ) -> None:
        message = None
        if self._is_ready() and isinstance(headers, Headers) and isinstance(body, bytes | None):
            message = headers.composed(method, url, self._authority(), body)
        if message is None:
            self._asked = None
            super().request(method, url, body, headers, **options)  # type: ignore[misc]
        else:
            self._asked = method, url, options
            self.send(message)

    def getresponse(self) -> Any:
        if self._asked is None:
            return super().getresponse()  # type: ignore[misc]
        (method, url, options), self._asked = self._asked, None
        self.received = self.receive()
        whole = self._whole(method, url, options)
        if whole is None:
            # urllib3 reads an answer once it has sent the request; so it sends it, to nobody.
            self._muted = True
            try:
                super().request(method, url, **options)  # type: ignore[misc]
            finally:
                self._muted = False
            return super().getresponse()  # type: ignore[misc]
        self.received = b""
        return whole

    def send(self, data: Any) -> None:
        if not self._muted:
            super().send(data)

    def _is_ready(self) -> bool:
        """Is it open, without a proxy, and the last answer read to its end?"""
        it: Any = self
        read = self.answer is None or self.answer.isclosed()
        return self.sock is not None and read and not it.proxy and ":" not in it.host

    def _authority(self) -> str:
        it: Any = self
        return it.host if it.port == it.default_port else f"{it.host}:{it.port}"

    def _whole(self, method: str, url: str, options: dict[str, Any]) -> Whole | None:
        """The answer that begins with what was received, once it has come whole; None if it is
        not ordinary, and as much of it as has come is in `received`."""
        head = _ANSWER.match(self.received)
        if head is None:
            return None
        lines = head[3].decode().split("\r\n")[:-1]
        headers = Headers()
        for line in lines:
            name, _, value = line.partition(":")
            headers[name] = value.lstrip("\t ")
        length = headers.get("content-length", "")
        if len(headers) < len(lines) or not headers.names().isdisjoint(_ODD_IN_AN_ANSWER):
            return None
        if not _LENGTH.fullmatch(length) or int(length) > SMALL:
            return None
        end = head.end() + int(length)
        while len(self.received) < end:
            try:
                more = self.receive()
            except OSError:  # urllib3 will meet it, too, and knows what to make of it
                return None
            if not more:
                return None
            self.received += more
        if len(self.received) > end:
            return None
        return Whole(
            int(head[1]),
            head[2].decode().strip(),
            headers,
            self.received[head.end() :],
            request_method=method,
            request_url=url,
            preload_content=False,
            decode_content=options["decode_content"],
            enforce_content_length=options["enforce_content_length"],
        )
