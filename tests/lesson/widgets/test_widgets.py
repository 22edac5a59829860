"""Widgets without a browser: what a choice or a press leads to, and what a failure says."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ipywidgets import Button, Dropdown, FloatSlider, FloatText, IntSlider, IntText, Text, Widget

import resonance_sandbox as sandbox
from resonance_helpers import RetryPolicy
from resonance_helpers.lesson import health, plots
from resonance_helpers.lesson.connect import LessonClient
from resonance_helpers.lesson.widgets.base import labelled
from resonance_helpers.lesson.widgets.generation import Explorer
from resonance_helpers.lesson.widgets.health import HealthPanel
from resonance_helpers.lesson.widgets.profiles import ProfilePicker, ProfileSliders
from resonance_sandbox.hrv import NAMES


@pytest.fixture(scope="module")
def server() -> Iterator[sandbox.Sandbox]:
    with sandbox.start(still=True) as running:
        yield running


@pytest.fixture
def api(server: sandbox.Sandbox) -> LessonClient:
    server.reset()
    client = LessonClient(server.url, retry=RetryPolicy(max_attempts=1))
    client.sandbox = server
    return client


@pytest.fixture
def away() -> LessonClient:
    """A client whose server is not there."""
    return LessonClient("http://localhost:9", timeout=5, retry=RetryPolicy(max_attempts=1))


ALL = [
    ProfilePicker,
    Explorer,
    ProfileSliders,
    HealthPanel,
]


def inside(widget: Widget) -> Iterator[Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from inside(child)


@pytest.mark.parametrize("kind", ALL)
class TestEveryWidget:
    def test_each_control_has_a_label(self, api: LessonClient, kind: type[Widget]) -> None:
        for part in inside(kind(api)):
            if isinstance(part, Dropdown | FloatText | IntText | Text | Button):
                assert part.description, part
            # The handle of a slider has no name, whatever its description: a box has it instead.
            assert not getattr(part, "readout", False), part

    def test_its_twin_in_text_is_the_same_each_time(
        self, api: LessonClient, kind: type[Widget]
    ) -> None:
        one, other = repr(kind(api)), repr(kind(api))
        assert one == other
        assert one.startswith(f"{kind.__name__}: ")
        assert not re.search(r"0x[0-9a-f]{6}|127\.0\.0\.1", one)

    def test_without_a_server_it_says_so_and_does_not_raise(
        self, away: LessonClient, kind: type[Widget]
    ) -> None:
        widget = kind(away)
        for part in inside(widget):
            if isinstance(part, Button) and not part.disabled:
                part.click()
        assert "No connection" in widget.news

    def test_nothing_is_sent_while_a_slider_moves(
        self, api: LessonClient, server: sandbox.Sandbox, kind: type[Widget]
    ) -> None:
        widget = kind(api)
        before = len(server.requests())
        for part in inside(widget):
            if isinstance(part, FloatSlider | IntSlider):
                part.value = part.max
        assert len(server.requests()) == before

    def test_news_never_carries_markup(self, api: LessonClient, kind: type[Widget]) -> None:
        widget = kind(api)
        widget.tell("failed", "<img src=x onerror=alert(1)>")
        shown = "".join(
            getattr(part, "value", "") or ""
            for part in inside(widget)
            if hasattr(part, "placeholder")
        )
        assert "<img src=x" not in shown


def test_a_slider_and_its_box_hold_one_number() -> None:
    slider = FloatSlider(0.5, min=-1, max=1, step=0.05)
    box, _ = labelled("valence:", slider).children
    slider.value = 0.55 + 0.05
    assert str(box.value) == "0.6"
    box.value = -0.123
    assert slider.value == -0.123
    box.value = 7
    assert slider.value == 1
    slider.disabled = True
    assert box.disabled


class TestProfilePicker:
    def test_choosing_a_tenant_changes_the_profiles(self, api: LessonClient) -> None:
        picker = ProfilePicker(api)
        assert picker.tenant == "default"
        before = set(dict(picker.profiles.options).values())
        picker.tenants.value = "demo_tenant"
        after = set(dict(picker.profiles.options).values())
        assert picker.tenant == "demo_tenant"
        assert "travel_blog" in after - before
        assert "house_style" in before - after
        assert "3 of its own, 7 that everyone shares" in picker.news

    def test_a_choice_while_the_first_is_drawn_is_what_is_shown(
        self, api: LessonClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # JupyterLab has the two lists of a panel handled in two threads, at times.
        picker = ProfilePicker(api)
        draw, drawing = plots.profile_map, threading.Event()

        def slowly(profiles: Any) -> Any:
            if "charity_appeal" in profiles:
                drawing.set()
                time.sleep(0.2)
            return draw(profiles)

        monkeypatch.setattr(plots, "profile_map", slowly)
        first = threading.Thread(target=setattr, args=(picker.tenants, "value", "demo_tenant"))
        first.start()
        assert drawing.wait(30)
        picker.profiles.value = "travel_blog"
        first.join()
        assert picker.profile_name == "travel_blog"
        assert "Places, people and what happened on the way." in picker.view.value

    def test_it_is_done_once_the_profiles_are_there(self, api: LessonClient) -> None:
        picker = ProfilePicker(api)
        there: list[int] = []
        picker.observe(lambda _: there.append(len(picker.profiles.options)), "news")
        picker.tenants.value = "demo_tenant"
        assert there[-1] == 10

    def test_the_profile_chosen_and_its_vector_can_be_read(self, api: LessonClient) -> None:
        picker = ProfilePicker(api)
        picker.profiles.value = "technical_academic"
        assert picker.profile_name == "technical_academic"
        assert picker.vector == (0.3, -0.2, 0.2, 0.8, 0.3, 0.1, 0.2, 0.8)
        assert "Sober, exact and literal." in picker.view.value
        assert 'role="img"' in picker.view.value

    def test_the_profile_is_never_one_of_another_tenant(self, api: LessonClient) -> None:
        picker = ProfilePicker(api)
        for tenant in ("demo_tenant", "default", "demo_tenant"):
            picker.tenants.value = tenant
            assert picker.profile_name in dict(picker.profiles.options).values()
            assert api.get_profile(tenant, picker.profile_name)["profile_name"]

    def test_when_the_server_fails_nothing_stale_stays(
        self, api: LessonClient, server: sandbox.Sandbox
    ) -> None:
        picker = ProfilePicker(api)
        server.outage("database")
        picker.tenants.value = "demo_tenant"
        assert "The call failed" in picker.news
        assert (picker.profile_name, picker.vector, picker.view.value) == ("", (), "")
        assert picker.profiles.disabled
        server.outage()
        picker.tenants.value = "default"
        assert picker.profile_name == "house_style"


class TestExplorer:
    def test_two_profiles_two_answers(self, api: LessonClient) -> None:
        explorer = Explorer(api)
        explorer.prompt.value = "Night trains"
        explorer.paragraphs.value = 1
        explorer.button.click()
        assert list(explorer.answers) == ["neutral_professional", "creative_storytelling"]
        for name, answer in explorer.answers.items():
            assert answer["profile_name"] == name
            assert len(answer["paragraphs"]) == 1
            assert answer["paragraphs"][0]["text"][:20] in explorer.view.value

    @pytest.mark.parametrize("right", [True, False])
    def test_which_is_which_is_told_after_a_guess(self, api: LessonClient, right: bool) -> None:
        explorer = Explorer(api)
        explorer.button.click()
        assert "Guess" in explorer.news
        for name in explorer.answers:
            assert name not in explorer.view.value + explorer.news
        first = next(
            name
            for name, answer in explorer.answers.items()
            if answer["paragraphs"][0]["text"][:30] in explorer.view.value.partition("Article 2")[0]
        )
        explorer.guess.value = next(n for n in explorer.answers if (n == first) is right)
        explorer.show_button.click()
        assert explorer.news.startswith(f"{'Right' if right else 'No'}: article 1 is in {first}.")
        for name, answer in explorer.answers.items():
            assert f"{name}: feedback {answer['hrv_feedback']:.2f}" in explorer.news
            assert name in explorer.view.value

    def test_enter_generates_and_another_prompt_fades_what_stands_there(
        self, api: LessonClient
    ) -> None:
        explorer = Explorer(api)
        explorer.prompt._handle_string_msg(None, {"event": "submit"}, [])
        assert explorer.answers
        shown = explorer.view.value
        explorer.prompt.value = "Another"
        assert "resonance-outdated" in explorer.view._dom_classes
        assert explorer.view.value == shown  # the page does not jump
        explorer.button.click()
        assert "resonance-outdated" not in explorer.view._dom_classes

    def test_the_same_profile_twice_is_sent_once(
        self, api: LessonClient, server: sandbox.Sandbox
    ) -> None:
        explorer = Explorer(api)
        explorer.second.value = explorer.first.value
        server.reset()
        explorer.button.click()
        assert sum(r["path"] == "/hr_generate" for r in server.requests()) == 1
        assert len(explorer.answers) == 1

    def test_a_refusal_fades_what_stood_there(self, api: LessonClient) -> None:
        explorer = Explorer(api)
        explorer.button.click()
        explorer.prompt.value = "   "
        explorer.button.click()
        assert "prompt" in explorer.news
        assert explorer.answers == {}
        assert "resonance-outdated" in explorer.view._dom_classes

    def test_an_article_cannot_bring_markup(self, api: LessonClient) -> None:
        explorer = Explorer(api)
        explorer.prompt.value = "<script>alert(1)</script>"
        explorer.button.click()
        assert "<script" not in explorer.view.value.lower()


class TestProfileSliders:
    def test_starting_from_a_profile_sets_every_slider(self, api: LessonClient) -> None:
        sliders = ProfileSliders(api)
        sliders.start.value = "technical_academic"
        assert sliders.vector == (0.3, -0.2, 0.2, 0.8, 0.3, 0.1, 0.2, 0.8)
        assert list(sliders.sliders) == list(NAMES)

    def test_create_then_try(self, api: LessonClient) -> None:
        sliders = ProfileSliders(api)
        sliders.tenant.value = "demo_tenant"
        sliders.name.value = " calm "
        sliders.sliders["emotional_intensity"].value = 0.05
        sliders.create_button.click()
        assert api.get_profile("demo_tenant", "calm")["hrv_vector"] == list(sliders.vector)
        assert sliders.created["profile_name"] == "calm"
        assert sliders.answer == {}
        sliders.try_button.click()
        assert sliders.answer["target_hrv"] == list(sliders.vector)
        assert "calm: feedback 0." in sliders.news

    def test_there_is_nothing_to_try_before_it_is_created(self, api: LessonClient) -> None:
        sliders = ProfileSliders(api)
        assert sliders.try_button.disabled
        sliders.name.value = "Bad Name"
        sliders.create_button.click()
        assert "profile_name" in sliders.news
        assert sliders.try_button.disabled
        assert sliders.created == {}

    def test_a_profile_that_exists_can_be_changed(self, api: LessonClient) -> None:
        sliders = ProfileSliders(api)
        sliders.create_button.click()
        sliders.sliders["curiosity_index"].value = 0.95
        sliders.create_button.click()
        assert sliders.status == "failed"
        assert "my_style exists already. Press Change it" in sliders.news
        assert sliders.created == {}
        assert sliders.change_button.layout.display != "none"
        sliders.change_button.click()
        tenant = sliders.tenant.value
        assert sliders.news == f"Changed {tenant} / my_style. Now try it."
        assert api.get_profile(tenant, "my_style")["hrv_vector"] == list(sliders.vector)
        sliders.try_button.click()
        assert sliders.answer["target_hrv"] == list(sliders.vector)


class TestHealthPanel:
    def test_each_outage_has_its_state(self, api: LessonClient) -> None:
        panel = HealthPanel(api)
        for parts in ((), ("disk",), ("writer",), ("database",)):
            panel.parts.value = parts
            panel.button.click()
        states = [look.state for look in panel.looks]
        assert states == ["healthy", "degraded", "degraded", "unhealthy"]
        assert "No. The server is unhealthy (failing: database)." in panel.news
        assert "healthy, degraded, degraded, unhealthy" in panel.view.value

    def test_on_another_server_it_only_looks(self, api: LessonClient) -> None:
        api.sandbox = None
        panel = HealthPanel(api)
        assert panel.parts.disabled
        panel.button.click()
        assert panel.looks[-1].state == "healthy"

    def test_it_remembers_the_last_dozen(self, api: LessonClient) -> None:
        panel = HealthPanel(api)
        panel.looks = [health.read({"status": "error"}) for _ in range(12)]
        panel.look()
        assert [look.state for look in panel.looks] == ["unreachable"] * 11 + ["healthy"]
