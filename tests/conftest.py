"""What every test shares: a machine's own settings must not decide whether a test passes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.postgres import Postgres, unavailable

# Read once, when the tests are collected: a fixture would come too late for module-level code.
for name in [name for name in os.environ if name.startswith("RESONANCE_")]:
    del os.environ[name]

# What a shell runs in the background ignores Ctrl-C, and so does all that it starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Two busy cores make a slow example, not a wrong one. The daily tests try the same examples each
# time, so that luck fails nobody's change; others are for the long tests to find.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.register_profile("soak", deadline=None)
settings.load_profile("tests")

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"


LONGEST = (
    *("tests/setup/test_other_pythons.py", "tests/sandbox/webhooks/test_killed.py"),
    *("tests/judge/", "tests/sandbox/faults/test_matrix.py"),
    *("tests/notebooks/", "tests/setup/", "tests/workshop/"),
)
"""These come first: where several workers share the tests, they would be the last to end."""


def pytest_configure(config: pytest.Config) -> None:
    if config.option.markexpr == "soak":
        settings.load_profile("soak")
    config.addinivalue_line(
        "markers", "stored: a promise that rests on the database; it is tried on each of them"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: next(
            (place for place, path in enumerate(LONGEST) if item.nodeid.startswith(path)),
            len(LONGEST),
        )
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("stored"):
        name = "server" if "server" in metafunc.fixturenames else "database"
        scope = "session" if name == "server" else "function"
        metafunc.parametrize(name, [SQLITE, POSTGRESQL], indirect=True, scope=scope)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a sandbox can keep its data: an SQLite file or, if the test asks, PostgreSQL."""
    if getattr(request, "param", SQLITE) == POSTGRESQL:
        return str(request.getfixturevalue("postgres").database())
    return str(tmp_path / "sandbox.db")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server of this run's own."""
    if reason := unavailable():
        if os.environ.get("CI"):
            pytest.fail(reason)  # there, nothing is left out in silence
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch, Postgres() as server:
        patch.setenv("XDG_STATE_HOME", str(server.folder / "state"))
        yield server
