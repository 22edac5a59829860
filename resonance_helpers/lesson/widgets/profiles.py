"""Profiles, to touch: a picker for tenant and profile, and sliders that make a profile."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, cast

import ipywidgets as ipw
import traitlets

from resonance_sandbox.hrv import DIMENSIONS, HRVVector

from .. import plots
from ..generation import radar
from .base import (
    BESIDE,
    LABEL,
    WIDE,
    Panel,
    PanelError,
    button,
    columns,
    dropdown,
    got,
    labelled,
    offer,
    on_enter,
)

if TYPE_CHECKING:
    from ...client.types import ProfileAnswer

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
        self._profiles: dict[str, dict[str, Any]] = {}
        # JupyterLab has a panel's choices handled in several threads, until its subshell is there.
        self._turn = threading.RLock()
        self.tenants = dropdown("Tenant:")
        self.profiles = dropdown("Profile:")
        super().__init__(client, self.tenants, self.profiles)
        with self.working("Asking for the tenants …"):
            tenants = got(client.get_tenants())["tenants"]
            offer(self.tenants, [tenant["tenant"] for tenant in tenants])
        self.tenants.observe(self._tenant_chosen, "value")
        self.profiles.observe(self._profile_chosen, "value")
        if self.tenants.options:
            self._tenant_chosen()

    def _tenant_chosen(self, _: Any = None) -> None:
        with self._turn:
            self.tenant = self.tenants.value or ""
            with self.working("Asking for the profiles …"):
                # What a tenant adds is what makes it differ: its own profiles come first.
                answer = got(self._client.get_profiles(self.tenant))
                listed = sorted(answer["profiles"], key=lambda profile: profile["shared"])
                own = sum(not profile["shared"] for profile in listed)
                self._offer(listed)
                self.tell(
                    "done",
                    f"{self.tenant} may use {len(listed)} profiles: {own} of its own, "
                    f"{len(listed) - own} that everyone shares.",
                )
            if self.status == "failed":
                self._offer([])

    def _offer(self, listed: Sequence[dict[str, Any]]) -> None:
        self._profiles = {profile["profile_name"]: profile for profile in listed}
        self.profiles.unobserve(self._profile_chosen, "value")  # until the last of it is set
        offer(self.profiles, [(_labelled(profile), profile["profile_name"]) for profile in listed])
        self.profiles.observe(self._profile_chosen, "value")
        self._profile_chosen()

    def _profile_chosen(self, _: Any = None) -> None:
        with self._turn:
            profile = self._profiles.get(self.profiles.value or "")
            if profile is None:
                self.profile_name, self.vector, self.view.value = "", (), ""
                return
            self.profile_name = profile["profile_name"]
            self.vector = tuple(profile["hrv_vector"])
            picture = plots.profile_map({self.profile_name: self.vector})
            about = escape(profile.get("description") or "")
            self.draw(picture, f"<p>{about}</p>")

    def told(self) -> str:
        return f"{self.tenant} / {self.profile_name}. {self.news}"


class ProfileSliders(Panel):
    """*What would a style of my own be like?* Eight sliders, and a button that creates it.

    Args:
        client: A `ResonanceOSAPIClient`.
        prompt: What *Try it* writes about.
        answer: An earlier article, shown until the next one.

    Attributes:
        created: The answer of the last *Create*, or empty.
        answer: The answer of the last *Try it*, or empty.
    """

    created: traitlets.TraitType[ProfileAnswer, dict[str, Any]] = cast(Any, traitlets.Dict())
    answer = traitlets.Dict()

    def __init__(
        self,
        client: Any,
        prompt: str = "A walk in the rain",
        answer: dict[str, Any] | None = None,
    ) -> None:
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
        self.create_button = button("Create profile", self.create, button_style="primary")
        self.change_button = button("Change it", self.change, layout={"display": "none"})
        self.try_button = button("Try it", self.try_it, disabled=True)
        on_enter(self.name, self.create)
        super().__init__(
            client,
            self.tenant,
            self.name,
            self.start,
            *(labelled(f"{d.label}:", self.sliders[d.name]) for d in DIMENSIONS),
            ipw.HBox([self.create_button, self.change_button, self.try_button], layout=BESIDE),
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
        if answer is not None:
            self._show_answer(answer)

    @property
    def vector(self) -> HRVVector:
        """Where the sliders stand."""
        return HRVVector(round(slider.value, 4) for slider in self.sliders.values())

    def _start_chosen(self, change: Any) -> None:
        vector = self._profiles.get(change["new"] or "")
        for slider, value in zip(self.sliders.values(), vector or (), strict=False):
            slider.value = value

    def create(self) -> None:
        """Create the profile; what *Create profile* does. One that exists can be changed."""
        tenant, name = self.tenant.value or "", self.name.value.strip()
        self.created, self.answer = {}, {}
        self.try_button.disabled = True
        self.outdated()
        self.change_button.layout.display = "none"
        with self.working("Creating …"):
            self.reach()
            made = self._client.create_profile(tenant, name, self.vector)
            if made.get("type") == "profile-exists":
                self.change_button.layout.display = ""
                raise PanelError(
                    f"{tenant} / {name} exists already. Press Change it to give it these values, "
                    "or choose another name."
                )
            self.created = got(made)
            self.try_button.disabled = False
            self.tell("done", f"Created {tenant} / {name}. Now try it.")

    def change(self) -> None:
        """Give the profile that exists these values; what *Change it* does."""
        tenant, name = self.tenant.value or "", self.name.value.strip()
        with self.working("Changing …"):
            self.reach()
            seen = self._client.get_profile(tenant, name)
            got(seen)
            self.created = got(
                self._client.update_profile(tenant, name, self.vector, if_match=seen.etag)
            )
            self.try_button.disabled = False
            self.tell("done", f"Changed {tenant} / {name}. Now try it.")

    def try_it(self) -> None:
        """Write in the profile just created; what *Try it* does."""
        with self.working("Writing …"):
            self.reach()
            answer = self._client.generate_content(
                self._prompt, self.created["tenant"], self.created["profile_name"]
            )
            self._show_answer(got(answer))
            name, feedback = answer["profile_name"], answer["hrv_feedback"]
            self.tell("done", f"{name}: feedback {feedback:.2f}")

    def _show_answer(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.draw(radar(answer), columns({answer["profile_name"]: answer["article"]}))


def _labelled(profile: Mapping[str, Any]) -> str:
    return f"{profile['profile_name']}{' (shared)' if profile['shared'] else ''}"
