"""The pages of the Python reference: one for each public module, the client first.

What only runs this project (the command line, authoring, the server's inside) has none.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from pkgutil import iter_modules
from types import ModuleType

from sphinx.pycode import ModuleAnalyzer

import resonance_helpers
from resonance_helpers import lesson
from resonance_helpers.lesson import widgets

CLASSES = ("autoclass", "autoexception")
HELPERS = resonance_helpers.__name__
GROUPS = {
    "The client": [
        f"{HELPERS}.client.{name}"
        for name in ("api", "asynchronous", "auth", "errors", "types", "transport")
    ],
    "Beside the client": [f"{HELPERS}.{name}" for name in ("batch", "webhooks", "performance")],
    "Testing against the sandbox": [
        f"resonance_sandbox{name}" for name in ("", ".hrv", ".faults.control", ".pytest_plugin")
    ],
    "In a lesson": [
        f"{package.__name__}.{module.name}"
        for package in (lesson, widgets)
        for module in iter_modules(package.__path__)
        if module.name not in ("widgets", "manifest")
    ],
}
"""Group to its modules. A new one of the lessons has its page at once."""


def pages() -> Iterator[tuple[str, str]]:
    """Path and text of each page, the index first."""
    index = ["# Python reference", ""]
    index += ["Every public module. Those of the client need requests alone.", ""]
    for title, names in GROUPS.items():
        index += [f"## {title}", "", "| module | what it is for |", "|---|---|"]
        index += [f"| [`{name}`]({name}.md) | {first_sentence(name)} |" for name in names]
        index += ["", "```{toctree}", ":hidden:", "", *(f"{n} <{n}>" for n in names), "```", ""]
    yield "index.md", "\n".join(index)
    for name in (name for names in GROUPS.values() for name in names):
        yield f"{name}.md", page(name)


def page(name: str) -> str:
    """The module's own words, then each name that it offers."""
    module = load(name)
    lines = [f".. automodule:: {module.__name__}", ""]
    for offered in names(module):
        value = getattr(module, offered)
        kind = directive(value)
        options = ["   :members:", "   :show-inheritance:"] if kind in CLASSES else []
        if kind in CLASSES and any(".calls." in base.__module__ for base in value.__bases__):
            options.append("   :inherited-members:")  # the calls, which stand by topic
        home = documented(module, offered) if kind == "autodata" else module.__name__
        if home:
            lines += [f".. {kind}:: {home}.{offered}", *options, ""]
    return "\n".join([f"# {module.__name__}", "", "```{eval-rst}", *lines, "```", ""])


def names(module: ModuleType) -> list[str]:
    """What the module offers, in the order of its source; data comes last."""
    offered = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]

    def place(name: str) -> tuple[bool, int]:
        value = getattr(module, name)
        if directive(value) == "autodata":
            return True, 0
        return False, inspect.getsourcelines(value)[1] if value.__module__ == module.__name__ else 0

    return sorted(offered, key=place)


def documented(module: ModuleType, name: str) -> str | None:
    """The module in which a comment or a string tells what the data ``name`` is."""
    inside = sorted(one for one in sys.modules if one.startswith(f"{module.__name__}."))
    for one in (module.__name__, *inside):
        if ("", name) in ModuleAnalyzer.for_module(one).find_attr_docs():
            return one
    return None


def directive(value: object) -> str:
    if inspect.isclass(value):
        return CLASSES[issubclass(value, BaseException)]
    return "autofunction" if inspect.isroutine(value) else "autodata"


def first_sentence(name: str) -> str:
    text = inspect.getdoc(load(name)) or ""
    return text.partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def load(name: str) -> ModuleType:
    return importlib.import_module(name)
