"""HTTP/1.1 as RFC 9112 means it, where h11 lets pass what two parsers would read differently."""

from __future__ import annotations

import h11

__all__ = ["StrictConnection"]


class StrictConnection(h11.Connection):
    """A server's side of a connection, on which a request has one reading or none.

    What it refuses, the caller of `next_event` answers with 400, and closes the connection.
    """

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """The next event.

        Raises:
            h11.RemoteProtocolError: what came is no HTTP/1.1, or could be read in two ways.
        """
        event = super().next_event()
        if isinstance(event, h11.Request):
            _check(event)
        return event


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
