"""Nothing that a lesson or an example shows comes out as Any, unless there is a reason for it.

Each name, attribute, call and subscription in their code is put into a `reveal_type`, and two type
checkers say what it is. What is Any, though what it is taken from is not, is a gap in our types or
one of `REASONS`.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.client.test_types import LOOSE, ROOT, ran, shown_in

REASONS = {
    r"\.json\)\(\)$|json\.loads": "JSON that was read without the client",
    r"^\((header|claims)\)\[": "what stands in a token that nobody has verified",
    r"\(failures\)\[|\(opened\)\[": "a list or a dict of the learner's own, begun empty",
    r"^handler\(|\(job\)\.result": "what a function of the learner's own gives, without types",
    r"paragraph=2": "a mistake that the lesson makes on purpose",
    r"\.frame$|DataFrame|\.cross_feedback$|^\(?display": "pandas has no types for mypy",
    r"\b(anatomy|sweep|evidence|against_target|compare|table)\)\(": "likewise",
    r"^\(panel\)\.": "ipywidgets has no types",
    r"RequestsInstrumentor": "OpenTelemetry's instrumentation has none",
}
"""Expressions that may be Any, and why."""

GAPS = """
import json

read = json.loads("[]")
print(read["é"].x, f"{len(read)}")
"""


class Revealing(ast.NodeTransformer):
    """Puts each expression of a value into a `reveal_type`, but where it narrows a type."""

    def __init__(self, tree: ast.Module) -> None:
        self._imported = {
            (alias.asname or alias.name).partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }

    def _revealed(self, node: Any) -> ast.expr:
        if not isinstance(node.ctx if hasattr(node, "ctx") else ast.Load(), ast.Load):
            return node  # type: ignore[no-any-return]
        return ast.Call(ast.Name("reveal_type", ast.Load()), [node], [])

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        inner = node.value.value if isinstance(node.value, ast.Attribute) else node.value
        if isinstance(inner, ast.Name) and inner.id in self._imported:
            return self._revealed(node)  # a module in a module would lose what it has
        return self._revealed(self.generic_visit(node))

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return self._revealed(self.generic_visit(node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        called = node.func.id if isinstance(node.func, ast.Name) else None
        if called in {"isinstance", "TypeVar"}:
            return node
        if called is None:
            node.func = self.visit(node.func)
        node.args = [self.visit(one) for one in node.args]
        node.keywords = [self.visit(one) for one in node.keywords]
        return self._revealed(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        known = node.id in self._imported or hasattr(builtins, node.id)
        return node if known else self._revealed(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        # Where an expression stands in one is told differently by each version of Python.
        found = [one.value for one in node.values if isinstance(one, ast.FormattedValue)]
        shown: list[ast.expr] = [self.visit(one) for one in found]
        return ast.Call(ast.Name("str", ast.Load()), [ast.Tuple(shown, ast.Load())], [])

    def visit_FunctionDef(self, node: Any) -> Any:
        node.body = [self.visit(one) for one in node.body]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: Any) -> Any:
        node.body = [self.visit(one) for one in node.body]
        node.orelse = [self.visit(one) for one in node.orelse]
        return node

    visit_While = visit_If

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        node.values = [one if isinstance(one, ast.Name) else self.visit(one) for one in node.values]
        return node

    def visit_match_case(self, node: Any) -> Any:
        node.body = [self.visit(one) for one in node.body]
        return node

    visit_ExceptHandler = visit_match_case

    def visit_AnnAssign(self, node: Any) -> Any:
        node.value = node.value and self.visit(node.value)
        return node

    def visit_ClassDef(self, node: Any) -> Any:
        return node

    visit_Assert = visit_Delete = visit_ClassDef


def revealing(source: str) -> str:
    """The same program, which has everything in it revealed, each on a line of its own."""
    tree = ast.parse(source)
    text = ast.unparse(ast.fix_missing_locations(Revealing(tree).visit(tree)))
    return text.replace("reveal_type(", "reveal_type(\n") + "\n"


Kinds = dict[tuple[str, int], str]
"""What is revealed, by a file's name and the line."""


def by_mypy(folder: Path) -> Kinds:
    config = folder / "mypy.ini"
    config.write_text(f"[mypy]{LOOSE}")
    files = sorted(folder.rglob("*.py"))
    told = ran("mypy", "--config-file", config, "--cache-dir", folder / "cache", *files)
    revealed = re.findall(r'^(.*?):(\d+): note: Revealed type is "(.*)"$', told, re.M)
    return {(Path(path).name, int(line)): kind for path, line, kind in revealed}


def by_pyright(folder: Path) -> Kinds:
    config = folder / "pyrightconfig.json"
    config.write_text(json.dumps({"typeCheckingMode": "basic", "extraPaths": [str(ROOT)]}))
    told = json.loads(
        ran("basedpyright", "--outputjson", "--pythonpath", sys.executable, "-p", config)
    )
    found = {}
    for one in told["generalDiagnostics"]:
        if kind := re.fullmatch(r'Type of ".*" is "(.*)"', one["message"], re.S):
            found[Path(one["file"]).name, one["range"]["start"]["line"] + 1] = kind[1]
    return found


def gaps(program: Path, kinds: Kinds) -> list[str]:
    """The expressions in it that are Any, and are not taken from an Any."""
    tree = ast.parse(program.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    revealed = {one: one.args[0] for one in calls if getattr(one.func, "id", "") == "reveal_type"}
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    def is_any(node: ast.expr) -> bool:
        return kinds.get((program.name, node.lineno), "never reached") in ("Any", "Unknown")

    found = []
    for node in revealed.values():
        taken_from = getattr(node, "value", getattr(node, "func", None))
        if taken_from is None:
            continue  # a name: where it got its value is looked at
        if isinstance(taken_from, ast.Name) and taken_from.id in own:
            continue  # a function of the learner's own, without types
        if is_any(node) and not (taken_from in revealed and is_any(revealed[taken_from])):
            found.append(re.sub(r"reveal_type(\((?:[^()]|\(\))*\))", r"\1", ast.unparse(node)))
    return found


CHECKERS = pytest.mark.parametrize(
    "checker",
    [
        pytest.param(by_mypy, id="mypy", marks=pytest.mark.soak),
        pytest.param(by_pyright, id="pyright"),
    ],
)


@CHECKERS
def test_a_gap_is_found(checker: Any, tmp_path: Path) -> None:
    program = tmp_path / "one.py"
    program.write_text(revealing(GAPS))
    assert [re.sub(r"reveal_type|[()]", "", one) for one in gaps(program, checker(tmp_path))] == [
        "json.loads'[]'"
    ]


@CHECKERS
def test_nothing_that_is_shown_comes_out_as_any(checker: Any, tmp_path: Path) -> None:
    files = sorted(shown_in(tmp_path).rglob("*.py"))
    for file in files:
        file.write_text(revealing(file.read_text()))
    kinds = checker(tmp_path)
    assert len(kinds) > 2_000
    unknown = []
    for file in files:
        for one in gaps(file, kinds):
            shown = one.replace("reveal_type", "")
            if not any(re.search(reason, shown) for reason in REASONS):
                unknown.append((file.name, shown))
    assert unknown == []
