"""What the batch is tested against: a server in this process, and the benchmarks' cheap one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from benchmarks.server import Running, running
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.transport import RetryPolicy

ANSWER = {"article": "An article.", "hrv_feedback": 0.9}


class Scripted(BaseAdapter):
    """Answers in place of a network: `script(prompt, attempt)` gives a status, or an answer's
    status and headers, or raises. Keeps the prompts and the keys in order of arrival."""

    def __init__(self, script: Callable[[str, int], Any]) -> None:
        super().__init__()
        self.script = script
        self.lock = threading.Lock()
        self.prompts: list[str] = []
        self.keys: list[str] = []

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        prompt = json.loads(request.body)["prompt"]
        with self.lock:
            self.prompts.append(prompt)
            self.keys.append(request.headers["Idempotency-Key"])
            attempt = self.prompts.count(prompt)
        said = self.script(prompt, attempt) or 200
        status, headers = said if isinstance(said, tuple) else (said, {})
        slug = {429: "rate-limited", 503: "overloaded", 422: "validation-failed"}.get(status, "x")
        problem = {"type": f"urn:resonanceos:problem:{slug}", "detail": f"It is {slug}."}
        response = requests.Response()
        response.status_code = status
        response.headers.update({"Content-Type": "application/json", **headers})
        body = json.dumps(ANSWER if status == 200 else problem).encode()
        response.raw = HTTPResponse(BytesIO(body), preload_content=False)
        response.request, response.url = request, request.url
        return response

    def close(self) -> None:
        pass


Serve = Callable[..., tuple[ResonanceOSAPIClient, Scripted]]


@pytest.fixture
def serve() -> Serve:
    """``api, server = serve(script)``: a client and the script that answers it."""

    def make(script: Callable[[str, int], Any] = lambda prompt, attempt: 200, **policy: Any):
        server = Scripted(script)
        session = requests.Session()
        session.mount("http://", server)
        retry = RetryPolicy(**{"max_attempts": 4, "base": 0.01, **policy})
        return ResonanceOSAPIClient("http://127.0.0.1:9", session=session, retry=retry), server

    return make


@pytest.fixture(scope="module")
def cheap() -> Iterator[Running]:
    """The benchmarks' server, in a process of its own, which counts effects."""
    with running(delay=0.002) as server:
        yield server
