"""/oauth/… and /.well-known/…: tokens, revocation, metadata and keys."""

from __future__ import annotations

import json
from collections.abc import Callable

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response
from oauthlib.oauth2 import InvalidRequestError, OAuth2Error

from ..http.context import context_of
from ..http.problems import oauth_responses, responses
from ..http.reply import json_response
from .described import REVOKE, TOKEN
from .forms import FORM, parameters, with_client
from .schemas import Jwks, OAuthMetadata, TokenResponse
from .server import AuthorizationServer

__all__ = ["router"]

router = APIRouter(tags=["oauth"])

EXPLAINED = {
    "invalid_client": "The client is unknown, or its secret is wrong.",
    "invalid_grant": "The code or refresh token is unknown, used, expired or another client's, "
    "or its redirect URI or verifier does not match; let the user consent anew.",
    "invalid_scope": "The client may not have a scope that it asks for.",
    "unauthorized_client": "The client may not use this grant type.",
    "unsupported_grant_type": "The grant types are client_credentials, authorization_code and "
    "refresh_token.",
}

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@router.post(
    "/oauth/token",
    response_model=TokenResponse,
    responses=oauth_responses(400, 401),
    summary="Get an access token",
    openapi_extra=TOKEN,
)
async def token(request: Request) -> Response:
    """Issue an access token (RFC 6749).

    For client credentials, an authorization code with its PKCE verifier, or a refresh token. A
    refresh token is good for one use; the answer holds its successor.
    """
    return await _answered(request, _server(request).token)


@router.post(
    "/oauth/revoke",
    response_class=Response,
    responses=oauth_responses(400, 401),
    summary="Revoke a token",
    openapi_extra=REVOKE,
)
async def revoke(request: Request) -> Response:
    """End a token (RFC 7009).

    A refresh token takes every token of the same consent with it. A token that is unknown, or
    another client's, is answered with 200 too.
    """
    return await _answered(request, _server(request).revoke)


@router.get(
    "/.well-known/oauth-authorization-server",
    response_model=OAuthMetadata,
    responses=responses(),
    summary="What the authorization server can do",
)
async def metadata(request: Request) -> Response:
    """RFC 8414."""
    return json_response(_server(request).metadata())


@router.get(
    "/.well-known/jwks.json",
    response_model=Jwks,
    responses=responses(),
    summary="The keys that access tokens are signed with",
)
async def jwks(request: Request) -> Response:
    """RFC 7517. The keys are made anew at each start of the server."""
    found = await anyio.to_thread.run_sync(_server(request).jwks)
    return json_response(found, headers={"Cache-Control": "no-cache"})


async def _answered(
    request: Request, answer: Callable[[dict[str, str]], tuple[int, str]]
) -> Response:
    """The server's answer to a client's form, in the words of RFC 6749, 5."""
    authorization = request.headers.get("authorization")
    try:
        form = with_client(_parameters(request), authorization)
        status, body = await anyio.to_thread.run_sync(answer, form)
    except OAuth2Error as error:
        status, body = error.status_code, error.json
    if status >= 400:
        body = _explained(body)
    headers = dict(NO_STORE)
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="resonanceos", charset="UTF-8"'
    return Response(body, status, headers, "application/json" if body else None)


def _explained(body: str) -> str:
    """An error with a description, which oauthlib often leaves out."""
    error = json.loads(body)
    error.setdefault("error_description", EXPLAINED.get(error["error"], "See RFC 6749."))
    return json.dumps(error)


def _parameters(request: Request) -> dict[str, str]:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != FORM:
        raise InvalidRequestError(f"Send the parameters as Content-Type: {FORM}.")
    if request.scope["query_string"]:
        raise InvalidRequestError("Send the parameters in the body, none in the URL.")
    return parameters(context_of(request).body or b"")


def _server(request: Request) -> AuthorizationServer:
    server: AuthorizationServer = request.app.state.authorization_server
    return server
