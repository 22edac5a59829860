"""One exchange over an open connection; it may be left, and picked up when its answer has come."""

from __future__ import annotations

import errno
import ssl
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import requests
from requests.cookies import extract_cookies_to_jar
from requests.hooks import dispatch_hook

from ..connections import TLS_RECORD, Incoming, Response, broken
from ..deadline import Deadline
from .condition import Way, open_way
from .message import Headers, Whole, answered
from .prepared import memory_of, prepare

_SENT_IN_VAIN = errno.EPIPE, errno.ECONNRESET, errno.EPROTOTYPE, errno.ESHUTDOWN
"""The server has closed its side; what it has said before, an early 413 say, is still there."""


def begin(
    session: requests.Session,
    method: str,
    url: str,
    *,
    params: Mapping[str, Any],
    headers: Mapping[str, str],
    data: bytes | None,
    auth: Any,
    deadline: Deadline,
    wait: bool = True,
) -> Exchange | None:
    """Begin an exchange; None where it has to go the libraries' way, and nothing was done yet.

    Args:
        session: What the request would be sent with otherwise.
        method: As in `Session.request`.
        url: As there.
        params: The query.
        headers: Those of the request alone.
        data: The body.
        auth: Signs the request.
        deadline: When the attempt has to end.
        wait: False to begin only what takes no waiting: no auth that may fetch a token, no hooks
            that do what they like, no body that the socket might not take at once.
    """
    if params or len(session.cookies) or session.params or "@" in url:
        return None
    try:
        hooks = session.hooks["response"]
    except (KeyError, TypeError):
        return None
    if type(hooks) is not list:  # requests takes a single function, too
        return None
    if not wait and (
        not getattr(auth, "is_immediate", False) or hooks or len(data or b"") > TLS_RECORD
    ):
        return None
    memory = memory_of(session)
    way = open_way(session, url, memory.pools)
    if way is None:
        return None
    try:
        request = prepare(way.session, memory, method, url, headers=headers, data=data, auth=auth)
        exchange = Exchange(way, request, deadline)
        if wait or not request.hooks["response"]:
            exchange.send()
        else:
            way.pool._put_conn(way.connection)
    except BaseException:
        way.connection.close()
        raise
    return exchange


class Exchange:
    """A request that has been sent, or that waits to be sent by the libraries.

    Selectors take it as they take a socket.

    Attributes:
        is_sent: Nothing is left to do but to take the answer.
    """

    is_sent = False
    _is_ordinary = True  # as far as the answer has come
    _broken: OSError | None = None

    def __init__(self, way: Way, request: requests.PreparedRequest, deadline: Deadline) -> None:
        self._way, self._request, self._deadline = way, request, deadline
        self._connection = way.connection
        self._began = time.perf_counter()
        self._received = b""
        self._lacking = 0
        self._answer: Whole | None = None

    @property
    def expires(self) -> float:
        """When its attempt has to end, by `time.monotonic()`."""
        return self._deadline.expires

    def fileno(self) -> int:
        """That of the socket."""
        number: int = self._connection.sock.fileno()
        return number

    def send(self) -> None:
        """Send the request, if it is ordinary; if not, the connection goes back to the others."""
        it = self._connection
        host = it.host if it.port == it.default_port else f"{it.host}:{it.port}"
        url = str(self._request.url)
        target = url[url.find("/", len("https://")) :]
        headers: Any = self._request.headers
        message = (
            headers.composed(str(self._request.method), target, host, self._request.body)
            if type(headers) is Headers and isinstance(self._request.body, bytes | None)
            else None
        )
        if message is None:
            self._way.pool._put_conn(it)
            return
        it.timeout = self._deadline.connect_timeout
        try:
            if len(message) > TLS_RECORD:
                it.send(message)
            else:  # what the two classes above do in so many steps
                it.arm(it.sock)
                sys.audit("http.client.send", it, message)
                it.sock.sendall(message)
        except ssl.SSLError as error:
            raise broken(error) from None
        except OSError as error:
            if error.errno not in _SENT_IN_VAIN:
                raise
        self.is_sent = True

    def look(self) -> bool | None:
        """Take in what has come, without waiting for more. Would `response` have to wait?

        False when it has the answer, True when only that can tell, None while more is to come.
        """
        self._connection.sock.settimeout(0)
        while self._answer is None and self._is_ordinary:
            try:
                self._take(self._connection.sock.recv(TLS_RECORD))
            except (BlockingIOError, ssl.SSLWantReadError):
                return None
            except OSError as error:
                # Read again, TLS says something else, and OpenSSL 3.6 says so of the thread's
                # next connection, too.
                self._broken = error.with_traceback(None)
                return True
        return self._answer is None

    def response(self) -> requests.Response:
        """The answer, once it has come; as `Session.send` returns it.

        Raises:
            ConnectionAbortedError: The session was closed meanwhile.
        """
        way, request = self._way, self._request
        if not self.is_sent:
            return way.session.send(
                request,
                timeout=self._deadline,  # type: ignore[arg-type, unused-ignore]
                allow_redirects=False,
                **way.settings,
            )
        try:
            if way.is_closed():
                raise ConnectionAbortedError("the session was closed")
            while self._answer is None and self._is_ordinary:
                self._take(self._receive())
            response = self._the_rest() if self._answer is None else self._answer
        except BaseException:
            # Whatever breaks in, nothing is left behind for the next request.
            self._connection.close()
            raise
        if self._answer is not None:
            way.pool._put_conn(self._connection)
        response.connection = way.adapter  # type: ignore[attr-defined, unused-ignore]
        response.elapsed = timedelta(seconds=time.perf_counter() - self._began)
        if request.hooks["response"]:
            options = {"timeout": self._deadline, **way.settings}
            response = dispatch_hook("response", request.hooks, response, **options)
        if response is not self._answer:
            for answer in (*response.history, response):  # an auth hook may have sent it twice
                if "Set-Cookie" in answer.headers:
                    extract_cookies_to_jar(way.session.cookies, answer.request, answer.raw)
        return response

    def drop(self) -> None:
        """Close the connection, if nobody has taken the answer."""
        if self.is_sent:
            self._connection.close()

    def _receive(self) -> bytes:
        """What has come, as soon as anything has; nothing if the server has closed."""
        self._connection.arm(self._connection.sock)
        try:
            if self._broken is not None:
                raise self._broken
            data: bytes = self._connection.sock.recv(TLS_RECORD)
        except ssl.SSLError as error:
            raise broken(error) from None
        return data

    def _take(self, more: bytes) -> None:
        """Add to what has come; it may be the answer now, or not an ordinary one."""
        self._received += more
        self._lacking -= len(more)
        if self._lacking > 0:
            self._is_ordinary = bool(more)
            return
        found = answered(self._request, self._received)
        if isinstance(found, Whole):
            self._answer = found
        else:
            self._lacking, self._is_ordinary = found, bool(found)

    def _the_rest(self) -> requests.Response:
        """The answer as urllib3 reads it, from where this exchange stands."""
        it, request, way = self._connection, self._request, self._way
        # All that urllib3 does to send a request, but for sending it.
        vars(it).update(send=lambda _data: None, response_class=self._resumed)
        try:
            it.request(
                request.method,
                request.path_url,
                body=request.body,
                headers=request.headers,
                preload_content=False,
                decode_content=False,
            )
            raw = it.getresponse()
        finally:
            del it.send, it.response_class
        raw.retries = way.adapter.max_retries
        raw._connection, raw._pool = it, way.pool
        return way.adapter.build_response(request, raw)

    def _resumed(self, _sock: Any, *args: Any, **kwargs: Any) -> Response:
        return Response(Incoming(self._connection, self._received), *args, **kwargs)
