"""What a batch shows while it runs, and how *Stop* ends it in a notebook."""

from __future__ import annotations

import io
import re
import signal
import sys

import pytest
from jupyter_client.manager import start_new_kernel

from benchmarks.server import running
from resonance_helpers.batch import Stopped, run_batch
from resonance_helpers.batch import run as module
from resonance_helpers.client.api import ResonanceOSAPIClient
from tests.support.waiting import eventually


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_one_line(serve, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run_batch(serve()[0], [f"prompt {number}" for number in range(20)])
    written = terminal.getvalue()
    assert written.count("\n") == 1
    assert written.endswith("\n")
    assert "[########################] 20/20, 100.0 % success" in written


def test_a_pipe_gets_nothing(serve, capfd):
    run_batch(serve()[0], ["x"])
    assert capfd.readouterr() == ("", "")


def test_a_function_gets_the_last_state_too(serve):
    seen = []
    run_batch(serve()[0], ["x", "y"], progress=seen.append)
    assert (seen[-1].ended, seen[-1].successful, seen[-1].total) == (2, 2, 2)


CELL = """
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.batch import run_batch
from resonance_helpers.lesson.connect import show_errors_as_sentences
show_errors_as_sentences(get_ipython())
api = ResonanceOSAPIClient("{url}")
run_batch(api, ["first"] * 96, concurrency=2)
run_batch(api, ["second"] * 96, concurrency=2)
"""


def test_stop_ends_the_cell_in_one_sentence_and_no_second_batch_starts():
    with running(delay=0.1) as server:
        manager, client = start_new_kernel(kernel_name="python3")
        try:
            # without stop_on_error=False the kernel drops what follows an error at once
            cell = client.execute(CELL.format(url=server.url), stop_on_error=False)
            assert eventually(lambda: server.stats()["requests"] >= 4, 60)
            manager.interrupt_kernel()
            told = []
            while not told:
                message = client.get_iopub_msg(timeout=60)
                if message["parent_header"].get("msg_id") == cell:
                    told = message["content"].get("traceback", [])
            asked = server.stats()["requests"]
            client.execute("import sys; report = sys.last_value.report", store_history=False)
            client.execute("print(report.stats.total, report.stopped)")
            while (message := client.get_iopub_msg(timeout=60))["msg_type"] != "stream":
                pass
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    (sentence,) = told
    assert re.fullmatch(r"Stopped: \d+ of 96, the rest was not sent\.", sentence)
    assert asked < 96
    assert message["content"]["text"] == "96 interrupted by Ctrl-C\n"


def test_it_tells_how_to_go_on_and_what_has_no_answer_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "in_notebook", lambda: True)
    monkeypatch.setattr(module, "GRACE", 0.1)
    with running(delay=5) as server:
        sent = []

        def look(snapshot):
            if server.stats()["requests"] >= 2 and not sent:
                sent.append(signal.raise_signal(signal.SIGINT))

        with pytest.raises(Stopped) as stopped:
            run_batch(
                ResonanceOSAPIClient(server.url),
                ["a"] * 5,
                concurrency=2,
                journal=tmp_path / "j",
                progress=look,
            )
    assert str(stopped.value) == (
        "Stopped: 0 of 5 (2 more were sent and have no answer yet), the rest was not sent. "
        "To go on, run it again with the same journal."
    )
    assert stopped.value.report.stats.unfinished == 5
