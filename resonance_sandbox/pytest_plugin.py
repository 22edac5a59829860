"""A pytest plugin for testing clients of your own against a real, misbehaving server.

It is there once the package is installed with its `sandbox` extra::

    def test_a_lost_answer_is_no_second_article(resonance_sandbox, faults):
        client = MyClient(resonance_sandbox.url)
        with faults.inject("reset_after_commit", attempts=1) as fault:
            client.generate("Tides")
        assert fault["struck"] == 1
        assert len(resonance_sandbox.requests()) == 2

A fault may be one tenant's alone: ``faults.inject("unavailable", tenant="acme_corp")``. A test
fails in which no request has met one of its faults, since it shows nothing: most often a route is
misspelt, or the client has not called. Where that is right, say ``may_miss=True``.

A test that takes `clock` has a sandbox of its own, and can let its days pass::

    def test_a_token_of_yesterday_is_renewed(resonance_sandbox, clock):
        client = MyClient(resonance_sandbox.url, clock=clock)
        clock.advance(hours=28)
        assert client.generate("Tides")

`resonance_sandbox` runs for the whole session, in a process of its own; its faults and everything
that a test did there are undone before the next test. Without `faults` or `resonance_sandbox`
among a test's arguments nothing starts. To set options of the sandbox, such as ``latency=0.05``,
redefine the fixture `resonance_options` in a conftest.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from resonance_sandbox import Sandbox
    from resonance_sandbox.control.sandbox_clock import SandboxClock
    from resonance_sandbox.faults.control import Injected, WatchedFaults

__all__ = ["clock", "faults", "resonance_options", "resonance_sandbox", "resonance_server"]

UNLIMITED = 10**9

SHOWN = 5
"""Requests that a message names."""


@pytest.fixture(scope="session")
def resonance_options() -> dict[str, Any]:
    """Options of the sandbox, as `resonance_sandbox.start` takes them.

    Without more ado nothing is rate-limited, so that only faults make trouble.
    """
    return {"rate_limit": UNLIMITED, "burst": UNLIMITED, "quota": UNLIMITED}


@pytest.fixture(scope="session")
def resonance_server(resonance_options: dict[str, Any]) -> Iterator[Sandbox]:
    """The sandbox of the session, in whatever state the tests left it."""
    from resonance_sandbox import start

    with start(**resonance_options) as sandbox:
        yield sandbox


@pytest.fixture
def resonance_sandbox(
    request: pytest.FixtureRequest, resonance_options: dict[str, Any]
) -> Iterator[Sandbox]:
    """The sandbox in its first state: `.url`, `.credentials`, `.requests()`, `.faults`, `.clock`.

    It is the session's, or the test's own where the test takes `clock` too: time that has passed
    can't be taken back.
    """
    from resonance_sandbox import start

    if "clock" in request.fixturenames:
        with start(**resonance_options) as own:
            yield own
        return
    server: Sandbox = request.getfixturevalue("resonance_server")
    for tenant in ("default", *(server.credentials.keys() - {"admin"})):
        server.reset(tenant)
    yield server


@pytest.fixture
def clock(resonance_sandbox: Sandbox) -> SandboxClock:
    """The clock of that sandbox: `.advance(hours=28)`; called, it gives the time."""
    return resonance_sandbox.clock


@pytest.fixture
def faults(request: pytest.FixtureRequest, resonance_sandbox: Sandbox) -> Iterator[WatchedFaults]:
    """The faults of that sandbox: ``add``, ``inject``, ``list``, ``clear``; lifted after the test.

    Each has to be met by a request, but for those with ``may_miss=True``.
    """
    from resonance_sandbox.faults.control import WatchedFaults

    admin = resonance_sandbox.credentials["admin"]["api_key"]
    own = WatchedFaults(resonance_sandbox.url, api_key=admin)
    request.node.stash[_WATCHED] = own, resonance_sandbox
    yield own
    own.close()


_WATCHED = pytest.StashKey["tuple[WatchedFaults, Sandbox]"]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that has passed although a fault of its own has met no request."""
    result = yield
    if (watched := item.stash.get(_WATCHED, None)) is not None:
        own, sandbox = watched
        if said := "\n".join(_said(fault, sandbox) for fault in own.missed()):
            pytest.fail(said, pytrace=False)
    return result


def _said(fault: Injected, sandbox: Sandbox) -> str:
    """What there is to say of a fault that no request has met."""
    kind = fault["kind"] if isinstance(fault["kind"], str) else " or ".join(fault["kind"])
    on = " ".join(filter(None, (fault["method"], fault["route"])))
    whose = f" of {fault['tenant']}" if fault["tenant"] else ""
    seen = dict.fromkeys(
        f"{one['method']} {one['path']}" for one in sandbox.requests(fault["tenant"] or "default")
    )
    told = f"The server saw {', '.join([*seen][:SHOWN])}" if seen else "The server saw none at all"
    return (
        f"The fault {kind}{on and f' on {on}'}{whose} met no request of this test. {told}. Fix: "
        "its route, method or tenant, or the address that the client calls; or say may_miss=True."
    )
