"""Ctrl-C at any moment: no frame that it passes through shows a credential.

IPython's ``%xmode Verbose`` prints the variables of each frame, and saves them in the notebook.
"""

from __future__ import annotations

import gc
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import requests

from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient
from resonance_helpers.client.auth import HeadlessBrowser, OAuth2AuthorizationCode, Secret
from resonance_helpers.client.auth.clock import ServerClock
from resonance_helpers.client.auth.endpoint import TokenEndpoint
from resonance_helpers.client.errors import TokenError
from tests.support.raw_server import answer, raw_server, replies

# What is broken off in the middle of a library's line may leave a socket to the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ON_THE_WAY = re.compile(r"[/\\](client|requests|urllib3|http)[/\\][a-z_/\\]{1,40}[.]py")
CANARY = "canary-4711-secret"
ANSWER = {"id": "k1", "key": CANARY, "secret": CANARY}
TOKEN = {"access_token": CANARY, "token_type": "bearer"}


def serve(connection: Any, request: bytes) -> None:
    path = request.split()[1]
    connection.sendall(answer({b"/tenants": {"tenants": []}, b"/": TOKEN}.get(path, ANSWER)))


@pytest.fixture(autouse=True)
def thread() -> Iterator[None]:
    """One thread for the calls of a test: an exception out of a trace function may leave CPython
    3.11 in the belief that another is being handled, and may leave urllib3's lock with its thread.

    What was broken off is collected here, and not in the middle of another test.
    """
    global _thread
    with ThreadPoolExecutor(1) as _thread:
        yield
    gc.collect()


_thread: ThreadPoolExecutor


def interrupted(call: Callable[[], Any], at: int) -> tuple[str | None, bool]:
    """`interrupted_here`, in the thread of the test."""
    return _thread.submit(interrupted_here, call, at).result(60)


def interrupted_here(call: Callable[[], Any], at: int) -> tuple[str | None, bool]:
    """Interrupt `call` when its `at`-th line is about to run; what its frames show, and whether it
    came that far."""
    count = 0

    def trace(frame: Any, event: str, _arg: Any) -> Any:
        nonlocal count
        if not ON_THE_WAY.search(frame.f_code.co_filename):
            return None  # in `threading`, an interrupt keeps its locks for ever
        if event == "line":
            count += 1
            if count == at:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt as error:
        sys.settrace(None)
        return "\n".join(shown_by(error)), True
    finally:
        sys.settrace(None)
    return None, False


def shown_by(error: BaseException | None) -> Iterator[str]:
    """The variables of each frame of an error, and of those that it came from."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                with suppress(AttributeError):  # of what is only half made
                    yield repr(value)
        error = error.__cause__ or error.__context__


def calls_of(url: str, session: requests.Session | None) -> dict[str, Callable[[], Any]]:
    client = ResonanceOSAPIClient(
        url, auth=ApiKeyAuth(Secret(CANARY)), session=session, retry=None, timeout=5
    )
    client.get_tenants()
    endpoint = TokenEndpoint(url, "me", Secret(CANARY), clock=ServerClock())
    return {
        "a call": client.get_tenants,
        "a secret that is sent": lambda: client.create_webhook("u", [], secret=Secret(CANARY)),
        "a secret that comes": lambda: client.create_api_key([]),
        "a token": lambda: endpoint.ask("refresh_token", refresh_token=Secret(CANARY)),
    }


@pytest.mark.parametrize("session", [None, requests.Session], ids=["fast", "stock"])
@pytest.mark.parametrize("name", ["a call", "a secret that is sent", "a secret that comes"])
def test_an_interrupt_of_a_call_shows_no_credential(name: str, session: Any) -> None:
    with raw_server(serve) as server:
        call = calls_of(server.url, session and session())[name]
        at, step, reached = 1, 17, 0
        while True:
            text, came = interrupted(call, at)
            if not came:
                break
            reached += 1
            assert text is not None
            assert CANARY not in text, (at, text)
            at += step
    assert reached > 20


def test_an_interrupt_of_a_token_request_shows_no_credential() -> None:
    with raw_server(serve) as server:
        call = calls_of(server.url, None)["a token"]
        for at in range(1, 3000, 23):
            text, came = interrupted(call, at)
            assert text is None or CANARY not in text
            if not came:
                break
    assert at > 100


def test_an_interrupt_of_a_log_in_shows_no_password() -> None:
    page = b"<form method=post><input name=username><input name=password><button>Allow</button>"
    with raw_server(replies(page, content_type="text/html")) as server:
        browser = HeadlessBrowser("ada", Secret(CANARY))
        for at in range(1, 4000, 41):
            with suppress(TokenError):  # the page comes again and again
                text, _ = interrupted(lambda: browser(server.url), at)
            assert text is None or CANARY not in text, text


def test_where_there_is_no_browser_the_address_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    import webbrowser

    def none_here(url: str) -> bool:
        raise webbrowser.Error("could not locate runnable browser")

    for browser in (lambda url: False, none_here):
        auth = OAuth2AuthorizationCode(
            "http://127.0.0.1:9/authorize",
            "http://127.0.0.1:9/token",
            "app",
            browser=browser,
            patience=0.05,
        )
        with pytest.raises(Exception, match="Nobody logged in"):
            auth.log_in()
        assert "http://127.0.0.1:9/authorize?response_type=code" in capsys.readouterr().out
