"""What a learner touches: pickers, an explorer, sliders, and a panel that shows a server's health.

Each widget answers one question. All of it works by keyboard, every control has a label, an error
is shown as a sentence in the widget, and what was chosen or answered stands in a trait that a
later cell can read. Nothing is sent while a slider moves: only a button sends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

from . import health, plots
from .hrv import DIMENSIONS, HRVVector

__all__ = ["Explorer", "HealthPanel", "Panel", "ProfilePicker", "ProfileSliders"]

WIDE = {"width": "32em"}
LABEL = {"description_width": "11em"}
BESIDE = {"margin": "2px 2px 2px 11.4em"}
"""Puts a button under the controls and not under their labels."""


class Panel(ipw.VBox):  # type: ignore[misc]
    """A column of controls above a line of news and a place for pictures and texts.

    Its `repr` is what a frontend without widgets shows, and what tests compare: `told` in words.
    """

    news = traitlets.Unicode()

    def __init__(self, *controls: ipw.Widget, **options: Any) -> None:
        self._news = ipw.HTML()
        self.view = ipw.HTML()
        super().__init__([*controls, self._news, self.view], **options)

    @traitlets.observe("news")
    def _show_news(self, change: Any) -> None:
        # A screen reader says a line of this role as it changes.
        self._news.value = f'<p role="status">{escape(change["new"])}</p>'

    def _failed(self, answer: Mapping[str, Any]) -> bool:
        """Tell what went wrong, if something did."""
        if answer.get("status") != "error":
            return False
        self.news = f"The call failed: {answer['message']}"
        return True

    def told(self) -> str:
        """What the panel shows, in words."""
        return self.news

    def __repr__(self) -> str:
        return f"{type(self).__name__}: {self.told()}"


class ProfilePicker(Panel):
    """*Which profiles may I use?* Choosing a tenant changes the profiles there are to choose from.

    Args:
        client: a `ResonanceOSAPIClient`.

    Attributes:
        tenant: the tenant chosen, or "" where the server named none.
        profile_name: the profile chosen, or "".
        vector: its eight numbers, or an empty tuple.
    """

    tenant = traitlets.Unicode()
    profile_name = traitlets.Unicode()
    vector = traitlets.Tuple()

    def __init__(self, client: Any) -> None:
        self._client = client
        self._profiles: dict[str, dict[str, Any]] = {}
        self.tenants = _dropdown("Tenant:")
        self.profiles = _dropdown("Profile:")
        super().__init__(self.tenants, self.profiles)
        answer = client.get_tenants()
        if not self._failed(answer):
            _offer(self.tenants, [tenant["tenant"] for tenant in answer["tenants"]])
            self._tenant_chosen()
        self.tenants.observe(lambda _: self._tenant_chosen(), "value")
        self.profiles.observe(lambda _: self._profile_chosen(), "value")

    def _tenant_chosen(self) -> None:
        self.tenant = self.tenants.value or ""
        answer = self._client.get_profiles(self.tenant)
        listed = [] if self._failed(answer) else answer["profiles"]
        # What a tenant adds is what makes it differ: its own profiles come first.
        listed = sorted(listed, key=lambda profile: profile["shared"])
        self._profiles = {profile["profile_name"]: profile for profile in listed}
        _offer(self.profiles, [(_labelled(profile), profile["profile_name"]) for profile in listed])
        self._profile_chosen()
        if listed:
            own = sum(not profile["shared"] for profile in listed)
            self.news = (
                f"{self.tenant} may use {len(listed)} profiles: {own} of its own, "
                f"{len(listed) - own} that everyone shares."
            )

    def _profile_chosen(self) -> None:
        profile = self._profiles.get(self.profiles.value or "")
        if profile is None:
            self.profile_name, self.vector, self.view.value = "", (), ""
            return
        self.profile_name = profile["profile_name"]
        self.vector = tuple(profile["hrv_vector"])
        picture = plots.profile_map({self.profile_name: self.vector})
        about = escape(profile.get("description") or "")
        self.view.value = f"<p>{about}</p>{picture.svg()}"

    def told(self) -> str:
        return f"{self.tenant} / {self.profile_name}. {self.news}"


class Explorer(Panel):
    """*What does a profile change?* One prompt in two profiles, side by side.

    Args:
        client: a `ResonanceOSAPIClient`.
        prompt: what stands in the box at first.
        profiles: the two profiles chosen at first.

    Attributes:
        answers: profile name to its answer, of the last *Generate*.
    """

    answers = traitlets.Dict()

    def __init__(
        self,
        client: Any,
        prompt: str = "The importance of innovation in business",
        profiles: tuple[str, str] = ("neutral_professional", "creative_storytelling"),
    ) -> None:
        self._client = client
        self.prompt = ipw.Text(prompt, description="Prompt:", layout={"width": "44em"}, style=LABEL)
        self.first = _dropdown("Profile A:")
        self.second = _dropdown("Profile B:")
        self.paragraphs = ipw.IntSlider(
            2, 1, 8, description="Paragraphs:", style=LABEL, layout=WIDE
        )
        self.temperature = ipw.FloatSlider(
            0.7, min=0, max=2, step=0.1, description="Temperature:", style=LABEL, layout=WIDE
        )
        self.button = ipw.Button(description="Generate", button_style="primary", layout=BESIDE)
        self.button.on_click(lambda _: self.generate())
        super().__init__(
            self.prompt, self.first, self.second, self.paragraphs, self.temperature, self.button
        )
        answer = client.get_profiles()
        if self._failed(answer):
            return
        names = [profile["profile_name"] for profile in answer["profiles"]]
        for dropdown, wanted in zip((self.first, self.second), profiles, strict=True):
            _offer(dropdown, names, wanted)
        self.news = "Choose two profiles, then press Generate."

    def generate(self) -> None:
        """Send the prompt once for each profile and show what came; what *Generate* does."""
        self.news = "Writing …"
        answers = {}
        for name in dict.fromkeys((self.first.value, self.second.value)):
            answer = self._client.generate_content(
                self.prompt.value,
                profile_name=name,
                paragraphs=self.paragraphs.value,
                temperature=round(self.temperature.value, 2),
            )
            if self._failed(answer):
                self.answers, self.view.value = {}, ""
                return
            answers[name] = answer
        self.answers = answers
        picture = plots.radars(
            {name: (a["hrv_vector"], a["target_hrv"]) for name, a in answers.items()}
        )
        self.view.value = picture.svg() + _columns(
            {name: answer["article"] for name, answer in answers.items()}
        )
        self.news = "; ".join(
            f"{name}: feedback {answer['hrv_feedback']:.2f}" for name, answer in answers.items()
        )


class ProfileSliders(Panel):
    """*What would a style of my own be like?* Eight sliders, and a button that creates it.

    Args:
        client: a `ResonanceOSAPIClient`.
        prompt: what *Try it* writes about.

    Attributes:
        created: the answer of the last *Create*, or empty.
        answer: the answer of the last *Try it*, or empty.
    """

    created = traitlets.Dict()
    answer = traitlets.Dict()

    def __init__(self, client: Any, prompt: str = "A walk in the rain") -> None:
        self._client = client
        self._prompt = prompt
        self.tenant = _dropdown("Tenant:")
        self.name = ipw.Text("my_style", description="Name:", style=LABEL, layout=WIDE)
        self.start = _dropdown("Start from:")
        self.sliders = {
            dimension.name: ipw.FloatSlider(
                (dimension.low + dimension.high) / 2,
                min=dimension.low,
                max=dimension.high,
                step=0.05,
                description=f"{dimension.label}:",
                tooltip=f"High: {dimension.meaning}",
                continuous_update=False,
                style=LABEL,
                layout=WIDE,
            )
            for dimension in DIMENSIONS
        }
        self.create_button = ipw.Button(description="Create profile", button_style="primary")
        self.try_button = ipw.Button(description="Try it", disabled=True)
        self.create_button.on_click(lambda _: self.create())
        self.try_button.on_click(lambda _: self.try_it())
        super().__init__(
            self.tenant,
            self.name,
            self.start,
            *self.sliders.values(),
            ipw.HBox([self.create_button, self.try_button], layout=BESIDE),
        )
        self._profiles: dict[str, Sequence[float]] = {}
        self.start.observe(self._start_chosen, "value")
        tenants = client.get_tenants()
        listed = client.get_profiles()
        if self._failed(tenants) or self._failed(listed):
            return
        _offer(self.tenant, [tenant["tenant"] for tenant in tenants["tenants"]])
        self._profiles = {p["profile_name"]: p["hrv_vector"] for p in listed["profiles"]}
        _offer(self.start, list(self._profiles))
        self.news = "Move the sliders, name the profile, then create it."

    @property
    def vector(self) -> HRVVector:
        """Where the sliders stand."""
        return HRVVector(round(slider.value, 4) for slider in self.sliders.values())

    def _start_chosen(self, change: Any) -> None:
        vector = self._profiles.get(change["new"] or "")
        for slider, value in zip(self.sliders.values(), vector or (), strict=False):
            slider.value = value

    def create(self) -> None:
        """Create the profile; what *Create profile* does."""
        self.created, self.answer, self.view.value = {}, {}, ""
        self.try_button.disabled = True
        made = self._client.create_profile(
            self.tenant.value or "", self.name.value.strip(), self.vector
        )
        if self._failed(made):
            return
        self.created = made
        self.try_button.disabled = False
        self.news = f"Created {made['tenant']} / {made['profile_name']}. Now try it."

    def try_it(self) -> None:
        """Write in the profile just created; what *Try it* does."""
        self.news = "Writing …"
        answer = self._client.generate_content(
            self._prompt, self.created["tenant"], self.created["profile_name"]
        )
        if self._failed(answer):
            return
        self.answer = answer
        name = answer["profile_name"]
        picture = plots.radar(answer["hrv_vector"], answer["target_hrv"], name)
        self.view.value = picture.svg() + _columns({name: answer["article"]})
        self.news = f"{name}: feedback {answer['hrv_feedback']:.2f}"


class HealthPanel(Panel):
    """*What does my check see when a part fails?* Break parts of the sandbox, look, mend them.

    Args:
        client: a client of `connect()`; on another server than the sandbox nothing can be broken,
            and the panel only looks.

    Attributes:
        looks: each `health.Health` so far.
    """

    looks: traitlets.List[health.Health] = traitlets.List()

    def __init__(self, client: Any) -> None:
        self._client = client
        self.parts = _dropdown("Out of order:")
        self.button = ipw.Button(description="Look", button_style="primary", layout=BESIDE)
        self.button.on_click(lambda _: self.look())
        super().__init__(self.parts, self.button)
        _offer(self.parts, OUTAGES)
        self.parts.disabled = client.sandbox is None
        self.parts.observe(self._break, "value")
        self.news = "Put a part out of order, then look."
        if self.parts.disabled:
            self.news = "This server is not the sandbox: you can look, and break nothing."

    def _break(self, change: Any) -> None:
        try:
            self._client.sandbox.outage(*change["new"])
        except RuntimeError as error:
            self.news = f"Nothing was changed: {error}"
        else:
            self.news = f"Out of order: {', '.join(change['new']) or 'nothing'}. Now look."

    def look(self) -> None:
        """Check once more and draw all looks so far; what *Look* does."""
        look = health.check(self._client)
        self.looks = [*self.looks, look][-12:]
        self.view.value = health.timeline(self.looks, "Your looks so far").svg()
        can = "Yes" if look.works("writer") else "No"
        self.news = (
            f"Can you generate now? {can}. The server is {look.state} ({look.detail.rstrip('.')})."
        )


OUTAGES: list[tuple[str, tuple[str, ...]]] = [
    ("nothing", ()),
    ("disk", ("disk",)),
    ("writer", ("writer",)),
    ("database", ("database",)),
]


def _dropdown(label: str) -> ipw.Dropdown:
    return ipw.Dropdown(description=label, style=LABEL, layout=WIDE)


def _offer(dropdown: ipw.Dropdown, options: Sequence[Any], wanted: Any = None) -> None:
    """Set the options and choose one: `wanted` if it is there, else the first."""
    # In one message: whoever chooses the moment the options come is not overruled by the next.
    with dropdown.hold_sync():
        dropdown.options = options
        dropdown.disabled = not options
        dropdown.index = 0 if options else None
        if wanted in options:
            dropdown.value = wanted


def _labelled(profile: Mapping[str, Any]) -> str:
    return f"{profile['profile_name']}{' (shared)' if profile['shared'] else ''}"


def _columns(texts: Mapping[str, str]) -> str:
    """Articles beside each other, each under its title."""
    columns = "".join(
        f'<section style="flex: 1 1 20em"><h4>{escape(title)}</h4>'
        + "".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split("\n\n"))
        + "</section>"
        for title, text in texts.items()
    )
    return (
        f'<div style="display: flex; flex-wrap: wrap; gap: 2em; line-height: 1.5">{columns}</div>'
    )
