"""What oauthlib asks of a server while it goes through the grammar of OAuth 2.0."""

from __future__ import annotations

import re
from typing import Any

from oauthlib.common import Request
from oauthlib.oauth2 import RequestValidator

from ..auth.access_tokens import AccessTokens, InvalidTokenError
from ..auth.directory import Credential, Directory
from .grants import Grants

__all__ = ["AnsweredBefore", "Validator"]

_REDIRECT = re.compile(r"http://127\.0\.0\.1(:[1-9][0-9]{0,4})?/callback")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_GRANT_TYPES = {
    "client": {"client_credentials"},
    "app": {"authorization_code", "refresh_token"},
}


class AnsweredBefore(Exception):
    """A refresh token whose answer was lost, and is given again."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self.answer = answer


class Validator(RequestValidator):  # type: ignore[misc]
    """Answers for one request at a time.

    It sets on each `request`: `client`, a `Credential`; and for a code or a refresh token `held`, a
    `Grant`.
    """

    def __init__(self, directory: Directory, grants: Grants, tokens: AccessTokens) -> None:
        super().__init__()
        self._directory = directory
        self._grants = grants
        self._tokens = tokens

    # Clients

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return not self._app(request.client_id).id

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        client = self._directory.credential(request.client_id or "", "client")
        request.client = client
        return self._directory.proves(client, (request.client_secret or "").encode())

    def authenticate_client_id(
        self, client_id: str, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        request.client = self._app(client_id)
        # It has no secret, so who sends one is somebody else.
        return bool(request.client.id) and not request.client_secret

    def validate_client_id(
        self, client_id: str, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        request.client = self._app(client_id)
        return bool(request.client.id)

    def validate_grant_type(
        self,
        client_id: str,
        grant_type: str,
        client: Credential,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        return grant_type in _GRANT_TYPES[client.kind]

    def validate_response_type(
        self, client_id: str, response_type: str, *args: Any, **kwargs: Any
    ) -> bool:
        return response_type == "code"

    def validate_redirect_uri(
        self, client_id: str, redirect_uri: str, *args: Any, **kwargs: Any
    ) -> bool:
        return _REDIRECT.fullmatch(redirect_uri) is not None

    def get_default_redirect_uri(self, *args: Any, **kwargs: Any) -> None:
        return None  # on any port: so it has to be said which

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        return True

    # Scopes

    def validate_scopes(
        self,
        client_id: str,
        scopes: list[str],
        client: Credential,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        return bool(scopes) and set(scopes) <= set(client.scopes)

    def get_default_scopes(
        self, client_id: str, request: Request, *args: Any, **kwargs: Any
    ) -> list[str]:
        return list(request.client.scopes)

    def get_original_scopes(
        self, refresh_token: str, request: Request, *args: Any, **kwargs: Any
    ) -> list[str]:
        return list(request.held.scopes)

    # Codes

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        user: Credential = request.user
        assert user.tenant is not None
        self._grants.add_code(
            code["code"],
            client_id,
            user.id,
            user.tenant,
            tuple(request.scopes),
            request.redirect_uri,
            request.code_challenge,
        )

    def validate_code(
        self,
        client_id: str,
        code: str,
        client: Credential,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> bool:
        held = self._grants.find("code", code, client.id)
        if held is None:
            return False
        if held.used_at is not None:
            self._revoke_family(held.family)
            return False
        if held.redirect_uri != request.redirect_uri:
            return False
        if request.code_verifier and not _VERIFIER.fullmatch(request.code_verifier):
            return False
        request.held, request.user, request.scopes = held, held.username, list(held.scopes)
        return True

    def get_code_challenge(self, code: str, request: Request) -> str:
        return str(request.held.challenge)

    def get_code_challenge_method(self, code: str, request: Request) -> str:
        return "S256"

    def confirm_redirect_uri(self, *args: Any, **kwargs: Any) -> bool:
        return True  # `validate_code` has compared it

    def invalidate_authorization_code(self, *args: Any, **kwargs: Any) -> None:
        """`save_bearer_token` has used it up, in one transaction with what it was given for."""

    # Refresh tokens

    def validate_refresh_token(
        self, refresh_token: str, client: Credential, request: Request, *args: Any, **kwargs: Any
    ) -> bool:
        held = self._grants.find("refresh", refresh_token, client.id)
        if held is None:
            return False
        if held.used_at is not None:
            answer = self._grants.given(held)
            if answer is not None:
                raise AnsweredBefore(answer)
            self._revoke_family(held.family)
            return False
        request.held, request.user = held, held.username
        return True

    def rotate_refresh_token(self, request: Request) -> bool:
        return True

    def save_bearer_token(
        self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        if request.grant_type != "client_credentials":
            self._grants.succeed(request.held, token["refresh_token"])

    def new_access_token(self, request: Request) -> str:
        """Oauthlib's `token_generator`."""
        if request.grant_type == "client_credentials":
            client: Credential = request.client
            assert client.tenant is not None
            return self._tokens.issue(client.id, client.id, client.tenant, request.scopes)
        held = request.held
        return self._tokens.issue(
            held.client_id, held.username, held.tenant, request.scopes, held.family
        )

    # Revocation

    def revoke_token(
        self, token: str, token_type_hint: str | None, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        held = self._grants.find("refresh", token, request.client.id)
        if held is not None:
            self._revoke_family(held.family)
            return
        try:
            claims = self._tokens.check(token.encode())
        except InvalidTokenError:
            return
        if claims.client_id == request.client.id:
            self._tokens.revoke(claims.token_id)

    def _revoke_family(self, family: str) -> None:
        self._grants.revoke(family)
        self._tokens.revoke(family)

    def _app(self, client_id: str | None) -> Credential:
        return self._directory.credential(client_id or "", "app")
