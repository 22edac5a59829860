"""The OpenAPI document agrees with the server: schemathesis tries both, with all its checks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resonance_judge.conform.schema import CONFIG, HOOKS
from resonance_sandbox import Sandbox, start
from resonance_sandbox.app import create_app
from resonance_sandbox.http.problems import PROBLEMS, urn

from .conftest import API, OPTIONS

PHASES = ("--phases", "examples,coverage,fuzzing", "--generation-deterministic")


def _described() -> dict[str, Any]:
    app = create_app()
    try:
        return app.openapi()
    finally:
        app.state.database.close()


DOCUMENT = _described()


@pytest.fixture
def own() -> Iterator[Sandbox]:
    """A sandbox whose keys may be revoked: other tests need theirs."""
    with start(**OPTIONS) as sandbox:
        yield sandbox
        assert "Traceback" not in sandbox.log()


@pytest.mark.parametrize(
    ("who", "options"),
    [
        ("anybody", ("--max-examples", "8")),
        ("admin", ("--max-examples", "8", "--include-path-regex", "^/(tenants|api_keys)")),
        pytest.param("anybody", ("--max-examples", "100"), marks=pytest.mark.soak),
    ],
)
def test_every_operation(who: str, options: tuple[str, ...], own: Sandbox, tmp_path: Path) -> None:
    # Its command, in a process of its own: its plugin has each worker think out all cases.
    if who != "anybody":
        key = own.credentials[who]["api_key"]
        options += ("--header", f"Authorization: Bearer {key}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", f"{own.url}/openapi.json", *PHASES, *options),
        ],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout


def test_the_document_is_the_one_served(api: API) -> None:
    assert api("GET", "/openapi.json").json() == DOCUMENT


def test_every_problem_type_is_listed(api: API) -> None:
    text = api("GET", "/openapi.json").text
    for slug in PROBLEMS:
        assert urn(slug) in text


def test_what_is_of_the_sandbox_alone_is_not_described(api: API) -> None:
    assert not any(
        path.startswith("/sandbox") for path in api("GET", "/openapi.json").json()["paths"]
    )
