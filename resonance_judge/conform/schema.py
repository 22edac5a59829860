"""The clause that schemathesis checks: the OpenAPI document and the server agree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from .clause import Broken, NotShown, clause
from .prober import Prober

HOOKS = Path(__file__).with_name("schema_hooks.py")
CONFIG = Path(__file__).with_name("schema.toml")

EXAMPLES = 8
"""Cases for each operation and phase."""

LONGEST = 300.0


@clause("schema", "What it answers to GET is what its OpenAPI document says.")
def _reading(call: Prober) -> None:
    # Where a browser is sent to, pages come, by the browser's own Accept.
    _run(call, "--include-method", "GET", "--exclude-path-regex", "^/oauth/authorize")


@clause("schema-of-writing", "So is what it answers to all that changes something.", "write")
def _writing(call: Prober) -> None:
    _run(call, "--exclude-method", "GET", "--exclude-path-regex", "^/api_keys|^/tenants")


def _run(call: Prober, *options: str) -> None:
    try:
        import schemathesis  # noqa: F401
    except ModuleNotFoundError:
        raise NotShown(
            "schemathesis is not installed: pip install 'resonance-helpers[judge]'."
        ) from None
    document = call.get("/openapi.json")
    if not document.ok:
        raise NotShown(f"GET /openapi.json was answered {document.status_code}.")
    if call.key is not None:
        options += ("--header", f"Authorization: Bearer {call.key}")
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [
                    *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
                    *(
                        "run",
                        f"{call.url}/openapi.json",
                        "--url",
                        call.url,
                        "--phases",
                        "examples,fuzzing",
                    ),
                    *("--generation-deterministic", "--max-examples", str(EXAMPLES)),
                    *("--rate-limit", f"{max(1, round(call.rate))}/s", "--no-color", *options),
                ],
                cwd=folder,
                env={
                    **os.environ,
                    "SCHEMATHESIS_HOOKS": str(HOOKS),
                    "PYTHONUTF8": "1",
                    "no_proxy": "*",
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=LONGEST,
            )
        except subprocess.TimeoutExpired:
            raise NotShown(f"schemathesis was not done in {LONGEST:g} s.") from None
    if done.returncode:
        raise Broken(_first(done.stdout))


def _first(text: str) -> str:
    """The first failure that schemathesis tells of."""
    found = re.search(r"_{3,} ((?:GET|POST|PUT|DELETE|PATCH|HEAD) \S+) _{3,}", text)
    where = f"{found[1]}: " if found else ""
    what = re.search(r"^\s*- (.+)$", text, re.MULTILINE)
    return where + (what[1] if what else text.strip().splitlines()[-1])
