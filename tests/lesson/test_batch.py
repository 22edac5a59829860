"""What lesson 4 is made of: the picture, the panel, and the rehearsed disaster."""

from __future__ import annotations

import pytest

from resonance_helpers.batch import BatchReport, read_report, run_batch
from resonance_helpers.batch.stats import Tally
from resonance_helpers.lesson import killed_batch
from resonance_helpers.lesson.batch import timeline

PROMPTS = [{"prompt": f"prompt {number}"} for number in range(60)]


def report(*spans: tuple[float, float], failed: int | None = None) -> BatchReport:
    records = [
        {
            "item": item,
            "success": item != failed,
            "final": True,
            "request": {},
            "attempts": 1,
            "started": 1000 + began,
            "seconds": ended - began,
            "result": {},
        }
        for item, (began, ended) in enumerate(spans)
    ]
    return BatchReport(Tally().stats(1.0), records)


def test_the_text_of_a_timeline_says_what_came_before_what():
    one_by_one = report((0, 1), (1, 2), (2, 3))
    together = report((0, 1.1), (0.01, 1), (0.02, 1.2), failed=1)
    picture = timeline({"one by one": one_by_one, "together": together})
    assert str(picture).splitlines() == [
        "one by one: 3 requests, at most 1 under way",
        "   0  #",
        "   1   #",
        "   2    #",
        "together: 3 requests, at most 3 under way, 1 failed",
        "   0  #",
        "   1  x",
        "   2  #",
    ]
    assert "at most 3 under way" in picture.alt
    assert picture.png().startswith(b"\x89PNG")


def test_a_real_batch_one_at_a_time_and_all_at_once(cheap):
    from resonance_helpers.client.api import ResonanceOSAPIClient

    cheap.reset(fault_rate=0.0, delay=0.4)
    try:
        api = ResonanceOSAPIClient(cheap.url)
        text = str(
            timeline(
                {
                    "serial": run_batch(api, PROMPTS[:3], concurrency=1),
                    "together": run_batch(api, PROMPTS[3:6], concurrency=3),
                }
            )
        )
    finally:
        cheap.reset(delay=0.002)
    assert "serial: 3 requests, at most 1 under way\n   0  #\n   1   #\n   2    #" in text
    assert "together: 3 requests, at most 3 under way\n   0  #\n   1  #\n   2  #" in text


def test_nothing_to_draw_draws_nothing():
    assert str(timeline({"empty": report()})) == "empty: 0 requests, at most 0 under way"


def test_a_rehearsed_disaster_and_its_end(cheap, tmp_path, capsys):
    from resonance_helpers.client.api import ResonanceOSAPIClient

    cheap.reset(fault_rate=0.0, delay=0.1)
    api = ResonanceOSAPIClient(cheap.url)
    try:
        victim = killed_batch.start(api, PROMPTS, tmp_path / "j")
        victim.kill_after(answers=5)
        assert capsys.readouterr().out == "Killed, with at least 5 answers in the journal.\n"
        assert victim.program.process.returncode not in (0, None)
        before = read_report(tmp_path / "j")
        assert 5 <= before.stats.successful < 60
        after = run_batch(api, PROMPTS, journal=tmp_path / "j")
        assert after.stats.successful == cheap.stats()["effects"] == 60
        assert cheap.stats()["duplicates"] == 0
    finally:
        cheap.reset(delay=0.002)


def test_a_victim_that_ends_before_it_is_killed_is_an_error(cheap, tmp_path):
    from resonance_helpers.client.api import ResonanceOSAPIClient

    victim = killed_batch.start(ResonanceOSAPIClient(cheap.url), PROMPTS[:2], tmp_path / "j")
    with pytest.raises(RuntimeError, match="never came to 5 answers"):
        victim.kill_after(answers=5)


def test_the_panel_runs_a_batch_and_keeps_its_reports(serve):
    from resonance_helpers.lesson.widgets.batch import ConcurrencyPanel

    api = serve()[0]
    api.health_check = lambda: {"status": "healthy"}  # which a panel asks for first
    panel = ConcurrencyPanel(api, PROMPTS[:6])
    assert repr(panel) == "ConcurrencyPanel: Choose how many of 6 requests go at once, then run."
    for at_once in (1, 6):
        panel.concurrency.value = at_once
        panel.button.click()
    assert sorted(panel.reports) == [1, 6]
    assert panel.reports[6].stats.successful == 6
    assert "6 at once: 6 of 6 in" in panel.told()
    assert "<svg" in panel.view.value
    assert panel.view.value.count("<tr>") == 3
    assert not panel.button.disabled
