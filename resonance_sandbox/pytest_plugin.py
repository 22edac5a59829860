"""A pytest plugin for testing clients of your own against a real, misbehaving server.

It is there once the package is installed with its `sandbox` extra::

    def test_a_lost_answer_is_no_second_article(resonance_sandbox, faults):
        client = MyClient(resonance_sandbox.url)
        with faults.inject("reset_after_commit", attempts=1) as fault:
            client.generate("Tides")
        assert fault["struck"] == 1
        assert len(resonance_sandbox.requests()) == 2

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
    from resonance_sandbox.faults.control import Faults

__all__ = ["faults", "resonance_options", "resonance_sandbox", "resonance_server"]

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
def resonance_sandbox(resonance_server: Sandbox) -> Sandbox:
    """The sandbox in its first state: `.url`, `.credentials`, `.requests()`, `.faults`."""
    for tenant in ("default", *(resonance_server.credentials.keys() - {"admin"})):
        resonance_server.reset(tenant)
    return resonance_server


@pytest.fixture
def faults(resonance_sandbox: Sandbox) -> Iterator[Faults]:
    """The faults of that sandbox: `.add`, `.inject`, `.list`, `.clear`; lifted after the test."""
    own = resonance_sandbox.faults
    yield own
    own.clear()
