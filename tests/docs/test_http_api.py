"""The OpenAPI document as a page."""

from __future__ import annotations

import pytest

from docs import http_api
from docs.gather import DOCS
from resonance_sandbox import Settings, create_app


@pytest.fixture(scope="module")
def document() -> dict:
    return create_app(Settings()).openapi()


def test_the_page_has_every_operation_schema_and_problem(document: dict):
    template = (DOCS / "http_api.md.jinja").read_text(encoding="utf-8")

    page = http_api.page(document, template)

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert f"\n### {method.upper()} {path}\n" in page
            assert operation["summary"] in page
    for name in document["components"]["schemas"]:
        assert f"(schema-{name.lower()})=\n### {name}\n" in page
    assert document["info"]["description"] in page


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
