"""A whole ResonanceOS v6 server on this machine, to learn and to test against.

>>> import resonance_sandbox
>>> with resonance_sandbox.start() as server:          # doctest: +SKIP
...     print(server.url)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .app import create_app
    from .launcher import Sandbox, SandboxError, start
    from .settings import Settings

__all__ = ["Sandbox", "SandboxError", "Settings", "create_app", "start"]

_HOMES = {
    "Sandbox": "launcher",
    "SandboxError": "launcher",
    "start": "launcher",
    "Settings": "settings",
    "create_app": "app",
}


def __getattr__(name: str) -> Any:
    # Whoever starts a sandbox in a child process need not import a web framework.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
