"""``python -m resonance_helpers.cli.jupyter_app jupyterlab ...``: Jupyter, started in less time.

For one optional check of formats, jsonschema imports `rfc3987_syntax`, which then builds parsers
for most of the time that JupyterLab's server takes to import. None of its schemas has that format.
"""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # as if it were not installed
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
