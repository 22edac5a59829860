"""From what was seen to verdicts. Every check here reads observations alone."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from .meaning import Effect
from .observation import Observation, Request
from .promises import PROMISES, Finding, Verdict, Word
from .scenarios import EVENTS, OUTAGE, SLOW

__all__ = ["differences", "verdicts"]

EARLY = 0.01
"""Seconds by which two readings of time may differ."""

PER_SECOND = 2.0
"""Requests a second, on average, that a server may get while it is out of order."""

MOST_REFUSED = 0.5
"""Share of the requests that may be refused with 429 where a rate limit holds."""

BESIDE = 0.5
"""Seconds before a delivery was answered in which its work may have been done."""

SLOW_CALL = 2.0
"""Seconds after which a caller may have given up on an answer, and rightly asks again."""

IDEMPOTENT = frozenset({"PUT", "DELETE"})
"""Methods whose repetition changes nothing (RFC 9110, 9.2.2)."""


def verdicts(calm: Observation, troubled: Sequence[Observation]) -> list[Verdict]:
    """A verdict on each promise."""
    found: dict[str, list[Finding]] = defaultdict(list)
    for seen in (calm, *troubled):
        for check in CHECKS:
            for finding in check(calm, seen):
                found[finding.promise].append(finding)
    told = []
    for name, promise in PROMISES.items():
        findings = found[name]
        word: Word = "not shown"
        if findings:
            word = "kept" if all(f.kept for f in findings) else "broken"
        told.append(Verdict(promise, word, tuple(findings)))
    return told


def differences(first: Observation, second: Observation) -> tuple[list[Effect], list[Effect]]:
    """The effects that `second` lacks, and those that it has too many of."""
    wanted, done = first.effects, second.effects
    for effect, count in done.items():
        if effect[0] in IDEMPOTENT and wanted[effect]:
            done[effect] = min(count, wanted[effect])
    return _named(wanted - done, first), _named(done - wanted, second)


def _named(left: Counter[tuple[str, str, str]], seen: Observation) -> list[Effect]:
    """Those effects, in the order in which `seen` had them first."""
    named = {effect.compared: effect for effect in reversed(seen.named_effects)}
    order = [effect.compared for effect in seen.named_effects]
    return [named[effect] for effect in sorted(left.elements(), key=order.index)]


def _work(calm: Observation, seen: Observation) -> Iterator[Finding]:
    """The same effects, no more and no fewer."""
    scenario = seen.scenario
    if seen is calm or not seen.struck:
        return
    lacking, beyond = differences(calm, seen)
    if scenario.needs == "webhook" and not (lacking or beyond or _heeds(calm)):
        return
    if _forgot(seen, lacking):
        told = f"{lacking[0]} was never done" if lacking else "it went on waiting"
        what = f"{told}: an event that it acknowledged before it was killed comes no second time."
        yield Finding(EVENTS, False, scenario.name, what)
    elif scenario.missing and not _hangs(calm, seen):
        what = _missing(seen, lacking) if lacking else "all was done"
        yield Finding(scenario.missing, not lacking, scenario.name, what, _last(seen, lacking[:1]))
    if scenario.doubled:
        shown, number = "nothing was done twice", None
        if beyond:
            did = [r for r in seen.requests.values() if r.effect == beyond[0]]
            meant, number = calm.effects[beyond[0].compared], did[-1].number
            shown = (
                f"{beyond[0]} was done {_times(len(did))} where {meant or 'none'} was meant, by "
            )
            shown += f"{_numbers(did)}."
        yield Finding(scenario.doubled, not beyond, scenario.name, shown, number)


def _hangs(calm: Observation, seen: Observation) -> bool:
    """Whether it did not end because it waits for an answer, and not because it tries in vain."""
    if seen.ended:
        return False
    lacking = differences(calm, seen)[0]
    in_vain = lacking and seen.scenario.missing not in (None, SLOW)
    return not in_vain and not _forgot(seen, lacking)


def _forgot(seen: Observation, lacking: Sequence[Effect]) -> bool:
    """Whether it lacks, or waits for, what an event asked of it that it acknowledged too early.

    It was killed after that, did its other work in its second start, and never tried this again.
    """
    killed = min((mark.at for mark in seen.marks if mark.what == "kill"), default=None)
    if killed is None or (seen.ended and not lacking):
        return False
    if not any(d.acknowledged and d.at <= killed for d in seen.deliveries):
        return False
    last = _last(seen, lacking)
    tried_again = last is not None and seen.requests[last].at > killed
    return not tried_again and any(request.at > killed for request in seen.requests.values())


def _heeds(calm: Observation) -> bool:
    """Whether the server sees it do something once events come, which then could have been lost."""
    first = min((d.at for d in calm.deliveries if d.what == "genuine"), default=None)
    done = [request.at for request in calm.requests.values() if request.effect]
    return first is not None and any(at >= first - BESIDE for at in done)


def _missing(seen: Observation, lacking: Sequence[Effect]) -> str:
    told = f"{lacking[0]} was never done"
    if len(lacking) > 1:
        told += f", and {len(lacking) - 1} more"
    last = _last(seen, lacking[:1])
    if last is None:
        place = (lacking[0].method, lacking[0].route)
        cut = [r for r in seen.requests.values() if not r.meaning and (r.method, r.path) == place]
        if cut:  # which, nobody knows: it was broken off before its body was read
            return f"{told}; request {cut[-1].number}, which may have been for it, was broken off."
        return f"{told}; no request for it came."
    request = seen.requests[last]
    met = request.fault or (f"status {request.status}" if request.status else "the end")
    return f"{told}: its last attempt, request {last}, met {met}."


def _last(seen: Observation, effects: Iterable[Effect]) -> int | None:
    """The last request that asked for one of `effects`."""
    wanted = {(effect.method, effect.meaning) for effect in effects}
    numbers = [r.number for r in seen.requests.values() if (r.method, r.meaning) in wanted]
    return max(numbers, default=None)


def _waits(calm: Observation, seen: Observation) -> Iterator[Finding]:
    """Never earlier than asked."""
    by_call: dict[tuple[str, str, str], list[Request]] = defaultdict(list)
    for request in seen.requests.values():
        by_call[request.call].append(request)
    shown = None
    for attempts in by_call.values():
        for before, after in itertools.pairwise(attempts):
            if before.retry_after is None or before.ended is None or before.effect:
                continue
            waited = after.at - before.ended
            if waited < before.retry_after - EARLY:
                yield Finding(
                    "waits-as-asked",
                    False,
                    seen.scenario.name,
                    f"{after} came {waited:.2f} s after the answer that asked for "
                    f"{before.retry_after:g} s.",
                    after.number,
                )
                return
            shown = after
    if shown is not None:
        yield Finding("waits-as-asked", True, seen.scenario.name, f"{shown} waited.", shown.number)


def _outage(calm: Observation, seen: Observation) -> Iterator[Finding]:
    for mark in seen.marks:
        if mark.what != "outage":
            continue
        during = [r for r in seen.requests.values() if mark.at <= r.at < mark.at + OUTAGE]
        bound = int(PER_SECOND * OUTAGE)
        yield Finding(
            "spares-a-server-that-is-down",
            len(during) <= bound,
            seen.scenario.name,
            f"{len(during)} requests came during the outage of {OUTAGE:g} s; {bound} are fair.",
            during[-1].number if len(during) > bound else None,
        )


def _keys(calm: Observation, seen: Observation) -> Iterator[Finding]:
    """A key on every POST, the same for a retry, never for two requests."""
    name = seen.scenario.name
    posts = [r for r in seen.requests.values() if r.method == "POST" and _does(calm, r)]
    if posts:
        bare = [r for r in posts if r.key is None]
        shown = f"{bare[0]} carried no Idempotency-Key." if bare else "each carried one"
        yield Finding(
            "sends-a-key-with-every-post", not bare, name, shown, bare[0].number if bare else None
        )
    bodies: dict[str, Request] = {}
    keys: dict[tuple[str, str, str], list[Request]] = defaultdict(list)
    reused = None
    for request in seen.requests.values():
        if request.key is None or not request.meaning:
            continue
        first = bodies.setdefault(request.key, request)
        if first.call != request.call:
            reused = reused or (first, request)
        if all(known.key != request.key for known in keys[request.call]):
            keys[request.call].append(request)
    if bodies:
        shown = "each key came with one request"
        if reused:
            shown = f"{reused[1]} carried the key of {reused[0]}."
        yield Finding(
            "uses-a-key-for-one-request",
            reused is None,
            name,
            shown,
            reused[1].number if reused else None,
        )
    yield from _kept_keys(calm, seen, keys)


def _kept_keys(
    calm: Observation, seen: Observation, keys: dict[tuple[str, str, str], list[Request]]
) -> Iterator[Finding]:
    if seen is calm or not seen.struck:
        return
    meant = Counter(r.call for r in calm.requests.values() if r.key is not None)
    tried = Counter(r.call for r in seen.requests.values() if r.key is not None)
    retried = False
    for call, firsts in keys.items():
        if not meant[call]:
            continue
        retried = retried or tried[call] > meant[call]
        blind = [r for r in firsts[meant[call] :] if not _has_looked(seen, firsts[0], r)]
        if blind:
            other = blind[0]
            yield Finding(
                "keeps-the-key-for-a-retry",
                False,
                seen.scenario.name,
                f"{other} carried another key than {firsts[0]}, whose retry it is.",
                other.number,
            )
            return
    if retried:
        yield Finding("keeps-the-key-for-a-retry", True, seen.scenario.name, "it was the same")


def _has_looked(seen: Observation, first: Request, later: Request) -> bool:
    """Whether it has read, in between, what there is at that address: no retry then, a new call."""
    return any(
        r.method == "GET" and r.path == first.path and r.status == 200 and not r.fault
        for r in seen.requests.values()
        if first.number < r.number < later.number
    )


def _does(calm: Observation, request: Request) -> bool:
    """Whether such a request does something, as the calm run has shown."""
    return request.effect is not None or any(
        r.effect and r.path == request.path for r in calm.requests.values()
    )


def _refusals(calm: Observation, seen: Observation) -> Iterator[Finding]:
    """The share of its requests that come too fast."""
    if seen.scenario.name != "rate-limit" or not seen.requests:
        return
    refused = [r for r in seen.requests.values() if r.status == 429]
    share = len(refused) / len(seen.requests)
    kept = share <= MOST_REFUSED
    yield Finding(
        "is-seldom-refused",
        kept,
        seen.scenario.name,
        f"{len(refused)} of {len(seen.requests)} requests were refused with 429; half is fair.",
        None if kept else refused[-1].number,
    )


def _tokens(calm: Observation, seen: Observation) -> Iterator[Finding]:
    """One token for each start, and one more where the first has ended."""
    if seen.scenario.needs != "token" and seen is not calm:
        return
    if not seen.token_calls:
        return
    calls = [r for r in seen.token_calls if (r.ended or r.at) - r.at < SLOW_CALL]
    fair = 1 if seen is calm else 2
    kept = len(calls) <= fair
    shown = "it got no more than it had to"
    if not kept:
        shown = f"it got {len(calls)} tokens where {fair} would do: {_numbers(calls)}."
    number = None if kept else calls[fair].number
    yield Finding("reuses-its-token", kept, seen.scenario.name, shown, number)


def _events(calm: Observation, seen: Observation) -> Iterator[Finding]:
    """What became of events that are not to be believed, and of those that came twice."""
    name = seen.scenario.name
    answered = [d for d in seen.deliveries if d.status is not None]
    if name in ("forged", "old"):
        believed = [d for d in answered if d.what != "genuine"]
        taken = [d for d in believed if d.acknowledged]
        if believed:
            shown = f"{len(believed)} refused"
            if taken:
                shown = f"an event that {taken[0].what} was answered {taken[0].status}"
                shown += f", and {len(taken) - 1} more like it." if taken[1:] else "."
            promise = "refuses-forgeries" if name == "forged" else "refuses-old-events"
            yield Finding(promise, not taken, name, shown)
    elif name == "doubled":
        again = [d for d in answered if d.what == "duplicate"]
        refused = [d for d in again if not d.acknowledged]
        if again:
            shown = f"{len(again)} acknowledged"
            if refused:
                shown = f"the second {refused[0].event} was answered {refused[0].status}."
            yield Finding("takes-duplicates", not refused, name, shown)


def _ends(calm: Observation, seen: Observation) -> Iterator[Finding]:
    if not seen.ended and not _hangs(calm, seen):
        return
    last = max(seen.requests, default=None)
    shown = f"it ended after {seen.seconds:.1f} s"
    if not seen.ended:
        shown = f"it had not ended after {seen.seconds:.0f} s"
        if last is not None:
            met = seen.requests[last].fault
            shown += f"; its last was {seen.requests[last]}" + (f", which met {met}" if met else "")
        shown += "."
    yield Finding("ends", seen.ended, seen.scenario.name, shown, None if seen.ended else last)


def _credentials(calm: Observation, seen: Observation) -> Iterator[Finding]:
    shown = seen.leaks[0] if seen.leaks else "nowhere else"
    yield Finding("keeps-its-credentials", not seen.leaks, seen.scenario.name, shown)


def _numbers(requests: Sequence[Request]) -> str:
    *others, last = [str(request.number) for request in requests]
    return f"requests {', '.join(others)} and {last}" if others else f"request {last}"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


CHECKS = (_work, _waits, _outage, _refusals, _keys, _tokens, _events, _ends, _credentials)
