"""Where the browser comes back to after the log-in (RFC 8252): an address of this machine.

A page anywhere may send a browser here, and so may another program. So an answer counts only if
it carries the `state` of this log-in, and the code in it is worth nothing without the verifier of
PKCE, which never leaves this program but to the token endpoint.
"""

from __future__ import annotations

import hashlib
import queue
import secrets
import threading
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from ..errors import TokenError
from ..listener import BoundedServer, OneRequest
from ..transport.address import is_loopback
from .secret import Secret

__all__ = ["Redirect", "authorization_url", "new_verifier"]

STYLE = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto}"
PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>{0}</title>"
    f"<style>{STYLE.replace('{', '{{').replace('}', '}}')}</style>"
    "<h1>{0}</h1><p>{1} You may close this tab.</p></html>"
)
_HASH = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'"


def new_verifier() -> Secret:
    """The secret of one log-in, 256 bits."""
    return Secret(secrets.token_urlsafe(32))


def authorization_url(
    url: str,
    *,
    client_id: str,
    redirect_uri: str,
    scope: str | None,
    state: str,
    verifier: Secret,
) -> str:
    """The address to open in a browser. It holds a hash of the verifier, and not the verifier."""
    digest = hashlib.sha256(verifier.reveal().encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        **({} if scope is None else {"scope": scope}),
        "state": state,
        "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(query)}"


class Redirect:
    """Listens for one browser to come back; a context manager.

    Args:
        uri: ``http://127.0.0.1[:port]/path``; without a port, a free one.

    Attributes:
        uri: The same with its port.
        state: What the browser has to bring back.

    Raises:
        ValueError: `uri` is not a loopback address.
        OSError: The port is taken.
        SystemLimitError: The machine has no more files to open, or threads.
    """

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        host = parts.hostname or ""
        if parts.scheme != "http" or not is_loopback(host) or parts.query or parts.fragment:
            raise ValueError("redirect_uri has to be http://127.0.0.1/... without a query")
        self.state = Secret(secrets.token_urlsafe(32))
        self._path = parts.path or "/"
        self._found: queue.SimpleQueue[Secret | TokenError] = queue.SimpleQueue()
        self._used = threading.Lock()
        address = "::1" if ":" in host else "127.0.0.1"
        self._server = _Server((address, parts.port or 0), _Handler)
        self._server.redirect = self
        port = self._server.server_address[1]
        shown = f"[{host}]" if ":" in host else host
        self.uri = urlunsplit(("http", f"{shown}:{port}", parts.path, "", ""))

    def __enter__(self) -> Redirect:
        self._server.start("resonance-log-in")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.stop()

    def wait(self, patience: float) -> Secret:
        """The authorization code.

        Raises:
            TokenError: The person refused, or nobody came back within `patience` seconds.
        """
        found: Secret | TokenError
        try:
            found = self._found.get(timeout=patience)
        except queue.Empty:
            found = TokenError(f"Nobody logged in within {patience:g} s.")
        if isinstance(found, TokenError):
            raise found
        return found

    def take(self, target: str) -> tuple[int, str, str]:
        """Judge a request: its status, and a title and a sentence for the person."""
        try:
            parts = urlsplit(target)
        except ValueError:  # as of half an IPv6 address
            return 400, "Not understood", "This address can't be read."
        if parts.path != self._path:
            return 404, "Not here", "Nothing stands at this address."
        query = parse_qs(parts.query, keep_blank_values=True)
        values = {name: listed[0] for name, listed in query.items() if len(listed) == 1}
        state = values.get("state", "").encode()
        # A stranger's answer does not end the log-in either.
        if not secrets.compare_digest(state, self.state.reveal().encode()):
            return 400, "Not this log-in", "This answer belongs to another log-in."
        error, code = values.get("error"), values.get("code")
        if (error is None) == (code is None) or not self._used.acquire(blocking=False):
            return 400, "Not understood", "This answer can't be used."
        if code is not None:
            try:
                self._found.put(Secret(code))
            except ValueError:
                self._found.put(TokenError("The authorization server gave no usable code."))
                return 400, "Not understood", "This answer can't be used."
            return 200, "Logged in", "The program goes on where it was."
        reason = error if error and error.isascii() and error.isidentifier() else None
        self._found.put(
            TokenError(
                "The log-in was refused" + (f": {reason}." if reason else "."), reason=reason
            )
        )
        return 200, "Refused", "The program has been told."


class _Server(BoundedServer):
    redirect: Redirect


class _Handler(OneRequest):
    server: _Server

    def do_GET(self) -> None:
        status, title, sentence = self.server.redirect.take(self.path)
        page = PAGE.format(title, sentence).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(page))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", POLICY),
            ("Referrer-Policy", "no-referrer"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(page)
