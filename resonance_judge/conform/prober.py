"""The caller of a server that is checked: bounded in rate, and it writes only where it may."""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from resonance_sandbox.settings import is_loopback

from .clause import Broken, Need, NotShown

__all__ = ["PROBLEM", "Prober", "allowed", "plainly", "problem"]

PROBLEM = "application/problem+json"

TIMEOUT = 20.0
"""Seconds for the head of an answer, and for its body."""

LARGEST = 8 << 20
"""Bytes of an answer that are read."""

READING = frozenset({"GET", "HEAD"})

PAUSES = (1.0, 2.0, 4.0, 0.0)
"""Seconds at least after each answer that refuses over a limit, and how often that is borne."""

LONGEST = 65.0
"""Seconds at most of such a wait."""


class Prober:
    """Sends requests, no faster than so many a second.

    Args:
        url: base URL of the server.
        key: an API key; None to call as nobody.
        client: id and secret of an OAuth client.
        app: id and redirect URI of an OAuth app without a secret.
        admin: an administrator's key, for what only such may do.
        tenant: whose profiles and webhooks to try with.
        private: a tenant that this caller may not use.
        allows: what may be done.
        rate: requests a second.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        client: tuple[str, str] | None = None,
        app: tuple[str, str] | None = None,
        admin: str | None = None,
        tenant: str = "default",
        private: str = "globex",
        allows: frozenset[Need] = frozenset({"read"}),
        rate: float = 20.0,
    ) -> None:
        self.url = url.rstrip("/")
        self.key, self.client, self.app, self.admin = key, client, app, admin
        self.tenant, self.private = tenant, private
        self.allows, self.rate = allows, rate
        self.sent = 0
        self.cleanup: list[Callable[[], object]] = []
        self._session = requests.Session()
        # Of the environment, the proxy and netrc are for others: a server is asked directly.
        self._session.trust_env = False
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._lock = threading.Lock()
        self._next = 0.0

    def __call__(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        foreign: bool = False,
        paced: bool = True,
    ) -> requests.Response:
        """Send one request; redirects are not followed.

        Where it is `paced` and refused over a limit, it waits and asks again: what a clause of
        limits has spent is no fault of the next one's. What this caller's own credential does not
        allow says nothing of the server, unless what is asked for is `foreign`.

        Raises:
            Broken: no answer came.
            NotShown: this caller may not do that.
        """
        if method not in READING and "write" not in self.allows:
            raise NotShown("it changes something; allow that with --write.")
        sent = {"Accept": "application/json", **(headers or {})}
        own = auth is None and "Authorization" not in sent
        if self.key is not None and own:
            sent["Authorization"] = f"Bearer {self.key}"

        def send() -> requests.Response:
            self.sent += 1
            response = self._session.request(
                method,
                self.url + path,
                json=json,
                data=data,
                headers=sent,
                auth=auth,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
            with response:
                end = time.monotonic() + TIMEOUT
                content = b""
                while part := response.raw.read1(1 << 16, decode_content=True):
                    content += part
                    if len(content) > LARGEST:
                        break
                    if time.monotonic() > end:
                        raise TimeoutError
                response._content = content
            return response

        try:
            for wait in PAUSES:
                if paced:
                    self._pace()
                response = send()
                told = response.headers.get("Retry-After", "")
                asked = float(told) if told.isdecimal() else 0.0
                if response.status_code != 429 or not (paced and wait) or asked > LONGEST:
                    break
                time.sleep(max(wait, asked))
        except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError) as error:
            raise Broken(f"{method} {path}: no answer ({type(error).__name__}).") from error
        if own and not foreign:
            allowed(response)
        return response

    def get(self, path: str, **options: Any) -> requests.Response:
        """A GET."""
        return self("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> requests.Response:
        """A POST."""
        return self("POST", path, json=json, **options)

    def name(self) -> str:
        """A name that nothing has yet."""
        return f"conform-{secrets.token_hex(6)}"

    def clean_up(self) -> None:
        """Undo what checks have made, as far as it can be undone."""
        for undo in reversed(self.cleanup):
            with contextlib.suppress(Exception):  # of a server that answers anything at all
                undo()
        self.cleanup.clear()

    def _pace(self) -> None:
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + 1 / self.rate
        time.sleep(at - now)


def allowed(response: requests.Response) -> None:
    """Raise `NotShown` where a credential does not allow what was asked."""
    if response.status_code in (401, 403):
        asked = f"{response.request.method} {response.request.path_url.partition('?')[0]}"
        raise NotShown(f"{asked} was answered {response.status_code}: this caller may not do that.")


def plainly(url: object) -> str:
    """A URL in one form, to compare: this machine has several names, and a port may be left out."""
    try:
        parts = urlsplit(str(url))
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return str(url)
    host = parts.hostname or ""
    host = "localhost" if is_loopback(host) else host
    return f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"


def problem(response: requests.Response, *statuses: int) -> dict[str, Any]:
    """The problem that an answer is.

    Raises:
        Broken: it is another status, or no problem of RFC 9457 with the fields of the contract.
    """
    asked = f"{response.request.method} {response.request.path_url}"
    if response.status_code not in statuses:
        wanted = " or ".join(map(str, statuses))
        raise Broken(f"{asked} was answered {response.status_code} instead of {wanted}.")
    kind = response.headers.get("Content-Type", "none").partition(";")[0]
    if kind != PROBLEM:
        raise Broken(f"{asked}: the error's Content-Type is {kind} instead of {PROBLEM}.")
    try:
        told: dict[str, Any] = response.json()
    except ValueError:
        raise Broken(f"{asked}: the error is not JSON.") from None
    missing = {"type", "title", "status", "detail", "instance", "request_id"} - told.keys()
    if missing:
        raise Broken(f"{asked}: the problem lacks {', '.join(sorted(missing))}.")
    if told["status"] != response.status_code:
        raise Broken(f"{asked}: the problem says {told['status']}, the answer another status.")
    return told
