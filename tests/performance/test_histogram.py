"""A histogram loses no call, and its SVG stands on its own."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from resonance_helpers.performance.histogram import Histogram, histogram

times = st.lists(st.one_of(st.floats(0, 1e5), st.just(math.inf)), max_size=60)


@given(times)
def test_every_call_is_in_one_bin(values: list[float]) -> None:
    found = histogram(values)
    assert found.total == len(values)
    assert found.failed == values.count(math.inf)


@given(st.floats(0.0101, 99))
def test_a_bin_holds_what_lies_between_its_edges(seconds: float) -> None:
    place = histogram([seconds]).counts.index(1)
    low, high = Histogram.edge(place), Histogram.edge(place + 1)
    assert low * (1 - 1e-9) <= seconds <= high * (1 + 1e-9)


@given(times, st.text(max_size=20))
def test_the_svg_is_well_formed_and_tells_a_screen_reader(values: list[float], title: str) -> None:
    title = "".join(c for c in title if c.isprintable())
    found = histogram(values)
    root = ElementTree.fromstring(found.svg([("p50", 0.2), ("p99", math.inf)], title))
    label = root.attrib["aria-label"]
    assert f"{len(values)} calls, {found.failed} failed" in label
    assert "p50 200 ms, p99 never" in label
    bars = [element for element in root if element.tag.endswith("rect")]
    assert len(bars) == sum(count > 0 for count in found.counts) + (found.failed > 0)
    for bar in bars:
        assert float(bar.attrib["height"]) > 0
        assert 0 <= float(bar.attrib["x"]) <= 720
        assert 0 <= float(bar.attrib["y"]) <= 300


def test_bars_are_as_high_as_their_counts() -> None:
    root = ElementTree.fromstring(histogram([0.01] * 4 + [0.1] * 2 + [math.inf]).svg())
    heights = [float(e.attrib["height"]) for e in root if e.tag.endswith("rect")]
    assert [height / heights[0] for height in heights] == [1.0, 0.5, 0.25]


@given(st.lists(st.floats(0.001, 200) | st.just(math.inf), min_size=1, max_size=4))
def test_no_label_lies_over_a_bar_or_another_label_or_a_line(marks: list[float]) -> None:
    found = histogram([0.3] * 9 + [1.0, math.inf])
    root = ElementTree.fromstring(found.svg([(f"p{i}", at) for i, at in enumerate(marks)]))
    labels = [e for e in root if e.tag.endswith("text") and (e.text or "")[:1] == "p"]
    boxes = sorted((float(e.attrib["x"]), float(e.attrib["y"])) for e in labels)
    top = min(float(e.attrib["y"]) for e in root if e.tag.endswith("rect"))
    lines = [e for e in root if "stroke-dasharray" in e.attrib]
    assert len(boxes) == len(marks) == len(lines)
    assert max(y for _, y in boxes) < top
    assert len({y for _, y in boxes}) == len(boxes)
    for x, y in boxes:
        for line in lines:  # a line that is to the right of a label's start begins below it
            if float(line.attrib["x1"]) > x:
                assert float(line.attrib["y1"]) >= y - 1


def test_it_takes_its_colours_from_the_page() -> None:
    svg = histogram([0.3, math.inf]).svg([("p50", 0.3)])
    assert not re.search("#222|white|black", svg)
    assert svg.count("currentColor") > 2


def test_the_text_twin() -> None:
    lines = histogram([0.0105, 0.011, 0.3, math.inf]).text().splitlines()
    assert lines == [
        "      10 to 11.2     ms      2 " + "#" * 40,
        "     282 to 316      ms      1 " + "#" * 20,
        "                 failed      1 " + "#" * 20,
    ]
    assert histogram([]).text() == "no calls yet"
