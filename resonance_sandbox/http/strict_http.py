"""HTTP/1.1 as RFC 9112 means it, where h11 lets pass what two parsers would read differently."""

from __future__ import annotations

from http import HTTPStatus

import h11
from starlette.responses import Response

__all__ = ["LONGEST", "StrictConnection"]

LONGEST = 64 << 10
"""Bytes of a head that are waited for: more than a request may have, so that one that is too large
is told so however it arrives."""


class StrictConnection(h11.Connection):
    """A server's side of a connection, on which a request has one reading or none.

    What it refuses, the caller of `next_event` answers, and closes the connection.

    Attributes:
        too_large: whether that was for its size alone.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, max_incomplete_event_size=LONGEST)
        self.too_large = False

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event.

        Raises:
            h11.RemoteProtocolError: what came is no HTTP/1.1, or could be read in two ways.
        """
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.too_large = error.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            raise
        if isinstance(event, h11.Request):
            _check(event)
        return event

    def last_words(self, answer: Response) -> bytes:
        """The bytes of the last answer on this connection; none where one has begun already."""
        if self.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return b""
        head = h11.Response(
            status_code=answer.status_code,
            headers=[*answer.raw_headers, (b"connection", b"close")],
            reason=HTTPStatus(answer.status_code).phrase.encode(),
        )
        events = (head, h11.Data(bytes(answer.body)), h11.EndOfMessage())
        return b"".join(self.send(event) or b"" for event in events)


def _check(request: h11.Request) -> None:
    if request.http_version not in (b"1.0", b"1.1"):
        raise h11.RemoteProtocolError("no version of HTTP/1")
    names = {name for name, _ in request.headers}
    # Who smuggles a request past a proxy lets the two count different bodies (RFC 9112, 6.1).
    if b"transfer-encoding" in names and (
        b"content-length" in names or request.http_version == b"1.0"
    ):
        raise h11.RemoteProtocolError("a body with two lengths")
    target = request.target
    absolute = target.lower().startswith((b"http://", b"https://"))
    if not (
        target.startswith(b"/")
        or absolute
        or (request.method == b"OPTIONS" and target == b"*")
        or request.method == b"CONNECT"
    ):
        raise h11.RemoteProtocolError("a target in none of the four forms (RFC 9112, 3.2)")
