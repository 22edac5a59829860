"""Profiles, to touch: a picker for tenant and profile, and sliders that make a profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as ipw
import traitlets

from resonance_sandbox.hrv import DIMENSIONS, HRVVector

from .. import plots
from .base import BESIDE, LABEL, WIDE, Panel, columns, dropdown, got, labelled, offer

__all__ = ["ProfilePicker", "ProfileSliders"]


class ProfilePicker(Panel):
    """*Which profiles may I use?* Choosing a tenant changes the profiles there are to choose from.

    Args:
        client: A `ResonanceOSAPIClient`.

    Attributes:
        tenant: The tenant chosen, or "" where the server named none.
        profile_name: The profile chosen, or "".
        vector: Its eight numbers, or an empty tuple.
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
        with self.working("Asking for the tenants …"):
            tenants = got(client.get_tenants())["tenants"]
            offer(self.tenants, [tenant["tenant"] for tenant in tenants])
        if self.tenants.options:
            self._tenant_chosen()
        self.tenants.observe(lambda _: self._tenant_chosen(), "value")
        self.profiles.observe(lambda _: self._profile_chosen(), "value")

    def _tenant_chosen(self) -> None:
        self.tenant = self.tenants.value or ""
        listed: list[dict[str, Any]] = []
        with self.working("Asking for the profiles …"):
            # What a tenant adds is what makes it differ: its own profiles come first.
            answer = got(self._client.get_profiles(self.tenant))
            listed = sorted(answer["profiles"], key=lambda profile: profile["shared"])
            own = sum(not profile["shared"] for profile in listed)
            self.tell(
                "done",
                f"{self.tenant} may use {len(listed)} profiles: {own} of its own, "
                f"{len(listed) - own} that everyone shares.",
            )
        self._profiles = {profile["profile_name"]: profile for profile in listed}
        offer(self.profiles, [(_labelled(profile), profile["profile_name"]) for profile in listed])
        self._profile_chosen()

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
        client: A `ResonanceOSAPIClient`.
        prompt: What *Try it* writes about.

    Attributes:
        created: The answer of the last *Create*, or empty.
        answer: The answer of the last *Try it*, or empty.
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
        with self.working("Asking for tenants and profiles …"):
            tenants = got(client.get_tenants())["tenants"]
            listed = got(client.get_profiles())["profiles"]
            offer(self.tenant, [tenant["tenant"] for tenant in tenants])
            self._profiles = {p["profile_name"]: p["hrv_vector"] for p in listed}
            offer(self.start, list(self._profiles))
            self.tell("idle", "Move the sliders, name the profile, then create it.")

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
        with self.working("Creating …"):
            made = got(
                self._client.create_profile(
                    self.tenant.value or "", self.name.value.strip(), self.vector
                )
            )
            self.created = made
            self.tell("done", f"Created {made['tenant']} / {made['profile_name']}. Now try it.")
        self.try_button.disabled = not self.created

    def try_it(self) -> None:
        """Write in the profile just created; what *Try it* does."""
        with self.working("Writing …"):
            answer = self._client.generate_content(
                self._prompt, self.created["tenant"], self.created["profile_name"]
            )
            self.answer = got(answer)
            name = answer["profile_name"]
            picture = plots.radar(answer["hrv_vector"], answer["target_hrv"], name)
            self.view.value = picture.svg() + columns({name: answer["article"]})
            self.tell("done", f"{name}: feedback {answer['hrv_feedback']:.2f}")


def _labelled(profile: Mapping[str, Any]) -> str:
    return f"{profile['profile_name']}{' (shared)' if profile['shared'] else ''}"
