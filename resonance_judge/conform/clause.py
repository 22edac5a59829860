"""A clause of the contract: what it says, what checking it needs, and how it is checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..promises import Word

__all__ = ["CLAUSES", "Broken", "Clause", "Need", "NotShown", "Row", "clause", "require"]

Need = Literal["read", "write", "limits"]
Check = Callable[..., None]
"""Takes a `Prober`; returns where the clause is kept."""


class Broken(Exception):
    """The server does not keep the clause; the message says what it did."""


class NotShown(Exception):
    """The clause could not be put to the test; the message says why."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause.

    Attributes:
        needs: "read": only GET and HEAD; "write": it changes something; "limits": it calls until
            it is refused.
    """

    name: str
    says: str
    needs: Need
    check: Check


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one clause."""

    clause: Clause
    verdict: Word
    shown_by: str


CLAUSES: list[Clause] = []
"""Every clause, in the order in which they are checked."""


def clause(name: str, says: str, needs: Need = "read") -> Callable[[Check], Check]:
    """Enter a check among `CLAUSES`."""

    def entered(check: Check) -> Check:
        CLAUSES.append(Clause(name, says, needs, check))
        return check

    return entered


def require(holds: object, otherwise: str) -> None:
    """Raise `Broken` unless something holds."""
    if not holds:
        raise Broken(otherwise)
