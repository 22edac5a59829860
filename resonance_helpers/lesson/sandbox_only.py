"""Cells that need the sandbox: they begin with the comment ``# sandbox only``.

Connected to another server, such a cell says that it is skipped and runs nothing, so that *Run All*
goes on. On a sandbox, and in every other cell, nothing stands between the learner and the code.
"""

from __future__ import annotations

from ..progress import shell

__all__ = ["MARK", "follow", "is_marked"]

MARK = "# sandbox only"
"""The first line of such a cell."""
SKIPPED = "Skipped: this cell needs the sandbox, and you are connected to another server."

_on_sandbox = True
"""Whether the latest `connect()` gave a client of a sandbox."""


def is_marked(cell: str) -> bool:
    """Whether a cell's first line is the comment."""
    return cell.lstrip().partition("\n")[0].rstrip() == MARK


def follow(on_sandbox: bool) -> None:
    """Go by this connection from the next cell on. Elsewhere than in IPython this does nothing."""
    global _on_sandbox
    _on_sandbox = on_sandbox
    if (here := shell()) is not None and _skip not in here.input_transformers_cleanup:
        here.input_transformers_cleanup.append(_skip)


def _skip(lines: list[str]) -> list[str]:
    """What IPython runs for a cell of these lines."""
    if _on_sandbox or not is_marked("".join(lines)):
        return lines
    return [f"print({SKIPPED!r})\n"]
