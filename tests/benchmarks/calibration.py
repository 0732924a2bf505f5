"""Calibration: do intervals cover, do tests cry wolf as rarely as they say? By simulation, where truth is known.

Six minutes or so on two idle cores; `QUICK=1` takes a tenth of the trials.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.house_style import Chart
from tests.benchmarks import alarm_studies, interval_studies
from tests.benchmarks.figures import beside_nominal, by_world, power_curves
from tests.benchmarks.interval_studies import COUNTED
from tests.benchmarks.report import Report
from tests.benchmarks.trials import Counted, run
from tests.benchmarks.worlds import WORLDS

__all__ = ["measure"]

NAMES = [world.name for world in WORLDS]
DAYS_TRIED = ["20 days", "30 days", "60 days"]
COVERAGE, ALARMS = "intervals that hold the truth, %", "false alarms, %"


def measure(quick: bool, tell: Callable[[str], None]) -> Report:
    """Every study; figures say what was found."""
    scale = 0.1 if quick else 1.0
    tell("true gains of the simulated worlds")
    cells = [*interval_studies.cells(scale), *alarm_studies.cells(scale)]
    found = run(cells, tell)
    figures = _figures(found)
    return Report(_text(found, figures), {"cells": [one.to_dict() for one in found]}, figures)


def _figures(found: Sequence[Counted]) -> dict[str, Chart]:
    of = {study: [one for one in found if one.study == study] for study in dict.fromkeys(c.study for c in found)}
    counted = [c for c in of["gain"] if c.what.endswith(COUNTED) and not c.settings["by_rows"]]
    gain = [c for c in of["gain"] if not c.what.endswith(COUNTED)]
    blocks = [c for c in gain if not c.settings["by_rows"]]
    promoted = _what(of["false promotion"], "promoted")
    rows = [c for c in gain if c.settings["days"] == 30]
    told = {world: _range([c for c in blocks if _world(c) == world]) for world in NAMES}
    singly = {world: _range([c for c in rows if _world(c) == world and c.settings["by_rows"]]) for world in NAMES}
    figures = {
        "gain": by_world(
            f"Day-block intervals of the gain hold the truth in {told[NAMES[0]]} of trials with independent rows, "
            f"in {told[NAMES[1]]} with day effects, in {told[NAMES[2]]} where these last",
            blocks, worlds=NAMES, series=DAYS_TRIED, world_of=_world,
            series_of=lambda c: f"{c.settings['days']} days", nominal=0.95, x_label=COVERAGE,
        ),
        "rows": by_world(
            f"Resampling rows is right for independent rows ({singly[NAMES[0]]}) and wrong for days: "
            f"{singly[NAMES[1]]}, and {singly[NAMES[2]]} where day effects last",
            rows, worlds=NAMES, series=["days resampled", "rows resampled"], world_of=_world,
            series_of=lambda c: "rows resampled" if c.settings["by_rows"] else "days resampled",
            nominal=0.95, x_label=COVERAGE,
        ),
        "neighbours": by_world(
            "With neighbouring days counted the intervals hold the truth in "
            + ", ".join(f"{_range([c for c in counted if _world(c) == world])} ({world})" for world in NAMES),
            counted, worlds=NAMES, series=DAYS_TRIED, world_of=_world,
            series_of=lambda c: f"{c.settings['days']} days", nominal=0.95, x_label=COVERAGE,
        ),
        "together": beside_nominal(
            f"Intervals that shall hold together do so in {_range([*of['slices'], *of['fairness']])} of trials",
            [*of["slices"], *of["fairness"]], x_label=COVERAGE, nominal=0.95, name=_where,
        ),
        "importance": beside_nominal(
            f"The interval over five shuffles holds the importance in {_range(of['importance'])} of trials",
            of["importance"], x_label=COVERAGE, nominal=0.95, name=lambda c: f"{c.what}, {c.label}",
        ),
        "promotion": beside_nominal(
            "Of challengers that are no better, the rule promotes "
            f"{_range([c for c in promoted if _world(c) != NAMES[2]])}, and where day effects last "
            f"{_range([c for c in promoted if _world(c) == NAMES[2]])}, "
            f"{_warned(of['false promotion'])} of them with a doubt told",
            promoted, x_label="promoted, % of trials", nominal=0.025, name=lambda c: c.label,
        ),
        "drift": by_world(
            f"Where nothing has changed, drift as a whole is found in {_range(_what(of['drift'], 'the whole'))} "
            "of trials; single columns are safe only by blocks",
            of["drift"], worlds=NAMES, series=["by blocks", "rows counted singly"], world_of=_world,
            series_of=lambda c: "rows counted singly" if c.settings["by_rows"] else "by blocks",
            nominal=0.05, x_label=ALARMS,
        ),
        "promise": beside_nominal(
            f"A kept promise reads as broken in {_range(of['promise'])} of trials",
            of["promise"], x_label=ALARMS, nominal=0.05, name=lambda c: c.label,
        ),
        "causes": beside_nominal(
            f"Where no cause is at work one is found in {_range(of['causes'])} of trials",
            of["causes"], x_label=ALARMS, nominal=0.05, name=lambda c: f"{c.what}: {c.label}",
        ),
        "opinion": beside_nominal(
            f"The second opinion sees a difference that is not there in {_range(of['second opinion'])} of trials",
            of["second opinion"], x_label=ALARMS, nominal=0.05, name=lambda c: c.label,
        ),
        "labels": beside_nominal(
            f"A whole series without a jump of the label rate reads as one with a jump in {_range(of['label rate'])}",
            of["label rate"], x_label=ALARMS, nominal=0.05, name=lambda c: c.label,
        ),
        "fairness": beside_nominal(
            f"Where both models treat groups alike, fairness speaks against the challenger in "
            f"{_range(of['fairness alarm'])} of trials",
            of["fairness alarm"], x_label=ALARMS, nominal=0.05, name=_where,
        ),
        "robustness": beside_nominal(
            f"A loss below the limit of 0.1 is called too much in {_range(of['robustness'])} of trials: rows are few",
            of["robustness"], x_label=ALARMS, nominal=None, name=lambda c: c.label,
        ),
    }  # fmt: skip
    for size in ("small", "medium"):
        points = of[f"power {size}"]
        lines = {
            world: [(float(c.label.rpartition(", ")[2]), c) for c in points if _world(c) == world] for world in NAMES
        }
        figures[f"power_{size}"] = power_curves(_power_title(lines, points), lines, margin=Evaluation().margin)
    return figures


def _power_title(lines: dict[str, list[tuple[float, Counted]]], points: Sequence[Counted]) -> str:
    parts = []
    for world, line in lines.items():
        sure = [gain for gain, one in line if one.share >= 0.8]
        parts.append(f"{min(sure):.3f} ({world})" if sure else f"none tried ({world})")
    rows = 30 * points[0].settings["per_day"]
    return f"With {rows:,} rows of 30 days, four of five true gains are promoted from {', '.join(parts)}"


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


def _world(one: Counted) -> str:
    return str(one.settings["world"].name)


def _where(one: Counted) -> str:
    return f"{one.what}: {_world(one)}"


def _what(found: Sequence[Counted], what: str) -> list[Counted]:
    return [one for one in found if one.what == what]


def _warned(found: Sequence[Counted]) -> str:
    """The share of false promotions in the last world that came with a doubt for the signer."""
    there = [one for one in found if _world(one) == NAMES[2]]
    every = sum(one.hits for one in _what(there, "promoted"))
    quiet = sum(one.hits for one in there if one.what != "promoted")
    return f"{100 * (1 - quiet / every):.0f} %" if every else "none"


def _range(found: Sequence[Counted]) -> str:
    low, high = (f"{100 * end(one.share for one in found):.0f}" for end in (min, max))
    return f"{low} %" if low == high else f"{low} to {high} %"
