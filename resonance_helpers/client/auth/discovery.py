"""Where an authorization server's token endpoint is, as its metadata tells it (RFC 8414)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests

from ..errors import BadResponseError, NotFoundError, ResonanceError, TokenError
from ..transport import Call, RetryPolicy, Transport, arguments
from ..transport.address import is_loopback, web_address
from ..transport.session import anonymous
from .endpoint import SIZE_CAP, checked_url

__all__ = ["Discovery"]

WELL_KNOWN = "/.well-known/oauth-authorization-server"
PATIENCE = 30.0
"""Seconds for the metadata, all attempts and waits included."""


class Discovery:
    """Called, it is the URL of the token endpoint; asked for once, when it is first needed.

    A secret goes where this says, so what it says is not simply believed: the metadata has to be
    that of `base_url`, and the token endpoint at the same host and port, or at one of `hosts`.

    Args:
        base_url: The server, which is the metadata's ``issuer``: https, or this machine's.
        hosts: Others that may be told the secret, such as ``["login.example.com"]``; one with a
            port is ``"login.example.com:8443"``.
        timeout: Seconds for one request.
        session: What sends it.
        retry: When it is sent again.

    Raises:
        TypeError, ValueError: An argument could not work.
        InsecureTransportError: `base_url` is plain http to another machine.
    """

    def __init__(
        self,
        base_url: str,
        hosts: Iterable[str],
        *,
        timeout: float,
        session: requests.Session,
        retry: RetryPolicy,
    ) -> None:
        self._parts = urlsplit(checked_url("base_url", base_url).rstrip("/"))
        if self._parts.query:
            raise ValueError("base_url can't have a query")
        self._hosts = {host.lower() for host in arguments.texts("hosts", hosts)}
        self._transport = Transport(
            base_url=self._parts._replace(path="").geturl(),
            session=session,
            auth=anonymous,  # type: ignore[arg-type]  # as little as an AuthBase has to be
            timeout=arguments.seconds("timeout", timeout),
            deadline=PATIENCE,
            retry=arguments.policy(retry),
            trusted=True,
            size_cap=SIZE_CAP,
        )
        self._found: str | None = None

    def __call__(self) -> str:
        """The token endpoint.

        Raises:
            TokenError: There is no metadata, or none that can be trusted with a secret.
        """
        if self._found is None:
            self._found = self._checked(self._metadata())
        return self._found

    def _metadata(self) -> dict[str, Any]:
        # Between host and path, where RFC 8414 has it; below the path, where some put it.
        places = dict.fromkeys([WELL_KNOWN + self._parts.path, self._parts.path + WELL_KNOWN])
        failure: ResonanceError | None = None
        for place in places:
            expect = {"issuer": str, "token_endpoint": str}
            try:
                return Call(self._transport, "GET", place, expect=expect).run()
            except ResonanceError as error:
                failure = error.with_traceback(None)
                if not isinstance(error, NotFoundError | BadResponseError):
                    break
        assert failure is not None
        raise TokenError(
            f"No access token: the server's metadata can't be read. {failure.message}",
            response_code=failure.response_code,
            request_id=failure.request_id,
            retryable=failure.retryable,
            retry_after=failure.retry_after,
        )

    def _checked(self, metadata: dict[str, Any]) -> str:
        issuer = _address("issuer", metadata["issuer"])
        if (_place(issuer), issuer.path.rstrip("/")) != (_place(self._parts), self._parts.path):
            raise TokenError(
                "The metadata is that of another server than base_url (RFC 8414, 3.3). Fix: give "
                "the issuer's own address as base_url, or the token endpoint's as token_url to "
                "OAuth2ClientCredentials."
            )
        endpoint = _address("token_endpoint", metadata["token_endpoint"])
        there = endpoint.hostname or ""
        if _place(endpoint)[1:] != _place(self._parts)[1:] and not self._hosts & {
            there,
            f"{there}:{_place(endpoint)[2]}",
        }:
            shown = there if there.isprintable() and len(there) < 256 else "another host"
            raise TokenError(
                f"The token endpoint is at {shown}, which is not where base_url is, and would be "
                f'told the secret. Fix: if it is yours, allow it by hosts=["{shown}"].'
            )
        return checked_url("the metadata's token_endpoint", metadata["token_endpoint"])

    def __repr__(self) -> str:
        return f"Discovery({self._parts.geturl()!r})"


def _address(name: str, url: Any) -> SplitResult:
    try:
        return web_address(f"the metadata's {name}", url)
    except (TypeError, ValueError) as error:
        raise TokenError(f"No access token: {error}.") from None


def _place(parts: SplitResult) -> tuple[str, str, int]:
    """Scheme, host and port; this machine is the same by any of its names."""
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, "localhost" if is_loopback(host) else host, port
