"""The seam behind which stands all that is of SQLite or of PostgreSQL alone."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine

__all__ = ["Backend", "DatabaseError", "reason_of"]


class DatabaseError(RuntimeError):
    """The database cannot be opened; the message is one sentence for the person who named it."""


def reason_of(error: BaseException) -> str:
    """What the database said, on one line and without the statement."""
    said = str(getattr(error, "orig", None) or type(error).__name__)
    return (said.splitlines() or ["unknown"])[0]


class Backend(Protocol):
    """An open database with its tables, which no other sandbox can open meanwhile.

    Attributes:
        name: as `/health` shows it.
        folder: a directory on the disk that the sandbox itself fills.
        key_file: where a key that is kept outside the database stands; None where the database ends
            with this process.
        reading: connections that each see one state of the data, and wait for no writer.
        writing: the connections of the one thread that writes.
        proof: a statement that changes nothing, and fails where nothing can be written.
    """

    name: str
    folder: Path
    key_file: Path | None
    reading: Engine
    writing: Engine
    proof: str

    def close(self) -> None:
        """Let go of it; a temporary one is deleted."""
