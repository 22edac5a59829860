"""What the sandbox asks of any writing engine, and nothing more.

The built-in engine stands in `engine`; another one (an OpenAI-compatible server, say) takes its
place by having a `name` and a `write`: ``create_app(Settings(...), writer=MyWriter())``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..hrv import HRVVector

__all__ = ["Brief", "Draft", "Writer"]


@dataclass(frozen=True, slots=True)
class Brief:
    """What is to be written: the subject, the target to steer to, and the bounds.

    Attributes:
        prompt: the subject in the caller's words, 1..5,000 characters.
        target: the profile's vector.
        paragraphs: how many paragraphs, 1..8.
        max_length: the most characters the whole article may have; None for no bound.
        temperature: 0..2; 0 keeps the best candidate each time, more explores further.
        seed: the same brief with the same seed gives the same draft.
    """

    prompt: str
    target: HRVVector
    paragraphs: int = 3
    max_length: int | None = None
    temperature: float = 0.7
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """What was written: its paragraphs in order, and anything the caller should be told."""

    paragraphs: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The article: paragraphs parted by a blank line."""
        return "\n\n".join(self.paragraphs)


class Writer(Protocol):
    """A writing engine. `write` may be called from several threads at once, and may block."""

    @property
    def name(self) -> str:
        """Shown in `/health`."""
        ...

    def write(self, brief: Brief) -> Draft:
        """Write to `brief`. Raises `WriterError` when the engine can't (it becomes a 503)."""
        ...


class WriterError(RuntimeError):
    """The engine could not write: it is down, or refused. The message is shown to the caller."""
