"""What was seen of one run through one scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .meaning import Effect
from .scenarios import Scenario

__all__ = ["Delivery", "Mark", "Observation", "Request"]


@dataclass(slots=True)
class Request:
    """One request. Times are seconds since the scenario began.

    Attributes:
        number: from 1, in the order of arrival.
        key: its Idempotency-Key.
        authorization: the credential it carried, never shown.
        target: the address with its query, never shown.
        status: of the answer that was made; whether it arrived is a matter of `fault`.
        retry_after: seconds that the answer asked to wait.
        fault: the trouble that it met.
        effect: what it made the server do, if anything.
    """

    number: int
    at: float
    method: str
    path: str
    key: str | None = None
    authorization: str | None = field(default=None, repr=False)
    target: bytes = field(default=b"", repr=False)
    ended: float | None = None
    status: int | None = None
    retry_after: float | None = None
    replayed: bool = False
    problem: str | None = None
    fault: str | None = None
    meaning: str = ""
    label: str = ""
    effect: Effect | None = None

    @property
    def call(self) -> tuple[str, str, str]:
        """What two attempts at the same thing have in common."""
        return self.method, self.path, self.meaning

    def __str__(self) -> str:
        told = f"request {self.number}, {self.method} {self.path}"
        return told + (f" ({self.label})" if self.label else "")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to the receiver.

    Attributes:
        what: "genuine", or what is wrong with it.
        status: the receiver's answer; None where none came.
    """

    what: str
    event: str
    at: float
    status: int | None
    error: str | None

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the judge did, and when."""

    at: float
    until: float
    what: str


@dataclass(slots=True)
class Observation:
    """All that was seen in one scenario.

    Attributes:
        ended: whether the program ended by itself in time.
        exit_code: of its last start.
        seconds: that it took in all.
        output: the beginning of what it printed, both streams together.
        leaks: where a credential was seen that does not belong there.
        strays: whether it left processes at work after its own end.
    """

    scenario: Scenario
    requests: dict[int, Request] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    ended: bool = False
    exit_code: int | None = None
    seconds: float = 0.0
    output: bytes = field(default=b"", repr=False)
    leaks: list[str] = field(default_factory=list)
    strays: bool = False

    @property
    def effects(self) -> Counter[tuple[str, str, str]]:
        """What the server was made to do, and how often."""
        return Counter(effect.compared for effect in self.named_effects)

    @property
    def named_effects(self) -> list[Effect]:
        """What the server was made to do, in the order of its happening.

        A server that was killed may have done what it had no time to tell of. Then the replay of
        its answer proves that it was done.
        """
        told = [request.effect for request in self.requests.values() if request.effect]
        keys = {request.key for request in self.requests.values() if request.effect}
        for request in self.requests.values():
            done = request.replayed and request.status is not None and request.status < 400
            if done and request.key not in keys:
                keys.add(request.key)
                told.append(Effect(request.method, request.path, request.meaning, request.label))
        return told

    @property
    def token_calls(self) -> list[Request]:
        """Calls that were answered with a token."""
        return [r for r in self.requests.values() if r.path == "/oauth/token" and r.status == 200]

    @property
    def struck(self) -> bool:
        """Whether the trouble came at all."""
        if self.scenario.strike:
            return any(request.fault for request in self.requests.values())
        if self.scenario.moment is not None:
            return bool(self.marks)
        return True

    def take(self, what: str, fields: Mapping[str, Any], began: float) -> None:
        """Enter what a witness told."""
        told = dict(fields)
        if "at" in told:
            told["at"] -= began
        if what == "arrived":
            self.requests[told["number"]] = Request(**told)
        elif what == "delivery":
            self.deliveries.append(Delivery(**told))
        elif what == "effect":
            effect = Effect(told["method"], told["route"], told["meaning"], told["label"])
            self.requests[told["number"]].effect = effect
        elif what == "done":
            request = self.requests[told.pop("number")]
            request.ended = told.pop("at", request.at)
            for name, value in told.items():
                setattr(request, name, value)
