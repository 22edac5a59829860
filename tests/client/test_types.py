"""The types that the client gives are what the server says, and type checkers hold to them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types as kinds
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import nbformat
import pytest

from resonance_helpers.client import types
from resonance_helpers.client.auth import Secret
from resonance_helpers.client.transport import Answer
from tests.api.test_schema import DOCUMENT

ROOT = Path(__file__).parents[2]
TYPED = Path(__file__).parent / "typed"
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

ROWS = {
    types.Check: "ComponentCheck",
    types.ResponseTime: "ResponseTime",
    types.Figures: "Figures",
    types.Generations: "Generations",
    types.Paragraph: "Paragraph",
    types.ScoredSentence: "ScoredSentence",
    types.Evidence: "Evidence",
    types.Tenant: "TenantSummary",
    types.Profile: "Profile",
    types.ApiKey: "ApiKey",
    types.Webhook: "Webhook",
    types.DeliveryAttempt: "DeliveryAttempt",
    types.Delivery: "WebhookDelivery",
    types.Problem: "Reason",
}
ANSWERS = {
    types.HealthAnswer: "HealthStatus",
    types.MetricsAnswer: "MetricsSummary",
    types.ArticleAnswer: "Generated",
    types.MeasuredAnswer: "Measured",
    types.TenantsAnswer: "TenantList",
    types.TenantAnswer: "TenantSummary",
    types.ProfilesAnswer: "ProfileList",
    types.ProfileAnswer: "Profile",
    types.ApiKeysAnswer: "ApiKeyList",
    types.ApiKeyAnswer: "ShownApiKey",
    types.WebhooksAnswer: "WebhookList",
    types.WebhookAnswer: "ShownWebhook",
    types.DeliveriesAnswer: "DeliveryList",
    types.DeliveryAnswer: "DeliveryDetail",
    types.CountAnswer: "Redelivered",
    types.Article: "Generated",
}
EVENTS = ("Article", "FailedGeneration", "Profile")
"""What events are about."""
OTHERS = {types.EventData, types.EventPayload}
"""What is one of several things."""


# --- the server's schemas ------------------------------------------------------------------------


def of_python(kind: Any) -> Any:
    """A type, in words that a schema can be said in, too."""
    if kind in ROWS:
        return ROWS[kind]
    if kind is types.Article or kind in OTHERS:
        return "object", "anything"
    if kind is Secret:  # which a replayed answer is without
        return frozenset({"string", "null"})
    if get_origin(kind) in (Union, kinds.UnionType):
        return frozenset().union(*(several(of_python(one)) for one in get_args(kind)))
    if get_origin(kind) is Literal:
        return frozenset(("is", word) for word in get_args(kind))
    if get_origin(kind) is list:
        return "array", of_python(get_args(kind)[0])
    if get_origin(kind) is dict:
        return "object", of_python(get_args(kind)[1])
    names = {str: "string", int: "integer", float: "number", bool: "boolean", Any: "anything"}
    return names[kind] if kind is not type(None) else "null"


def of_schema(schema: dict[str, Any]) -> Any:
    """A schema, in the same words."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return frozenset().union(*(several(of_schema(one)) for one in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return frozenset(("is", word) for word in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return "array", of_schema(schema["items"])
    if schema.get("type") == "object":
        values = schema.get("additionalProperties", True)
        return "object", "anything" if values is True else of_schema(values)
    return schema.get("type", "anything")


def several(said: Any) -> frozenset[Any]:
    return said if isinstance(said, frozenset) else frozenset({said})


def fields(answer: type[Answer]) -> dict[str, Any]:
    """The fields that a class promises: all names of one type, then the type."""
    pairs = get_args(answer.__orig_bases__[0])  # type: ignore[attr-defined]
    named = {}
    for names, kind in zip(pairs[::2], pairs[1::2], strict=True):
        for name in get_args(names):
            said = of_python(kind)
            if name == "status" and isinstance(said, frozenset):
                said -= {("is", "error")}  # that of a `Failure`
            assert name not in named
            named[name] = said
    return named


def properties(schema: str) -> dict[str, Any]:
    return {name: of_schema(one) for name, one in SCHEMAS[schema]["properties"].items()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_row_is_as_the_server_says(row: Any) -> None:
    hints = {name: of_python(kind) for name, kind in get_type_hints(row).items()}
    assert hints == properties(ROWS[row])


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.__name__)
def test_an_answer_is_as_the_server_says(answer: Any) -> None:
    assert fields(answer) == properties(ANSWERS[answer])


def test_an_event_is_about_what_the_server_says() -> None:
    told = fields(types.EventData)
    said: dict[str, Any] = {}
    for schema in EVENTS:
        said |= properties(schema)
    assert {name: told[name] for name in said} == said
    # That of a test, and those of `WebhookHandler`, whose message is its own data.
    assert told.keys() - said == {"webhook", "event", "prompt", "result"}


def test_each_class_is_compared() -> None:
    there = {
        value
        for value in vars(types).values()
        if isinstance(value, type) and value.__module__ == types.__name__
    }
    options = {one for one in there if one.__name__.endswith("Options")}
    assert there - options == {*ROWS, *ANSWERS, *OTHERS, types.TextAnswer}
    assert all(is_typeddict(one) for one in {*ROWS, *options})


def test_the_fields_of_a_request_are_as_the_server_says() -> None:
    asked = properties("GenerationRequest")
    for positional in ("prompt", "tenant", "profile_name"):
        del asked[positional]
    own = types.GenerationOptions.__optional_keys__ - types.WriteOptions.__optional_keys__
    hints = get_type_hints(types.GenerationOptions)
    assert {name: of_python(hints[name]) for name in own} == asked


# --- type checkers -------------------------------------------------------------------------------

MARKED = {
    number: int(found[1])
    for number, line in enumerate((TYPED / "planted.py").read_text().splitlines(), 1)
    if (found := re.search(r"  # (\d+): ", line))
}
"""The line of each planted mistake, and its number."""

LOOSE = """
disallow_untyped_defs = False
disallow_incomplete_defs = False
disallow_untyped_calls = False
check_untyped_defs = True
allow_redefinition = True
disable_error_code = union-attr, var-annotated, import-untyped
"""
"""What strict mypy would have of a lesson that no lesson should show: annotations on each function
and each empty dict, a new name for each value, a look whether what was just made is there, and the
types of pandas."""

LOOSE_TOO = dict.fromkeys(
    [
        *("reportMissingParameterType", "reportUnknownParameterType", "reportUnknownArgumentType"),
        *("reportUnknownVariableType", "reportUnknownMemberType", "reportUnknownLambdaType"),
        *("reportMissingTypeArgument", "reportMissingTypeStubs", "reportOptionalMemberAccess"),
        *("reportUnusedExpression", "reportUnusedImport", "reportDuplicateImport"),
    ],
    False,
)
"""The same of strict pyright; and the last line of a cell is an expression."""

TOLD = {
    "generation.py": ["paragraph="],  # the mistake that the lesson makes on purpose
    "batch.py": [
        "api.generate_content(**",  # a dict of texts, of which some might be a number's
        "run_batch(api, ",  # a list of texts and dicts, which mypy takes for a list of collections
        "sum(",
        "LocalCluster(",
    ],
    "errors.py": ["] = "],  # a dict of several kinds of answers
    "profiles.py": ["json="],  # the types of requests know no dict of lists and texts
    "webhooks.py": ["json="],
    "auth.py": ["sorted({"],  # None, where no server answered
}
"""What they find in a lesson all the same: parts of the lines, by the lesson's file."""

Findings = dict[str, list[tuple[int, str]]]
"""By file: the lines with errors, and what is said of each."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of this test, the examples, and the code of the lessons."""
    folder = tmp_path_factory.mktemp("typed")
    for source in TYPED.glob("*.py"):
        (folder / source.name).write_text(source.read_text())
    return shown_in(folder)


def shown_in(folder: Path) -> Path:
    """The folder, with the examples and the code of the lessons in it."""
    for source in (ROOT / "examples").glob("*.py"):
        (folder / source.name).write_text(source.read_text())
    lessons = folder / "lessons"
    lessons.mkdir()
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(notebook, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        # A cell that is marked as the sandbox's alone is skipped where there is none.
        code = re.sub(r"^(api = connect\(.*\))$", r"\1; assert api.sandbox", code, flags=re.M)
        name = notebook.stem.rpartition("_")[2]
        (lessons / f"{name}.py").write_text(f"from IPython.display import display\n{code}\n")
    return folder


def ran(*command: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def by_mypy(programs: Path) -> Findings:
    config = programs / "mypy.ini"
    lessons = "".join(f"[mypy-{one.stem}]{LOOSE}" for one in (programs / "lessons").glob("*.py"))
    config.write_text(f"[mypy]\nstrict = True\n{lessons}")
    files = sorted(programs.rglob("*.py"))
    told = ran("mypy", "--config-file", config, "--cache-dir", programs / "cache", *files)
    found: Findings = {one.name: [] for one in files}
    for path, line, text in re.findall(r"^(.*?):(\d+): error: (.*)$", told, re.M):
        found[Path(path).name].append((int(line), text))
    return found


def by_pyright(programs: Path) -> Findings:
    """By basedpyright in its strict mode of pyright's: pyright in a wheel, with no more to load."""
    config = programs / "pyrightconfig.json"
    environment = {"root": "lessons", "extraPaths": [str(ROOT)], **LOOSE_TOO}
    config.write_text(
        json.dumps(
            {
                "typeCheckingMode": "strict",
                "reportDeprecated": False,  # what runs on Python 3.11 may be old for a newer one
                "extraPaths": [str(ROOT)],
                "executionEnvironments": [environment, {"root": ".", "extraPaths": [str(ROOT)]}],
            }
        )
    )
    told = json.loads(
        ran("basedpyright", "--outputjson", "--pythonpath", sys.executable, "-p", config)
    )
    found: Findings = {one.name: [] for one in programs.rglob("*.py")}
    for one in told["generalDiagnostics"]:
        if one["severity"] == "error":
            line = one["range"]["start"]["line"] + 1
            found[Path(one["file"]).name].append((line, one["message"]))
    return found


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(by_mypy, id="mypy", marks=pytest.mark.soak),
        pytest.param(by_pyright, id="pyright"),
    ],
)
def found(request: Any, programs: Path) -> Findings:
    told: Findings = request.param(programs)
    return told


def test_each_mistake_is_found_and_nothing_else(found: Findings) -> None:
    assert sorted(MARKED.values()) == [*range(1, 24)]
    assert {line for line, _ in found["planted.py"]} == {*MARKED}


def test_what_the_types_promise_holds(found: Findings) -> None:
    assert found["program.py"] == []


def test_the_examples_hold(found: Findings) -> None:
    for source in (ROOT / "examples").glob("*.py"):
        assert found[source.name] == []


def test_the_lessons_hold(found: Findings, programs: Path) -> None:
    unknown = []
    for lesson in (programs / "lessons").glob("*.py"):
        lines = lesson.read_text().splitlines()
        for line, text in found[lesson.name]:
            if not any(part in lines[line - 1] for part in TOLD.get(lesson.name, [])):
                unknown.append((lesson.name, lines[line - 1], text))
    assert unknown == []
