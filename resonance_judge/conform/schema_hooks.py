"""What a schema cannot say: whose value it is to choose."""

from __future__ import annotations

import re
import uuid
from typing import Any

import schemathesis

_KEY = re.compile(r"[!-~]{1,255}")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Choose what only a caller can choose.

    A key stands for one request alone, so each valid one is made unique; the only valid cursors
    are those that the server gave; and an address that may be called is a matter of the guard.
    """
    headers = case.headers or {}
    for name in list(headers):
        if name.lower() == "idempotency-key" and _KEY.fullmatch(str(headers[name])):
            headers[name] = uuid.uuid4().hex
    if case.meta is not None and case.meta.generation.mode.is_positive:
        if case.query:
            case.query.pop("cursor", None)
        if isinstance(case.body, dict) and case.body.get("url"):
            case.body["url"] = "http://127.0.0.1:9/hook"
