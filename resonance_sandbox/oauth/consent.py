"""/oauth/authorize, sign-in and consent: where a user decides what an app may do for them."""

from __future__ import annotations

from urllib.parse import urlencode

import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from oauthlib.oauth2 import AccessDeniedError, FatalClientError, OAuth2Error

from ..auth.directory import Credential, Directory
from ..http.context import context_of
from . import pages
from .described import AUTHORIZE
from .forms import FORM, LONGEST, parameters
from .server import AuthorizationServer
from .sessions import LIFETIME, Sessions

__all__ = ["router"]

router = APIRouter(tags=["oauth"])

UNSURE = "This page is out of date, or another page sent the form."


@router.get("/oauth/authorize", summary="Let a user decide", **AUTHORIZE)
async def authorize(request: Request) -> Response:
    """For a browser (RFC 6749, 4.1; RFC 7636 with S256 alone).

    It gets a page to sign in, then one to allow or deny, then back to the app
    with a `code` and `iss` (RFC 9207), or an `error`.
    """
    return await _Visit(request).shown(request.scope["query_string"])


@router.post("/oauth/sign_in", include_in_schema=False)
async def sign_in(request: Request) -> Response:
    """The form of the first page."""
    return await _Visit(request).signed_in()


@router.post("/oauth/consent", include_in_schema=False)
async def decide(request: Request) -> Response:
    """The form of the second."""
    return await _Visit(request).decided()


class _Visit:
    """One request of a browser."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self._request = request
        self._server: AuthorizationServer = state.authorization_server
        self._directory: Directory = state.directory
        self._sessions: Sessions = state.sessions
        # A browser shares cookies between the ports of a host, and each sandbox has its own.
        self._cookie = f"resonance_{self._server.issuer.rpartition(':')[2]}"
        self._browser = self._sessions.named(request.cookies.get(self._cookie))

    async def shown(self, raw: bytes) -> Response:
        """The page that comes next."""
        try:
            query = parameters(raw)
        except OAuth2Error as error:
            return pages.mistake(error.description)
        if len(urlencode(query)) > LONGEST:  # as which it comes back with the forms
            return pages.mistake("The request is too long; let the app send a shorter state.")
        asked = await self._asked(query)
        if isinstance(asked, Response):
            return asked
        scopes, app = asked
        return self._page(query, scopes, app)

    async def signed_in(self) -> Response:
        """Back to the start, signed in; or the page again."""
        form, query, problem = self._form()
        if problem is not None:
            return problem
        asked = await self._asked(query)
        if isinstance(asked, Response):
            return asked
        _, app = asked
        user = self._directory.credential(form.get("username", ""), "user")
        proved = self._directory.proves(user, form.get("password", "").encode())
        if not proved or user.tenant != app.tenant:
            return self._page(query, [], app, "Username or password is wrong.")
        self._browser = self._sessions.sign_in(self._browser, user.id)
        return self._named(RedirectResponse(f"/oauth/authorize?{urlencode(query)}", 303))

    async def decided(self) -> Response:
        """Back to the app, with a code or an error."""
        form, query, problem = self._form()
        if problem is not None:
            return problem
        asked = await self._asked(query)
        if isinstance(asked, Response):
            return asked
        scopes, app = asked
        user = self._user(app)
        if user is None:
            return self._page(query, scopes, app)
        if form.get("decision") == "allow":
            location = await anyio.to_thread.run_sync(self._server.allowed, query, user)
        else:
            location = self._server.refused(query, AccessDeniedError())
        return _away(location)

    async def _asked(self, query: dict[str, str]) -> tuple[list[str], Credential] | Response:
        try:
            return self._server.asked(query)
        except FatalClientError as error:
            return pages.mistake(_said(error))
        except OAuth2Error as error:
            return _away(self._server.refused(query, error))

    def _form(self) -> tuple[dict[str, str], dict[str, str], Response | None]:
        """The form, the app's request in it, and what to answer if we did not give this form."""
        media = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            form = parameters(context_of(self._request).body or b"") if media == FORM else {}
            query = parameters(form.get("request", "").encode())
        except OAuth2Error as error:
            return {}, {}, pages.mistake(error.description)
        if not self._sessions.confirms(
            self._browser, form.get("request", ""), form.get("csrf", "")
        ):
            return {}, {}, pages.mistake(UNSURE, 403)
        return form, query, None

    def _user(self, app: Credential) -> Credential | None:
        user = self._directory.credential(self._sessions.user(self._browser) or "", "user")
        return user if user.id and user.tenant == app.tenant else None

    def _page(
        self, query: dict[str, str], scopes: list[str], app: Credential, problem: str = ""
    ) -> Response:
        canonical = urlencode(query)
        csrf = self._sessions.csrf(self._browser, canonical)
        user = self._user(app)
        if user is None or problem:
            return self._named(pages.sign_in(app.id, canonical, csrf, problem))
        return self._named(
            pages.consent(
                app.id,
                user.id,
                user.tenant or "",
                scopes,
                query["redirect_uri"],
                canonical,
                csrf,
            )
        )

    def _named(self, response: Response) -> Response:
        response.set_cookie(
            self._cookie,
            self._browser,
            max_age=int(LIFETIME),
            path="/oauth",
            httponly=True,
            samesite="lax",
        )
        return response


def _away(location: str) -> Response:
    return Response(
        status_code=303,
        headers={
            "Location": location,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )


def _said(error: FatalClientError) -> str:
    return (error.description or str(error.error)).rstrip(".") + "."
