"""OAuth 2.0 (RFC 6749): a program that acts for itself, and one that acts for a person."""

from __future__ import annotations

import time
import webbrowser
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Self

import requests

from ..errors import TokenError
from ..transport import RetryPolicy, arguments
from .bearer import TokenAuth
from .clock import ServerClock
from .discovery import Discovery
from .endpoint import TokenEndpoint, checked_url
from .loopback import Redirect, authorization_url, new_verifier
from .secret import Secret
from .tokens import Token, TokenCache

__all__ = ["OAuth2AuthorizationCode", "OAuth2ClientCredentials"]


class OAuth2ClientCredentials(TokenAuth):
    """For a program that acts for itself: it buys tokens with its own id and secret.

    >>> auth = OAuth2ClientCredentials(token_url, client_id, Secret.from_env("CLIENT_SECRET"))
    >>> requests.get(f"{url}/profiles", auth=auth)

    Args:
        token_url: The token endpoint: https, or this machine's. `discover` finds it by itself.
        client_id: The program's public name.
        client_secret: What proves it, plain or as a `Secret`.
        scope: What to ask for: words in one string or several; None for all that it may have.
        timeout: Seconds for one request to the token endpoint.
        session: A session for those requests, with proxies or certificates of your own.
        clock: Seconds since the epoch, like `time.time`.

    Raises:
        TypeError, ValueError: An argument could not work.
    """

    def __init__(
        self,
        token_url: str | Callable[[], str],
        client_id: str,
        client_secret: str | Secret,
        scope: str | Iterable[str] | None = None,
        *,
        timeout: float = 10.0,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        server = ServerClock(clock)
        self._endpoint = TokenEndpoint(
            token_url,
            client_id,
            Secret(client_secret),
            clock=server,
            timeout=timeout,
            session=session,
        )
        self._scope = _words(scope)
        self._tokens = TokenCache(self._fetch, server)

    @classmethod
    def discover(
        cls,
        base_url: str,
        client_id: str,
        client_secret: str | Secret,
        scope: str | Iterable[str] | None = None,
        *,
        hosts: Iterable[str] = (),
        retry: RetryPolicy | None = RetryPolicy(),  # noqa: B008  (immutable)
        timeout: float = 10.0,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """For a server that tells where its token endpoint is (RFC 8414).

        It is asked when the first token is needed, and again after each failure to answer, by
        `retry`, for 30 s at most. The secret goes to the host and port of `base_url` alone, over
        https, or on this machine; where the token endpoint is elsewhere a `TokenError` says so.

        >>> auth = OAuth2ClientCredentials.discover(url, client_id, Secret.from_env("SECRET"))

        Args:
            base_url: The server: https, or this machine's.
            client_id: As for the class, like all that is not told of here.
            client_secret: Likewise.
            scope: Likewise.
            hosts: Other hosts that may be told the secret, such as ``["login.example.com"]``.
            retry: When the metadata is asked for again; None for never.
            timeout: Seconds for one request, to either place.
            session: A session for those requests.
            clock: Seconds since the epoch, like `time.time`.

        Raises:
            TypeError, ValueError: An argument could not work.
            InsecureTransportError: `base_url` is plain http to another machine.
        """
        session, policy = arguments.session(session), arguments.policy(retry)
        url = Discovery(base_url, hosts, timeout=timeout, session=session, retry=policy)
        options: Any = {"timeout": timeout, "session": session, "clock": clock}
        return cls(url, client_id, client_secret, scope, **options)

    def _fetch(self, _last: Token | None) -> Token:
        return self._endpoint.ask("client_credentials", scope=self._scope)

    def __repr__(self) -> str:
        return f"OAuth2ClientCredentials({self._endpoint.url!r}, {self._endpoint.client_id!r})"


class OAuth2AuthorizationCode(TokenAuth):
    """For a program that acts for a person: authorization code with PKCE (RFC 7636, S256).

    `log_in` opens a browser, in which the person says who they are and what the program may do.
    The program never sees their password. Afterwards the refresh token buys new access tokens;
    where that is of no more use, a `TokenError` says to log in again, and no browser opens by
    itself.

    >>> auth = OAuth2AuthorizationCode(authorization_url, token_url, client_id)
    >>> auth.log_in()
    >>> ResonanceOSAPIClient(url, auth=auth).get_profiles()

    Args:
        authorization_url: Where the person logs in: https, or this machine's.
        token_url: The token endpoint: likewise.
        client_id: The program's public name.
        redirect_uri: A loopback address that the server knows the program by. Without a port, a
            free one is used, as RFC 8252 (7.3) has it.
        scope: What to ask for: words in one string or several; None for the server's choice.
        client_secret: None for a program on its users' machines, where nothing is secret.
        refresh_token: That of an earlier log-in, instead of a new one.
        keep: Is called with each new refresh token, as a `Secret`, before it is needed: store it
            where secrets belong. An old one may work no more.
        browser: Opens a URL, like `webbrowser.open`.
        patience: Seconds that a person has to log in.
        timeout, session, clock: As in `OAuth2ClientCredentials`.

    Raises:
        TypeError, ValueError: An argument could not work.
    """

    def __init__(
        self,
        authorization_url: str,
        token_url: str,
        client_id: str,
        redirect_uri: str = "http://127.0.0.1/callback",
        scope: str | Iterable[str] | None = None,
        *,
        client_secret: str | Secret | None = None,
        refresh_token: str | Secret | None = None,
        keep: Callable[[Secret], Any] | None = None,
        browser: Callable[[str], Any] = webbrowser.open,
        patience: float = 300.0,
        timeout: float = 10.0,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        server = ServerClock(clock)
        self._url = checked_url("authorization_url", authorization_url)
        self._endpoint = TokenEndpoint(
            token_url,
            client_id,
            None if client_secret is None else Secret(client_secret),
            clock=server,
            timeout=timeout,
            session=session,
        )
        self._redirect_uri = arguments.text("redirect_uri", redirect_uri)
        self._scope = _words(scope)
        self._browser = arguments.function("browser", browser)
        self._patience = arguments.seconds("patience", patience)
        self._save = None if keep is None else arguments.function("keep", keep)
        self._known = None if refresh_token is None else Secret(refresh_token)
        self._over: TokenError | None = None
        self._tokens = TokenCache(self._refresh, server, self._keep)

    def log_in(self) -> None:
        """Open the browser and wait until the person has decided.

        Where no browser can be opened, the address is printed.

        Raises:
            TokenError: They refused, did not decide within `patience`, or no token was given.
            OSError: The port of `redirect_uri` is taken.
        """
        verifier = new_verifier()
        with Redirect(self._redirect_uri) as redirect:
            self._open(
                authorization_url(
                    self._url,
                    client_id=self._endpoint.client_id,
                    redirect_uri=redirect.uri,
                    scope=self._scope,
                    state=redirect.state.reveal(),
                    verifier=verifier,
                )
            )
            code = redirect.wait(self._patience)
        token = self._endpoint.ask(
            "authorization_code", code=code, redirect_uri=redirect.uri, code_verifier=verifier
        )
        self._over = None
        self._tokens.put(token)

    def _open(self, url: str) -> None:
        """Have the browser show a page; where there is none, show its address."""
        try:
            opened = self._browser(url)
        except webbrowser.Error:
            opened = False
        if opened is False:
            print(f"No browser could be opened here. Log in at this address:\n{url}", flush=True)

    def _refresh(self, last: Token | None) -> Token:
        refresh = self._known if last is None else last.refresh
        if refresh is None:
            raise self._over or TokenError("Nobody is logged in: call log_in() first.")
        try:
            fresh = self._endpoint.ask("refresh_token", refresh_token=refresh)
        except TokenError as error:
            if error.reason != "invalid_grant":
                raise
            over = error
        else:
            # A server that rotates sends the next one; another leaves us the one we have.
            return fresh if fresh.refresh is not None else replace(fresh, refresh=refresh)
        over = TokenError(
            f"The log-in is over: call log_in() again. {over.message}",
            reason=over.reason,
            response_code=over.response_code,
            request_id=over.request_id,
        )
        if self._tokens.spent(refresh):
            # Until somebody logs in again, whoever asks is told why.
            self._known, self._over = None, over
        raise over

    def _keep(self, token: Token) -> None:
        if self._save is not None and token.refresh is not None:
            self._save(token.refresh)

    def __repr__(self) -> str:
        return f"OAuth2AuthorizationCode({self._url!r}, {self._endpoint.client_id!r})"


def _words(scope: str | Iterable[str] | None) -> str | None:
    if scope is None or isinstance(scope, str):
        return scope
    return " ".join(arguments.texts("scope", scope))
