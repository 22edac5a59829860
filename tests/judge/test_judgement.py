"""The judgement of small programs: what they mean to do, and what trouble makes of it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from resonance_judge import JudgeError, Judgement, judge
from tests.support.waiting import eventually

from .planted import FAULTS, GOOD
from .programs import STEADY, command


def judged(folder: Path, source: str, *names: str, seed: int = 0) -> Judgement:
    """`source` judged in the named scenarios alone."""
    return judge(command(folder, source), seed=seed, only=lambda one: one.name in names)


def words(judgement: Judgement) -> dict[str, str]:
    return {verdict.promise.name: verdict.verdict for verdict in judgement.verdicts}


def test_a_steady_program_breaks_nothing(tmp_path: Path) -> None:
    found = judged(tmp_path, STEADY, "lost-after", "killed-between", "web-page", "asked-to-wait")
    assert not found.broken, [verdict.shown_by for verdict in found.broken]
    told = words(found)
    assert told["does-nothing-twice"] == "kept"
    assert told["survives-kill"] == "kept"
    assert told["waits-as-asked"] == "kept"
    assert told["refuses-forgeries"] == "not shown"
    assert len(found.calm.named_effects) == 3


def test_without_a_key_a_lost_answer_is_a_second_article(tmp_path: Path) -> None:
    keyless = STEADY.replace('"Idempotency-Key"', '"X-Something"')
    found = judged(tmp_path, keyless, "lost-after")
    assert {verdict.promise.name for verdict in found.broken} == {
        "does-nothing-twice",
        "sends-a-key-with-every-post",
    }
    (twice,) = [v for v in found.broken if v.promise.name == "does-nothing-twice"]
    assert "A story of 0 towers" in twice.shown_by
    assert "was done twice where 1 was meant, by requests 1 and 2" in twice.shown_by


def test_the_same_seed_gives_the_same_verdicts(tmp_path: Path) -> None:
    keyless = STEADY.replace('"Idempotency-Key"', '"X-Something"')
    first, second = (judged(tmp_path, keyless, "killed-between", seed=5) for _ in range(2))
    assert words(first) == words(second)
    moments = [[seen.scenario.moment for seen in one.troubled] for one in (first, second)]
    assert moments[0] == moments[1]
    assert {"broken", "kept", "not shown"} == {*words(first).values()}


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("source", [GOOD, FAULTS[0].source], ids=["good", FAULTS[0].name])
def test_the_same_seed_gives_the_same_verdicts_in_every_trouble(
    source: str, seed: int, tmp_path: Path
) -> None:
    first, second = (words(judge(command(tmp_path, source), seed=seed)) for _ in range(2))
    assert first == second


def test_a_program_that_does_something_else_each_time_is_not_judged(tmp_path: Path) -> None:
    fickle = STEADY.replace("import hashlib, os,", "import hashlib, os, random,").replace(
        "A story of", "A story of {random.random()} and"
    )
    with pytest.raises(JudgeError, match="did different things"):
        judged(tmp_path, fickle)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "made the server do nothing"),
        ("raise SystemExit('no luck')", "1, and before any request .* that it said: no luck"),
    ],
)
def test_what_cannot_be_judged_is_told_why(tmp_path: Path, source: str, message: str) -> None:
    with pytest.raises(JudgeError, match=message):
        judged(tmp_path, source)


def test_a_command_that_does_not_exist_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match="does not start: No such file"):
        judge([str(tmp_path / "nothing")])


def test_a_question_to_nobody_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"EOFError.*Fix: let it ask for nothing"):
        judged(tmp_path, "input('your name? ')")


@pytest.mark.parametrize(
    "spelling",
    [
        "key",
        "__import__('base64').b64encode(key.encode()).decode()",
        "__import__('base64').urlsafe_b64encode(f'k={key}'.encode()).decode()",
        "key.encode().hex()",
    ],
)
def test_a_key_is_found_however_it_is_printed(spelling: str, tmp_path: Path) -> None:
    loud = 'print("x" * (5 << 20))'
    found = judged(tmp_path, f"{STEADY}\n{loud}\nprint({spelling})\n", "none of them")
    assert words(found)["keeps-its-credentials"] == "broken"


def runs(pid: int) -> bool:
    """Whether a process is there, and not only the word of how it ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not tell")
def test_what_a_program_has_let_loose_is_ended(tmp_path: Path) -> None:
    child = tmp_path / "child"
    stray = f"""
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), file=open({str(child)!r}, "a"))
    time.sleep(600)
"""
    judged(tmp_path, STEADY + stray, "none of them")
    pids = [int(line) for line in child.read_text().split()]
    assert len(pids) == 2
    assert eventually(lambda: not [pid for pid in pids if runs(pid)])


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="the system does not tell")
@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.soak), signal.SIGTERM]
)
def test_a_judge_that_is_ended_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    source = f"""{STEADY}
with open({str(pids)!r}, "a+") as noted:
    print(os.getpid(), file=noted, flush=True)
    noted.seek(0)
    if len(noted.readlines()) > 2:  # not one of the two runs without trouble
        time.sleep(600)
"""
    judging = subprocess.Popen(
        [sys.executable, "-m", "resonance_helpers", "judge", "--", *command(tmp_path, source)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert judging.stderr is not None
    with judging.stderr as told:
        while "It does" not in (line := told.readline()):
            assert line, "it ended before it had begun to judge"
        assert eventually(lambda: len(pids.read_text().split()) > 2)
        judging.send_signal(number)
        assert judging.wait(30) == 128 + number
        assert "Traceback" not in told.read()
    assert eventually(lambda: not [pid for pid in map(int, pids.read_text().split()) if runs(pid)])
