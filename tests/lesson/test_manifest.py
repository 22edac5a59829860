from __future__ import annotations

import re

from resonance_helpers.lesson import manifest as lessons
from resonance_helpers.lesson.manifest import LESSONS


def test_numbers_run_from_one_and_name_the_files():
    assert [lesson.number for lesson in LESSONS] == list(range(1, len(LESSONS) + 1))
    assert LESSONS[2].slug == "03_profiles"
    assert LESSONS[2].filename == "03_profiles.ipynb"
    assert len({lesson.topic for lesson in LESSONS}) == len(LESSONS)


def test_the_core_path_of_a_lesson_is_short_and_its_objective_one_sentence():
    for lesson in LESSONS:
        assert 10 <= lesson.reading + lesson.practice <= 30
        assert re.fullmatch(r"[A-Z](?!.*\. ).*\.", lesson.objective)


def test_only_lessons_whose_notebook_exists_are_available(tmp_path):
    for name in ("02_generation.ipynb", "01_health.ipynb", "notes.ipynb"):
        (tmp_path / name).touch()

    assert lessons.available(tmp_path) == LESSONS[:2]
