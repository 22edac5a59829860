"""When the fast path steps aside: as soon as anything that it passes by is not its makers' own."""

from __future__ import annotations

import inspect
import logging
import pickle
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient
from resonance_helpers.client.transport import Adapter, Answer, Session
from resonance_helpers.client.transport.call import Call
from resonance_helpers.client.transport.connections import PunctualHTTPPool
from resonance_helpers.client.transport.fast import condition
from resonance_helpers.client.transport.fast.message import Whole
from tests.support.raw_server import RawServer, raw_server, replies

OK = replies({"tenants": []})


class Exchanges:
    """A client, and whether its calls take the fast path."""

    def __init__(self, server: RawServer) -> None:
        self.client = ResonanceOSAPIClient(server.url, retry=None, on_error="raise")
        self.kinds: list[type] = []
        self.call()

    def call(self) -> type:
        call = self.client._get("/tenants", Answer, {})
        send = call._send

        def noted(request: Any) -> requests.Response:
            response = send(request)
            self.kinds.append(type(response))
            return response

        call._send = noted  # type: ignore[method-assign]
        call.run()
        return self.kinds[-1]


@pytest.fixture
def exchanges() -> Iterator[Exchanges]:
    with raw_server(OK) as server:
        made = Exchanges(server)
        assert made.call() is Whole
        yield made
        made.client.close()


WATCHED = [
    pytest.param(cls, name, id=f"{cls.__module__}.{cls.__name__}.{name}")
    for cls in condition._CLASSES
    for name in sorted(condition._ROAD.intersection(vars(cls)))
]


@pytest.mark.parametrize(("cls", "name"), WATCHED)
def test_a_method_that_was_replaced(
    cls: type, name: str, exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = inspect.getattr_static(cls, name)
    if isinstance(original, property):
        other: Any = property(lambda self: original.fget(self), original.fset)
    elif callable(original) and not isinstance(original, type):

        def other(*args: Any, **kwargs: Any) -> Any:
            return original(*args, **kwargs)
    else:  # a class or a constant
        other = type(name, (original,), {}) if isinstance(original, type) else original
        if other is original:
            pytest.skip("a constant, of which a copy is the same")
    with monkeypatch.context() as patch:
        patch.setattr(cls, name, other)
        assert condition.open_way(exchanges.client.session, _url(exchanges), {}) is None
    assert exchanges.call() is Whole


def _url(exchanges: Exchanges) -> str:
    return exchanges.client.base_url + "/tenants"


@pytest.mark.parametrize(
    ("cls", "name"),
    [(Session, "send"), (Adapter, "send"), (PunctualHTTPPool, "urlopen")],
)
def test_a_method_that_was_added(cls: Any, name: str, exchanges: Exchanges) -> None:
    inherited, seen = getattr(cls, name), []
    setattr(cls, name, lambda *args, **kw: seen.append(name) or inherited(*args, **kw))
    try:
        assert exchanges.call() is not Whole
        assert seen == [name]
    finally:
        delattr(cls, name)
    assert exchanges.call() is Whole


@pytest.mark.parametrize("of", ["session", "adapter", "manager", "pool", "connection"])
def test_a_method_of_one_object(of: str, exchanges: Exchanges) -> None:
    session = exchanges.client.session
    adapter: Any = session.get_adapter(_url(exchanges))
    pool = adapter.poolmanager.connection_from_url(_url(exchanges))
    way = condition.open_way(session, _url(exchanges), {})
    assert way is not None
    way.pool._put_conn(way.connection)
    owner, name = {
        "session": (session, "send"),
        "adapter": (adapter, "send"),
        "manager": (way.manager, "connection_from_host"),
        "pool": (way.pool, "urlopen"),
        "connection": (way.connection, "request"),
    }[of]
    assert pool is not None
    original, seen = getattr(owner, name), []
    setattr(owner, name, lambda *args, **kw: seen.append(of) or original(*args, **kw))
    assert exchanges.call() is not Whole
    assert seen == [of]


def test_an_adapter_or_a_session_of_ones_own(exchanges: Exchanges) -> None:
    class Mine(HTTPAdapter):
        pass

    session = exchanges.client.session
    session.mount(exchanges.client.base_url, Mine())
    assert exchanges.call() is not Whole
    session.mount(exchanges.client.base_url, Adapter())
    exchanges.call()
    assert exchanges.call() is Whole

    class Own(Session):
        pass

    assert condition.open_way(Own(), _url(exchanges), {}) is None


def test_logs_of_the_libraries_are_written(
    exchanges: Exchanges, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "urllib3"):
        assert exchanges.call() is not Whole
    assert '"GET /tenants HTTP/1.1" 200' in caplog.text


def test_what_python_notes_in_a_class_is_no_change(exchanges: Exchanges) -> None:
    pickle.dumps(exchanges.client.session)  # notes __slotnames__ there
    condition._CLASSES[-1].__doc__  # noqa: B018
    assert exchanges.call() is Whole


def test_all_that_an_ordinary_exchange_calls_is_watched(
    exchanges: Exchanges, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {}
    for cls in condition._CLASSES:
        for name, value in vars(cls).items():
            parts = (value.fget, value.fset) if isinstance(value, property) else (value,)
            for part in parts:
                part = inspect.unwrap(getattr(part, "__func__", part)) if callable(part) else part
                if code := getattr(part, "__code__", None):
                    names[code] = name
    called = set()

    def note(frame: Any, event: str, _arg: Any) -> None:
        if event == "call" and frame.f_code in names:
            called.add(names[frame.f_code])

    exchanges.client._transport.auth = ApiKeyAuth("key-1")
    monkeypatch.setattr(Call, "fast_path", None)
    sys.setprofile(note)
    try:
        exchanges.call()
    finally:
        sys.setprofile(None)
    assert {"send", "urlopen", "putrequest"} <= called
    assert called <= condition._ROAD
