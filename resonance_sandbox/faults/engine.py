"""Which request meets which fault: declared rules, and a decision that is a hash.

A decision depends on the rule, on what the request says and on how often it was tried, on
nothing else: no clock, no random generator, no order of arrival. So the same calls meet the same
faults on every run, with one thread or with fifty, and raising a rule's rate adds faults to those
that were there.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from .kinds import KINDS, FaultError, kind_named

__all__ = ["Decision", "Fault", "FaultEngine", "Identity", "Rule"]

REMEMBERED = 100_000
"""Calls of a realm whose attempts are counted; the oldest is forgotten first."""

MOST_RULES = 100
"""Rules that one realm may have at a time."""

LONGEST_PATH = 1_000
"""Characters of a path that a pattern is held against, several times those of any route's: a
hundred patterns and a path of 16 KB are half a second, in which nobody else has a turn."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Rule:
    """One declared fault.

    Attributes:
        kinds: names from `KINDS`; of several, each stricken attempt gets one, chosen by its hash.
        rate: share of the matching attempts that it strikes, 0..1.
        count: how many attempts it strikes at most; None for no bound. Which ones then depends
            on the order of arrival.
        attempts: strikes only the first so many attempts of each request; None for all.
        route: pattern of the path, as in ``/profiles/*``; None for every path.
        method: HTTP method; None for every one.
        seed: another seed strikes other requests.
        parameters: of the kinds; what is not given has its default.
    """

    kinds: tuple[str, ...]
    rate: float = 1.0
    count: int | None = None
    attempts: int | None = None
    route: str | None = None
    method: str | None = None
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, declared: Mapping[str, Any]) -> Rule:
        """A rule from the fields of a request's JSON body.

        Raises:
            FaultError: a field is unknown or cannot be so; it names the field and says what to do.
        """
        rest = dict(declared)
        named = rest.pop("kind", None)
        listed = named if isinstance(named, list) else [named]
        if not 0 < len(listed) <= len(KINDS):  # each request that it matches goes through them
            raise FaultError("kind", f"it is one name, or a list of 1 to {len(KINDS)} of them")
        kinds = [kind_named(one) for one in listed]
        rule = cls(
            tuple(kind.name for kind in kinds),
            _number(rest, "rate", 1.0),
            _count(rest, "count"),
            _count(rest, "attempts"),
            _route(rest),
            _method(rest),
            _seed(rest),
            rest,
        )
        known = {parameter.name for kind in kinds for parameter in kind.parameters}
        for name in rest:
            if name not in known:
                takes = ", ".join(sorted(known)) or "no parameters of its own"
                raise FaultError(
                    _safe(name),
                    f"{' and '.join(rule.kinds)} takes no such field; it takes {takes}, beside "
                    "kind, rate, count, attempts, route, method and seed",
                )
        for kind in kinds:
            kind.complete(rest)
        return rule

    def as_dict(self) -> dict[str, Any]:
        """The declaration, as `parse` takes it, with all defaults filled in."""
        filled: dict[str, Any] = {}
        for name in self.kinds:
            filled |= KINDS[name].complete(self.parameters)
        return {
            "kind": self.kinds[0] if len(self.kinds) == 1 else list(self.kinds),
            "rate": self.rate,
            "count": self.count,
            "attempts": self.attempts,
            "route": self.route,
            "method": self.method,
            "seed": self.seed,
            **filled,
        }

    @property
    def early(self) -> bool:
        """Whether it has to be decided before the whole request is there."""
        return "reset_mid_request" in self.kinds

    @property
    def fingerprint(self) -> str:
        """What the hash knows of the rule.

        Neither rate nor count: a higher rate strikes what a lower one struck, and more.
        """
        return json.dumps([self.kinds, self.route, self.method, self.seed])

    def matches(self, method: str, path: str) -> bool:
        """Whether a request of that method and path is its business."""
        return (self.method in (None, method)) and (
            self.route is None or (len(path) <= LONGEST_PATH and fnmatchcase(path, self.route))
        )


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a request that request.

    `content` digests its method, target and body, `key` its Idempotency-Key.
    """

    method: str
    path: str
    content: bytes
    key: bytes | None = None

    @classmethod
    def of(
        cls, method: str, path: str, query: bytes = b"", body: bytes = b"", key: str | None = None
    ) -> Identity:
        """The identity of a request. `key` is its Idempotency-Key."""
        digest = hashlib.blake2b(digest_size=16)
        for part in (method.encode(), path.encode(), query, body):
            digest.update(len(part).to_bytes(8, "big") + part)
        named = None if key is None else hashlib.blake2b(key.encode(), digest_size=16).digest()
        return cls(method, path, digest.digest(), named)


@dataclass(frozen=True, slots=True)
class Fault:
    """What one attempt meets: the kind, all of its parameters, and a share 0..1 for its jitter."""

    kind: str
    parameters: Mapping[str, Any]
    share: float
    rule: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say of one attempt: seconds to wait, then at most one other fault."""

    latency: float = 0.0
    fault: Fault | None = None


NOTHING = Decision()


class _Calls:
    """The attempts at one content.

    Calls with different Idempotency-Keys are different calls, numbered as they come; attempts under
    one key are attempts at one call. Without a key nothing tells two calls from two attempts, so
    they are attempts at one, whose number is 0 like that of the first with a key: clients with and
    without keys meet the same faults.
    """

    __slots__ = ("known", "numbered")

    def __init__(self) -> None:
        self.numbered = 0
        self.known: OrderedDict[bytes | None, tuple[int, int]] = OrderedDict()

    def next(self, key: bytes | None) -> tuple[int, int]:
        """The number of the call, and of the attempt at it."""
        number, attempts = self.known.pop(key, (0 if key is None else self.numbered, 0))
        if not attempts and key is not None:
            self.numbered += 1
        self.known[key] = number, attempts + 1
        return self.known[key]


class _State:
    """A rule in force, and what it did."""

    __slots__ = ("id", "rule", "seen", "struck")

    def __init__(self, id: str, rule: Rule) -> None:
        self.id = id
        self.rule = rule
        self.seen = 0
        self.struck: Counter[str] = Counter()

    def as_dict(self) -> dict[str, Any]:
        total = sum(self.struck.values())
        return {"id": self.id, **self.rule.as_dict(), "seen": self.seen, "struck": total,
                "struck_by_kind": dict(self.struck)}  # fmt: skip


class _Realm:
    def __init__(self) -> None:
        self.rules: dict[str, _State] = {}
        self.calls: OrderedDict[bytes, _Calls] = OrderedDict()
        self.remembered = 0

    def attempt(self, identity: Identity) -> tuple[int, int]:
        calls = self.calls.setdefault(identity.content, _Calls())
        self.calls.move_to_end(identity.content)
        number, attempt = calls.next(identity.key)
        self.remembered += attempt == 1
        if self.remembered > REMEMBERED:
            self._forget()
        return number, attempt

    def _forget(self) -> None:
        content, oldest = next(iter(self.calls.items()))
        oldest.known.popitem(last=False)
        if not oldest.known:
            del self.calls[content]
        self.remembered -= 1


class FaultEngine:
    """The rules of all realms (see `Directory.realm`), each realm's own apart.

    Thread-safe.
    """

    def __init__(self) -> None:
        self._realms: dict[str, _Realm] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self.active = False
        """Whether any realm has a rule; without one, a request costs this one look."""

    def add(self, realm: str, rule: Rule) -> dict[str, Any]:
        """Put `rule` in force after the realm's others.

        Raises:
            FaultError: the realm has all the rules it may have.
        """
        with self._lock:
            own = self._realms.setdefault(realm, _Realm())
            if len(own.rules) >= MOST_RULES:
                raise FaultError("kind", f"there are {MOST_RULES} faults already; clear some first")
            state = _State(f"fault-{next(self._ids)}", rule)
            own.rules[state.id] = state
            self.active = True
            return state.as_dict()

    def rules(self, realm: str) -> list[dict[str, Any]]:
        """The realm's rules in order, each with how many attempts it saw and struck."""
        with self._lock:
            own = self._realms.get(realm)
            return [state.as_dict() for state in own.rules.values()] if own else []

    def clear(self, realm: str, id: str | None = None) -> list[dict[str, Any]]:
        """Lift one rule or all of them; what was lifted, with its last counts.

        The count of attempts starts anew once none is left.
        """
        with self._lock:
            own = self._realms.get(realm)
            if own is None:
                return []
            lifted = [state for state in own.rules.values() if id in (None, state.id)]
            for state in lifted:
                del own.rules[state.id]
            if not own.rules:
                del self._realms[realm]
            self.active = bool(self._realms)
            return [state.as_dict() for state in lifted]

    def early(self, realm: str, method: str, path: str) -> bool:
        """Whether a rule of the realm has to see this request before it is all there."""
        with self._lock:
            own = self._realms.get(realm)
            return own is not None and any(
                state.rule.early and state.rule.matches(method, path)
                for state in own.rules.values()
            )

    def decide(self, realm: str, identity: Identity) -> Decision:
        """What this attempt meets. Each call counts as one attempt at the request.

        Latencies add up; of the others, the first that strikes in the order of declaration.
        """
        with self._lock:
            own = self._realms.get(realm)
            return NOTHING if own is None else self._decided(own, identity)

    def _decided(self, own: _Realm, identity: Identity) -> Decision:
        states = [
            state
            for state in own.rules.values()
            if state.rule.matches(identity.method, identity.path)
        ]
        if not states:
            return NOTHING
        number, attempt = own.attempt(identity)
        latency, fault = 0.0, None
        for state in states:
            state.seen += 1
            found = self._strike(state, identity, number, attempt, decided=fault is not None)
            if found is None:
                continue
            if found.kind == "latency":
                latency += found.parameters["seconds"] + found.parameters["jitter"] * found.share
            else:
                fault = found
        return Decision(latency, fault)

    def _strike(
        self, state: _State, identity: Identity, number: int, attempt: int, *, decided: bool
    ) -> Fault | None:
        rule = state.rule
        if rule.attempts is not None and attempt > rule.attempts:
            return None
        if rule.count is not None and sum(state.struck.values()) >= rule.count:
            return None
        known = f"{rule.fingerprint}|{number}|{attempt}".encode() + identity.content
        whether, which, share = _shares(known)
        if whether >= rule.rate:
            return None
        kind = rule.kinds[int(which * len(rule.kinds))]
        if decided and kind != "latency":
            return None
        state.struck[kind] += 1
        return Fault(kind, KINDS[kind].complete(rule.parameters), share, state.id)


def _shares(known: bytes) -> tuple[float, float, float]:
    """Three independent, uniform shares in [0, 1) of what is known."""
    digest = hashlib.blake2b(known, digest_size=24).digest()
    # 53 bits, so that the float is exact and never rounds up to 1.
    first, second, third = (
        (int.from_bytes(digest[start : start + 8], "big") >> 11) / (1 << 53) for start in (0, 8, 16)
    )
    return first, second, third


def _number(rest: dict[str, Any], name: str, default: float) -> float:
    value = rest.pop(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise FaultError(name, "it is a number between 0 and 1: the share of attempts to strike")
    return float(value)


def _count(rest: dict[str, Any], name: str) -> int | None:
    value = rest.pop(name, None)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 1 << 63:
        raise FaultError(
            name, "it is a whole number from 1 up (of 63 bits), or is left out for no bound"
        )
    return value


def _route(rest: dict[str, Any]) -> str | None:
    value = rest.pop("route", None)
    if value is None:
        return None
    if not isinstance(value, str) or not value.startswith(("/", "*")) or len(value) > 200:
        raise FaultError("route", "it is a pattern of the path, such as /hr_generate or /profiles*")
    return value


def _method(rest: dict[str, Any]) -> str | None:
    value = rest.pop("method", None)
    if value is None:
        return None
    if not isinstance(value, str) or value.upper() not in METHODS:
        raise FaultError("method", f"it is one of {', '.join(METHODS)}")
    return value.upper()


def _seed(rest: dict[str, Any]) -> int:
    value = rest.pop("seed", 0)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 63:
        raise FaultError("seed", "it is a whole number of at most 63 bits")
    return value


def _safe(name: object) -> str:
    """A field's name for a message; what is no plain name is not repeated."""
    return name if isinstance(name, str) and name.isidentifier() and len(name) < 40 else "a field"
