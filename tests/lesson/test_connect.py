"""connect(): one sandbox a kernel, the same first state each time, and sentences for errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ApiKeyAuth
from resonance_helpers.lesson import connect as tutorial
from resonance_helpers.lesson.connect import LessonClient, SetUpError, connect


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a new kernel; what was started is stopped at the end."""
    monkeypatch.setattr(tutorial, "_running", None)
    yield
    if tutorial._running is not None:
        tutorial._running[0].stop()


pytestmark = pytest.mark.usefixtures("fresh")


def test_one_stable_line(capsys: pytest.CaptureFixture[str]) -> None:
    api = connect()
    out = capsys.readouterr().out
    assert out == "Connected to ResonanceOS, healthy: a sandbox on this machine.\n"
    assert api.sandbox is not None
    assert api.base_url == api.sandbox.url


def test_a_second_call_finds_the_same_sandbox_in_its_first_state() -> None:
    first = connect()
    assert first.sandbox is not None
    first.create_profile("demo_tenant", "mine", [0.5] * 8)
    acme = first.sandbox.credentials["acme_corp"]["api_key"]
    theirs = tutorial.LessonClient(first.base_url, auth=ApiKeyAuth(acme))
    theirs.create_profile("acme_corp", "theirs", [0.5] * 8)
    first.sandbox.outage("writer")
    first.sandbox.faults.add("unavailable", route="/profiles*")
    second = connect()
    assert second.sandbox is first.sandbox
    assert second.health_check()["status"] == "healthy"
    assert second.get_profile("demo_tenant", "mine")["response_code"] == 404
    assert theirs.get_profile("acme_corp", "theirs")["response_code"] == 404


def test_ids_and_times_are_the_same_after_a_second_call() -> None:
    def seen() -> list[Any]:
        api = connect()
        answer = api.generate_content("Tides")
        return [answer["request_id"], answer["created_at"], answer["article"]]

    assert seen() == seen()


def test_days_that_have_passed_are_not_there_after_a_second_call() -> None:
    first = connect()
    assert first.sandbox is not None
    first.sandbox.clock.advance(hours=28)
    assert first.clock() > time.time() + 27 * 3600
    assert connect().clock() < time.time() + 60


def test_other_options_start_another_sandbox() -> None:
    first = connect()
    second = connect(auth="required")
    assert first.sandbox is not None
    assert not first.sandbox.running
    assert second.get_profiles()["response_code"] == 401


def test_a_sandbox_that_died_is_replaced() -> None:
    first = connect()
    assert first.sandbox is not None
    first.sandbox.stop()
    second = connect()
    assert second.sandbox is not first.sandbox
    assert second.health_check()["status"] == "healthy"


def test_a_sandbox_that_cannot_start_says_why_in_a_sentence() -> None:
    with pytest.raises(SetUpError, match=r"The sandbox did not start: .*latency"):
        connect(latency=-1)
    with pytest.raises(SetUpError, match=r"The sandbox did not start: .*colour"):
        connect(colour="blue")


def test_a_sandbox_that_is_not_installed_is_one_line_with_a_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = "raise ModuleNotFoundError(\"No module named 'fastapi'\", name='fastapi')"
    (tmp_path / "fastapi.py").write_text(hidden, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(SetUpError) as caught:
        connect()
    assert str(caught.value) == (
        "The sandbox did not start: No module named 'fastapi'. "
        'Fix: run pip install "path/to/the/clone[sandbox]", with the folder of your clone of '
        "this project."
    )


class TestAnotherServer:
    @pytest.fixture
    def other(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[sandbox.Sandbox]:
        with sandbox.start(auth="required") as server:
            monkeypatch.setenv("RESONANCE_URL", server.url)
            yield server

    def test_the_environment_names_server_and_key(
        self,
        other: sandbox.Sandbox,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        key = other.credentials["acme_corp"]["api_key"]
        monkeypatch.setenv("RESONANCE_API_KEY", key)
        api = connect()
        assert api.sandbox is None
        assert api.get_profiles()["count"] == 9
        out = capsys.readouterr().out
        assert "the server of RESONANCE_URL" in out
        assert key not in out
        assert other.url not in out

    def test_without_a_key_it_still_connects_and_calls_say_what_is_missing(
        self, other: sandbox.Sandbox
    ) -> None:
        assert connect().get_profiles()["type"] == "missing-credentials"

    @pytest.mark.parametrize("url", ["http://localhost:9", "ftp://example.org", "no url"])
    def test_no_server_there_is_one_sentence_with_a_mend(
        self, monkeypatch: pytest.MonkeyPatch, url: str
    ) -> None:
        monkeypatch.setenv("RESONANCE_URL", url)
        with pytest.raises(SetUpError, match="RESONANCE_URL") as caught:
            connect()
        assert "\n" not in str(caught.value)

    def test_a_key_never_crosses_the_network_in_the_open(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RESONANCE_URL", "http://api.example.org")
        monkeypatch.setenv("RESONANCE_API_KEY", "secret-canary-1234")
        with pytest.raises(SetUpError) as caught:
            connect()
        monkeypatch.setenv("RESONANCE_ALLOW_HTTP", "1")
        monkeypatch.setattr(LessonClient, "health_check", lambda api: {"status": "healthy"})
        assert connect().auth is not None
        assert "canary" not in str(caught.value)
        assert "RESONANCE_ALLOW_HTTP=1" in str(caught.value)


def run_cells(*cells: str) -> list[dict[str, Any]]:
    """What each cell's outputs are, in a kernel."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(notebook, allow_errors=True, coalesce_streams=True, timeout=60).execute()
    return [cell.outputs for cell in notebook.cells]


def test_a_server_that_dies_in_the_middle_of_a_lesson_is_told_in_sentences() -> None:
    cells = run_cells(
        "from resonance_helpers import connect, check, RetryPolicy\n"
        "from resonance_helpers.lesson import generation, profiles\n"
        "api = connect().with_options(retry=RetryPolicy(max_attempts=1))",
        "connect().sandbox.stop()",
        "answer = api.generate_content('Tides')\nprint(answer['status'])",
        "answer['article']",
        "generation.radar(answer)",
        "profiles.table(api.get_profiles())",
        "check.profiles.isolation(404)",
        "api = connect()",
        "api.generate_content('Tides')['status']",
    )
    assert cells[2][0]["text"] == "error\n"
    for place in (3, 4, 5):
        (error,) = cells[place]
        assert error["output_type"] == "error"
        assert error["ename"] == "ConnectionFailedError"
        shown = "\n".join(error["traceback"])
        assert "Run the set-up cell again" in shown
        assert "File" not in shown
        assert len(shown.splitlines()) == 2
    assert cells[6][0]["data"]["text/plain"].startswith("Set-up broken.")
    assert cells[7][0]["text"].startswith("Connected")
    assert cells[8][0]["ename"] == "KeyError"  # a success has no "status"


def test_what_a_cell_sends_with_requests_alone_is_sent_as_the_clients_calls_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("default login somebody password canary\n", "utf-8")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    _, (sent,), (exempt,) = run_cells(
        "import os, requests\n"
        "from resonance_helpers import connect\n"
        "api = connect(auth='required')",
        "answer = requests.get(api.sandbox.url + '/health', timeout=9)\n"
        "print(answer.status_code, answer.request.headers.get('Authorization'))",
        "print(os.environ['NO_PROXY'] == os.environ['no_proxy'], os.environ['no_proxy'])",
    )
    assert sent["text"] == "200 None\n"
    assert exempt["text"] == "True intranet.example,localhost,127.0.0.1\n"


def test_a_set_up_that_fails_is_one_line_in_a_notebook() -> None:
    ((error,),) = run_cells("from resonance_helpers import connect\napi = connect(latency=-1)")
    assert error["ename"] == "SetUpError"
    assert len(error["traceback"]) == 1
    assert error["traceback"][0].startswith("SetUpError: The sandbox did not start")


def test_outside_a_notebook_no_ipython_is_loaded() -> None:
    code = (
        "import sys, json; from resonance_helpers import connect; api = connect();"
        "print(json.dumps(sorted({'IPython', 'ipywidgets', 'matplotlib', 'pandas'}"
        " & sys.modules.keys())))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        env={k: v for k, v in os.environ.items() if not k.startswith("RESONANCE_")},
    )
    assert json.loads(ran.stdout.splitlines()[-1]) == []
