"""The log-in panel: be the person who decides what a program may do."""

from __future__ import annotations

import threading
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

from .auth import OAuth2AuthorizationCode
from .errors import ResonanceError
from .widgets import Panel

__all__ = ["LogInPanel"]


class LogInPanel(Panel):
    """*What does the person see?* A link to the sandbox's own log-in page, which you walk through
    in your browser, as a demo user.

    Args:
        client: a client of `connect()`.
        tenant: whose demo user you are.
        scope: what the program asks for.

    Attributes:
        auth: the credential after the log-in, None before.
    """

    auth = traitlets.Any()

    def __init__(
        self, client: Any, tenant: str = "acme_corp", scope: str = "generate profiles:read"
    ) -> None:
        self.button = ipw.Button(description="Log in", button_style="primary")
        self.peek = ipw.ToggleButton(description="Show the password")
        self.link = ipw.HTML()
        self.secret = ipw.HTML()
        super().__init__(ipw.HBox([self.button, self.peek]), self.link, self.secret)
        if client.sandbox is None:
            self.button.disabled = self.peek.disabled = True
            self.news = "This server is not the sandbox: it has no demo user."
            return
        mine = client.sandbox.credentials[tenant]
        self._password = mine["password"]
        self._auth = OAuth2AuthorizationCode(
            f"{client.base_url}/oauth/authorize",
            f"{client.base_url}/oauth/token",
            mine["app_client_id"],
            mine["redirect_uri"],
            scope,
            browser=self._offer,
        )
        self.button.on_click(lambda _: self.start())
        self.peek.observe(self._peek, "value")
        self.news = f"Press Log in. You are {mine['username']}."

    def start(self) -> threading.Thread:
        """Wait for the person, in the background; what *Log in* does."""
        self.button.disabled = True
        waiting = threading.Thread(target=self._wait, name="resonance-panel", daemon=True)
        waiting.start()
        return waiting

    def _wait(self) -> None:
        try:
            self._auth.log_in()
        except (ResonanceError, OSError) as error:
            self.news = f"You are not logged in: {getattr(error, 'message', error)}"
        else:
            self.auth = self._auth
            token = self._auth.token
            self.news = f"Logged in, with the scope {token.scope if token else ''}."
        finally:
            self.link.value = ""
            self.button.disabled = False

    def _offer(self, url: str) -> None:
        self.link.value = (
            f'<a href="{escape(url)}" target="_blank" rel="noopener">Open the log-in page</a>'
        )
        self.news = "Waiting for you to decide in the other tab …"

    def _peek(self, change: Any) -> None:
        # In a widget, not in an output: it is gone when the kernel is, and is saved nowhere.
        self.secret.value = f"<code>{escape(self._password)}</code>" if change["new"] else ""
