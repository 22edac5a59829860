"""``python -m tests.transport.mutation``: changes the retry policy a little, in every way that
mutmut knows, and counts the changes that the tests notice (``pip install mutmut``; some minutes).

Not part of the test run. It works on a copy in a temporary folder, and prints the mutants that
survive, which are either equal in effect or a hole in the tests.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MUTATED = ("retry", "retry_after", "quota")
TESTS = ("test_retry", "test_retry_after", "test_quota", "test_call")

CONFIG = """[mutmut]
source_paths=
    resonance_helpers
only_mutate=
    {mutated}
pytest_add_cli_args_test_selection=
    tests/transport
also_copy=
    tests
    pytest.ini
"""


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ignored = shutil.ignore_patterns("sandbox", "__pycache__")
        shutil.copytree(ROOT / "resonance_helpers", folder / "resonance_helpers", ignore=ignored)
        (folder / "tests" / "transport").mkdir(parents=True)
        for path in ("__init__.py", "conftest.py", *(f"transport/{test}.py" for test in TESTS)):
            shutil.copy(ROOT / "tests" / path, folder / "tests" / path)
        mutated = "\n    ".join(f"resonance_helpers/transport/{name}.py" for name in MUTATED)
        (folder / "setup.cfg").write_text(CONFIG.format(mutated=mutated))
        (folder / "pytest.ini").write_text(
            "[pytest]\npythonpath = .\naddopts = --import-mode=importlib -x -q\n"
        )
        mutmut = Path(sys.executable).with_name("mutmut")
        done = subprocess.run([mutmut, "run"], cwd=folder)
        subprocess.run([mutmut, "results"], cwd=folder)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
