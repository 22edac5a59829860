"""A sandbox that can store next to nothing."""

from __future__ import annotations

import pytest

from resonance_sandbox import Sandbox, start


def on_a_full_disk() -> Sandbox:
    """A running sandbox none of whose files may grow beyond 400,000 bytes. On Windows it skips."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
    try:
        return start(rate_limit=10**9, burst=10**9)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
