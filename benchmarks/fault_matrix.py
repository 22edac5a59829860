"""Every fault, at every point of a request, against every method of the client.

Each cell is one fault and one method, in three situations:

- *once*: the fault strikes the first attempt. The call has to come through, unless the client
  holds that a repeat is not its decision (an answer that is no answer of this API, a 500 after a
  write, a health check).
- *always*: every attempt, under a deadline. The call has to fail with a typed error in time.
- *alone*: every attempt, with no retries. It has to fail in time, by `timeout`.

After each, the fault is lifted, and what had failed is called again under the same idempotency
key. Nothing is lost if all succeed then; nothing is duplicated if the server's database holds one
effect for each key. The database is asked directly, not the API.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.awaited import FACES
from benchmarks.harness import Goal, Options, Result, stage
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.errors import ResonanceError
from resonance_helpers.client.transport import NO_RETRIES, RetryPolicy
from resonance_sandbox import start
from resonance_sandbox.faults.control import Faults

UNLIMITED = 10**9
THREADS = 30
VECTOR = [0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8]
OTHER = [0.5, 0.2, 0.3, 0.6, 0.4, 0.2, 0.3, 0.7]

Fault = tuple[str, dict[str, Any]]


def faults(timeout: float) -> dict[str, Fault]:
    """Each fault by a name that says at which point of a request it strikes.

    The slow ones outlast `timeout`.
    """
    longer = 1.5 * timeout
    plain: dict[str, Fault] = {
        f"{status} before the work": ("status", {"status": status})
        for status in (408, 429, 500, 502, 503, 504)
    }
    plain |= {
        f"{status} after the work": ("status", {"status": status, "when": "after"})
        for status in (500, 502, 503, 504)
    }
    return plain | {
        "429, Retry-After 0": ("rate_limited", {"retry_after": 0}),
        "429, Retry-After malformed": ("rate_limited", {"retry_after": "malformed"}),
        "503, Retry-After 0": ("unavailable", {"retry_after": 0}),
        "503, Retry-After a date": ("unavailable", {"retry_after": "date"}),
        "503, Retry-After an hour": ("unavailable", {"retry_after": 3600}),
        "latency and jitter": ("latency", {"seconds": 0.02, "jitter": 0.05}),
        "latency beyond the timeout": ("latency", {"seconds": longer}),
        "reset before the request": ("reset_before_request", {}),
        "reset mid-request": ("reset_mid_request", {}),
        "reset after commit": ("reset_after_commit", {}),
        "reset mid-head": ("reset_mid_headers", {}),
        "reset mid-body": ("reset_mid_body", {}),
        "closed before the work": ("close_without_answer", {}),
        "closed after the work": ("close_without_answer", {"when": "after"}),
        "body cut short": ("truncated_body", {}),
        "JSON cut short": ("truncated_json", {}),
        "malformed JSON": ("malformed_json", {}),
        "empty body": ("empty_body", {}),
        "HTML before the work": ("html", {}),
        "HTML after the work": ("html", {"when": "after"}),
        "bytes that are not HTTP": ("not_http", {}),
        "dripped head": ("drip_headers", {"interval": timeout / 20}),
        "dripped body": ("drip_body", {"interval": timeout / 20}),
        "stall mid-body": ("stall_mid_body", {"seconds": longer}),
        "stalled accept": ("stalled_accept", {"seconds": longer}),
        "slow close": ("slow_close", {"seconds": longer}),
        "narrow bandwidth": ("bandwidth", {"bytes_per_second": 20 / timeout}),
    }


@dataclass
class Sandbox:
    """A sandbox under test: where it is, what it stores, how to break it, and how it is called."""

    url: str
    database: Path
    faults: Faults
    verify: str | bool = True
    face: str = "threads"

    def client(self, **options: Any) -> ResonanceOSAPIClient:
        """A client with connections of its own."""
        api: ResonanceOSAPIClient = FACES[self.face](self.url, **options)
        api.session.verify = self.verify
        return api

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says, read beside the server."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            return db.execute(query).fetchall()


@contextlib.contextmanager
def sandbox(scheme: str, folder: Path, face: str) -> Iterator[Sandbox]:
    """A sandbox that speaks http or https, and is called by a face of the client."""
    database = folder / f"{scheme}-{face}.db"
    if scheme == "http":
        with start(
            database=database, rate_limit=UNLIMITED, burst=UNLIMITED, quota=UNLIMITED
        ) as own:
            yield Sandbox(own.url, database, Faults(own.url), face=face)
        return
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    trusted, chain, key = (folder / name for name in ("ca.pem", "chain.pem", "key.pem"))
    authority.cert_pem.write_to_path(trusted)
    issued.private_key_pem.write_to_path(key)
    for part in issued.cert_chain_pems:
        part.write_to_path(chain, append=True)
    command = [sys.executable, "-m", "benchmarks.secure_sandbox", database, chain, key]
    with subprocess.Popen(
        [*map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[1],
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            url = json.loads(process.stdout.readline())["url"]
            verify = str(trusted)
            yield Sandbox(url, database, Faults(url, verify=verify), verify, face)
        finally:
            process.stdin.close()


@dataclass(frozen=True)
class Trial:
    """One call to make: on something of its own, under a key of its own."""

    method: str
    name: str
    key: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def writes(self) -> bool:
        return self.method in ("generate_content", "create_profile")

    def make(self, api: ResonanceOSAPIClient) -> dict[str, Any]:
        """Make the call."""
        return _CALLS[self.method](api, self)


Make = Callable[[ResonanceOSAPIClient, Trial], dict[str, Any]]


def _generate(api: ResonanceOSAPIClient, trial: Trial) -> dict[str, Any]:
    return api.generate_content(
        f"About {trial.name}",
        "default",
        paragraphs=1,
        max_length=120,
        temperature=0,
        idempotency_key=trial.key,
    )


def _iterate(api: ResonanceOSAPIClient, trial: Trial) -> dict[str, Any]:
    try:
        return {"profiles": list(api.iter_profiles("default"))}
    except ResonanceError as error:
        return error.as_dict()


_CALLS: dict[str, Make] = {
    "health_check": lambda api, trial: api.health_check(),
    "get_system_metrics": lambda api, trial: api.get_system_metrics(),
    "get_prometheus_metrics": lambda api, trial: api.get_prometheus_metrics(),
    "get_tenants": lambda api, trial: api.get_tenants(),
    "get_profiles": lambda api, trial: api.get_profiles("default"),
    "iter_profiles": _iterate,
    "get_profile": lambda api, trial: api.get_profile("default", "house_style"),
    "get_webhooks": lambda api, trial: api.get_webhooks("default"),
    "measure_text": lambda api, trial: api.measure_text(f"We saw {trial.name} at last."),
    "generate_content": _generate,
    "create_profile": lambda api, trial: api.create_profile(
        "default", trial.name, VECTOR, idempotency_key=trial.key
    ),
    "update_profile": lambda api, trial: api.update_profile("default", trial.name, OTHER),
    "delete_profile": lambda api, trial: api.delete_profile("default", trial.name),
}
METHODS = tuple(_CALLS)

SITUATIONS = ("once", "always", "alone")


@dataclass
class Tally:
    """What became of the calls under one fault."""

    calls: int = 0
    succeeded: int = 0
    types: Counter[str] = field(default_factory=Counter)
    overshoots: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __iadd__(self, other: Tally) -> Tally:
        self.calls += other.calls
        self.succeeded += other.succeeded
        self.types += other.types
        self.overshoots += other.overshoots
        self.wrong += other.wrong
        self.trials += other.trials
        return self


def strike(
    server: Sandbox,
    name: str,
    fault: Fault,
    situation: str,
    *,
    timeout: float,
    methods: tuple[str, ...] = METHODS,
    repeats: int = 1,
) -> Tally:
    """Make `repeats` calls of each method, many at a time, against one fault in one situation."""
    kind, parameters = fault
    tally = Tally()
    plan = [
        Trial(method, f"t{uuid.uuid4().hex[:12]}") for _ in range(repeats) for method in methods
    ]
    clean = server.client(on_error="raise")
    for trial in plan:
        if trial.method in ("update_profile", "delete_profile"):
            clean.create_profile("default", trial.name, VECTOR)

    options: dict[str, Any] = {"timeout": timeout, "retry": RetryPolicy(base=0.02)}
    bound = math.inf
    if situation == "once":
        parameters = {**parameters, "attempts": 1}
        # Patient enough for a busy machine, where attempts run into `timeout` without a fault.
        options["deadline"] = 60 * timeout
        options["retry"] = RetryPolicy(base=0.02, max_attempts=50)
    elif situation == "always":
        options["deadline"] = bound = 1.5 * timeout
    else:
        options["retry"], bound = NO_RETRIES, timeout

    def call(trial: Trial) -> dict[str, Any] | None:
        with server.client(**options) as api:
            if not trial.writes:
                # Reads have no key, so nothing tells two apart: here, a header does.
                api.session.headers["Idempotency-Key"] = trial.key
            began = time.perf_counter()
            try:
                answer = trial.make(api)
            except Exception as error:
                with tally.lock:
                    tally.wrong.append(f"{trial.method}: untyped {error!r}")
                return None
            elapsed = time.perf_counter() - began
        with tally.lock:
            tally.calls += 1
            tally.overshoots.append(max(0.0, elapsed - bound))
            if answer.get("status") != "error":
                tally.succeeded += 1
                return answer
            tally.types[answer["type"]] += 1
            must = situation == "once" and answer["retryable"] and trial.method != "health_check"
            if must and (answer["retry_after"] or 0) <= options["deadline"]:
                tally.wrong.append(f"{trial.method}: gave up on {answer['type']}")
        return answer

    server.faults.add(kind, **parameters)
    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(call, plan))
    server.faults.clear()

    for trial, answer in zip(plan, answers, strict=True):
        _recover(server, clean, trial, answer, tally)
    tally.wrong = [f"{name}, {situation}: {what}" for what in tally.wrong]
    clean.close()
    return tally


def _recover(
    server: Sandbox,
    clean: ResonanceOSAPIClient,
    trial: Trial,
    answer: dict[str, Any] | None,
    tally: Tally,
) -> None:
    """Call again what failed, and see that everything is as if nothing had been."""
    failed = answer is None or answer.get("status") == "error"
    try:
        if trial.writes:
            tally.trials.append(trial)
            if failed:
                trial.make(clean)
        elif failed and trial.method == "update_profile":
            trial.make(clean)
        elif failed and trial.method == "delete_profile":
            with contextlib.suppress(ResonanceError):  # 404 where it was done
                trial.make(clean)
        if trial.method == "update_profile":
            found = clean.get_profile("default", trial.name)["hrv_vector"]
            if found != OTHER:
                tally.wrong.append("update_profile: lost")
        if trial.method == "delete_profile":
            gone = clean.with_options(on_error="return").get_profile("default", trial.name)
            if gone.get("response_code") != 404:
                tally.wrong.append("delete_profile: lost")
        if trial.method in ("create_profile", "update_profile"):
            clean.delete_profile("default", trial.name)
    except ResonanceError as error:
        tally.wrong.append(f"{trial.method}: not to be recovered: {error}")


def effects(server: Sandbox, trials: list[Trial]) -> tuple[int, int]:
    """How many effects there are twice, and how many not at all, says the database.

    An effect and the record under its key stand in one transaction, so an effect beyond the
    number of keys is a duplicate.
    """
    kept = {row[0] for row in server.rows("SELECT key FROM idempotency")}
    generated = server.rows("SELECT count(*) FROM generations")[0][0]
    keys = {trial.key for trial in trials if trial.method == "generate_content"}
    lost = sum(trial.key not in kept for trial in trials)
    return generated - len(keys & kept), lost


def matrix(
    schemes: tuple[str, ...] = ("http", "https"),
    *,
    timeout: float = 1.0,
    repeats: int = 1,
    only: Callable[[str], bool] = lambda name: True,
    situations: tuple[str, ...] = SITUATIONS,
    face: str = "threads",
) -> tuple[dict[str, Tally], int, int]:
    """The whole matrix: a tally for each fault, and the duplicates and losses of all."""
    tallies: dict[str, Tally] = {}
    duplicates = lost = 0
    chosen = {name: fault for name, fault in faults(timeout).items() if only(name)}
    with tempfile.TemporaryDirectory() as folder:
        for scheme in schemes:
            everything = Tally()
            with sandbox(scheme, Path(folder), face) as server:
                for name, fault in chosen.items():
                    for situation in situations:
                        with stage(f"{face}, {scheme}: {name}, {situation}"):
                            tally = strike(
                                server, name, fault, situation, timeout=timeout, repeats=repeats
                            )
                        everything += tally
                        tallies[name] = tallies.get(name, Tally())
                        tallies[name] += tally
                time.sleep(2 * timeout)  # what stalled is served late, and must change nothing
                twice, missing = effects(server, everything.trials)
            duplicates += twice
            lost += missing
    return tallies, duplicates, lost


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def run(options: Options) -> list[Result]:
    """The matrix as a table for each face. A quick run takes fewer faults, once, over http."""
    return [_table(options.quick, face) for face in FACES]


def _table(quick: bool, face: str) -> Result:
    tallies, duplicates, lost = matrix(
        ("http",) if quick else ("http", "https"),
        timeout=0.3 if quick else 1.0,
        repeats=1 if quick else 5,
        only=(lambda name: name == "reset after commit") if quick else lambda name: True,
        face=face,
    )
    rows = [
        (
            name,
            tally.calls,
            tally.succeeded,
            ", ".join(f"{kind} {count}" for kind, count in tally.types.most_common()) or "none",
            len(tally.wrong),
            round(1000 * percentile(tally.overshoots, 0.99), 1),
        )
        for name, tally in tallies.items()
    ]
    calls = sum(tally.calls for tally in tallies.values())
    wrong = [what for tally in tallies.values() for what in tally.wrong]
    overshoot = percentile([o for tally in tallies.values() for o in tally.overshoots], 0.99)
    name, how = (
        ("fault_matrix", "") if face == "threads" else (f"fault_matrix-{face}", f", by {face}")
    )
    return Result(
        name,
        f"Every fault at every point of a request{how}",
        ("fault", "calls", "succeeded", "typed failures", "wrong", "overshoot p99, ms"),
        rows,
        notes=[
            f"{len(tallies)} faults, {len(METHODS)} methods, three situations each "
            "(see the module), http and https",
            *wrong[:20],
        ],
        goals=[
            Goal("calls", calls, 10_000, at_least=True),
            Goal("duplicated effects", duplicates, 0),
            Goal("lost", lost, 0),
            Goal("calls gone wrong (untyped, given up, not to be recovered)", len(wrong), 0),
            Goal("deadline overshoot p99, ms", round(1000 * overshoot, 1), 100),
        ],
    )
