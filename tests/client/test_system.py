"""No more files, threads or room: said in words, with what to do, and nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import resonance_sandbox as sandbox
from resonance_helpers.batch import JournalError, run_batch
from resonance_helpers.client.api import ResonanceOSAPIClient
from resonance_helpers.client.asynchronous import AsyncResonanceOSAPIClient
from resonance_helpers.client.auth.loopback import Redirect
from resonance_helpers.client.system import SystemLimitError, needing
from resonance_helpers.webhooks import SeenEvents, WebhookReceiver, new_secret
from tests.support.few_files import few_files

ROWS: list[dict[str, Any]] = [{"prompt": f"Topic {n}", "paragraphs": 1} for n in range(10)]
FILES = r"Too many open files\. Fix: close files"


@pytest.fixture(scope="module")
def server():
    with sandbox.start(rate_limit=100_000, burst=10_000) as server:
        run_batch(ResonanceOSAPIClient(server.url), ROWS[:1], progress=False)  # all is imported
        yield server


def executed(server: sandbox.Sandbox) -> int:
    with ResonanceOSAPIClient(server.url) as api:
        return int(api.get_system_metrics()["generations"]["executed"])


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    return monkeypatch.undo


@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_batch_that_can_t_begin_has_sent_nothing(server, left):
    before = len(server.requests())
    with ResonanceOSAPIClient(server.url) as api:
        with few_files(left), pytest.raises(SystemLimitError, match="can't begin: " + FILES):
            run_batch(api, ROWS, progress=False)
        assert len(server.requests()) == before


@pytest.mark.parametrize("left", range(9))
def test_a_journal_is_good_for_the_run_that_has_the_files(server, tmp_path: Path, left):
    with ResonanceOSAPIClient(server.url) as api:
        before = executed(server)
        with few_files(left):
            try:
                run_batch(api, ROWS, journal=tmp_path / "journal", progress=False)
            except (SystemLimitError, JournalError) as error:
                problem = error
            else:
                problem = None
        assert problem is None or "Too many open files. Fix: close files" in str(problem)
        report = run_batch(api, ROWS, journal=tmp_path / "journal", progress=False)
        after = executed(server)
    assert report.stats.successful == len(ROWS)
    assert after - before == len(ROWS)


def test_a_call_without_a_file_to_open_says_so(server):
    with ResonanceOSAPIClient(server.url, retry=None) as api, few_files(0):
        answer = api.generate_content("Tea")
    assert answer["type"] == "connection-failed"
    assert "Too many open files. Fix: close files" in answer["message"]
    assert "is the server up" not in answer["message"]


@pytest.mark.parametrize("left", [0, 1, 2])
def test_seen_events_are_as_they_were(tmp_path: Path, left):
    with few_files(left), pytest.raises(SystemLimitError, match=FILES) as raised:
        SeenEvents(tmp_path / "seen.db")
    assert "seen.db" in str(raised.value)
    seen = SeenEvents(tmp_path / "seen.db")
    with seen.once("event") as first:
        assert first
    seen.close()
    with few_files(left), pytest.raises(SystemLimitError, match=FILES):
        SeenEvents(tmp_path / "seen.db")
    again = SeenEvents(tmp_path / "seen.db")
    assert "event" in again
    again.close()


def test_an_event_that_can_t_be_written_down_may_come_again(tmp_path: Path):
    seen = SeenEvents(tmp_path / "seen.db")
    pages = seen._database().execute("PRAGMA page_count").fetchone()[0]
    seen._database().execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SystemLimitError, match=r"No space left on device\. Fix: free some room"):  # noqa: PT012
        for number in range(1000):
            with seen.once(f"{number}" * 500):
                pass
    assert f"{number}" * 500 not in seen
    seen.close()


def test_listening_without_a_file_to_open_says_so():
    with few_files(0), pytest.raises(SystemLimitError, match=FILES):
        Redirect("http://127.0.0.1/back")
    with few_files(0), pytest.raises(SystemLimitError, match=FILES):
        WebhookReceiver(new_secret())


def test_a_receiver_without_a_thread_does_not_listen_and_can_be_stopped(no_threads):
    with pytest.raises(SystemLimitError, match=r"No more threads\. Fix: end threads"):
        WebhookReceiver(new_secret())
    no_threads()
    receiver = WebhookReceiver(new_secret())
    receiver.stop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", lambda self: _refuse())
        with pytest.raises(SystemLimitError):
            receiver.start()
    assert not receiver.listening
    receiver.stop()  # it would wait for ever for a thread that never was
    receiver.start()
    receiver.stop()


def _refuse() -> None:
    raise RuntimeError("can't start new thread")


def test_a_log_in_without_a_thread_lets_its_port_go(no_threads):
    redirect = Redirect("http://127.0.0.1/back")
    with pytest.raises(SystemLimitError, match="No more threads"), redirect:
        pass
    no_threads()
    with Redirect(redirect.uri) as again:
        assert again.uri == redirect.uri


def test_an_awaited_call_without_a_thread_is_never_made(server):
    async def main() -> None:
        async with AsyncResonanceOSAPIClient(server.url, max_concurrent=2) as api:
            slow = asyncio.create_task(api.generate_content("The first"))
            await asyncio.sleep(0)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(threading.Thread, "start", lambda self: _refuse())
                with pytest.raises(SystemLimitError, match="can't begin: No more threads"):
                    await api.generate_content("The second")
            assert "article" in await slow
            await api.health_check()  # the thread has taken what waited before

    before = executed(server)
    asyncio.run(main())
    assert executed(server) == before + 1


@pytest.mark.parametrize(
    "error", [BlockingIOError(errno.EAGAIN, "x"), OSError("x"), RuntimeError("x")]
)
def test_what_is_no_want_of_anything_passes_as_it_is(error):
    with pytest.raises(type(error)) as raised, needing("it"):
        raise error
    assert raised.value is error
