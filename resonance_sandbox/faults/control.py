"""Faults from Python: ``api.sandbox.faults``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import requests

__all__ = ["Faults", "Injected"]


class Injected(dict[str, Any]):
    """A fault in force.

    Its declaration, its `id`, and the counts `seen`, `struck` and `struck_by_kind` as they stood
    when it was last read (after `inject`: at the end).
    """


_Several: TypeAlias = list[Injected]


class Faults:
    """The faults that one tenant of a sandbox meets.

    Args:
        url: where the sandbox listens.
        api_key: of the tenant that is to meet them; None for the open tenants.
        verify: as in requests, for a sandbox behind https.
    """

    def __init__(self, url: str, *, api_key: str | None = None, verify: bool | str = True) -> None:
        self._address = f"{url.rstrip('/')}/sandbox/faults"
        self._session = requests.Session()
        # A sandbox is on this machine: no proxy stands between, and no .netrc speaks for us.
        self._session.trust_env = False
        self._session.verify = verify
        if api_key is not None:
            self._session.headers["Authorization"] = f"Bearer {api_key}"

    def add(
        self,
        kind: str | Sequence[str],
        *,
        rate: float = 1.0,
        count: int | None = None,
        attempts: int | None = None,
        route: str | None = None,
        method: str | None = None,
        seed: int = 0,
        **parameters: Any,
    ) -> Injected:
        """Put a fault in force until it is lifted.

        Args:
            kind: one of `kinds()`, or a list of which each stricken attempt gets one.
            rate: share of the attempts to strike, 0..1.
            count: strike so many attempts at most.
            attempts: strike only the first so many attempts of each request.
            route: pattern of the paths to strike, such as ``/hr_generate`` or ``/profiles*``.
            method: HTTP method to strike.
            seed: the same requests meet the same faults under the same seed.
            parameters: of the kind, such as ``retry_after=1`` or ``seconds=.5``.

        Raises:
            ValueError: the fault cannot be so; the message names the field and says what to do.
        """
        declared = {
            "kind": kind if isinstance(kind, str) else list(kind),
            "rate": rate,
            "count": count,
            "attempts": attempts,
            "route": route,
            "method": method,
            "seed": seed,
            **parameters,
        }
        return Injected(self._call("POST", "", declared))

    def kinds(self) -> dict[str, str]:
        """Each kind of fault, and what it does."""
        kinds: dict[str, str] = self._call("GET")["kinds"]
        return kinds

    def clear(self, fault: Injected | str | None = None) -> _Several:
        """Lift one fault or all of them; what was lifted, with its last counts.

        Raises:
            ValueError: that fault is not in force.
        """
        id = fault["id"] if isinstance(fault, Mapping) else fault
        answer = self._call("DELETE", f"/{id}" if id else "")
        return [Injected(one) for one in answer["lifted"]]

    def list(self) -> _Several:
        """What is in force, in the order in which it is tried."""
        return [Injected(fault) for fault in self._call("GET")["faults"]]

    @contextlib.contextmanager
    def inject(self, kind: str | Sequence[str], **declared: Any) -> Iterator[Injected]:
        """A fault for the length of a ``with`` block; takes what `add` takes.

        >>> with faults.inject("reset_after_commit", rate=0.2) as fault:  # doctest: +SKIP
        ...     api.generate_content("Tides")
        >>> fault["struck"]  # doctest: +SKIP
        """
        fault = self.add(kind, **declared)
        try:
            yield fault
        finally:
            for last in self.clear(fault):
                fault.update(last)

    def _call(self, method: str, path: str = "", body: Mapping[str, Any] | None = None) -> Any:
        response = self._session.request(method, self._address + path, json=body, timeout=10)
        answer = response.json()
        if response.ok:
            return answer
        detail = answer.get("detail", response.reason)
        if response.status_code in (400, 404, 422):
            raise ValueError(detail)
        raise RuntimeError(f"the sandbox refused: {detail}")
