"""The contract, clause by clause, checked on any server by what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import limiting, oauth, reading, schema, webhooks, writing
from .clause import CLAUSES, Broken, Clause, Need, NotShown, Row
from .obstacles import obstacle
from .prober import Prober

__all__ = [
    "CLAUSES",
    "MODULES",
    "Broken",
    "Clause",
    "Need",
    "NotShown",
    "Prober",
    "Row",
    "conform",
    "obstacle",
]

MODULES = (reading, writing, oauth, webhooks, schema, limiting)
"""Where clauses are entered, in the order of the rows."""


def conform(
    call: Prober,
    *,
    only: Callable[[Clause], bool] = lambda clause: True,
    clauses: Iterable[Clause] = CLAUSES,
    told: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Check every clause, and undo what was made for it.

    Args:
        call: the server, and what may be done to it.
        only: which clauses to check.
        clauses: all there are.
        told: gets each row as soon as it is there.
    """
    rows = []
    for clause in clauses:
        if only(clause):
            rows.append(_checked(clause, call))
            told(rows[-1])
    return rows


def _checked(clause: Clause, call: Prober) -> Row:
    if clause.needs not in call.allows:
        return Row(clause, "not shown", f"it needs --{clause.needs}.")
    try:
        clause.check(call)
        return Row(clause, "kept", "")
    except Broken as broken:
        return Row(clause, "broken", str(broken))
    except NotShown as reason:
        return Row(clause, "not shown", str(reason))
    except Exception as error:
        # What is nothing like the contract: the check stumbles over it, and says so. A stranger's
        # server can make it stumble in any way: nested a thousand deep, with one item of two, …
        return Row(clause, "broken", f"its answer has another shape ({type(error).__name__}).")
    finally:
        call.clean_up()
