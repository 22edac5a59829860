"""The OpenAPI document as a page."""

from __future__ import annotations

import pytest

from docs import http_api
from docs.problems import Failure
from docs.samples import SAMPLES, taken
from resonance_sandbox import Settings, create_app


@pytest.fixture(scope="module")
def document() -> dict:
    return create_app(Settings()).openapi()


def test_the_pages_have_every_operation_schema_and_problem(document: dict):
    samples = [taken(sample, {}, "") for sample in SAMPLES]
    failed = Failure("unknown-profile", 404, "Unknown profile", "{}")

    pages = dict(http_api.pages(document, samples, [failed]))

    every = "\n".join(pages.values())
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f"\n## {method.upper()} {path}\n" in every
            assert operation["summary"] in every
            assert f"]({link(operation, method, path)})" in pages["http_api.md"]
    for name in document["components"]["schemas"]:
        assert f"(schema-{name.lower()})=\n## {name}\n" in pages["api/schemas.md"]
    assert document["info"]["description"] in pages["api/problems.md"]
    assert "(problem-unknown-profile)=" in pages["api/problems.md"]


def link(operation: dict, method: str, path: str) -> str:
    anchor = http_api.anchor({"method": method.upper(), "path": path})
    return f"api/{http_api.slug(operation['tags'][0])}.md#{anchor}"


def test_every_operation_has_one_sample(document: dict):
    operations = [f"{m.upper()} {path}" for path, ms in document["paths"].items() for m in ms]

    assert sorted(sample.operation for sample in SAMPLES) == sorted(operations)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"type": "array", "items": {"$ref": "#/c/Profile"}}, "list of [Profile](#schema-profile)"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "string", "enum": ["open", "private"]}, "`open` or `private`"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "object of number"),
        ({}, "any value"),
    ],
)
def test_a_schema_in_words(schema: dict, words: str):
    assert http_api.type_of(schema) == words


def test_what_holds_of_a_value_is_told_and_does_not_break_a_table():
    schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 2.0}], "default": 0.7}

    assert http_api.about({"description": "1 - |gap|", "schema": schema}) == (
        "1 - \\|gap\\|; at least 0, at most 2, default `0.7`"
    )


@pytest.mark.parametrize(
    ("security", "words"),
    [
        ([], "none"),
        ([{"api_key": []}], "`X-API-Key`"),
        ([{}, {"api_key": []}], "optional: `X-API-Key`"),
    ],
)
def test_the_credential_that_a_call_wants(security: list, words: str):
    assert http_api.credential(security) == words
