"""The authorization server: oauthlib's endpoints on this sandbox's clients, users and tokens."""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from oauthlib.common import Request, add_params_to_uri
from oauthlib.oauth2 import (
    AuthorizationCodeGrant,
    AuthorizationEndpoint,
    BearerToken,
    ClientCredentialsGrant,
    InvalidRequestError,
    OAuth2Error,
    RefreshTokenGrant,
    RevocationEndpoint,
    TokenEndpoint,
)
from oauthlib.oauth2.rfc6749.grant_types.authorization_code import code_challenge_method_s256

from ..auth.access_tokens import AccessTokens
from ..auth.directory import Credential, Directory
from ..http.principal import USUAL_SCOPES
from ..store import Database
from .grants import Grants
from .validator import AnsweredBefore, Validator

__all__ = ["AuthorizationServer"]

# At level DEBUG it would log each token that it issues.
logging.getLogger("oauthlib").setLevel(logging.WARNING)

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
Told = tuple[int, str]


class _S256Grant(AuthorizationCodeGrant):  # type: ignore[misc]
    """Knows no method of PKCE but S256."""

    _code_challenge_methods = {"S256": code_challenge_method_s256}  # noqa: RUF012


class AuthorizationServer:
    """Answers to parameters that have been read. Blocks: not for the event loop.

    An answer is a status and a body of JSON, or the address that a browser goes to.

    One request at a time: so what was checked still holds when it is stored, and of two requests
    with one refresh token the second finds it used.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        tokens: AccessTokens,
        clock: Callable[[], float],
    ) -> None:
        self.issuer = tokens.issuer
        self._tokens = tokens
        self._lock = threading.Lock()
        self._grants = Grants(database, clock)
        validator = Validator(directory, self._grants, tokens)
        bearer = BearerToken(
            validator,
            token_generator=validator.new_access_token,
            expires_in=tokens.lifetime,
            refresh_token_generator=lambda request: secrets.token_urlsafe(32),
        )
        code = _S256Grant(validator, pre_auth=[_sound_challenge])
        self._authorization = AuthorizationEndpoint("code", bearer, {"code": code})
        self._token = TokenEndpoint(
            "authorization_code",
            bearer,
            {
                "authorization_code": code,
                "client_credentials": ClientCredentialsGrant(validator),
                "refresh_token": RefreshTokenGrant(validator),
            },
        )
        self._revocation = RevocationEndpoint(validator)

    def token(self, form: dict[str, str]) -> Told:
        """POST /oauth/token."""
        if "grant_type" not in form:
            raise InvalidRequestError("The parameter grant_type is missing.")
        with self._lock:
            try:
                _, body, status = self._token.create_token_response(
                    f"{self.issuer}/oauth/token", "POST", urlencode(form)
                )
            except AnsweredBefore as again:
                return 200, again.answer
            if status == 200 and form["grant_type"] == "refresh_token":
                self._grants.keep_answer(
                    form["refresh_token"], json.loads(body)["refresh_token"], body
                )
            return status, body

    def revoke(self, form: dict[str, str]) -> Told:
        """POST /oauth/revoke (RFC 7009)."""
        with self._lock:
            _, body, status = self._revocation.create_revocation_response(
                f"{self.issuer}/oauth/revoke", "POST", urlencode(form)
            )
            return status, body

    def asked(self, query: dict[str, str]) -> tuple[list[str], Credential]:
        """The scopes and the app of an authorization request that is sound.

        Raises:
            FatalClientError: its app or redirect URI is not: the browser is sent nowhere.
            OAuth2Error: something else is not: `refused` says where to.
        """
        scopes, found = self._authorization.validate_authorization_request(self._uri(query))
        return scopes, found["request"].client

    def allowed(self, query: dict[str, str], user: Credential) -> str:
        """Where the browser goes once `user` has consented: with a code.

        Raises:
            OAuth2Error: as `asked`.
        """
        scopes, _ = self.asked(query)
        with self._lock:
            headers, _, _ = self._authorization.create_authorization_response(
                self._uri(query), scopes=scopes, credentials={"user": user}
            )
        return self._signed(headers["Location"])

    def refused(self, query: dict[str, str], error: OAuth2Error) -> str:
        """Where the browser goes with `error`, whose request had a sound redirect URI."""
        error.state = query.get("state")
        return self._signed(error.in_uri(query["redirect_uri"]))

    def metadata(self) -> dict[str, Any]:
        """RFC 8414."""
        methods = ["client_secret_basic", "client_secret_post", "none"]
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/oauth/authorize",
            "token_endpoint": f"{self.issuer}/oauth/token",
            "revocation_endpoint": f"{self.issuer}/oauth/revoke",
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "service_documentation": f"{self.issuer}/docs",
            "scopes_supported": list(USUAL_SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": [
                "authorization_code",
                "client_credentials",
                "refresh_token",
            ],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "authorization_response_iss_parameter_supported": True,
        }

    def jwks(self) -> dict[str, Any]:
        """RFC 7517."""
        return self._tokens.jwks()

    def _uri(self, query: dict[str, str]) -> str:
        return f"{self.issuer}/oauth/authorize?{urlencode(query)}"

    def _signed(self, location: str) -> str:
        """With the issuer's name: an app of several servers knows who answers (RFC 9207)."""
        return str(add_params_to_uri(location, [("iss", self.issuer)]))


def _sound_challenge(request: Request) -> dict[str, Any]:
    challenge = request.code_challenge
    if challenge is not None and not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError(
            "code_challenge is not the base64url of a SHA-256.", request=request
        )
    return {}
