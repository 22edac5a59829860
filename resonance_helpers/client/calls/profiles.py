"""/tenants and /profiles: whose styles there are, and which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from ..transport import Answer
from ..transport.arguments import (
    if_match_header,
    numbers,
    optional_count,
    optional_mapping,
    optional_text,
    text,
)
from ..types import ProfileAnswer, ProfilesAnswer, TenantAnswer, TenantsAnswer
from .base import Calls, path

if TYPE_CHECKING:
    from typing import Unpack

    from ..types import CallOptions, Profile, WriteOptions

_ONE = {"profile_name": str}


class ProfileCalls(Calls):
    """Tenants, and their styles."""

    def get_tenants(self, **call: Unpack[CallOptions]) -> TenantsAnswer:
        """GET /tenants: the tenants that this caller may use."""
        return self._run(self._get("/tenants", TenantsAnswer, call, expect={"tenants": list}))

    def create_tenant(
        self,
        tenant: str,
        access: Literal["open", "private"] = "private",
        **call: Unpack[WriteOptions],
    ) -> TenantAnswer:
        """POST /tenants: a new tenant, ``open`` or ``private``. Needs the scope ``admin``."""
        payload = {"tenant": text("tenant", tenant), "access": text("access", access)}
        return self._run(
            self._post("/tenants", TenantAnswer, call, payload, expect={"tenant": str})
        )

    def get_profiles(
        self,
        tenant: str | None = None,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        **call: Unpack[CallOptions],
    ) -> ProfilesAnswer:
        """GET /profiles: one page of the shared profiles and the tenant's own.

        Returns:
            ``profiles``, ``count``, and ``next_cursor``: the `cursor` of the next page, or None.
            `iter_profiles` turns the pages by itself.
        """
        params = {
            "tenant": optional_text("tenant", tenant),
            "limit": optional_count("limit", limit),
            "cursor": optional_text("cursor", cursor),
        }
        expect = {"profiles": list}
        return self._run(self._get("/profiles", ProfilesAnswer, call, params=params, expect=expect))

    def iter_profiles(
        self,
        tenant: str | None = None,
        *,
        limit: int | None = None,
        **call: Unpack[CallOptions],
    ) -> Iterator[Profile]:
        """All profiles, page after page of `limit` each.

        An error is raised in both modes: a loop has no place for an error dict.
        """
        params = {
            "tenant": optional_text("tenant", tenant),
            "limit": optional_count("limit", limit),
        }
        return self._rows("/profiles", ProfilesAnswer, call, params, "profiles")

    def create_profile(
        self,
        tenant: str,
        profile_name: str,
        hrv_vector: Iterable[float],
        metadata: Mapping[str, Any] | None = None,
        *,
        description: str | None = None,
        **call: Unpack[WriteOptions],
    ) -> ProfileAnswer:
        """POST /profiles: a style of the tenant's own.

        Args:
            tenant: The tenant it belongs to.
            profile_name: A small letter or digit, then up to 63 more, ``_`` and ``-``.
            hrv_vector: Eight numbers in the order of `hrv.DIMENSIONS`, each 0 to 1, but
                `emotional_valence` -1 to 1.
            metadata: Anything that JSON can say.
            description: What the style is for.
            **call: `types.WriteOptions`.
        """
        payload = {
            "tenant": text("tenant", tenant),
            "profile_name": text("profile_name", profile_name),
            **_style(hrv_vector, metadata, description),
        }
        return self._run(self._post("/profiles", ProfileAnswer, call, payload, expect=_ONE))

    def get_profile(
        self, tenant: str, profile_name: str, **call: Unpack[CallOptions]
    ) -> ProfileAnswer:
        """GET one profile; the answer's `.etag` is its version."""
        where = path("profiles", tenant, profile_name)
        return self._run(self._get(where, ProfileAnswer, call, expect=_ONE))

    def update_profile(
        self,
        tenant: str,
        profile_name: str,
        hrv_vector: Iterable[float],
        metadata: Mapping[str, Any] | None = None,
        *,
        description: str | None = None,
        if_match: str | None = None,
        **call: Unpack[WriteOptions],
    ) -> ProfileAnswer:
        """PUT one profile anew.

        With `if_match`, the `.etag` of an answer, only if nobody else has changed it since (else
        ``precondition-failed``).
        """
        where = path("profiles", tenant, profile_name)
        payload = _style(hrv_vector, metadata, description)
        headers = if_match_header(if_match)
        return self._run(
            self._call("PUT", where, ProfileAnswer, call, payload, headers=headers, expect=_ONE)
        )

    def delete_profile(
        self,
        tenant: str,
        profile_name: str,
        *,
        if_match: str | None = None,
        **call: Unpack[WriteOptions],
    ) -> Answer:
        """DELETE one profile; `if_match` as in `update_profile`. Returns an empty dict."""
        where, headers = path("profiles", tenant, profile_name), if_match_header(if_match)
        return self._run(self._call("DELETE", where, Answer, call, headers=headers))


def _style(
    hrv_vector: Iterable[float], metadata: Mapping[str, Any] | None, description: str | None
) -> dict[str, Any]:
    return {
        "hrv_vector": numbers("hrv_vector", hrv_vector),
        "metadata": optional_mapping("metadata", metadata),
        "description": optional_text("description", description),
    }
