"""The pages of sign-in and consent in a real browser, by label and keyboard."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from resonance_sandbox import start
from tests.api.oauth_flow import Browser


@pytest.fixture
def app() -> Iterator[tuple[str, list[str]]]:
    """An app that listens on loopback: its redirect URI, and what came there."""
    came: list[str] = []

    class Callback(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                came.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<title>Back</title><p>Back in the app")

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Callback) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/callback", came
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("decision", ["Allow", "Deny"])
def test_a_person_decides(page: Page, app: tuple[str, list[str]], decision: str) -> None:
    redirect_uri, came = app
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    with start() as server:
        flow = Browser(server)
        query = urlencode(flow.query(redirect_uri=redirect_uri))
        page.goto(f"{server.url}/oauth/authorize?{query}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        page.get_by_label("Username").fill(flow.held["username"])
        page.get_by_label("Password").fill("wrong")
        page.get_by_label("Password").press("Enter")
        expect(page.get_by_role("alert")).to_have_text("Username or password is wrong.")
        assert [text for text in told if "403" not in text] == []
        page.get_by_label("Username").fill(flow.held["username"])
        page.get_by_label("Password").fill(flow.held["password"])
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Allow this app?")
        expect(page.get_by_role("listitem")).to_have_count(2)
        expect(page.locator("main")).to_contain_text("see profiles (profiles:read)")
        page.get_by_role("button", name=decision).click()
        expect(page).to_have_title("Back")
        assert len(came) == 1
        back = dict(parse_qsl(urlsplit(came[0]).query))
        assert back["state"] == "s t&ate"
        if decision == "Deny":
            assert back["error"] == "access_denied"
        else:
            assert flow.exchange(back["code"], redirect_uri=redirect_uri).status_code == 200
