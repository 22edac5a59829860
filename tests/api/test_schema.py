"""The OpenAPI document agrees with the server: schemathesis tries both, with all its checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import settings

from resonance_helpers.sandbox import Sandbox
from resonance_helpers.sandbox.app import create_app
from resonance_helpers.sandbox.problems import PROBLEMS, urn

from . import schemathesis_hooks  # noqa: F401 - importing registers them
from .conftest import API

CONFIG = schemathesis.Config.from_path(Path(__file__).with_name("schemathesis.toml"))


def _described() -> dict[str, Any]:
    app = create_app()
    try:
        return app.openapi()
    finally:
        app.state.database.close()


# Read when tests are collected, before any server runs: the tests are its operations.
DOCUMENT = _described()
document = schemathesis.openapi.from_dict(DOCUMENT, config=CONFIG)


@document.parametrize()
@settings(max_examples=25, derandomize=True, deadline=None)
def test_every_operation(case: Any, server: Sandbox) -> None:
    case.call_and_validate(base_url=server.url, timeout=30)


@document.include(path="/tenants", method="POST").parametrize()
@settings(max_examples=10, derandomize=True, deadline=None)
def test_as_an_administrator(case: Any, server: Sandbox) -> None:
    key = server.credentials["admin"]["api_key"]
    headers = {"Authorization": f"Bearer {key}"}
    case.call_and_validate(base_url=server.url, headers=headers, timeout=30)


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
