"""What all panels have in common: the line, the way out, another connection, no kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import resonance_sandbox as sandbox
from resonance_helpers import ResonanceError, RetryPolicy, WebhookReceiver
from resonance_helpers.lesson.connect import LessonClient, panels
from resonance_helpers.lesson.widgets.auth import LogInPanel, RateGauge
from resonance_helpers.lesson.widgets.base import RECONNECTED, WAY_OUT, Panel, PanelError
from resonance_helpers.lesson.widgets.batch import ConcurrencyPanel
from resonance_helpers.lesson.widgets.errors import FaultDial
from resonance_helpers.lesson.widgets.generation import Explorer
from resonance_helpers.lesson.widgets.health import HealthPanel
from resonance_helpers.lesson.widgets.performance import LoadPanel
from resonance_helpers.lesson.widgets.profiles import ProfilePicker, ProfileSliders
from resonance_helpers.lesson.widgets.webhooks import EventPanel
from resonance_helpers.webhooks import new_secret
from tests.support.waiting import eventually

PRESSED = {
    "HealthPanel": lambda panel: panel.button.click(),
    "Explorer": lambda panel: panel.button.click(),
    "ProfilePicker": lambda panel: setattr(panel.tenants, "value", "demo_tenant"),
    "ProfileSliders": lambda panel: panel.create_button.click(),
    "ConcurrencyPanel": lambda panel: panel.button.click(),
    "FaultDial": lambda panel: panel.button.click(),
    "LoadPanel": lambda panel: setattr(panel.load, "value", 40),
    "LogInPanel": lambda panel: panel.button.click(),
    "RateGauge": lambda panel: panel.button.click(),
    "EventPanel": lambda panel: panel.write_button.click(),
}
"""The first thing that somebody would press or choose in each panel."""


@pytest.fixture
def all_ten() -> Iterator[tuple[sandbox.Sandbox, list[Panel]]]:
    with (
        sandbox.start(still=True, allow_loopback_webhooks=True) as server,
        WebhookReceiver(new_secret()) as receiver,
    ):
        api = LessonClient(server.url, retry=RetryPolicy(max_attempts=2, base=0.01))
        api.sandbox = server
        hook = api.create_webhook(receiver.url, ["generation.completed"], secret=new_secret())
        made = [
            HealthPanel(api),
            Explorer(api),
            ProfilePicker(api),
            ProfileSliders(api),
            ConcurrencyPanel(api, [{"prompt": "Tea"}] * 3),
            FaultDial(api, ("Tea",)),
            LoadPanel(api, ["Tea"], seconds=0.3),
            LogInPanel(api),
            RateGauge(api, 3),
            EventPanel(api, hook["id"], receiver),
        ]
        assert [type(panel).__name__ for panel in made] == list(PRESSED)
        yield server, made


def settled(panel: Panel) -> str:
    """The news when nothing is under way any more."""
    assert eventually(lambda: panel.status != "busy"), f"{panel!r} hangs"
    return panel.news


def press(panel: Panel) -> None:
    PRESSED[type(panel).__name__](panel)


def test_a_dead_server_is_told_with_the_way_out(
    all_ten: tuple[sandbox.Sandbox, list[Panel]],
) -> None:
    server, made = all_ten
    server.stop()
    for panel in made:
        press(panel)
        if isinstance(panel, LoadPanel):
            panel.wait_idle()
        said = settled(panel)
        assert said.endswith(WAY_OUT), panel
        assert panel.status == ("done" if isinstance(panel, HealthPanel) else "failed")
        assert "0x" not in said
        assert "Errno" not in said


def test_after_another_connect_each_panel_says_so_and_sends_nothing(
    all_ten: tuple[sandbox.Sandbox, list[Panel]],
) -> None:
    server, made = all_ten
    for panel in made:
        assert panel in panels
        panel.reconnected()
        assert (panel.status, panel.news) == ("failed", RECONNECTED)
    before = len(server.requests())
    for panel in made:
        press(panel)
        if isinstance(panel, LoadPanel):
            panel.wait_idle()
        assert settled(panel) == RECONNECTED
    assert len(server.requests()) == before


class Any(Panel):
    def act(self, error: BaseException | None = None) -> None:
        with self.working("Working …"):
            assert self.status == "busy"
            assert "resonance-busy" in self._dom_classes
            if error:
                raise error
            self.tell("done", "It worked.")


@pytest.mark.parametrize(
    ("error", "status", "news"),
    [
        (None, "done", "It worked."),
        (PanelError("That is taken."), "failed", "That is taken."),
        (KeyboardInterrupt(), "failed", "Stopped."),
        (ValueError("rate is -1"), "failed", "Rate is -1"),
        (ResonanceError("No.", response_code=404), "failed", "The call failed: No."),
        (ResonanceError("No connection."), "failed", f"The call failed: No connection. {WAY_OUT}"),
        (
            sandbox.SandboxError("the sandbox has ended: <urlopen error [Errno 111]>"),
            "failed",
            f"The sandbox has ended. {WAY_OUT}",
        ),
        (OSError(), "failed", f"OSError. {WAY_OUT}"),
    ],
)
def test_whatever_happens_ends_as_one_line(
    error: BaseException | None, status: str, news: str
) -> None:
    panel = Any(None)
    seen = []
    panel.line.observe(
        lambda change: seen.append((change["new"], "resonance-busy" in panel._dom_classes)), "value"
    )
    panel.act(error)
    assert (panel.status, panel.news) == (status, news)
    sign = {"done": "✓ Done.", "failed": "✗ Failed."}[status]
    assert f"<strong>{sign}</strong>" in panel.line.value
    # A press that is made as soon as the line says so counts; while it says busy, none does.
    assert len(seen) == 2
    assert all(busy == ("Busy" in line) for line, busy in seen)


def test_a_page_without_a_kernel_has_a_sentence_and_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = []
    monkeypatch.setattr(
        "IPython.core.display_functions.display",
        lambda data, metadata=None, raw=False: shown.append(data),
    )
    panel = HealthPanel(LessonClient("http://localhost:9"))
    panel._ipython_display_()
    panel.look()
    panel._ipython_display_()
    again, without, _, used = shown
    assert "run the set-up cell, then this one" in again["text/html"]
    assert "image/png" not in without
    assert used["image/png"]
    assert used["text/plain"] == repr(panel)
    assert "application/vnd.jupyter.widget-view+json" in used
