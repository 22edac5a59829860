"""A batch whose process is killed, again and again, at moments it can't foresee."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.server import Running, running
from resonance_helpers.batch import read_report
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


def start(server: Running, journal: Path, items: int, concurrency: int = 8) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.batch.victim", server.url, str(journal)]
    return subprocess.Popen(
        [*command, str(items), str(concurrency)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def kill_and_resume(server: Running, journal: Path, *, items: int, kills: int, seed: int) -> dict:
    """Run the batch to its end through so many SIGKILLs; the figures of the last run.

    A kill comes at a random moment of the time that is left of the batch, also before its first
    answer and while the journal is read again.
    """
    chance = random.Random(seed)
    landed = 0
    for left in range(kills, 0, -1):
        done = server.stats()["distinct"]
        goal = done + chance.random() * (items - done) / left
        early = chance.random() < 0.2  # at times before it has come to send anything
        process = start(server, journal, items)
        try:
            until = time.monotonic() + 60
            while not early and time.monotonic() < until:
                if server.stats()["distinct"] > goal:
                    break
                time.sleep(0.002)
            time.sleep(chance.random() * (0.4 if early else 0.02))
        finally:
            landed += process.poll() is None
            process.kill()
            process.communicate()
    assert landed > kills / 2
    process = start(server, journal, items)
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    return json.loads(out.splitlines()[-1])


def check_exactly_once(server: Running, journal: Path, figures: dict, items: int) -> None:
    counted = server.stats()
    assert (counted["effects"], counted["duplicates"]) == (items, 0)
    assert (figures["total"], figures["successful"], figures["failed"]) == (items, items, 0)
    report = read_report(journal)
    assert report.stats.successful == items
    answered = [result["item"] for result in report.results]
    assert answered == list(range(items))
    for result in report.results:
        assert result["result"]["article"].startswith(result["request"]["prompt"] + ".")


def test_a_few_kills(tmp_path):
    with running(delay=0.01, fault_rate=0.2, seed=5) as server:
        figures = kill_and_resume(server, tmp_path / "j", items=300, kills=5, seed=1)
        check_exactly_once(server, tmp_path / "j", figures, 300)
        assert figures["resumed"] > 0


@pytest.mark.soak
def test_fifty_kills(tmp_path):
    with running(delay=0.004, fault_rate=0.2, seed=6) as server:
        figures = kill_and_resume(server, tmp_path / "j", items=10_000, kills=50, seed=2)
        check_exactly_once(server, tmp_path / "j", figures, 10_000)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is not sent to a process there")
def test_ctrl_c_leaves_a_journal_and_a_true_report(tmp_path):
    with running(delay=0.02) as server:
        process = start(server, tmp_path / "j", 300, concurrency=4)
        assert process.stdout.readline() == "going\n"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        first = json.loads(out)
        assert first["stopped"] == "interrupted by Ctrl-C"
        assert 0 < first["successful"] < 300
        assert first["unfinished"] == first["total"] - first["successful"]
        assert server.stats()["effects"] == first["successful"]  # what was under way is waited for

        process = start(server, tmp_path / "j", 300, concurrency=32)
        out, _ = process.communicate(timeout=120)
        last = json.loads(out.splitlines()[-1])
        assert last["stopped"] is None
        assert last["resumed"] == first["successful"]
        check_exactly_once(server, tmp_path / "j", last, 300)


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is not sent to a process there")
def test_a_second_ctrl_c_ends_it_at_once(tmp_path):
    with running(delay=1.5) as server:
        process = start(server, tmp_path / "j", 50, concurrency=4)
        assert eventually(lambda: server.stats()["requests"], 30)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode not in (0, None)
        assert time.monotonic() - began < 20

        # The journal can be gone on with, and what the server still works at is not done again.
        time.sleep(1.6)
        process = start(server, tmp_path / "j", 50, concurrency=50)
        out, _ = process.communicate(timeout=120)
        check_exactly_once(server, tmp_path / "j", json.loads(out.splitlines()[-1]), 50)


@pytest.mark.skipif(sys.platform == "win32", reason="reads its peak from the system's resource")
@pytest.mark.parametrize(
    ("few", "many"), [(1_000, 5_000), pytest.param(1_000, 100_000, marks=pytest.mark.soak)]
)
def test_memory_stays_flat(tmp_path, few, many):
    with running() as server:
        small = peak_memory(server, tmp_path / "few", few)
        large = peak_memory(server, tmp_path / "many", many)
    assert large - small < 50


def peak_memory(server: Running, journal: Path, items: int) -> float:
    """Megabytes that a batch of so many items takes at its peak, in a process of its own."""
    code = (
        "import resource, sys\n"
        "from tests.batch.victim import main\n"
        "main(*sys.argv[1:])\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(peak / (1024 if sys.platform == 'linux' else 1024 * 1024))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, server.url, str(journal), str(items)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-2])["successful"] == items
    return float(done.stdout.splitlines()[-1])
