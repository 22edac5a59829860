# ruff: noqa: RUF001 (typographic and full-width punctuation is meant)
"""Every regular expression that meets a caller's text takes time linear in its length.

That is held by structure. Each pattern's parse tree is walked, and three things are refused:
a repeat without a bound inside another, or beside one, that can take the same characters (a match
has many ways to be the same); and, where a pattern is searched for, such a repeat before something
that has to follow, unless it can begin at one place of a run alone (else each place of a run is
tried, and each try reads the rest of it). What is measured is in the soak at the end.
"""

import ast
import contextlib
import gc
import hashlib
import importlib
import inspect
import itertools
import json
import pkgutil
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any

import pytest

from resonance_helpers.client.transport.answer import Answer
from resonance_helpers.client.transport.rate_limit import RateLimit
from resonance_helpers.client.transport.retry_after import parse_retry_after
from resonance_sandbox.http.problems import Problem
from resonance_sandbox.http.strict_json import loads
from resonance_sandbox.scoring import cues_of, measure
from resonance_sandbox.tenants.attendees import tenant_of
from resonance_sandbox.writer.domains import domain_of
from resonance_sandbox.writer.subject import subject_of

PACKAGES = (
    "resonance_sandbox",
    "resonance_helpers.client",
    "resonance_helpers.batch",
    "resonance_helpers.webhooks",
)
SEARCHING = {"search", "sub", "subn", "split", "findall", "finditer"}
ANCHORED = {"match", "fullmatch"}
FEW = 1_000
"""Repeats up to so many are a constant factor."""
UNIVERSE = frozenset(map(chr, range(0x250))) | frozenset("’“”…。！？、，：；\u2028\u3000日αя🚀")
CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d",
    sre.CATEGORY_NOT_DIGIT: r"\D",
    sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S",
    sre.CATEGORY_WORD: r"\w",
    sre.CATEGORY_NOT_WORD: r"\W",
}
Chars = frozenset[str]


@dataclass
class Walk:
    """One walk of a pattern's tree, and what was found on it."""

    flags: int
    searching: bool
    faults: list[str] = field(default_factory=list)
    loops: int = 0

    def single(self, node: tuple[Any, Any]) -> Chars | None:
        """The characters that `node` takes one of; None where it is no such node."""
        op, arg = node
        if op is sre.LITERAL:
            return self._cased({chr(arg)})
        if op is sre.NOT_LITERAL:
            return UNIVERSE - self._cased({chr(arg)})
        if op is sre.ANY:
            return UNIVERSE if self.flags & re.DOTALL else UNIVERSE - {"\n"}
        if op is not sre.IN:
            return None
        found: set[str] = set()
        for kind, value in arg:
            if kind is sre.LITERAL:
                found.add(chr(value))
            elif kind is sre.RANGE:
                found |= {c for c in UNIVERSE if value[0] <= ord(c) <= value[1]}
            elif kind is sre.CATEGORY:
                taken = re.compile(CATEGORIES[value], self.flags & re.ASCII)
                found |= {c for c in UNIVERSE if taken.match(c)}
        cased = self._cased(found)
        return UNIVERSE - cased if (sre.NEGATE, None) in arg else cased

    def _cased(self, chars: set[str]) -> Chars:
        if self.flags & re.IGNORECASE:
            chars = chars | {c.lower() for c in chars} | {c.upper() for c in chars}
        return frozenset(chars)

    def inner(self, node: tuple[Any, Any]) -> list[list[Any]]:
        """The sequences within `node`: one, or one for each branch."""
        op, arg = node
        if op is sre.SUBPATTERN:
            return [list(arg[3])]
        if op is sre.BRANCH:
            return [list(branch) for branch in arg[1]]
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            return [list(arg[2])]
        if op is sre.ATOMIC_GROUP:
            return [list(arg)]
        assert op in (sre.AT, sre.ASSERT, sre.ASSERT_NOT), f"the walk does not know {op}"
        return []

    def may_be_empty(self, sequence: list[Any]) -> bool:
        return all(self._optional(node) for node in sequence)

    def _optional(self, node: tuple[Any, Any]) -> bool:
        op, arg = node
        if self.single(node) is not None or op in (sre.AT, sre.ASSERT):
            return False  # an assertion takes nothing, but it can fail
        if op is sre.ASSERT_NOT:
            return False
        repeated = op in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
        return (repeated and arg[0] == 0) or any(map(self.may_be_empty, self.inner(node)))

    def first(self, sequence: list[Any], after: Chars = frozenset()) -> Chars:
        """What the match of `sequence`, followed by `after`, can begin with."""
        found: Chars = frozenset()
        for node in sequence:
            one = self.single(node)
            if one is not None:
                return found | one
            for part in self.inner(node):
                found |= self.first(part)
            if not self._optional(node) and node[0] not in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
                return found
        return found | after

    def look(
        self, sequence: list[Any], after: Chars, required: bool, before: tuple[Chars, ...]
    ) -> tuple[Chars, ...]:
        """Walk `sequence`.

        Args:
            sequence: What is walked.
            after: What can follow it.
            required: Whether something has to.
            before: The characters that have been taken, one at a time, since a match began.
        """
        for i, node in enumerate(sequence):
            rest = sequence[i + 1 :]
            follows = self.first(rest, after)
            needed = required or not self.may_be_empty(rest)
            one = self.single(node)
            if one is not None:
                before = (*before, one)
            elif node[0] is sre.AT:
                if node[1] in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
                    before = (
                        *before,
                        frozenset("\n") if self.flags & re.MULTILINE else frozenset(),
                    )
            elif node[0] in (sre.ASSERT, sre.ASSERT_NOT):
                direction, inside = node[1]
                if direction > 0:
                    self.look(list(inside), frozenset(), True, before)
                elif node[0] is sre.ASSERT_NOT and len(inside) == 1 and self.single(inside[0]):
                    before = (*before, UNIVERSE - (self.single(inside[0]) or frozenset()))
            elif node[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
                least, most, body = node[1]
                body = list(body)
                if most > FEW:
                    taken = self.all_in(body)
                    begun = self.first(body)
                    if begun & follows and node[0] is not sre.POSSESSIVE_REPEAT:
                        self.faults.append(f"overlaps what follows: {sorted(begun & follows)[:5]}")
                    if self.searching and needed and all(taken & chars for chars in before):
                        self.faults.append("a repeat before a required tail can begin anywhere")
                    self.loops += 1
                    self.look(body, begun | follows, needed, before)
                    self.loops -= 1
                else:
                    found = self.look(body, follows | begun_again(self, body, most), needed, before)
                    if least:
                        before = found
            elif node[0] is sre.BRANCH:
                begun = [self.first(branch, follows) for branch in self.inner(node)]
                if self.loops and sum(map(len, begun)) > len(frozenset().union(*begun)):
                    self.faults.append("a repeat takes one of several that begin alike")
                for branch in self.inner(node):
                    self.look(branch, follows, needed, before)
            else:
                for part in self.inner(node):
                    before = self.look(part, follows, needed, before)
        return before

    def all_in(self, sequence: list[Any]) -> Chars:
        """Every character that `sequence` can take."""
        found: Chars = frozenset()
        for node in sequence:
            found |= self.single(node) or frozenset()
            if self.single(node) is None:
                found = found.union(*map(self.all_in, self.inner(node)))
        return found


def begun_again(walk: Walk, body: list[Any], most: int) -> Chars:
    return walk.first(body) if most > 1 else frozenset()


def faults_of(pattern: str | bytes, flags: int, *, searching: bool) -> list[str]:
    """What is wrong with the structure of `pattern`."""
    tree = parser.parse(pattern, flags)
    flags = tree.state.flags | (re.ASCII if isinstance(pattern, bytes) else 0)
    walk = Walk(flags, searching)
    walk.look(list(tree), frozenset(), False, ())
    return walk.faults


@dataclass(frozen=True)
class Use:
    """A pattern and where it is used."""

    pattern: str | bytes
    flags: int
    searching: bool
    where: str


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        found = importlib.import_module(package)
        yield found
        for info in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not info.name.endswith("__main__"):
                yield importlib.import_module(info.name)


def uses() -> list[Use]:
    """Each use of a pattern: compiled in a module's name or list, or written into the call."""
    found = []
    for module in modules():
        held = [
            pattern
            for value in vars(module).values()
            for pattern in (value if isinstance(value, list | tuple) else [value])
            if isinstance(pattern, re.Pattern)
        ]
        met = set()
        for node in ast.walk(ast.parse(inspect.getsource(module) or "")):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            method, where = node.func.attr, f"{module.__name__}:{node.lineno}"
            if method not in SEARCHING | ANCHORED:
                continue
            owner = value_of(node.func.value, module)
            if owner is re:
                pattern = value_of(node.args[0], module)
                assert isinstance(pattern, str | bytes), f"{where}: give the pattern a name"
                flags = next((value_of(k.value, module) for k in node.keywords if k.arg == "flags"),
                             value_of(node.args[-1], module))  # fmt: skip
                flags = flags if isinstance(flags, re.RegexFlag) else 0
                found.append(Use(pattern, int(flags), method in SEARCHING, where))
            elif isinstance(owner, re.Pattern):
                met.add(owner)
                found.append(Use(owner.pattern, owner.flags, method in SEARCHING, where))
        for pattern in held:
            if pattern not in met:  # used elsewhere, or as an item of a list: taken at the worst
                found.append(Use(pattern.pattern, pattern.flags, True, module.__name__))
    return found


def value_of(node: ast.AST, module: ModuleType) -> Any:
    try:
        code = compile(ast.Expression(node), "pattern", "eval")  # type: ignore[arg-type]
        return eval(code, vars(module))
    except Exception:
        return None  # a name of a function's own


def test_every_pattern_is_linear_by_structure() -> None:
    found = uses()
    assert len(found) > 35
    assert {use.where.split(":")[0].rsplit(".", 1)[0] for use in found} >= {
        "resonance_sandbox.scoring",
        "resonance_sandbox.writer",
        "resonance_sandbox.http",
        "resonance_helpers.client.transport",
        "resonance_helpers.webhooks",
    }
    faulty = {
        (use.where, use.pattern): faults
        for use in found
        if (faults := faults_of(use.pattern, use.flags, searching=use.searching))
    }
    assert faulty == {}


@pytest.mark.parametrize(
    ("pattern", "searching"),
    [
        (r"[.!?…]+[\"”]*(?=\s|$)", True),  # froze the server: 99,999 dots and a letter
        (r"(a+)+b", False),
        (r"(?:abx|a[b-d]x)*c", False),
        (r"(?:a*,?)*b", False),
        (r"\s*a\s*(?:;[^,]*?)?;b", True),
        (r"\S+@\S+\.\w+", True),
        (r"\w+\d+x", False),
        (r"\s+$", True),
        (r"(?m)^.*\r\n", True),
        (r"a[^b]*b", True),
    ],
)
def test_the_walk_sees_what_is_not_linear(pattern: str, searching: bool) -> None:
    assert faults_of(pattern, 0, searching=searching)


@pytest.mark.parametrize(
    ("pattern", "searching"),
    [
        (r"\d+(?:[.,]\d+)*%?", True),
        (r"\n[^\S\n]*\n", True),
        (r"(?<![a-z])[a-z]+!", True),
        (r"^[a-z]+!", True),
        (r"[a-z]+!", False),
        (r"<[^<>]{0,200}>", True),
        (r"[a-z0-9]+", True),
    ],
)
def test_the_walk_lets_pass_what_is(pattern: str, searching: bool) -> None:
    assert faults_of(pattern, 0, searching=searching) == []


def test_fields_are_matched_by_an_engine_without_backtracking() -> None:
    """`pattern=` of a field goes to pydantic's Rust engine, which is linear by construction."""
    for module in modules():
        assert "regex_engine" not in inspect.getsource(module)


# Measured, by the CPU time of this thread: no doubling of a text takes more than 2.5 times as long.
UNITS = (
    *".!?…。,:;-'’\")]<{_@%#aA1é日😀\u0300\n\t\x1c",
    *("a. ", "Mr. ", "1. ", "1.", "1,", "e.g. ", "a-", "a' ", "! ", "!? ", "。”", "😀 ", "\n- "),
    *("but ", "not ", "GOOD ", "like a ", "as x as a ", "is ", "been ", "<a>", "a@b.", ":) "),
    *("at least ", "kind of ", '"a";', ";a=1", ";app", "app;dur=", "write about ", "a b.c "),
)  # fmt: skip
PARSERS: dict[str, tuple[Callable[[str], Any], int]] = {
    "measure": (measure, 4_000),
    "subject_of": (subject_of, 1_250),
    "domain_of": (domain_of, 20_000),
    "loads": (lambda text: loads(json.dumps(text).encode()), 25_000),
    "tenant_of": (tenant_of, 20_000),
    "rate limit": (lambda text: RateLimit.from_headers({"RateLimit": text}), 16_000),
    "server time": (lambda text: Answer(headers={"Server-Timing": text}).server_time, 16_000),
    "retry after": (lambda text: parse_retry_after(text, now=0, date=text), 16_000),
}
WORST = 2.5
MOST = 0.25
"""Seconds that one call may keep the interpreter from other threads."""


def grows(call: Callable[[Any], Any], text: Callable[[int], Any], n: int) -> float:
    """By how much the CPU time grows in the worse of two doublings, from `n` to 4 `n`."""

    def seconds(length: int) -> float:
        taken = []
        for _ in range(3):
            cues_of.cache_clear()
            began = time.thread_time()
            call(text(length))
            taken.append(time.thread_time() - began)
        return min(taken)

    floor = 0.002  # below it the clock's own noise is measured
    ratio = WORST + 1
    for _ in range(4):  # what is quadratic is so each time; what a busy machine does is not
        first, second, third = seconds(n), seconds(2 * n), seconds(4 * n)
        ratio = min(ratio, max(second / max(first, floor), third / max(second, floor)))
        if ratio <= WORST:
            break
    return ratio


@pytest.mark.soak
def test_every_pattern_takes_linear_time() -> None:
    slow = {}
    for use in uses():
        walk = Walk(use.flags, use.searching)
        taken = walk.all_in(list(parser.parse(use.pattern, use.flags & ~re.DEBUG)))
        chosen = ["\0", *sorted(taken)[:: max(1, len(taken) // 6)][:7]]
        compiled = re.compile(use.pattern, use.flags)
        call = compiled.search if use.searching else compiled.fullmatch
        for unit in map("".join, itertools.product(chosen, repeat=2)):
            encoded: Any = (
                unit if isinstance(use.pattern, str) else unit.encode("latin-1", "replace")
            )
            ratio = grows(call, lambda n, u=encoded: u * (n // 2), 20_000)
            if ratio > WORST:
                slow[use.where, unit] = ratio
    assert slow == {}


@pytest.mark.soak
@pytest.mark.parametrize("name", PARSERS)
def test_every_parser_takes_linear_time(name: str) -> None:
    call, n = PARSERS[name]
    slow = {}
    for unit in UNITS:
        for end in ("", "a", "! a"):
            ratio = grows(call, lambda n, u=unit, e=end: "x " + u * (n // len(u)) + e, n)
            if ratio > WORST:
                slow[unit, end] = ratio
    assert slow == {}


@pytest.mark.soak
def test_no_call_keeps_the_interpreter() -> None:
    """While a text of the largest size is worked on, another thread runs every 250 ms at least."""
    stop, gaps = threading.Event(), [0.0]

    def tick() -> None:
        before = time.process_time()  # not the wall clock: other programs have their turns, too
        while not stop.wait(0.005):
            now = time.process_time()
            gaps[0] = max(gaps[0], now - before)
            before = now

    watcher = threading.Thread(target=tick)
    bodies = [
        *(json.dumps({"text": u * (900_000 // len(json.dumps(u)))}).encode() for u in UNITS),
        b"[" * 1_000_000,
        b"[" + b"{}," * 340_000 + b"{}]",
        b'{"a":' * 200_000,
        b'{"a":0.' + b"1" * 1_000_000 + b"}",
        b'{"a":' + b"1" * 1_000_000 + b"}",
        b'{"a":1e' + b"9" * 1_000_000 + b"}",
        b'{"a":"' + b"\\ud800" * 160_000 + b'"}',
        b"{" + b",".join(b'"%d":0' % i for i in range(90_000)) + b"}",
    ]
    long = [(unit * 100_000)[:100_000] for unit in UNITS]
    worst: dict[str, float] = {}
    gc.freeze()  # as the server does: what other tests have made is not looked through
    watcher.start()
    try:
        for name, calls in {
            "loads": [lambda body=body: loads(body) for body in bodies],
            "measure": [lambda text=text: measure(text) for text in long],
            "normalize": [lambda text=text: subject_of(text) for text in long],
            "digest": [lambda body=body: hashlib.sha256(body).digest() for body in bodies],
        }.items():
            for i, call in enumerate(calls):
                gaps[0] = 0.0
                with contextlib.suppress(Problem):
                    call()
                time.sleep(0.02)  # so that the watcher sees the end of a call that kept it waiting
                worst[f"{name} {i}"] = gaps[0]
    finally:
        stop.set()
        watcher.join()
        gc.unfreeze()
    assert {name: gap for name, gap in worst.items() if gap > MOST} == {}
