"""Headers and errors as anybody may see them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

_SECRET = re.compile(
    "auth(?!enticate)|token|secret|cookie|password|passphrase|credential|session|jwt|assertion"
    "|(?:api|access|functions|master|private|subscription)-?key",
    re.IGNORECASE,
)

MASK = "****"

LIBRARIES = frozenset({"requests", "urllib3", "http"})
EVERYTHING = LIBRARIES | {__name__.partition(".")[0]}
"""What is between a call and the network."""

_E = TypeVar("_E", bound=BaseException)

MOST_CHAINED = 100
"""Errors that come of one another; a program can make a circle of them."""

SHORTEST = 8
"""Characters; what is shorter is no credential, and stands in many a text by chance."""


def is_secret(name: str) -> bool:
    """Is the value of this header a credential, going by its name?"""
    return bool(_SECRET.search(name))


def redacted(headers: Mapping[str, str | bytes]) -> dict[str, str | bytes]:
    """A copy in which every credential is masked."""
    return {name: MASK if is_secret(name) else value for name, value in headers.items()}


def credentials(headers: Mapping[str, str | bytes]) -> list[str]:
    """The words in a request's headers that are credentials, without a scheme or a name."""
    values = (value for name, value in headers.items() if is_secret(name))
    texts = (value if isinstance(value, str) else value.decode("latin-1") for value in values)
    return [word for text in texts for word in re.split("[ ;=,]+", text) if len(word) >= SHORTEST]


def masked(value: Any, secrets: Iterable[str]) -> Any:
    """A copy in which no string, at any depth, holds one of `secrets`."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, Mapping):
        return {masked(name, secrets): masked(held, secrets) for name, held in value.items()}
    if isinstance(value, list):
        return [masked(held, secrets) for held in value]
    return value


def bare(error: _E) -> _E:
    """The error without the frames that it came through, whose variables hold credentials."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def without(packages: Collection[str], error: _E) -> _E:
    """The error without the frames of those packages, whose variables hold credentials.

    Those of a program's own code, such as a hook's, stay.
    """
    chained: BaseException | None = error
    for _ in range(MOST_CHAINED):
        if chained is None:
            break
        frame, later = chained.__traceback__, []
        while frame:
            if str(frame.tb_frame.f_globals.get("__name__")).partition(".")[0] not in packages:
                later.append(frame)
            frame = frame.tb_next
        for frame, following in zip(later, [*later[1:], None], strict=False):
            frame.tb_next = following
        chained.__traceback__ = later[0] if later else None
        chained = chained.__cause__ or chained.__context__
    return error
