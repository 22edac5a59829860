"""Time per call at zero delay over one connection, as a ratio to a bare `requests.Session`.

Each client posts the same prompt to the cheap server and reads the article. `http.client` is
the floor: the standard library with nothing around it. CPU seconds of the client's process stand
beside the wall clock, which also holds the server's share.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import requests

from benchmarks.harness import Goal, Options, Result, interleaved, versions
from benchmarks.server import running
from benchmarks.spread import Spread
from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient

PROMPT = {"prompt": "The future of artificial intelligence"}
Call = Callable[[], Any]


def run(options: Options) -> list[Result]:
    return [calls(options), imports(options)]


def calls(options: Options) -> Result:
    count = options.size(200, 5)
    cpu: dict[str, list[float]] = {}
    with ExitStack() as stack:
        url = stack.enter_context(running()).url
        clients = {
            name: stack.enter_context(make(url))
            for name, make in CLIENTS.items()
            if importlib.util.find_spec(NEEDS.get(name, "requests"))
        }

        def case(name: str, call: Call) -> Callable[[], float]:
            def one_round() -> float:
                call()
                busy, began = time.process_time(), time.perf_counter()
                for _ in range(count):
                    call()
                seconds = time.perf_counter() - began
                cpu.setdefault(name, []).append((time.process_time() - busy) / count)
                return seconds / count

            return one_round

        wall = interleaved(
            {name: case(name, call) for name, call in clients.items()}, options, rounds=40
        )
    rounds = len(next(iter(wall.values())).values)
    busy = {name: Spread(tuple(values[-rounds:])) for name, values in cpu.items()}
    bare = "requests.Session"
    ratios = {name: spread.over(wall[bare]) for name, spread in wall.items()}
    return Result(
        "per_call",
        "Time per call, one connection, no delay",
        columns=("client", "ratio", "µs", "CPU ratio"),
        rows=[
            (name, ratios[name], wall[name].scaled(1e6), busy[name].over(busy[bare]))
            for name in sorted(wall, key=lambda name: wall[name].median)
        ],
        notes=[
            "the ratio is to a bare requests.Session in the same round",
            f"{count} calls a round; "
            + versions("requests", "urllib3", "httpx", "aiohttp", "openai", "niquests"),
            "ours has all promises on: retries, wall-clock timeout, idempotency key, checks",
        ],
        goals=[
            Goal("ours over requests.Session", ratios[OURS].median, 0.75),
            Goal("ours over requests.Session, further", ratios[OURS].median, 0.45),
        ],
        bars="ratio",
        line=1.0,
    )


# --- the clients ---------------------------------------------------------------------------------

OURS = "resonance_helpers"


@contextmanager
def bare_requests(url: str) -> Iterator[Call]:
    with requests.Session() as session:

        def call() -> Any:
            answer = session.post(url + "/hr_generate", json=PROMPT, timeout=30)
            answer.raise_for_status()
            return answer.json()

        yield call


@contextmanager
def seeds_client(url: str) -> Iterator[Call]:
    with requests.Session() as session:
        session.headers.update(
            {"Content-Type": "application/json", "User-Agent": "ResonanceOS-Client/1.0"}
        )

        def call() -> Any:
            try:
                answer = session.post(f"{url}/hr_generate", json=PROMPT, timeout=30)
                answer.raise_for_status()
                return answer.json()
            except requests.exceptions.RequestException as error:
                return {"status": "error", "message": str(error)}

        yield call


@contextmanager
def ours(url: str) -> Iterator[Call]:
    with ResonanceOSAPIClient(url) as client:
        yield lambda: client.generate_content(**PROMPT)


@contextmanager
def ours_with_a_key(url: str) -> Iterator[Call]:
    with ResonanceOSAPIClient(url, auth=ApiKeyAuth("key")) as client:
        yield lambda: client.generate_content(**PROMPT)


@contextmanager
def ours_over_a_stock_session(url: str) -> Iterator[Call]:
    with ResonanceOSAPIClient(url, session=requests.Session()) as client:
        yield lambda: client.generate_content(**PROMPT)


@contextmanager
def standard_library(url: str) -> Iterator[Call]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    headers = {"Content-Type": "application/json"}

    def call() -> Any:
        connection.request("POST", "/hr_generate", json.dumps(PROMPT), headers)
        return json.loads(connection.getresponse().read())

    yield call
    connection.close()


@contextmanager
def httpx_client(url: str) -> Iterator[Call]:
    import httpx

    with httpx.Client(timeout=30) as client:
        yield lambda: client.post(url + "/hr_generate", json=PROMPT).raise_for_status().json()


@contextmanager
def niquests_session(url: str) -> Iterator[Call]:
    import niquests

    with niquests.Session() as session:
        yield lambda: session.post(url + "/hr_generate", json=PROMPT, timeout=30).json()


@contextmanager
def aiohttp_session(url: str) -> Iterator[Call]:
    import aiohttp

    with asyncio.Runner() as runner:

        async def opened() -> aiohttp.ClientSession:
            return aiohttp.ClientSession()

        session = runner.run(opened())

        async def one() -> Any:
            async with session.post(url + "/hr_generate", json=PROMPT) as answer:
                answer.raise_for_status()
                return await answer.json()

        yield lambda: runner.run(one())
        runner.run(session.close())


@contextmanager
def openai_sdk(url: str) -> Iterator[Call]:
    import openai

    messages: Any = [{"role": "user", "content": PROMPT["prompt"]}]
    with openai.OpenAI(base_url=url, api_key="key") as client:
        yield lambda: client.chat.completions.create(model="m", messages=messages)


CLIENTS: dict[str, Any] = {
    "requests.Session": bare_requests,
    "the seed's client": seeds_client,
    OURS: ours,
    f"{OURS} with an API key": ours_with_a_key,
    f"{OURS} over a stock session": ours_over_a_stock_session,
    "http.client": standard_library,
    "httpx": httpx_client,
    "niquests": niquests_session,
    "aiohttp": aiohttp_session,
    "openai SDK": openai_sdk,
}

NEEDS = {"httpx": "httpx", "niquests": "niquests", "aiohttp": "aiohttp", "openai SDK": "openai"}
"""The peers that may not be installed, and by which name they are imported."""


# --- the import ----------------------------------------------------------------------------------


def imports(options: Options) -> Result:
    """Seconds that a fresh interpreter takes for an import, over those for `import requests`."""

    def case(statement: str) -> Callable[[], float]:
        code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"

        def one_round() -> float:
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
            return float(done.stdout)

        return one_round

    client = "from resonance_helpers import ResonanceOSAPIClient"
    statements = ("import requests", "import resonance_helpers", client)
    took = interleaved({text: case(text) for text in statements}, options, rounds=15)
    ratios = {text: spread.over(took["import requests"]) for text, spread in took.items()}
    return Result(
        "per_call-import",
        "Time of an import in a fresh interpreter",
        columns=("statement", "ratio", "ms"),
        rows=[(text, ratios[text], took[text].scaled(1e3)) for text in statements],
        goals=[
            Goal(
                "import resonance_helpers over import requests", ratios[statements[1]].median, 1.15
            )
        ],
    )
