"""Authentication, to touch: a log-in as the person sees it, and how many requests are left."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

from ...client.auth import OAuth2AuthorizationCode
from ...client.auth.tokens import Token
from ...client.errors import ResonanceError
from ...client.transport import NO_RETRIES
from ..auth import log_in_map, requests_left
from .base import LABEL, WIDE, Panel, PanelError, button, got, in_words

__all__ = ["LogInPanel", "RateGauge"]


REFILL = 30
"""Seconds for which the gauge is watched after the last request."""


class LogInPanel(Panel):
    """*What does the person see?* The sandbox's own log-in page, in your browser, as a demo user.

    Args:
        client: A client of `connect()`.
        tenant: Whose demo user you are.
        scope: What the program asks for.
        token: That of an earlier log-in, drawn until the next.

    Attributes:
        auth: The credential after the log-in, None before.
    """

    blocking = False  # the password can be shown while it waits for the person
    auth = traitlets.Any()

    def __init__(
        self,
        client: Any,
        tenant: str = "acme_corp",
        scope: str = "generate profiles:read",
        token: Token | None = None,
    ) -> None:
        self._scope = scope
        self.button = button("Log in", self.start, button_style="primary")
        self.peek = ipw.ToggleButton(description="Show the password")
        self.peek.observe(self._peek, "value")
        self.link = ipw.HTML()
        self._waiting: threading.Thread | None = None
        self._offered = ""
        self.secret = ipw.HTML()
        super().__init__(client, ipw.HBox([self.button, self.peek]), self.link, self.secret)
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
        self.news = f"Press Log in. You are {mine['username']}."
        if token:
            self.draw(log_in_map(token, scope))

    def start(self) -> threading.Thread:
        """Wait for the person, in the background; what *Log in* does.

        While it waits, another press finds out whether the server is still there.
        """
        if self._waiting is None or not self._waiting.is_alive():
            self._waiting = threading.Thread(target=self._wait, name="resonance-panel", daemon=True)
            self._waiting.start()
        elif self._offered:
            try:
                self.reach()
                self._offer(self._offered)
            except Exception as error:
                self.link.value = ""
                self.tell("failed", in_words(error))
        return self._waiting

    def _wait(self) -> None:
        with self.working("Opening the log-in page …"):
            self.reach()
            try:
                self._auth.log_in()
            except ResonanceError as refused:
                raise PanelError(f"You are not logged in: {refused.message}") from None
            finally:
                self.link.value = self._offered = ""
                self.peek.value = False
            self.auth = self._auth
            token = self._auth.token
            assert token is not None
            self.draw(log_in_map(token, self._scope))
            self.tell("done", f"Logged in, with the scope {token.scope}.")

    def _offer(self, url: str) -> None:
        self._offered = url
        self.link.value = (
            f'<a class="resonance-link" href="{escape(url)}" target="_blank" rel="noopener">'
            "Open the log-in page ↗</a>"
        )
        self.tell("busy", "Waiting for you to decide in the other tab …")

    def _peek(self, change: Any) -> None:
        # In a widget, not in an output: it is gone when the kernel is, and is saved nowhere.
        self.secret.value = f"<code>{escape(self._password)}</code>" if change["new"] else ""


class RateGauge(Panel):
    """*How many requests have I left?* Each answer moves the gauge.

    At none you are refused, or, if you obey, you wait until there are some again.

    Args:
        client: A `ResonanceOSAPIClient`.
        count: Requests that *Send* sends.
        answers: Earlier ones, drawn until the next *Send*.

    Attributes:
        sent: Requests so far.
        refused: Those of them that were answered 429.
        waited: How often it waited for the limit.
    """

    sent = traitlets.Int()
    refused = traitlets.Int()
    waited = traitlets.Int()

    def __init__(
        self, client: Any, count: int = 60, answers: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._count = count
        self.gauge = ipw.IntProgress(0, description="Left:", style=LABEL, layout=WIDE)
        self.number = ipw.Label("?")
        self.obey = ipw.Checkbox(False, description="Obey the limit", indent=False)
        self.button = button(f"Send {count}", self.run, button_style="primary")
        super().__init__(
            client.with_options(retry=NO_RETRIES),
            ipw.HBox([self.gauge, self.number]),
            self.obey,
            self.button,
        )
        self.news = f"Press Send {count}, then tick the box and press it again."
        if answers:
            self.draw(requests_left(answers))

    def run(self) -> None:
        """Send all requests, one after another; what *Send* does."""
        sent, refused, waited = self.sent, self.refused, self.waited
        self._watched = object()
        self.outdated()
        answers = []
        with self.working(f"Sending {self._count} …"):
            self.reach()
            for _ in range(self._count):
                if self.obey.value:
                    self._wait()
                self.sent += 1
                answer = self._client.get_profiles(limit=1)
                answers.append(answer)
                self._move()
                if answer.get("response_code") == 429:
                    self.refused += 1
                else:
                    got(answer)
            refused = self.refused - refused
            times = self.waited - waited
            self.draw(requests_left(answers))
            self.tell(
                "done",
                f"Sent {self.sent - sent}: {self._count - refused} answered, {refused} refused "
                f"with 429. Waited {times} time{'' if times == 1 else 's'}.",
            )
            threading.Thread(target=self._refill, args=(self._watched,), daemon=True).start()

    def _refill(self, watched: object) -> None:
        """Ask once a second until the gauge is nearly full again, or *Send* is pressed."""
        for _ in range(REFILL):
            time.sleep(1)
            if self._watched is not watched:
                return
            try:
                got(self._client.get_profiles(limit=1))
            except ResonanceError as error:
                if error.response_code != 429:
                    return
            except PanelError:
                return
            self._move()
            if self.gauge.value >= self.gauge.max - 1:
                return

    def _wait(self) -> None:
        limit = self._client.rate_limit
        if limit is not None and limit.remaining == 0 and limit.reset > 0:
            self.waited += 1
            self.news = f"None left: waiting {limit.reset:.1f} s, as the server says …"
            time.sleep(limit.reset)

    def _move(self) -> None:
        limit = self._client.rate_limit
        if limit is None:
            self.news = "This server names no limit."
            return
        with self.gauge.hold_sync():
            self.gauge.max = max(limit.limit or 0, limit.remaining, 1)
            self.gauge.value = limit.remaining
            self.gauge.bar_style = "danger" if limit.remaining == 0 else ""
        self.number.value = f"{limit.remaining} of {limit.limit or '?'}"
