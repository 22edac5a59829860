"""The folder that VS Code and Codespaces read: they understand it, and it names what is there."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from resonance_helpers.cli import lab
from resonance_helpers.cli.copies import MY_LESSONS
from resonance_helpers.lesson.manifest import WELCOME

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
SCHEMA = json.loads(
    Path(__file__)
    .with_name("vendor")
    .joinpath("devcontainer-schema", "devContainer.schema.generated.json")
    .read_text("utf-8")
)
KNOWN = Registry().with_resource("vscode://schemas/settings/machine", DRAFT7.create_resource({}))
"""What VS Code makes of the extensions that it has stands in no file."""


def told(settings: dict[str, Any]) -> list[str]:
    """What the schema has against `settings`, as those of an image that is ready."""
    [image] = [form for form in SCHEMA["oneOf"] if form.get("required") == ["image"]]
    errors = Draft7Validator(image, registry=KNOWN).iter_errors(settings)
    return [error.message for error in errors]


def test_it_is_held_to_its_schema() -> None:
    Draft7Validator.check_schema(SCHEMA)
    assert told(SETTINGS) == []
    assert Draft7Validator(SCHEMA, registry=KNOWN).is_valid(SETTINGS)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda it: it.update(postCreateComand="true"), "'postCreateComand' was unexpected"),
        (lambda it: it.pop("image"), "'image' is a required property"),
        (lambda it: it.update(forwardPorts="8000"), "'8000' is not of type 'array'"),
        (
            lambda it: it["portsAttributes"]["8000"].update(onAutoForward="never"),
            "'never' is not one of",
        ),
        (
            lambda it: it["customizations"]["vscode"]["extensions"].append("python"),
            "'python' does not match",
        ),
    ],
)
def test_the_schema_finds_what_is_wrong(spoil: Callable[[dict[str, Any]], Any], says: str) -> None:
    spoilt = copy.deepcopy(SETTINGS)
    spoil(spoilt)
    assert any(says in one for one in told(spoilt)), told(spoilt)


def test_it_sets_up_and_opens_the_welcome_page_among_the_working_copies() -> None:
    words = shlex.split(SETTINGS["postCreateCommand"])
    assert words[:3] == ["python3", "bootstrap.py", "&&"]
    assert callable(lab.working_copies)
    assert words[-1] == "from resonance_helpers.cli.lab import working_copies; working_copies()"
    place = f"{MY_LESSONS.name}/{WELCOME.filename}"
    assert SETTINGS["customizations"]["codespaces"]["openFiles"] == [place]
    interpreter = SETTINGS["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert interpreter.endswith("/.venv/bin/python")
