"""What every test shares: a machine's own settings must not decide whether a test passes."""

from __future__ import annotations

import os

from hypothesis import settings

# Read once, when the tests are collected: a fixture would come too late for module-level code.
for name in [name for name in os.environ if name.startswith("RESONANCE_")]:
    del os.environ[name]

# Two busy cores make a slow example, not a wrong one; in CI the same examples run each time.
settings.register_profile("tests", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("tests")
