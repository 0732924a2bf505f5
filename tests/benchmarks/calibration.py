"""Calibration: do intervals cover, do tests cry wolf as rarely as they say? By simulation, where truth is known.

Eight minutes or so on two idle cores; `QUICK=1` takes a tenth of the trials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.house_style import Chart
from tests.benchmarks import alarm_studies, interval_studies
from tests.benchmarks.figures import NAMES, beside_nominal, by_world, power_curves, world_of
from tests.benchmarks.interval_studies import COUNTED
from tests.benchmarks.report import Report
from tests.benchmarks.trials import Counted, run

__all__ = ["measure"]

STRANGERS, LASTING = NAMES[:2], NAMES[2]
COVERAGE, ALARMS = "intervals that hold the truth, %", "false alarms, %"


def measure(quick: bool, tell: Callable[[str], None]) -> Report:
    """Every study; figures say what was found."""
    scale = 0.1 if quick else 1.0
    tell("true gains of the simulated worlds")
    found = run([*interval_studies.cells(scale), *alarm_studies.cells(scale)], tell)
    of = {study: [one for one in found if one.study == study] for study in dict.fromkeys(c.study for c in found)}
    figures = {**_of_intervals(of), **_of_alarms(of), **_of_power(of)}
    return Report(_text(found, figures), {"cells": [one.to_dict() for one in found]}, figures)


def _of_intervals(of: dict[str, list[Counted]]) -> dict[str, Chart]:
    counted = [c for c in of["gain"] if c.what.endswith(COUNTED)]
    gain = [c for c in of["gain"] if c not in counted]
    blocks = [c for c in gain if not c.settings["by_rows"]]
    month = [c for c in gain if c.settings["days"] == 30]
    singly = [c for c in month if c.settings["by_rows"]]
    together = [*of["slices"], *of["fairness"]]
    return {
        "gain": by_world(
            f"Where days are strangers, intervals by days hold the true gain in {_range(_near(blocks))} of trials; "
            f"where day effects last, in {_range(_last(blocks))}",
            blocks, nominal=0.95, x_label=COVERAGE, series_of=lambda c: f"{c.settings['days']} days",
        ),
        "rows": by_world(
            f"Resampling rows is right where rows are strangers ({_range(_in(singly, NAMES[0]))}), and wrong where "
            f"days have effects ({_range(_in(singly, NAMES[1]))}, and {_range(_last(singly))} where they last)",
            month, nominal=0.95, x_label=COVERAGE,
            series_of=lambda c: "rows resampled" if c.settings["by_rows"] else "days resampled",
        ),
        "neighbours": by_world(
            f"With neighbouring days counted intervals hold the true gain in {_range(_near(counted))} of trials, and "
            f"in {_range(_last(counted))} where day effects last",
            counted, nominal=0.95, x_label=COVERAGE, row_of=lambda c: c.what.removesuffix(COUNTED),
            series_of=lambda c: f"{c.settings['days']} days",
        ),
        "together": by_world(
            f"Intervals that shall hold together do so in {_range(_near(together))} of trials; those of slices in "
            f"{_range(_last(of['slices']))} where day effects last",
            together, nominal=0.95, x_label=COVERAGE,
        ),
        "importance": beside_nominal(
            f"The interval over five shuffles holds the importance in {_range(of['importance'])} of trials",
            of["importance"], x_label=COVERAGE, nominal=0.95, name=lambda c: f"{c.what}, {c.label}",
        ),
    }  # fmt: skip


def _of_alarms(of: dict[str, list[Counted]]) -> dict[str, Chart]:
    promoted = _what(of["false promotion"], "promoted")
    whole, single = (_what(of["drift"], what) for what in ("the whole", "at least one column"))
    return {
        "promotion": by_world(
            f"Of challengers that are no better, the rule promotes {_range(_near(promoted))} where days are strangers "
            f"and {_range(_last(promoted))} where day effects last, {_warned(of['false promotion'])} of these with a "
            "doubt told",
            of["false promotion"], nominal=0.025, x_label="promoted, %", row_of=lambda c: str(c.settings["task"]),
            series_of=lambda c: c.what,
        ),
        "drift": by_world(
            f"Where nothing has changed, the inputs as a whole are called drifted in {_range(whole)} of trials; where "
            f"day effects last, some single column is in {_range(_last(single))}",
            of["drift"], nominal=0.05, x_label=ALARMS,
            series_of=lambda c: f"{c.settings['columns']} columns, " + ("rows" if c.settings["by_rows"] else "blocks"),
        ),
        "promise": by_world(
            f"Each part of a kept promise reads as broken in {_range(_near(of['promise']))} of trials, and in "
            f"{_range(_last(of['promise']))} where day effects last",
            of["promise"], nominal=0.05, x_label=ALARMS, series_of=lambda c: f"{c.settings['days']} days",
        ),
        "causes": by_world(
            f"Where no cause is at work one is found in {_range(_near(of['causes']))} of trials, and in "
            f"{_range(_last(of['causes']))} where day effects last",
            of["causes"], nominal=0.05, x_label=ALARMS, series_of=lambda c: f"{c.settings['days']} days",
        ),
        "opinion": by_world(
            "The second opinion on numbers sees a difference that is not there in "
            f"{_range(_near(of['second opinion']))} of trials, and in {_range(_last(of['second opinion']))} where day "
            "effects last",
            of["second opinion"], nominal=0.05, x_label=ALARMS, row_of=lambda c: f"{c.settings['days']} days",
        ),
        "labels": by_world(
            f"A whole series without a jump of the label rate reads as one with a jump in {_range(of['label rate'])}",
            of["label rate"], nominal=0.05, x_label=ALARMS,
            row_of=lambda c: f"{c.settings['days']} days of {c.settings['per_day']:,} labels",
        ),
        "fairness": by_world(
            f"Where both models treat groups alike, fairness speaks against the challenger in "
            f"{_range(of['fairness alarm'])} of trials",
            of["fairness alarm"], nominal=0.05, x_label=ALARMS,
        ),
        "robustness": beside_nominal(
            f"A loss below the limit of 0.1 is called too much in {_range(of['robustness'])} of trials: rows are few",
            of["robustness"], x_label=ALARMS, nominal=None, name=lambda c: c.label,
        ),
    }  # fmt: skip


def _of_power(of: dict[str, list[Counted]]) -> dict[str, Chart]:
    figures = {}
    for size in ("small", "medium"):
        points = _what(of[f"power {size}"], "promoted")
        lines = {name: [(c.settings["true"], c) for c in _in(points, name)] for name in NAMES}
        told = []
        for name, line in lines.items():
            sure = [gain for gain, one in line if one.share >= 0.8]
            told.append(f"{min(sure):.3f} ({name})" if sure else f"none up to {line[-1][0]:.3f} ({name})")
        rows = 30 * points[0].settings["per_day"]
        title = f"With {rows:,} rows of 30 days, four of five true gains are promoted from {', '.join(told)}"
        figures[f"power_{size}"] = power_curves(title, lines, margin=Evaluation().margin)
    return figures


def _text(found: Sequence[Counted], figures: dict[str, Chart]) -> str:
    lines = [
        "# Calibration, measured",
        "",
        "Made by `make bench ONLY=calibration`; what it means is in [calibration.md](../calibration.md). A share is",
        "*missed* where its whole 95 % interval lies more than two points beyond what was promised.",
        "",
    ]
    for name, chart in figures.items():
        lines += [f"![{chart.title}](calibration_{name}.png)", ""]
    lines.append("| study | circumstances | what | promised | measured | 95 % interval | trials | |")
    lines.append("|---|---|---|---:|---:|---|---:|---|")
    for c in found:
        low, high = c.interval
        promised = "" if c.nominal is None else f"{'≥' if c.kind == 'coverage' else '≤'} {100 * c.nominal:.3g} %"
        missed = "**missed**" if c.verdict is Verdict.FAIL else ""
        lines.append(
            f"| {c.study} | {c.label} | {c.what} | {promised} | {100 * c.share:.1f} % "
            f"| {100 * low:.1f} to {100 * high:.1f} % | {c.trials:,} | {missed} |"
        )
    return "\n".join(lines) + "\n"


def _in(found: Sequence[Counted], world: str) -> list[Counted]:
    return [one for one in found if world_of(one) == world]


def _near(found: Sequence[Counted]) -> list[Counted]:
    return [one for one in found if world_of(one) in STRANGERS]


def _last(found: Sequence[Counted]) -> list[Counted]:
    return _in(found, LASTING)


def _what(found: Sequence[Counted], what: str) -> list[Counted]:
    return [one for one in found if one.what == what]


def _warned(found: Sequence[Counted]) -> str:
    """The share of false promotions in the last world that came with a doubt for the signer."""
    there = _last(found)
    every = sum(one.hits for one in _what(there, "promoted"))
    quiet = sum(one.hits for one in there if one.what != "promoted")
    return f"{100 * (1 - quiet / every):.0f} %" if every else "none"


def _range(found: Sequence[Counted]) -> str:
    low, high = (f"{100 * end(one.share for one in found):.0f}" for end in (min, max))
    return f"{low} %" if low == high else f"{low} to {high} %"
