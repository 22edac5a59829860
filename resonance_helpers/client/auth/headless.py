"""A browser without a window, for tests and documentation.

People type their password into a real browser, where they can see whose page it is. A test has
nobody to type: this fills in the form of a log-in page on this machine.
"""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests

from ..errors import TokenError
from ..transport.address import is_loopback
from ..transport.arguments import text
from ..transport.redaction import bare
from ..transport.session import Session
from .secret import Secret

__all__ = ["HeadlessBrowser"]

PAGES = 5
"""Pages to fill in at most, one after another."""


class HeadlessBrowser:
    """Call it with a URL, as `webbrowser.open`: it logs in and presses a button.

    Args:
        username, password: For the fields of these names.
        button: What is written on the button to press where a page has several.
    """

    def __init__(self, username: str, password: str | Secret, *, button: str = "Allow") -> None:
        self.username = text("username", username)
        self._password = Secret(password)
        self._button = text("button", button)

    def __call__(self, url: str) -> bool:
        """True if the last page is one without a form.

        Raises:
            TokenError: A page is not on this machine, or not as expected.
        """
        with Session() as session:
            session.trust_env = False
            response = self._go(session, url)
            for _ in range(PAGES):
                form = _Form(response.text)
                if not form.found:
                    return response.ok
                response = self._go(session, urljoin(response.url, form.action), form)
        raise TokenError("The log-in page comes back again and again; is the password right?")

    def _filled(self, form: _Form) -> dict[str, str]:
        fields = dict(form.fields)
        mine = {"username": self.username, "password": self._password.reveal()}
        fields |= {name: value for name, value in mine.items() if name in fields}
        for label, name, value in form.buttons:
            if len(form.buttons) == 1 or label.strip() == self._button:
                return {**fields, name: value} if name else fields
        raise TokenError(f"The log-in page has no button {self._button!r}.")

    def _go(
        self, session: requests.Session, url: str, form: _Form | None = None
    ) -> requests.Response:
        if not is_loopback(urlsplit(url).hostname or ""):
            raise TokenError("This browser opens pages of this machine only.")
        try:
            if form is None:
                return session.get(url, timeout=10)
            # In no variable: what breaks in here would show the password.
            return session.post(url, self._filled(form), timeout=10)
        except BaseException as error:
            failure = bare(error)
        raise failure

    def __repr__(self) -> str:
        return f"HeadlessBrowser({self.username!r}, {self._password!r})"


class _Form(HTMLParser):
    """The form of a page: where to post it, its fields, its buttons (text, name, value)."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found = self._in_button = False
        self.action = ""
        self.fields: dict[str, str] = {}
        self.buttons: list[tuple[str, str, str]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "form":
            self.found, self.action = True, given.get("action", "")
        elif tag == "input":
            self.fields[name] = value
        elif tag == "button":
            self._in_button = True
            self.buttons.append(("", name, value))

    def handle_endtag(self, tag: str) -> None:
        self._in_button &= tag != "button"

    def handle_data(self, data: str) -> None:
        if self._in_button:
            label, name, value = self.buttons[-1]
            self.buttons[-1] = (label + data, name, value)
