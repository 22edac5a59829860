"""Tests that fork: a worker of pytest-xdist has threads, and Python 3.12 and newer warn of that."""

from __future__ import annotations

import pytest

__all__ = ["forks"]

forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
