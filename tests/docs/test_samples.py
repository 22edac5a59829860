"""Every sample of the HTTP API's pages is run as it stands there, in each of its languages."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from docs import problems, samples
from docs.samples import BASE, SAMPLES, Sample
from resonance_helpers import ApiKeyAuth, ResonanceOSAPIClient
from resonance_sandbox import Sandbox
from resonance_sandbox.http.problems import PROBLEMS

Answer = tuple[int, Mapping[str, str], Any]


def by_curl(sample: Sample, running: Sandbox, known: dict[str, str]) -> Answer:
    command = samples.curl(sample, known).replace(BASE, running.url)
    done = subprocess.run(
        ["sh", "-c", command.replace("curl ", "curl -sS -i --noproxy '*' ", 1)],
        env=os.environ | samples.environment(running),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    head, _, body = done.stdout.replace("\r", "").partition("\n\n")
    first, *lines = head.split("\n")
    headers = dict(line.split(": ", 1) for line in lines)
    named = {"ETag": headers.get("etag", headers.get("ETag", ""))}
    return int(first.split()[1]), named, json.loads(body) if body.startswith("{") else None


def by_requests(sample: Sample, running: Sandbox, known: dict[str, str]) -> Answer:
    place: dict[str, Any] = {}
    exec(samples.plain(sample, known).replace(BASE, running.url), place)
    response = place["response"]
    whole = response.headers.get("Content-Type", "").startswith("application/json")
    return response.status_code, response.headers, response.json() if whole else None


def by_client(sample: Sample, running: Sandbox, known: dict[str, str]) -> Answer:
    if not sample.client:
        return by_requests(sample, running, known)
    key = samples.environment(running)[samples.CREDENTIALS[sample.who or "key"]]
    api = ResonanceOSAPIClient(running.url, auth=ApiKeyAuth(key), on_error="raise")
    answer = eval(samples.fill(sample.client, known), {"api": api})
    # A method gives the body alone; what fails raises.
    return sample.status, {"ETag": getattr(answer, "etag", None) or ""}, answer


@pytest.mark.parametrize("way", [by_curl, by_requests, by_client])
def test_every_sample_does_what_the_page_says(
    way: Callable[[Sample, Sandbox, dict[str, str]], Answer], monkeypatch: pytest.MonkeyPatch
):
    if way is by_curl and not shutil.which("curl"):
        pytest.skip("no curl on this machine")
    with samples.server() as running:
        for name, value in samples.environment(running).items():
            monkeypatch.setenv(name, value)
        known = samples.first_known(running)
        for sample in SAMPLES:
            status, headers, body = way(sample, running, known)
            assert status == sample.status, (sample.operation, body)
            samples.learn(sample, headers, body, known)


def test_what_is_shown_has_no_secret_and_no_port():
    for one in samples.take():
        shown = "\n".join((one.curl, one.plain, one.client, one.answer))
        assert "127.0.0.1" not in one.answer
        assert not any(f'"{word}": "eyJh' in shown for word in samples.HIDDEN)
        assert "whsec_" not in shown
        assert "ros_sandbox_" not in shown


def test_every_problem_is_met_with_its_body():
    found = list(problems.failures())

    assert [one.slug for one in found] == list(PROBLEMS)
    for one in found:
        body = json.loads(one.body)
        assert (body["status"], body["title"]) == (one.status, one.title)
