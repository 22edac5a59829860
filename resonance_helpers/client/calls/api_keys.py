"""/api_keys: keys to call with, made, rotated and revoked. All needs the scope ``admin``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..transport import Answer, Call
from ..transport.arguments import optional_count, optional_text, texts
from ..types import ApiKeyAnswer, ApiKeysAnswer
from .base import Calls, path, shown_once

if TYPE_CHECKING:
    from typing import Unpack

    from ..types import CallOptions, Scope, WriteOptions


class ApiKeyCalls(Calls):
    """Keys to call with."""

    def get_api_keys(self, tenant: str | None = None, **call: Unpack[CallOptions]) -> ApiKeysAnswer:
        """GET /api_keys: the keys that this caller manages, without the keys themselves.

        Needs the scope ``admin``, as all that follows here.
        """
        params = {"tenant": optional_text("tenant", tenant)}
        expect = {"api_keys": list}
        return self._run(self._get("/api_keys", ApiKeysAnswer, call, params=params, expect=expect))

    def create_api_key(
        self,
        scopes: Iterable[Scope],
        tenant: str | None = None,
        *,
        name: str | None = None,
        expires_in: int | None = None,
        **call: Unpack[WriteOptions],
    ) -> ApiKeyAnswer:
        """POST /api_keys: a new key.

        Args:
            scopes: What it may do, such as ``["generate", "profiles:read"]``.
            tenant: Whose it is; None for the caller's own.
            name: What it is for.
            expires_in: Seconds that it is good for; None for no end.
            **call: `types.WriteOptions`.

        Returns:
            ``id``, ``scopes``, ``expires_at``, ... and ``key``, a `Secret`. The server shows it
            this once: an answer that was `.replayed` has None there, and the key is lost.
        """
        payload = {
            "scopes": texts("scopes", scopes),
            "tenant": optional_text("tenant", tenant),
            "name": optional_text("name", name),
            "expires_in": optional_count("expires_in", expires_in),
        }
        return self._run(self._key("/api_keys", call, payload))

    def rotate_api_key(
        self,
        key_id: str,
        *,
        overlap_seconds: int | None = None,
        **call: Unpack[WriteOptions],
    ) -> ApiKeyAnswer:
        """POST /api_keys/{id}/rotate: a new ``key`` of the same id and scopes, as a `Secret`.

        The one before works for `overlap_seconds` more (None: the server's choice, an hour): time
        to hand out the new one. With 0 it ends at once.
        """
        payload = {"overlap_seconds": optional_count("overlap_seconds", overlap_seconds)}
        return self._run(self._key(path("api_keys", key_id, "rotate"), call, payload))

    def delete_api_key(self, key_id: str, **call: Unpack[WriteOptions]) -> Answer:
        """DELETE one key: it works no more from now on. Returns an empty dict."""
        return self._run(self._call("DELETE", path("api_keys", key_id), Answer, call))

    def _key(
        self, where: str, call: WriteOptions, payload: Mapping[str, object]
    ) -> Call[ApiKeyAnswer]:
        expect = {"id": str}
        return self._post(where, ApiKeyAnswer, call, payload, expect=expect, read=shown_once)
