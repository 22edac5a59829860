"""Faults from Python: ``api.sandbox.faults``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import requests

__all__ = ["Faults", "Injected", "WatchedFaults"]


class Injected(dict[str, Any]):
    """A fault in force.

    Its declaration, its `id`, its `tenant` (None: the caller's own), and the counts `seen`,
    `struck` and `struck_by_kind` as they stood when it was last read (after `inject`: at the end).
    """

    if TYPE_CHECKING:

        @overload
        def __getitem__(self, key: Literal["seen", "struck"], /) -> int: ...
        @overload
        def __getitem__(self, key: Literal["struck_by_kind"], /) -> dict[str, int]: ...
        @overload
        def __getitem__(self, key: Literal["id"], /) -> str: ...
        @overload
        def __getitem__(self, key: str, /) -> Any: ...
        def __getitem__(self, key: str, /) -> Any: ...


_Several: TypeAlias = list[Injected]


class Faults:
    """The faults that a tenant of a sandbox meets.

    Args:
        url: where the sandbox listens.
        api_key: of the tenant that is to meet them; None for the open tenants. With an
            administrator's it is the open tenants, or whichever `tenant` a fault names.
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
        self._tenants: dict[str | None, None] = {None: None}

    def add(
        self,
        kind: str | Sequence[str],
        *,
        tenant: str | None = None,
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
            tenant: whose requests are to meet it, and nobody else's; None for the caller's own.
            rate: share of the attempts to strike, 0..1.
            count: strike so many attempts at most.
            attempts: strike only the first so many attempts of each request.
            route: pattern of the paths to strike, such as ``/hr_generate`` or ``/profiles*``.
            method: HTTP method to strike.
            seed: the same requests meet the same faults under the same seed.
            parameters: of the kind, such as ``retry_after=1`` or ``seconds=.5``.

        Raises:
            ValueError: the fault cannot be so; the message names the field and says what to do.
            RuntimeError: the sandbox refused, or is gone.
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
        fault = self._call("POST", "", declared, tenant)
        self._tenants[tenant] = None
        return Injected(fault, tenant=tenant)

    def kinds(self) -> dict[str, str]:
        """Each kind of fault, and what it does."""
        kinds: dict[str, str] = self._call("GET")["kinds"]
        return kinds

    def clear(self, fault: Injected | str | None = None) -> _Several:
        """Lift one fault, or all of them; what was lifted, with its last counts.

        All are the caller's own, and those that were put in force here for other tenants.

        Raises:
            ValueError: that fault is not in force.
        """
        if isinstance(fault, str):
            fault = next((one for one in self.list() if one["id"] == fault), Injected(id=fault))
        if fault is not None:
            return self._lifted(f"/{fault['id']}", fault.get("tenant"))
        return [one for tenant in self._tenants for one in self._lifted("", tenant)]

    def list(self) -> _Several:
        """What is in force, in the order in which it is tried; for each tenant, as in `clear`."""
        return [
            Injected(fault, tenant=tenant)
            for tenant in self._tenants
            for fault in self._call("GET", tenant=tenant)["faults"]
        ]

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

    def _lifted(self, path: str, tenant: str | None) -> _Several:
        lifted = self._call("DELETE", path, tenant=tenant)["lifted"]
        return [Injected(one, tenant=tenant) for one in lifted]

    def _call(
        self,
        method: str,
        path: str = "",
        body: Mapping[str, Any] | None = None,
        tenant: str | None = None,
    ) -> Any:
        try:
            response = self._session.request(
                method, self._address + path, json=body, params={"tenant": tenant}, timeout=10
            )
            answer = response.json()
        except requests.RequestException as error:
            raise RuntimeError(f"the sandbox does not answer: {error}") from None
        if not isinstance(answer, dict):
            raise RuntimeError(f"the sandbox does not answer: {self._address} is something else")
        if response.ok:
            return answer
        detail = answer.get("detail", response.reason)
        if response.status_code in (400, 404, 422):
            raise ValueError(detail)
        raise RuntimeError(f"the sandbox refused: {detail}")


class WatchedFaults(Faults):
    """Faults that remember which of them no request has met."""

    def __init__(self, url: str, *, api_key: str | None = None, verify: bool | str = True) -> None:
        super().__init__(url, api_key=api_key, verify=verify)
        self._watched: dict[str, Injected] = {}

    def add(
        self, kind: str | Sequence[str], *, may_miss: bool = False, **declared: Any
    ) -> Injected:
        """Put a fault in force until it is lifted; takes what `Faults.add` takes.

        Args:
            kind: as there.
            may_miss: whether it is right that no request meets it.
            declared: as there.
        """
        fault = super().add(kind, **declared)
        if not may_miss:
            self._watched[fault["id"]] = Injected(fault)
        return fault

    def missed(self) -> _Several:
        """Those that no request has met so far: none went to their route, by their method."""
        self._note(self.list())
        return [fault for fault in self._watched.values() if not fault["seen"]]

    def close(self) -> None:
        """Lift them, and close the connection."""
        self.clear()
        self._session.close()

    def _lifted(self, path: str, tenant: str | None) -> _Several:
        lifted = super()._lifted(path, tenant)
        self._note(lifted)
        return lifted

    def _note(self, faults: _Several) -> None:
        for fault in faults:
            if fault["id"] in self._watched:
                self._watched[fault["id"]] = fault
