"""A plugin, ``-p tests.support.quick_start``: each worker of pytest has its imports done sooner.

It keeps jsonschema, which nbformat imports, from building parsers for a format that no schema here
has; see `resonance_helpers.cli.jupyter_app`. A plugin is there before what imports nbformat.
"""

from __future__ import annotations

import sys

sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # as if it were not installed
