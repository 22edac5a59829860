"""Servers with and without TLS, and a client that trusts them."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

from benchmarks.awaited import FACES
from resonance_helpers import ResonanceOSAPIClient
from tests.support.raw_server import Handler, RawServer, raw_server

LONG = {("http", "asyncio"), ("https", "threads")}
"""The pairs of a scheme and a face that are tried in the long tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of http and https times threads and asyncio two stay, in which each has its turn."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            chosen = getattr(item, "callspec", None) and item.callspec.params
            if chosen and (chosen.get("serve"), chosen.get("client_of")) in LONG:
                item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def authority_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(params=["http", "https"])
def serve(
    request: pytest.FixtureRequest, tls: ssl.SSLContext
) -> Iterator[Callable[..., RawServer]]:
    """Starts a server that answers with the given handlers, over http and over https."""
    context = tls if request.param == "https" else None
    with ExitStack() as stack:

        def start(*handlers: Handler) -> RawServer:
            return stack.enter_context(raw_server(*handlers, tls=context))

        yield start


@pytest.fixture(params=FACES)
def client_of(
    request: pytest.FixtureRequest, authority_file: Path
) -> Iterator[Callable[..., ResonanceOSAPIClient]]:
    """Makes a client of a server, of each face, which raises, and retries only if told to."""
    with ExitStack() as stack:

        def make(server: RawServer, **options: Any) -> ResonanceOSAPIClient:
            options = {"retry": None, "on_error": "raise", "timeout": 5, **options}
            client: ResonanceOSAPIClient = FACES[request.param](server.url, **options)
            client.session.verify = str(authority_file)
            stack.callback(client.close)
            return client

        yield make
