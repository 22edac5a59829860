"""Pictures: the eye's and the reader's half say the same, and say it the same each time."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonance_helpers.lesson import plots
from resonance_sandbox.hrv import DIMENSIONS, HRVVector

MEASURED = [0.55, 0.35, 0.42, 0.66, 0.5, 0.36, 0.41, 0.77]
TARGET = [0.6, 0.3, 0.4, 0.7, 0.5, 0.3, 0.4, 0.8]

PICTURES: dict[str, Callable[[], plots.Picture]] = {
    "radar": lambda: plots.radar(MEASURED, TARGET, "one"),
    "radars": lambda: plots.radars({"a": (MEASURED, TARGET), "b": (TARGET, MEASURED)}),
    "profile_map": lambda: plots.profile_map({"a": MEASURED, "b": TARGET}),
    "steps": lambda: plots.steps(["up", "down", "up"], ["down", "up"], "Looks", "look"),
    "bars": lambda: plots.bars({"short": 12, "long": 340}, "Length", "characters"),
}


@cache
def drawn(name: str) -> plots.Picture:
    """One picture for all tests that only look at it."""
    return PICTURES[name]()


@pytest.mark.parametrize("name", PICTURES)
class TestEveryPicture:
    def test_png_and_text_stand_in_one_output(self, name: str) -> None:
        picture = drawn(name)
        data, about = picture._repr_mimebundle_()
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert data["text/plain"] == repr(picture) == picture.text
        assert about["image/png"]["alt"] == picture.alt

    def test_bytes_are_the_same_each_time(self, name: str) -> None:
        one, other = drawn(name), PICTURES[name]()
        assert one.png() == one.png() == other.png()
        assert one.svg() == one.svg() == other.svg()

    def test_svg_is_one_labelled_element(self, name: str) -> None:
        picture = drawn(name)
        root = ET.fromstring(picture.svg())
        assert root.get("role") == "img"
        assert root.get("aria-label") == picture.alt
        assert not re.search(r"<(script|image)|href=\"http", picture.svg())

    def test_an_svg_takes_ink_and_paper_from_the_page_it_stands_in(self, name: str) -> None:
        svg = drawn(name).svg()
        assert "currentColor" in svg
        for colour in plots.OF_THE_PAGE:
            assert colour not in svg
        # Black and white are left to words on a coloured ground, which no theme changes.
        if name != "profile_map":
            assert not re.search(r"#(000000|ffffff)|\b(black|white)\b", svg)

    def test_a_png_stands_on_a_paper_of_its_own(self, name: str) -> None:
        from io import BytesIO

        from PIL import Image

        image = Image.open(BytesIO(drawn(name).png())).convert("RGBA")
        width, height = image.size
        paper = tuple(bytes.fromhex(plots.PAPER[1:]))
        for corner in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
            assert image.getpixel(corner) == (*paper, 255)

    def test_size_on_the_page_is_half_that_of_the_png(self, name: str) -> None:
        from io import BytesIO

        from PIL import Image

        data, about = drawn(name)._repr_mimebundle_()
        width, height = Image.open(BytesIO(base64.b64decode(data["image/png"]))).size
        assert abs(width - 2 * about["image/png"]["width"]) <= 2
        assert abs(height - 2 * about["image/png"]["height"]) <= 2

    def test_nothing_is_drawn_outside_the_paper(self, name: str) -> None:
        figure = drawn(name).figure
        box = figure.get_tightbbox()
        width, height = figure.get_size_inches()
        assert box.x0 > -0.01
        assert box.y0 > -0.01
        assert box.x1 < width + 0.01
        assert box.y1 < height + 0.01


def test_radar_tells_each_gap_and_the_feedback() -> None:
    picture = plots.radar(MEASURED, TARGET, "neutral")
    feedback = HRVVector(MEASURED).feedback(TARGET)
    assert f"neutral: feedback {feedback:.2f}" in picture.text
    assert len(picture.text.splitlines()) == 2 + len(DIMENSIONS)
    assert re.search(r"metaphor density +0\.36 +0\.30 +0\.06", picture.text)
    assert "furthest off is metaphor density" in picture.alt


def test_valence_gap_is_a_share_of_its_wider_range() -> None:
    off = [0, -1, 0, 0, 0, 0, 0, 0]
    assert re.search(
        r"emotional valence +-1\.00 +1\.00 +1\.00", plots.radar(off, [0, 1] + [0] * 6).text
    )


def test_radar_refuses_what_is_no_vector() -> None:
    with pytest.raises(ValueError, match="has 8 numbers"):
        plots.radar([0.5] * 7, TARGET)


def test_target_and_measure_differ_by_more_than_colour() -> None:
    axes = plots.radar(MEASURED, TARGET).figure.axes[0]
    target, measured = axes.lines[:2]
    assert target.get_linestyle() != measured.get_linestyle()
    assert target.get_markerfacecolor() == "none"
    assert measured.get_markerfacecolor() != "none"


def test_steps_draw_each_look_in_its_row() -> None:
    text = plots.steps(["up", "down", "up"], ["down", "up"], "Looks").text
    assert text.splitlines() == ["Looks", "  up | o . o", "down | . o ."]


def test_steps_refuse_a_state_that_is_not_in_the_order() -> None:
    with pytest.raises(ValueError, match="'sideways' is not in order: down, up"):
        plots.steps(["sideways"], ["down", "up"])


def test_bars_write_whole_numbers_whole() -> None:
    assert re.search(r"long +340 +#{24}", plots.bars({"short": 12, "long": 340}).text)
    assert re.search(r"a +0\.50", plots.bars({"a": 0.5, "b": 1}).text)


@settings(max_examples=10)
@given(
    st.tuples(
        *[st.floats(dimension.low, dimension.high, allow_nan=False) for dimension in DIMENSIONS]
    )
)
def test_any_vector_can_be_drawn(vector: tuple[float, ...]) -> None:
    picture = plots.radar(vector, vector)
    assert "feedback 1.00" in picture.text
    ET.fromstring(picture.svg())


def test_no_global_figure_stays_open_and_pyplot_is_not_needed() -> None:
    code = (
        "import sys; from resonance_helpers.lesson import plots; plots.bars({'a': 1}).png();"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nobodys_own_style_reaches_a_picture() -> None:
    import matplotlib

    from resonance_helpers.lesson import performance
    from resonance_helpers.performance.run import Run, Sample

    def drawn() -> list[str]:
        run = Run([Sample(5, i, i, i + 0.1 * (i + 1)) for i in range(8)], 1, 10.0)
        made = [plots.bars({"one": 1, "two": 2.5}, "Two"), performance.shape(run)]
        return [picture.svg() for picture in made]

    before = drawn()
    with matplotlib.style.context("dark_background"), matplotlib.rc_context({"font.size": 30}):
        assert drawn() == before
