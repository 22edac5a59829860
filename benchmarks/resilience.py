"""What is lost and what is done twice when a share of the attempts meets a fault.

1,000 prompts from 8 threads against the cheap server: 5 ms of work, and faults of five kinds
(503, 429, a reset before and after the work, a truncated body), as likely as each other. Every
client meets the same ones. An effect is a generation that the server carried out:

    success     prompts that brought the caller an article
    duplicates  effects beyond one for each prompt
    lost        prompts carried out whose article never reached the caller
    wall        seconds, over the same client's own without faults
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from benchmarks.harness import Goal, Options, Result, versions
from benchmarks.server import Running, running
from benchmarks.spread import Spread
from resonance_helpers import ResonanceOSAPIClient, RetryPolicy

THREADS = 8
DELAY = 0.005
RATES = (0.05, 0.20)
SEEDS = (1, 2, 3)
OURS = "resonance_helpers"
ASIDE = "resonance_helpers, run_batch"

Sweep = Callable[[list[str]], Iterable[str]]
"""Sends all prompts and gives back those that brought an article."""


def run(options: Options) -> list[Result]:
    prompts = options.size(1000, 40)
    seeds = SEEDS[: options.size(len(SEEDS), 1)]
    with running(delay=DELAY) as server:
        clients = {
            name: make for name, make in CLIENTS.items() if importlib.util.find_spec(NEEDS[name])
        }
        clean = {
            name: Spread(tuple(one_run(server, make, prompts, 0.0, seed)["wall"] for seed in seeds))
            for name, make in clients.items()
        }
        return [table(server, clients, clean, prompts, seeds, rate) for rate in RATES]


def table(
    server: Running,
    clients: dict[str, Any],
    clean: dict[str, Spread],
    prompts: int,
    seeds: Iterable[int],
    rate: float,
) -> Result:
    seeds = tuple(seeds)
    rows, ratios = [], {}
    runs = {
        name: [one_run(server, make, prompts, rate, seed) for seed in seeds]
        for name, make in clients.items()
    }
    for name, taken in runs.items():
        wall = Spread(tuple(one["wall"] for one in taken))
        ratios[name] = wall.over(clean[name])
        total = {key: sum(one[key] for one in taken) for key in ("good", "duplicates", "lost")}
        share = 100 * total["good"] / (prompts * len(seeds))
        rows.append((name, share, total["duplicates"], total["lost"], wall, ratios[name]))
    ours = {row[0]: row for row in rows if row[0] in (OURS, ASIDE)}
    goals = []
    for name, row in ours.items():
        goals += [
            Goal(f"{name}: success, %", row[1], 100, at_least=True),
            Goal(f"{name}: duplicates", row[2], 0),
            Goal(f"{name}: lost", row[3], 0),
        ]
    if ASIDE in ours:
        goals.append(Goal("run_batch: wall over fault-free", ratios[ASIDE].median, 1.4))
    return Result(
        f"resilience-{rate:.0%}".rstrip("%"),
        f"{rate:.0%} of attempts faulted",
        columns=("client", "success %", "duplicates", "lost", "wall, s", "wall over fault-free"),
        rows=rows,
        notes=[
            f"{prompts} prompts by {len(seeds)} seeds, {THREADS} threads, "
            f"{DELAY * 1e3:.0f} ms of server time, Retry-After: 0",
            versions("requests", "urllib3", "tenacity", "openai"),
        ],
        goals=goals,
        bars="success %",
    )


def one_run(server: Running, make: Any, prompts: int, rate: float, seed: int) -> dict[str, float]:
    server.reset(delay=DELAY, fault_rate=rate, seed=seed)
    texts = [f"prompt {seed}-{number}" for number in range(prompts)]
    with make(server.url) as sweep:
        began = time.perf_counter()
        good = set(sweep(texts))
        wall = time.perf_counter() - began
    stats = server.stats()
    return {
        "good": len(good),
        "duplicates": stats["duplicates"],
        "lost": stats["distinct"] - len(good),
        "wall": wall,
    }


# --- the clients ---------------------------------------------------------------------------------


def in_threads(call: Callable[[str], bool]) -> Sweep:
    """Each thread takes a prompt and stays with it until it is done."""

    def sweep(prompts: list[str]) -> Iterable[str]:
        with ThreadPoolExecutor(THREADS) as threads:
            outcomes = list(threads.map(call, prompts))
        return [prompt for prompt, good in zip(prompts, outcomes, strict=True) if good]

    return sweep


@contextmanager
def seeds_client(url: str) -> Iterator[Sweep]:
    with requests.Session() as session:

        def call(prompt: str) -> bool:
            try:
                answer = session.post(f"{url}/hr_generate", json={"prompt": prompt}, timeout=30)
                answer.raise_for_status()
                return "article" in answer.json()
            except requests.exceptions.RequestException:
                return False

        yield in_threads(call)


@contextmanager
def urllib3_retry(url: str) -> Iterator[Sweep]:
    retry = Retry(
        total=4, backoff_factor=0.1, status_forcelist=[429, 502, 503, 504], allowed_methods=None
    )
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retry, pool_maxsize=THREADS))

        def call(prompt: str) -> bool:
            try:
                answer = session.post(f"{url}/hr_generate", json={"prompt": prompt}, timeout=30)
                answer.raise_for_status()
                return "article" in answer.json()
            except requests.exceptions.RequestException:
                return False

        yield in_threads(call)


@contextmanager
def with_tenacity(url: str) -> Iterator[Sweep]:
    import tenacity

    with requests.Session() as session:

        @tenacity.retry(
            stop=tenacity.stop_after_attempt(4),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=8),
            retry=tenacity.retry_if_exception_type(requests.exceptions.RequestException),
        )
        def post(prompt: str) -> bool:
            answer = session.post(f"{url}/hr_generate", json={"prompt": prompt}, timeout=30)
            answer.raise_for_status()
            return "article" in answer.json()

        def call(prompt: str) -> bool:
            try:
                return post(prompt)
            except tenacity.RetryError:
                return False

        yield in_threads(call)


@contextmanager
def openai_sdk(url: str) -> Iterator[Sweep]:
    import openai

    with openai.OpenAI(base_url=url, api_key="key") as client:

        def call(prompt: str) -> bool:
            try:
                messages: Any = [{"role": "user", "content": prompt}]
                answer = client.chat.completions.create(model="m", messages=messages)
                return bool(answer.choices[0].message.content)
            except Exception:  # it lets errors of httpx through, a truncated body's among them
                return False

        yield in_threads(call)


@contextmanager
def ours(url: str) -> Iterator[Sweep]:
    with ResonanceOSAPIClient(url, retry=RetryPolicy(max_attempts=8)) as client:
        yield in_threads(lambda prompt: client.generate_content(prompt).get("status") != "error")


@contextmanager
def ours_aside(url: str) -> Iterator[Sweep]:
    """An item that has to wait is put aside, and its thread goes on with another."""
    from resonance_helpers.batch import run_batch

    with ResonanceOSAPIClient(url, retry=RetryPolicy(max_attempts=8)) as client:

        def sweep(prompts: list[str]) -> Iterable[str]:
            report = run_batch(
                client,
                [{"prompt": prompt} for prompt in prompts],
                concurrency=THREADS,
                progress=False,
            )
            failed = {failure.item for failure in report.failures}
            return [text for number, text in enumerate(prompts) if number not in failed]

        yield sweep


CLIENTS: dict[str, Any] = {
    "the seed's client": seeds_client,
    "requests + urllib3 Retry": urllib3_retry,
    "tenacity, 4 attempts": with_tenacity,
    "openai SDK": openai_sdk,
    OURS: ours,
    ASIDE: ours_aside,
}
NEEDS = {
    **dict.fromkeys(CLIENTS, "requests"),
    "tenacity, 4 attempts": "tenacity",
    "openai SDK": "openai",
    ASIDE: "resonance_helpers.batch",
}
