"""Programs to copy: what stands in the project's folder ``examples``, wherever a lesson runs."""

from __future__ import annotations

from pathlib import Path

from .manifest import NOTEBOOKS

__all__ = ["EXAMPLES", "Example", "example"]

EXAMPLES = NOTEBOOKS.parent / "examples"
"""In a clone, in a bundle's copy of the project, and in what a room's hub runs from."""


class Example:
    """A program, shown as its code.

    Attributes:
        path: Where it stands.
        code: Its text.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.code = path.read_text(encoding="utf-8")

    def copy(self, folder: str | Path = ".") -> Path:
        """Put a copy into ``folder``, by default the notebook's own; its path.

        Raises:
            FileExistsError: There is a file of that name; it stays as it is.
        """
        target = Path(folder) / self.path.name
        with target.open("x", encoding="utf-8") as file:
            file.write(self.code)
        return target

    def __repr__(self) -> str:
        return self.code.rstrip()

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.code.rstrip()}\n```"


def example(name: str) -> Example:
    """One of the programs to copy, by its name.

    >>> example("webhooks_flask").copy()  # doctest: +SKIP

    Raises:
        LookupError: There is no such program; the message names those that there are.
    """
    there = sorted(path.stem for path in EXAMPLES.glob("*.py"))
    if name.removesuffix(".py") not in there:
        known = ", ".join(there)
        if not known:
            known = f"none: {EXAMPLES} is not there. Fix: run this from a clone of the project"
        raise LookupError(f"no example {name!r}; there are {known}")
    return Example(EXAMPLES / f"{name.removesuffix('.py')}.py")
