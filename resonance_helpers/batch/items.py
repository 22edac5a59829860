"""One request of a batch: what it asks, under which key, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..client.errors import ResonanceError
from ..client.transport import Call
from ..client.transport.arguments import shown

__all__ = ["Item", "as_request"]


@dataclass(eq=False, slots=True)
class Item:
    """A request on its way through a batch.

    Attributes:
        index: its place in the batch, from 0.
        key: its idempotency key, the same in each attempt and each run.
        request: the keyword arguments of `generate_content`.
        text: `request` as JSON, where there is a journal.
        attempts: how many attempts were made in this run.
        rounds, spent: how often it was given up and begun anew, and how many attempts that took.
        started: when the first of them began, in seconds since 1970; 0 before that.
        began: the same moment on the run's own clock.
        ticket: the limiter's number for the attempt under way.
        call: the request made ready, where the attempts are made in this process.
        doubt: whether an attempt may have had its effect though it brought no answer.
        starved: since when, on the run's clock, it has waited for the retry budget; None if it
            does not.
        error: why the last attempt failed, while it waits for that budget.
    """

    index: int
    key: str
    request: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    attempts: int = 0
    rounds: int = 0
    spent: int = 0
    started: float = 0.0
    began: float = 0.0
    ticket: int = 0
    call: Call | None = None
    doubt: bool = False
    starved: float | None = None
    error: ResonanceError | None = None


def as_request(value: object) -> dict[str, Any]:
    """A request as `generate_content` takes it: a mapping of its arguments, or just a prompt.

    Raises:
        TypeError: it is neither; the message says what it is.
    """
    if isinstance(value, str):
        return {"prompt": value}
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise TypeError(
                    f"a request names generate_content's arguments, and {shown(name)} is no name. "
                    "Fix: leave it out (where a row of a CSV file has more cells than its head, "
                    "csv.DictReader gives the rest as None)"
                )
        return dict(value)
    raise TypeError(
        "a request is a prompt or a dict of generate_content's arguments, "
        f'such as {{"prompt": "…"}}, not a {type(value).__name__}'
    )
