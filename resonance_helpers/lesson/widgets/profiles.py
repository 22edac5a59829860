"""Profiles, to touch: a picker for tenant and profile, and sliders that make a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

from resonance_sandbox.hrv import DIMENSIONS, HRVVector

from .. import plots
from .base import BESIDE, LABEL, WIDE, Panel, columns, dropdown, labelled, offer

__all__ = ["ProfilePicker", "ProfileSliders"]


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
        self.tenants = dropdown("Tenant:")
        self.profiles = dropdown("Profile:")
        super().__init__(self.tenants, self.profiles)
        answer = client.get_tenants()
        if not self._failed(answer):
            offer(self.tenants, [tenant["tenant"] for tenant in answer["tenants"]])
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
        offer(self.profiles, [(_labelled(profile), profile["profile_name"]) for profile in listed])
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
        self.tenant = dropdown("Tenant:")
        self.name = ipw.Text("my_style", description="Name:", style=LABEL, layout=WIDE)
        self.start = dropdown("Start from:")
        self.sliders = {
            dimension.name: ipw.FloatSlider(
                (dimension.low + dimension.high) / 2,
                min=dimension.low,
                max=dimension.high,
                step=0.05,
                tooltip=f"High: {dimension.meaning}",
                continuous_update=False,
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
            *(labelled(f"{d.label}:", self.sliders[d.name]) for d in DIMENSIONS),
            ipw.HBox([self.create_button, self.try_button], layout=BESIDE),
        )
        self._profiles: dict[str, Sequence[float]] = {}
        self.start.observe(self._start_chosen, "value")
        tenants = client.get_tenants()
        listed = client.get_profiles()
        if self._failed(tenants) or self._failed(listed):
            return
        offer(self.tenant, [tenant["tenant"] for tenant in tenants["tenants"]])
        self._profiles = {p["profile_name"]: p["hrv_vector"] for p in listed["profiles"]}
        offer(self.start, list(self._profiles))
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
        self.view.value = picture.svg() + columns({name: answer["article"]})
        self.news = f"{name}: feedback {answer['hrv_feedback']:.2f}"


def _labelled(profile: Mapping[str, Any]) -> str:
    return f"{profile['profile_name']}{' (shared)' if profile['shared'] else ''}"
