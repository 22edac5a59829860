"""The fast path beside a stock session: every test of the ordinary way, once more through the door.

What differs is by which class an error comes, since it has not been through requests: so errors
are compared by what the client makes of them.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from resonance_helpers.client.transport.deadline import Deadline
from resonance_helpers.client.transport.failure import explain
from resonance_helpers.client.transport.fast import begin
from resonance_helpers.client.transport.session import Session, anonymous
from tests.client.transport import test_parity as ordinary

test_the_same_request = ordinary.test_the_same_request
test_the_same_answer = ordinary.test_the_same_answer
test_the_same_session = ordinary.test_the_same_session
test_the_same_digest = ordinary.test_the_same_digest
test_an_answer_that_nobody_read = ordinary.test_an_answer_that_nobody_read_is_nobody_elses
test_the_same_timeout = ordinary.test_the_same_timeout
no_proxies = ordinary.no_proxies


class Door:
    """Asks the fast path first, as a call does; what it does not take goes the ordinary way."""

    def __init__(self) -> None:
        vars(self)["inner"] = Session()

    def __getattr__(self, name: str) -> Any:
        if name in ("get", "post", "put", "patch", "delete", "options"):
            return lambda url, **options: self.request(name, url, **options)
        return getattr(self.inner, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.inner, name, value)

    def __enter__(self) -> Door:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.inner.close()

    def request(self, method: str, url: str, **options: Any) -> Any:
        timeout, auth = options.get("timeout"), options.get("auth") or self.inner.auth
        rest = {**options, "params": options.get("params") or {}}
        for known in ("headers", "data", "auth", "timeout", "allow_redirects", "stream", "params"):
            rest.pop(known, None)
        headers, data = options.get("headers") or {}, options.get("data")
        if (
            url.startswith("http")
            and not any(rest.values())
            and options.get("allow_redirects") is False
            and type(timeout) in (int, float)
            and timeout > 0
            and None not in headers.values()
            and isinstance(data, bytes | None)
        ):
            begun = begin(
                self.inner,
                method.upper(),
                url,
                params=options.get("params") or {},
                headers=headers,
                data=data,
                auth=HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth or anonymous,
                deadline=Deadline(timeout),
            )
            if begun is not None:
                response = begun.response()
                if not options.get("stream"):
                    response.content  # noqa: B018
                return response
        options.setdefault("allow_redirects", True)
        return self.inner.request(method, url, **options)


@pytest.fixture(autouse=True)
def through_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    def what_the_client_makes_of_it(error: Exception) -> type:
        return type(explain(error, origin="http://here", timeout=1))

    monkeypatch.setattr(ordinary, "Session", Door)
    monkeypatch.setattr(ordinary, "kind_of", what_the_client_makes_of_it)


def test_the_door_is_used() -> None:
    from resonance_helpers.client.transport.fast.message import Whole

    with ordinary.raw_server(ordinary.OK) as server, Door() as session:
        kinds = [type(session.get(server.url, **ordinary.once)) for _ in range(3)]
    assert kinds == [requests.Response, Whole, Whole]
