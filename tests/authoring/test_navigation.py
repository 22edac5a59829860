from __future__ import annotations

import pytest

from authoring.navigation import navigation, table
from resonance_helpers.lesson.manifest import LESSONS


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (0, "[Contents](README.md) · [2. Generation →](02_generation.ipynb)"),
        (
            1,
            "[← 1. Health](01_health.ipynb) · [Contents](README.md) · "
            "[3. Profiles →](03_profiles.ipynb)",
        ),
        (2, "[← 2. Generation](02_generation.ipynb) · [Contents](README.md)"),
    ],
)
def test_navigation_links_what_there_is(at, expected):
    assert navigation(LESSONS[at], LESSONS[:3]) == expected


def test_the_table_has_a_row_for_each_lesson():
    rows = table(LESSONS, "notebooks/").splitlines()

    assert len(rows) == 2 + len(LESSONS)
    assert rows[2].startswith("| [1. Health](notebooks/01_health.ipynb) | Ask a server")
