from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.results import Verdict
from sopkit.evidence import charts

ROWS = [
    charts.Row("one", 0.3, 0.1, 0.5, Verdict.PASS, "as usual"),
    charts.Row("$cost$ of <b>x</b>", 0.9, 0.7, 1.2, Verdict.FAIL),
    charts.Row("none", None, None, None, Verdict.INSUFFICIENT),
]


def made() -> dict[str, charts.Chart]:
    days = pd.date_range("2013-01-01", periods=40)
    random = np.random.default_rng(0)
    return {
        "bars": charts.bars("Bars", ROWS, x_label="share", limit=0.5, logarithmic=True),
        "no rows": charts.bars("Nothing to show", [], x_label="share"),
        "intervals": charts.intervals("Intervals", ROWS, x_label="gain", limit=0.2),
        "histograms": charts.two_histograms("Two", random.normal(size=500), [1e12, np.nan, np.inf, 1.0], x_label="°F"),
        "empty histograms": charts.two_histograms("Two", [], [], x_label="°F"),
        "pairs": charts.pairs("Pairs", ["a", "b"], [0.1, 0.9], [0.2, 0.8]),
        "over time": charts.over_time(
            "Time",
            {"x": (days, random.random(40)), "y": (days, random.random(40))},
            y_label="share",
            limit=0.5,
            marks={"start": days[3]},
            bands={"x": ([0.1] * 40, [0.9] * 40)},
        ),
    }


@pytest.mark.parametrize("name", list(made()))
def test_a_chart_shows_itself_and_gives_the_same_bytes_twice(name):
    """A chart made twice from the same values is the same PNG, byte for byte."""
    once, twice = made()[name], made()[name]
    assert once._repr_png_().startswith(b"\x89PNG")
    assert once.png() == twice.png() == once.png()


def test_a_chart_tells_neither_time_nor_software():
    """The PNG holds no text chunk: bytes do not depend on the day or on the release of a library."""
    assert b"tEXt" not in made()["bars"].png()


def test_a_chart_is_saved_as_it_is_shown(tmp_path):
    """`save` writes the bytes of `png`."""
    chart = made()["pairs"]
    assert chart.save(tmp_path / "x.png").read_bytes() == chart.png()


def test_the_verdict_is_written_as_a_word():
    """No verdict rests on colour alone."""
    axes = charts.bars("Bars", ROWS, x_label="share").figure.axes[0]
    words = [text.get_text() for text in axes.child_axes[0].get_yticklabels()]
    assert words == ["pass · as usual", "fail", "insufficient"]


def test_the_colours_differ_in_brightness():
    """Printed in grey, the first two series are still told apart, and so are pass and fail."""
    from matplotlib.colors import to_rgb

    def grey(colour: str) -> float:
        r, g, b = to_rgb(colour)
        return 0.299 * r + 0.587 * g + 0.114 * b

    assert abs(grey(charts.COLOURS[0]) - grey(charts.COLOURS[1])) > 0.3
    fills = [charts.VERDICTS[verdict][2] for verdict in Verdict]
    assert len(set(fills)) == 3


def test_no_text_lies_on_another_or_outside():
    """Title, tick labels and axis labels keep clear of each other and of the edge."""
    chart = charts.bars(
        "A finding that needs more than one line to be told, as findings sometimes do " * 2,
        ROWS,
        x_label="share",
        subtitle="and a remark",
    )
    chart.png()
    renderer = chart.figure.canvas.get_renderer()
    axes = chart.figure.axes[0]
    texts = [*chart.figure.texts, axes.xaxis.label, *axes.get_yticklabels(), *axes.child_axes[0].get_yticklabels()]
    boxes = [text.get_window_extent(renderer) for text in texts if text.get_text()]
    width, height = chart.figure.canvas.get_width_height()
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width + 1 and box.y1 <= height + 1 for box in boxes)
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :] if a.overlaps(b)]


def test_pyplot_is_never_imported():
    """Figures belong to whoever holds them; none is kept open by pyplot."""
    code = (
        "import sys; from sopkit.evidence import charts; "
        "charts.bars('x', [charts.Row('a', 1.0)], x_label='y').png(); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
