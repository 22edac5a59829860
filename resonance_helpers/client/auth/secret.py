"""A string that does not show itself."""

from __future__ import annotations

import getpass
import hmac
import os
from typing import NoReturn

__all__ = ["Secret"]


class Secret:
    """A string that does not show itself: not in a repr, a log, an f-string, a notebook, a pickle.

    >>> key = Secret("sk-live-1234")
    >>> key
    Secret('****')
    >>> f"the key is {key}"
    'the key is ****'
    >>> key.reveal()
    'sk-live-1234'

    Args:
        value: The string; or a Secret, which gives one like it.

    Raises:
        TypeError: `value` is no string.
        ValueError: It is empty, or no HTTP header can carry it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        if isinstance(value, Secret):
            value = value.reveal()
        if not isinstance(value, str):
            raise TypeError(f"a secret is a string, not a {type(value).__name__}")
        value = value.strip()  # a pasted key brings a line break along
        if not value:
            raise ValueError("the secret is empty")
        if not value.isascii() or not value.isprintable():
            raise ValueError("the secret has characters that an HTTP header can't carry")
        self._value = value

    @classmethod
    def from_env(cls, name: str = "RESONANCE_API_KEY") -> Secret:
        """The value of an environment variable, where secrets belong.

        Raises:
            LookupError: There is no such variable, or it is empty.
            ValueError: No HTTP header can carry it.
        """
        if not isinstance(name, str):
            raise TypeError(f"name is a {type(name).__name__}, not that of an environment variable")
        value = os.environ.get(name, "")
        if not value.strip():
            raise LookupError(f"the environment variable {name} is not set. Fix: set it")
        try:
            return cls(value)
        except ValueError as error:
            raise ValueError(f"the environment variable {name} can't be used: {error}") from None

    @classmethod
    def from_prompt(cls, prompt: str = "API key: ") -> Secret:
        """What the user types, unseen."""
        return cls(getpass.getpass(prompt))

    def reveal(self) -> str:
        """The string itself; keep it in no variable that outlives the line."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret('****')"

    def __str__(self) -> str:
        return "****"

    def __format__(self, spec: str) -> str:
        return format("****", spec)

    def _repr_html_(self) -> str:
        return "<code>Secret('****')</code>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a secret does not travel: read it where it is used, with Secret.from_env() "
            "in a factory that runs in the worker"
        )
