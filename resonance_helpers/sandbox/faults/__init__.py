"""Faults on demand: what a client has to survive, declared by rule and met again on every run.

`kinds` says what can go wrong, `engine` which request meets it, `middleware` and `wire` do it,
`routes` and `control` let people ask for it. Only the last is imported here: it runs in the
caller's process, which needs no server.
"""

from .control import Faults, Injected

__all__ = ["Faults", "Injected"]
