"""The pages of the Python reference: one for each public module, the client first.

A module is public if it says what it offers (``__all__``) and is no tool of this project. One that
is new has its page at once; only its group is chosen here.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pkgutil import iter_modules

import resonance_helpers
from resonance_helpers.lessons import LESSONS

TOOLS = {"cli", "doctor", "execute", "lab", "lessons"}
"""What runs this project, and is of no use in another."""

GROUPS = {
    "The client": ["client", "auth", "errors", "transport", "hrv"],
    "Topics of the lessons": [*(lesson.topic for lesson in LESSONS), "resilience", "access"],
    "In a lesson": ["tutorial", "exercises", "plots", "widgets"],
    "Testing against the sandbox": ["sandbox", "sandbox.faults.control", "pytest_plugin"],
}


def public() -> list[str]:
    """The public modules, each by its name below the package."""
    names = [module.name for module in iter_modules(resonance_helpers.__path__)]
    names = [name for name in names if name not in TOOLS and name != "__main__"]
    return [name for name in (*names, "sandbox.faults.control") if hasattr(load(name), "__all__")]


def groups() -> dict[str, list[str]]:
    """Group to its modules. What stands in no group is for lessons."""
    there = public()
    chosen: dict[str, list[str]] = {}
    seen: set[str] = set()
    for title, names in GROUPS.items():
        chosen[title] = [name for name in names if name in there and name not in seen]
        seen.update(names)
    chosen["In a lesson"] += [name for name in there if name not in seen]
    return chosen


def pages() -> Iterator[tuple[str, str]]:
    """Path and text of each page, the index first."""
    listed = groups()
    index = ["# Python reference", ""]
    for title, names in listed.items():
        index += [f"## {title}", "", "| module | what it is for |", "|---|---|"]
        index += [f"| [`{name}`]({name}.md) | {first_sentence(name)} |" for name in names]
        index += ["", "```{toctree}", ":hidden:", "", *names, "```", ""]
    yield "index.md", "\n".join(index)
    for name in (name for names in listed.values() for name in names):
        yield f"{name}.md", page(name)


def page(name: str) -> str:
    module = load(name)
    options = [":members:", ":show-inheritance:"]
    if hasattr(module, "__path__"):  # a package offers what its modules define
        options.append(":imported-members:")
    lines = [f".. automodule:: {module.__name__}", *(f"   {option}" for option in options)]
    return "\n".join([f"# {name}", "", "```{eval-rst}", *lines, "```", ""])


def first_sentence(name: str) -> str:
    text = inspect.getdoc(load(name)) or ""
    return text.partition("\n\n")[0].replace("\n", " ").replace("``", "`")


def load(name: str) -> object:
    return importlib.import_module(f"resonance_helpers.{name}")
