"""The pages that a user sees: sign in, consent, and what is wrong. Plain HTML, no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

__all__ = ["consent", "mistake", "sign_in"]

MEANING = {
    "generate": "write articles and measure texts",
    "profiles:read": "see profiles",
    "profiles:write": "make, change and delete profiles",
    "metrics:read": "see figures of use",
    "webhooks": "subscribe to events",
    "sandbox": "reset the sandbox, inject faults and read its log",
}

STYLE = """
:root { color-scheme: light dark }
body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 3rem auto }
body { padding: 0 1rem }
h1 { font-size: 1.5rem; line-height: 1.2 }
label { display: block; margin-top: 1rem }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem }
button { font: inherit; padding: .5rem 1.5rem; margin: 1.5rem .5rem 0 0 }
:focus-visible { outline: 3px solid #1a73e8; outline-offset: 2px }
[role=alert] { border-left: .3rem solid #c5221f; padding-left: .7rem }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def sign_in(app: str, query: str, csrf: str, problem: str = "") -> HTMLResponse:
    """Asks for username and password; a `problem` is said first."""
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    return _page(
        "Sign in",
        f"""<p>The app <strong>{escape(app)}</strong> wants to act for you. Sign in to decide.</p>
{alert}
<form method="post" action="/oauth/sign_in">
{_hidden({"request": query, "csrf": csrf})}
<label for="username">Username</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>""",
        status=403 if problem else 200,
    )


def consent(
    app: str,
    user: str,
    tenant: str,
    scopes: Iterable[str],
    redirect_uri: str,
    query: str,
    csrf: str,
) -> HTMLResponse:
    """Says what the app may do if the user agrees, and lets them choose."""
    listed = "\n".join(
        f"<li>{escape(MEANING[scope])} <code>({escape(scope)})</code></li>" for scope in scopes
    )
    place = urlsplit(redirect_uri)
    return _page(
        "Allow this app?",
        f"""<p>You are <strong>{escape(user)}</strong>. The app <strong>{escape(app)}</strong> on
this computer asks to do the following for you in the tenant <strong>{escape(tenant)}</strong>:</p>
<ul>
{listed}
</ul>
<p>You will go back to <code>{escape(f"{place.scheme}://{place.netloc}")}</code>.</p>
<form method="post" action="/oauth/consent">
{_hidden({"request": query, "csrf": csrf})}
<button name="decision" value="allow">Allow</button>
<button name="decision" value="deny">Deny</button>
</form>""",
        # A browser holds the redirect after a form to this too.
        form_action=f"'self' {place.scheme}://{place.netloc}",
    )


def mistake(problem: str, status: int = 400) -> HTMLResponse:
    """Says why there is nothing to decide. The app cannot be told: it is not known to be one."""
    return _page(
        "This link does not work",
        f'<p role="alert">{escape(problem)}</p>\n'
        "<p>Go back to the app that brought you here and try again.</p>",
        status=status,
    )


def _hidden(fields: Mapping[str, str]) -> str:
    return "\n".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )


def _page(title: str, main: str, *, status: int = 200, form_action: str = "'self'") -> HTMLResponse:
    return HTMLResponse(
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - ResonanceOS sandbox</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{main}
</main>
</body>
</html>
""",
        status,
        {
            "Cache-Control": "no-store",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action {form_action}; "
                "frame-ancestors 'none'; base-uri 'none'"
            ),
            "X-Frame-Options": "DENY",
            # Not no-referrer: a browser would send the forms with an Origin of null.
            "Referrer-Policy": "same-origin",
        },
    )
