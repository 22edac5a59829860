"""Where a kernel and JupyterLab write beside the lessons, and other places where they cannot."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["can_be_written", "substitutes", "written"]


def written() -> dict[str, Path]:
    """The folders that Jupyter, IPython and matplotlib write to, by the variable that names each.

    A variable that is set counts, as it does for them.
    """
    from jupyter_core import paths

    usual = {
        "JUPYTER_RUNTIME_DIR": paths.jupyter_runtime_dir(),
        "JUPYTER_DATA_DIR": paths.jupyter_data_dir(),
        "JUPYTER_CONFIG_DIR": paths.jupyter_config_dir(),
        "IPYTHONDIR": os.path.expanduser("~/.ipython"),
        "MPLCONFIGDIR": os.path.join(
            os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "matplotlib"
        ),
    }
    return {name: Path(os.environ.get(name) or path) for name, path in usual.items()}


def can_be_written(folder: Path) -> bool:
    """Whether a file can be made in ``folder``, or in the nearest one above it that exists."""
    while not os.path.exists(folder) and folder != folder.parent:  # nor in one that is closed
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def substitutes(folders: Mapping[str, Path], instead: Path) -> dict[str, str]:
    """For each of ``folders`` that cannot be written, one below ``instead``."""
    return {
        name: str(instead / name.lower())
        for name, folder in folders.items()
        if not can_be_written(folder)
    }
