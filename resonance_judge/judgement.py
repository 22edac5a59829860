"""The judgement: two calm runs, then every scenario, then a verdict on each promise."""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .elsewhere import Elsewhere
from .observation import Observation
from .program import Program, seen_in
from .promises import Verdict
from .scenarios import CALM, Need, Scenario, scenarios
from .stage import JudgeError, Stage
from .verdicts import differences, verdicts

__all__ = ["JudgeError", "Judgement", "judge"]

STAY = (
    "Its command ended and left processes at work, which were ended then. "
    "Fix: let it stay until its work is done."
)

URL_SAFE = bytes.maketrans(b"+/", b"-_")
"""From base64's alphabet to that of URLs."""

NO_INPUT = " Fix: let it ask for nothing: it runs without a terminal, and its input is empty."

ASKS = ("EOF", "ioctl", "tty", "terminal")
"""What a program says that wants to be typed to."""

TENANT = "acme_corp"
"""Whose credentials the program gets."""

AT_ONCE = max(4, min(16, 2 * (os.cpu_count() or 1)))
"""Scenarios that run at the same time; most of what they do is wait."""

CALM_LIMIT = 60.0
"""Seconds that a run without trouble may take."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of it: a verdict on each promise, and all that was seen."""

    command: tuple[str, ...]
    seed: int
    verdicts: tuple[Verdict, ...]
    calm: Observation
    troubled: tuple[Observation, ...]

    @property
    def broken(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.verdict == "broken"]


def judge(
    command: Sequence[str],
    *,
    seed: int = 0,
    at_once: int = AT_ONCE,
    only: Callable[[Scenario], bool] = lambda scenario: True,
    told: Callable[[str], None] = lambda line: None,
) -> Judgement:
    """Run `command`, with the caller's rights, through every trouble, and judge it.

    Args:
        command: a program and its arguments.
        seed: decides the moments of what happens once.
        at_once: scenarios that run at the same time.
        only: which scenarios to run.
        told: gets a line for each step.

    Raises:
        JudgeError: it cannot be judged: it does not start, fails or hangs without any trouble,
            does nothing, or does something else each time.
    """
    told("Two runs without trouble: what does it mean to do?")
    calm, again = _calm(command), _calm(command)
    lacking, beyond = differences(calm, again)
    if lacking or beyond:
        raise JudgeError(
            "its two runs without trouble did different things, so nothing can be held against it: "
            f"{(lacking or beyond)[0]} stands in one of them alone. "
            + (
                STAY
                if calm.strays or again.strays
                else "Fix: let it do the same at each start in a new folder (no random texts, no "
                "clock)."
            )
        )
    told(f"It does {calm.effects.total()} things in {calm.seconds:.1f} s.")
    offered = scenarios(
        seed, len(calm.requests), calm.effects.total(), len(calm.deliveries), _has(calm)
    )
    chosen = [one for one in offered if only(one)]

    programs: list[Program] = []

    def run(scenario: Scenario) -> Observation:
        seen = _run(command, scenario, calm.seconds, programs)
        told(f"{scenario.name}: {scenario.title}")
        return seen

    with ThreadPoolExecutor(at_once) as pool:
        runs = [pool.submit(run, scenario) for scenario in chosen]
        try:
            troubled = [one.result() for one in runs]
        except BaseException:  # Ctrl-C, say: nobody waits for what is under way
            pool.shutdown(wait=False, cancel_futures=True)
            for program in programs:
                program.give_up()
            raise
    return Judgement(tuple(command), seed, tuple(verdicts(calm, troubled)), calm, tuple(troubled))


def _has(calm: Observation) -> set[Need]:
    """What the program does, and so can be put to the test."""
    found: set[Need] = {"effects"}
    if calm.token_calls:
        found.add("token")
    if any(delivery.acknowledged for delivery in calm.deliveries):
        found.add("webhook")
    return found


def _calm(command: Sequence[str]) -> Observation:
    seen = _run(command, CALM, 0.0, [])
    if not seen.ended:
        raise JudgeError(
            f"it did not end within {CALM_LIMIT:g} seconds, without any trouble. "
            "Fix: let the command end once its work is done."
        )
    if seen.exit_code != 0:
        last = seen.output.decode("utf-8", "replace").strip().splitlines()[-1:] or ["nothing"]
        if seen.leaks:
            last = ["(not shown here: a credential stands in its output)"]
        told = f"it failed without any trouble, {_exit(seen.exit_code)}"
        told += (
            "" if seen.requests else ", and before any request came to the address RESONANCE_URL"
        )
        raise JudgeError(
            f"{told}; the last that it said: {last[0][:300].rstrip('.')}."
            + (NO_INPUT if any(sign in last[0] for sign in ASKS) else "")
        )
    if not seen.effects:
        raise JudgeError(
            "it made the server do nothing, so there is nothing to judge. "
            + (STAY if seen.strays else "Fix: have it call the address in RESONANCE_URL.")
        )
    return seen


def _exit(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"ended by {signal.Signals(-code).name}"
    return f"with exit code {code}"


def _run(
    command: Sequence[str], scenario: Scenario, calm_seconds: float, programs: list[Program]
) -> Observation:
    """One run through one scenario, of a program that is added to `programs`."""
    observation = Observation(scenario)
    limit = CALM_LIMIT if scenario is CALM else scenario.limit + 3 * calm_seconds
    with tempfile.TemporaryDirectory(prefix="resonance-judge-") as temporary:
        home, folder = Path(temporary), Path(temporary, "folder")
        folder.mkdir()
        receiver = _free_port()
        stands_for = {str(folder): "{folder}"}
        environment = {
            "RESONANCE_FOLDER": str(folder),
            "RESONANCE_RECEIVER_PORT": str(receiver),
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }
        program = Program(command, environment)
        programs.append(program)
        with (
            Elsewhere() as elsewhere,
            Stage(scenario, home, stands_for, observation, program.kill, elsewhere.url) as stage,
        ):
            elsewhere.home = lambda: stage.url
            held = stage.credentials[TENANT]
            program.tell(
                RESONANCE_URL=stage.url,
                RESONANCE_API_KEY=held["api_key"],
                RESONANCE_CLIENT_ID=held["client_id"],
                RESONANCE_CLIENT_SECRET=held["client_secret"],
            )
            sought = _spellings(held["api_key"], held["client_id"], held["client_secret"])
            program.sought = sought
            try:
                _watch(program, observation, limit)
            finally:
                observation.strays = program.end()
            if elsewhere.told([*sought, *_tokens(observation)]):
                observation.leaks.append("a credential came to the host that a redirect named.")
        observation.output = bytes(program.output)
        if program.printed or any(text in program.output for text in _tokens(observation)):
            observation.leaks.append("a credential stands in its output.")
        for request in observation.requests.values():
            if any(text in request.target for text in sought):
                observation.leaks.append(
                    f"a credential stands in the address of {request}, which logs and proxies keep."
                )
        for path in seen_in(folder, sought):
            observation.leaks.append(f"a credential stands in {path.relative_to(folder)}.")
    return observation


def _watch(program: Program, observation: Observation, limit: float) -> None:
    """Run it to its end, and a second time if the judge has killed it."""
    began = time.monotonic()
    try:
        program.start()
    except OSError as error:
        raise JudgeError(
            f"it does not start: {error.strerror or error}. "
            "Fix: name a command that can be found and may be run, such as python3 program.py"
        ) from None
    code = program.wait(limit)
    if program.killed.is_set():
        time.sleep(observation.scenario.down)
        program.start()
        code = program.wait(limit - (time.monotonic() - began))
    observation.exit_code = code
    observation.ended = code is not None
    observation.seconds = time.monotonic() - began


def _spellings(key: str, client: str, secret: str) -> list[bytes]:
    """A credential as it may stand somewhere: itself, or in hex or base64, as in HTTP's Basic."""
    plain = [key.encode(), secret.encode()]
    found = [*plain, *(text.hex().encode() for text in plain)]
    for text in (*plain, f"{client}:{secret}".encode()):
        for before in range(3):  # bytes that may stand before it in a group of three
            coded = base64.b64encode(bytes(before) + text).rstrip(b"=")
            inner = coded[4 if before else 0 : -2]
            found += [inner, inner.translate(URL_SAFE)]
    return list(dict.fromkeys(found))


def _tokens(observation: Observation) -> list[bytes]:
    """The access tokens that it has sent."""
    headers = {r.authorization for r in observation.requests.values() if r.authorization}
    return [h.removeprefix("Bearer ").encode() for h in headers if h.count(".") == 2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
