"""The socket that a sandbox listens on."""

from __future__ import annotations

import errno
import os
import socket

__all__ = ["BindError", "bind", "url_of"]


class BindError(OSError):
    """The address cannot be listened on; the message is one sentence for who chose it."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        BindError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With IPPROTO_TCP named, asyncio turns Nagle's algorithm off on what this socket accepts;
    # with 0 it does not, and each keep-alive request then waits 40 ms for a delayed ACK.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name != "nt":  # where this option means that two may share one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            reason = f"port {port} on {host} is in use; stop what uses it, or take --port 0"
        elif error.errno == errno.EACCES:
            reason = f"port {port} needs privileges; take one above 1023, or --port 0"
        elif isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            reason = f"{host} is no address of this machine; 127.0.0.1 always is"
        else:
            reason = f"cannot listen on {host} port {port}: {error.strerror or error}"
        raise BindError(reason) from None
    return listening


def url_of(listening: socket.socket) -> str:
    """The base URL of what listens there."""
    host, port = listening.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
