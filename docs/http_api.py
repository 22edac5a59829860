"""The OpenAPI document as pages, with real requests and real answers.

The document is the one that a sandbox serves, so what stands there is what the server does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import requests
from jinja2 import Environment, FileSystemLoader

import resonance_sandbox as sandbox

from .problems import Failure
from .samples import BASE, Taken

__all__ = ["document", "pages"]

Schema = Mapping[str, Any]
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters or fewer",
    "minItems": "{} items or more",
    "maxItems": "{} items or fewer",
}
NAMES = {"api keys": "API keys", "hrv": "HRV", "oauth": "OAuth"}
SCHEMES = {
    "bearer": "`Authorization: Bearer` with an API key or access token",
    "api_key": "`X-API-Key`",
    "client": "an OAuth client's own, by HTTP Basic",
}


def document() -> dict[str, Any]:
    """What a sandbox answers to ``GET /openapi.json``."""
    with sandbox.start() as server:
        answer = requests.get(f"{server.url}/openapi.json", timeout=30)
    answer.raise_for_status()
    return dict(answer.json())


def pages(
    document: Mapping[str, Any], samples: Iterable[Taken], problems: Iterable[Failure]
) -> Iterator[tuple[str, str]]:
    """Path and text of each page: the list of calls, then a page a topic, problems and schemas."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(type=type_of, about=about, cell=cell, fields=fields, body=body)
    environment.filters.update(success=success, credential=credential, named=named)
    environment.filters.update(slug=slug, anchor=anchor)
    operations = [
        {**operation, "path": path, "method": method.upper()}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    usual = shared([one for one in operations if protected(one)])
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in operations:
        groups.setdefault(one["tags"][0], []).append(one)
        told = usual if protected(one) else []
        one["failures"] = [pair for pair in failures(one) if pair not in told]
    words = {
        "info": document["info"],
        "groups": groups,
        "schemas": dict(sorted(document["components"]["schemas"].items())),
        "usual": usual,
        "samples": {one.sample.operation: one for one in samples},
        "problems": list(problems),
        "base": BASE,
    }

    def render(template: str, **more: Any) -> str:
        return environment.get_template(f"{template}.md.jinja").render(words | more)

    yield "http_api.md", render("http_api")
    for tag, chosen in groups.items():
        yield f"api/{slug(tag)}.md", render("operations", tag=tag, operations=chosen)
    yield "api/problems.md", render("problems")
    yield "api/schemas.md", render("schemas")


def slug(tag: str) -> str:
    """A tag as a file name."""
    return tag.replace(" ", "_")


def anchor(operation: Mapping[str, Any]) -> str:
    """Where on its page an operation stands."""
    words = re.findall(r"\w+", f"{operation['method']} {operation['path']}".lower())
    return "-".join(words)


def type_of(schema: Schema) -> str:
    """A schema in words: ``list of numbers``, ``"open" or "private"``, a link to an object."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#schema-{name.lower()})"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(type_of(option) for option in options))
    if len(schema.get("allOf", ())) == 1:
        return type_of(schema["allOf"][0])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{value}`" for value in values)
    kind = str(schema.get("type", "any value"))
    if kind == "array":
        return f"list of {type_of(schema.get('items', {}))}"
    if kind == "object" and isinstance(inner := schema.get("additionalProperties"), Mapping):
        return f"object of {type_of(inner)}" if inner else "object"
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def bounds(schema: Schema) -> str:
    """What else holds of a value: its range, its length, its default."""
    said = []
    for one in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        said += [words.format(f"{one[key]:g}") for key, words in BOUNDS.items() if key in one]
        if "pattern" in one and "description" not in {**schema, **one}:
            said.append(f"like `{one['pattern']}`")
    if schema.get("default") is not None:
        said.append(f"default `{schema['default']}`")
    return ", ".join(said)


def cell(text: object) -> str:
    """Text that can stand in a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def about(value: Schema) -> str:
    """What a field or a parameter means, and what holds of it."""
    schema = value.get("schema", value)
    described = [one.get("description") for one in (value, schema, *schema.get("anyOf", ()))]
    said = next((text for text in described if text), "")
    return cell("; ".join(part for part in (said.rstrip("."), bounds(schema)) if part))


def fields(schema: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """The fields of an object: name, schema, and whether it is always there."""
    for name, field in schema.get("properties", {}).items():
        yield name, field, name in schema.get("required", ())


def body(message: Mapping[str, Any]) -> tuple[str, Schema] | None:
    """The media type and schema of a request's or an answer's body; None if there is none."""
    for media, content in message.get("content", {}).items():
        return media, content.get("schema", {})
    return None


def success(responses: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(status, answer) for status, answer in responses.items() if status < "400"]


def failures(operation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Status and titles of the problems, in order."""
    found = [(status, answer["description"]) for status, answer in operation["responses"].items()]
    return sorted((status, escape(text)) for status, text in found if status >= "400")


def shared(operations: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The failures that all of these have: they need be told only once."""
    every = [failures(operation) for operation in operations]
    return [failure for failure in every[0] if all(failure in one for one in every)]


def protected(operation: Mapping[str, Any]) -> bool:
    """Whether an API key or an access token counts here."""
    return any("bearer" in one for one in operation["security"])


def named(tag: str) -> str:
    """A tag as a heading."""
    return NAMES.get(tag, tag.capitalize())


def credential(security: Sequence[Mapping[str, Any]]) -> str:
    """What a caller has to show, in a few words."""
    schemes = [SCHEMES.get(name, name) for one in security for name in one]
    if not schemes:
        return "none"
    return f"{'optional: ' if {} in security else ''}{' or '.join(schemes)}"
