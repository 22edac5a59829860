"""A pytest plugin for testing clients of your own against a real, misbehaving server.

It is there once the package is installed with its `sandbox` extra::

    def test_a_lost_answer_is_no_second_article(resonance_sandbox, faults):
        client = MyClient(resonance_sandbox.url)
        with faults.inject("reset_after_commit", attempts=1) as fault:
            client.generate("Tides")
        assert fault["struck"] == 1
        assert len(resonance_sandbox.requests()) == 2

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

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from resonance_sandbox import Sandbox
    from resonance_sandbox.control.sandbox_clock import SandboxClock
    from resonance_sandbox.faults.control import Faults

__all__ = ["clock", "faults", "resonance_options", "resonance_sandbox", "resonance_server"]

UNLIMITED = 10**9


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
def faults(resonance_sandbox: Sandbox) -> Iterator[Faults]:
    """The faults of that sandbox: `.add`, `.inject`, `.list`, `.clear`; lifted after the test."""
    own = resonance_sandbox.faults
    yield own
    own.clear()
