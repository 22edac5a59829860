"""Look for what keeps the lessons from running on this machine: one line and one mend each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Finding", "examine"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and the mend (empty where nothing is wrong)."""

    subject: str
    state: str
    mend: str = ""
    fatal: bool = True

    def __str__(self) -> str:
        word = "ok" if not self.mend else ("FAIL" if self.fatal else "note")
        line = f"{word:4}  {self.subject}: {self.state}"
        return f"{line}\n      mend: {self.mend}" if self.mend else line


def python_version() -> Iterator[Finding]:
    """Python 3.11 to 3.13."""
    version = "{}.{}.{}".format(*sys.version_info[:3])
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    mend = "" if supported else "install Python 3.11, 3.12 or 3.13 and run `make lab` again"
    yield Finding("Python", version, mend)


CHECKS: tuple[Callable[[], Iterable[Finding]], ...] = (python_version,)


def examine(say: Callable[[str], None] = print) -> int:
    """Print every finding; 0 if the lessons can run, else 1."""
    broken = 0
    for check in CHECKS:
        for finding in check():
            say(str(finding))
            broken += bool(finding.mend and finding.fatal)
    return 1 if broken else 0
