"""What every test shares: a machine's own settings must not decide whether a test passes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.postgres import Postgres, unavailable

# Read once, when the tests are collected: a fixture would come too late for module-level code.
for name in [name for name in os.environ if name.startswith("RESONANCE_")]:
    del os.environ[name]

# Two busy cores make a slow example, not a wrong one; in CI the same examples run each time.
settings.register_profile("tests", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tests")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this run's own."""
    if reason := unavailable():
        if os.environ.get("CI"):
            pytest.fail(reason)  # there, nothing is left out in silence
        pytest.skip(reason)
    with Postgres() as server:
        yield server
