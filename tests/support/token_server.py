"""An authorization server and an API in one, strict and small, for tests of the client alone.

Refresh tokens rotate, and one that comes twice ends the log-in: there is no grace here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote_plus, urlsplit

CLIENT, SECRET = "program", "s3cret+/=%canary"
LOGIN = ("ada", "correct-horse-canary")

FORM = """<!doctype html><form method="post" action="{action}"><input type="hidden" name="csrf"
value="c0"><label>Name <input name="username"></label><input name="password" type="password">
<button name="decision" value="deny">Deny</button><button name="decision" value="allow">Allow
</button></form>"""


class TokenServer:
    """What the handlers share.

    Attributes:
        life: Seconds that a token is said to be good for.
        ahead: Seconds that this server's clock is ahead of the machine's.
        delay: Seconds that the token endpoint takes.
        valid: The access tokens that the API takes.
        grants: Each form that came to the token endpoint.
        answers: To give instead of a token, the first first: (status, headers, body), or None
            for "do the work and close the connection". ECHO in a body becomes what the form held.
        seen: Method, path and body of each request to the API.
    """

    def __init__(self) -> None:
        self.life: float = 3600
        self.ahead = 0.0
        self.delay = 0.0
        self.rotates = True
        self.lock = threading.Lock()
        self.valid: set[str] = set()
        self.refresh: set[str] = set()
        self.spent: set[str] = set()
        self.codes: dict[str, tuple[str, str]] = {}
        self.grants: list[dict[str, str]] = []
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self.seen: list[tuple[str, str, bytes]] = []
        self.made = 0
        self.url = ""

    def expire(self) -> None:
        """From now on the API takes none of the tokens so far."""
        with self.lock:
            self.valid.clear()

    def issue(self, refresh: bool) -> dict[str, Any]:
        self.made += 1
        answer = {
            "access_token": f"access-canary-{self.made}",
            "token_type": "bearer",
            "expires_in": self.life,
        }
        self.valid.add(answer["access_token"])
        if refresh:
            answer["refresh_token"] = f"refresh-canary-{self.made}"
            self.refresh.add(answer["refresh_token"])
        return answer

    def grant(self, form: dict[str, str], basic: str) -> tuple[int, dict[str, Any]]:
        self.grants.append(form)
        kind = form.get("grant_type")
        if basic:
            name, _, secret = base64.b64decode(basic).decode().partition(":")
            if (unquote_plus(name), unquote_plus(secret)) != (CLIENT, SECRET):
                return 401, {"error": "invalid_client", "error_description": f"no {SECRET}"}
        elif kind == "client_credentials" or form.get("client_id") != CLIENT:
            return 401, {"error": "invalid_client"}
        if kind == "client_credentials":
            return 200, self.issue(refresh=False)
        if kind == "authorization_code":
            challenge, redirect_uri = self.codes.pop(form["code"], ("", ""))
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if proof != challenge or form["redirect_uri"] != redirect_uri:
                return 400, {"error": "invalid_grant"}
            return 200, self.issue(refresh=True)
        token = form.get("refresh_token", "")
        if token not in self.refresh:
            if token in self.spent:
                self.refresh.clear()  # stolen, perhaps: the log-in is over
            return 400, {"error": "invalid_grant", "error_description": f"{token} is spent"}
        if not self.rotates:
            return 200, self.issue(refresh=False)
        self.refresh.discard(token)
        self.spent.add(token)
        return 200, self.issue(refresh=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        self._api()

    def do_PUT(self) -> None:
        self._api()

    def do_POST(self) -> None:
        path = urlsplit(self.path).path
        {"/token": self._token, "/authorize": self._decide}.get(path, self._api)()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(time.time() + self.server.state.ahead, usegmt=True)

    def _api(self) -> None:
        state: TokenServer = self.server.state
        body = self._body()
        url = urlsplit(self.path)
        if url.path == "/authorize":
            self._answer(200, {"Content-Type": "text/html"}, FORM.format(action="").encode())
            return
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        with state.lock:
            state.seen.append((self.command, self.path, body))
            good = token in state.valid
        if url.path == "/elsewhere":
            self._answer(307, {"Location": parse_qs(url.query)["to"][0]}, b"")
        else:
            self._answer(200 if good else 401, {}, json.dumps({"ok": good}).encode())

    def _token(self) -> None:
        state: TokenServer = self.server.state
        form = {name: values[0] for name, values in parse_qs(self._body().decode()).items()}
        time.sleep(state.delay)
        with state.lock:
            planned = state.answers.pop(0) if state.answers else ()
            if planned:
                state.grants.append(form)
                status, headers, body = planned
                self._answer(
                    status, headers, body.replace(b"ECHO", " ".join(form.values()).encode())
                )
                return
            basic = self.headers.get("Authorization", "").removeprefix("Basic ")
            status, answer = state.grant(form, basic)
        if planned is None:
            self.close_connection = True
            return
        self._answer(status, {}, json.dumps(answer).encode())

    def _decide(self) -> None:
        state: TokenServer = self.server.state
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        form = {name: values[0] for name, values in parse_qs(self._body().decode()).items()}
        if (form["username"], form["password"]) != LOGIN or form["csrf"] != "c0":
            self._answer(200, {"Content-Type": "text/html"}, FORM.format(action="").encode())
            return
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        back = f"{query['redirect_uri']}?state={quote(query['state'])}"
        if form["decision"] == "deny":
            back += "&error=access_denied"
        else:
            state.codes["code-canary"] = query["code_challenge"], query["redirect_uri"]
            back += "&code=code-canary"
        self._answer(303, {"Location": back}, b"")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    state: TokenServer

    def handle_error(self, *args: Any) -> None:
        """A client that has gone is no error."""


@contextmanager
def token_server() -> Iterator[TokenServer]:
    state = TokenServer()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.state = state
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
