"""Champion, challenger, and the champion's recipe on the new data: the same later rows for all three.

The rules:
* the challenger is better when the interval of its gain in the primary metric lies above the margin, and not worse
  otherwise when every guardrail's interval ends below its margin; a margin in words is in `Comparison.rule`;
* a gain in a score (AUC, F1, R²) is in points; a gain in a loss, and every guardrail, is a share of no-skill
  (Gneiting & Raftery 2007), so that the same margin means the same at 1 % and at 40 % prevalence;
* rows are resampled in blocks, once, for all metrics and slices together (`bootstrap`);
* too few rows or blocks, a missing prediction or one class only is `insufficient`, and that is no permission;
* the third arm splits the gain: recipe on new data over champion is what the data did, challenger over that is
  what the recipe did;
* what the model file adds of its own (`own_measures`, `costs`) is a guardrail, or the primary, in its own unit; metrics
  of the task stay beside it;
* of numbers, a second opinion that counts what one period tells about the next (`forecasts_compared`), and whether one
  row decides (`single_rows`): both are told to the signer, neither decides;
* slices inform: intervals hold together over all slices, small ones read `insufficient`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Threshold, Verdict, judge, plain, worst
from sopkit.errors import WrongUse
from sopkit.evidence.bootstrap import Interval, Plan, plan_of, resampled
from sopkit.evidence.costs import CostComparison
from sopkit.evidence.forecasts_compared import SecondOpinion, second_opinions
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import METRICS, Metric, Task, defaults, find, no_skill, room
from sopkit.evidence.own_measures import OwnMeasures
from sopkit.evidence.single_rows import largest_row
from sopkit.evidence.slices import by_slice

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Comparison", "Gain", "against_naive", "compare"]

Array: TypeAlias = NDArray[Any]
CHAMPION, CHALLENGER, RECIPE = "champion", "challenger", "recipe on new data"


@dataclass(frozen=True)
class Gain:
    """How much better one arm is than another in one metric: in the metric's unit and as a share of no-skill."""

    metric: Metric
    better: str
    than: str
    interval: Interval
    share: Interval

    @property
    def judged(self) -> Interval:
        """The interval that a margin of the primary metric is held against."""
        return self.share if self.metric.is_loss else self.interval


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two models, or three, on the same rows. `gains` are of the challenger over the champion, by metric."""

    task: Task
    rows: int
    blocks: int
    evaluation: Evaluation
    primary: Metric
    guardrails: Mapping[str, float]
    scores: Mapping[str, Mapping[str, Interval]]
    chance: Mapping[str, float]
    gains: Mapping[str, Gain]
    of_data: Gain | None
    of_recipe: Gain | None
    slices: pd.DataFrame
    names: Mapping[str, str]
    plan: Plan = field(repr=False)
    own: OwnMeasures | None = None
    costs: CostComparison | None = None
    second: tuple[SecondOpinion, ...] = ()
    one_row: Measure | None = None
    unit: str = ""

    def gain(self, metric: str) -> Measure:
        """The gain of the challenger in one metric with its interval; it informs. Raises WrongUse for a metric
        that the task does not have."""
        find(self.task, metric)
        gain = self.gains[metric]
        reason = gain.interval.reason if not gain.interval.known else ""
        return Measure(
            f"{metric}_gain",
            _finite(gain.interval.value),
            None if gain.interval.known else Verdict.INSUFFICIENT,
            reason,
            self._detail(gain),
            title=f"Gain in {gain.metric.title}",
        )

    @property
    def primary_name(self) -> str:
        """The metric, or own measure, whose gain the margin is held against."""
        own = self.own.primary if self.own else None
        return own.name if own else self.primary.name

    @property
    def rule(self) -> str:
        unit = " of no-skill" if self.primary.is_loss else ""
        limits = "".join(
            f", and {find(self.task, name).title} not worse by {_share(limit)} of no-skill or more"
            for name, limit in self.guardrails.items()
        )
        margin = _share(self.evaluation.margin) if self.primary.is_loss else number(self.evaluation.margin)
        percent = f"{self.evaluation.confidence:.0%}".replace("%", " %")
        gain = f"gain in {self.primary.title}{self.primary.scope} above {margin}{unit}"
        if self.own is not None:
            gain = self.own.primary.words if self.own.primary else gain
            limits += "".join(f", and {found.words}" for found in self.own.guardrails)
        limits += f", and {self.costs.words}" if self.costs is not None and self.costs.words else ""
        return f"{percent} interval of the {gain}{limits}"

    @property
    def primary_measure(self) -> Measure:
        """The lower end of the interval of the primary gain, which must lie above the margin."""
        if self.own is not None and self.own.primary is not None:
            return self.own.primary.measure
        gain = self.gains[self.primary.name]
        threshold = Threshold(op="above", value=self.evaluation.margin)
        return self._judged(
            f"{self.primary.name}_gain_low",
            f"Gain in {self.primary.title}, lower end",
            gain,
            gain.judged.low,
            threshold,
            "of no-skill" if self.primary.is_loss else "",
        )

    @property
    def guardrail_measures(self) -> list[Measure]:
        """The upper end of how much worse each guardrail may have become: a share of no-skill, below its margin; of an
        own measure and of costs in their own unit."""
        own = [found.measure for found in self.own.guardrails] if self.own else []
        cost = self.costs.guardrail if self.costs else None
        return [*self._guardrails(), *own, *([cost] if cost else [])]

    def _guardrails(self) -> list[Measure]:
        return [
            self._judged(
                f"{name}_worse_high",
                f"{find(self.task, name).title}, worse by at most",
                self.gains[name],
                -self.gains[name].share.low,
                Threshold(op="below", value=limit),
                "of no-skill",
            )
            for name, limit in self.guardrails.items()
        ]

    @property
    def skill_measure(self) -> Measure:
        """The challenger's own primary metric against no skill, the nearer end of its interval: above zero."""
        return self._over_no_skill(CHALLENGER, "")

    @property
    def champion_skill_measure(self) -> Measure:
        """The same of the champion, on the same rows."""
        return self._over_no_skill(CHAMPION, "champion_")

    def _over_no_skill(self, arm: str, prefix: str) -> Measure:
        own, chance = self.scores[arm][self.primary.name], self.chance[self.primary.name]
        ends = [self.primary.goodness(end) - self.primary.goodness(chance) for end in (own.low, own.high)]
        threshold = Threshold(op="above", value=0)
        nearer = _finite(min(ends)) if own.known else None
        return Measure(
            f"{prefix}{self.primary.name}_over_no_skill_low",
            nearer,
            judge(nearer, threshold),
            f"{own}, no skill reaches {number(chance)}" if own.known else own.reason,
            {"interval": own.to_dict(), "no_skill": chance},
            threshold,
            f"{self.primary.title} over no skill, lower end",
        )

    @property
    def measures(self) -> list[Measure]:
        """What decides first (primary, guardrails), then the gains and what the third arm tells."""
        told = self._judgements()
        told += [self.skill_measure] if self.primary.direction != "zero" else []
        told += [self.gain(name) for name in self.gains]
        for name, title, gain in (
            ("gain_of_new_data", "Gain that the new data made", self.of_data),
            ("gain_of_new_recipe", "Gain that the new recipe made", self.of_recipe),
        ):
            if gain is not None:
                value = _finite(gain.interval.value)
                told.append(Measure(name, value, reason=str(gain.interval), detail=self._detail(gain), title=title))
        told += [*self.seconds, *self.doubts]
        if len(self.slices):
            worse = self.slices.query("verdict == 'fail'")
            cells = ", ".join(f"{row.slice}={row.value}" for row in worse.itertuples())
            told.append(
                Measure(
                    "slices_worse",
                    len(worse),
                    Verdict.FAIL if len(worse) else Verdict.PASS,
                    f"the challenger is worse in {cells}" if cells else "",
                    {"slices": len(self.slices), "insufficient": int((self.slices.verdict == "insufficient").sum())},
                    Threshold(op="at_most", value=0),
                    title="Slices in which the challenger is worse",
                )
            )
        return told

    @property
    def seconds(self) -> list[Measure]:
        """Of numbers: the second opinions on the gains that the rule holds against a line."""
        return [opinion.measure for opinion in self.second]

    @property
    def doubts(self) -> list[Measure]:
        """What a signer should know of a gain: of numbers the largest share that one row has in it, otherwise whether
        it is still seen where days that follow one another are no strangers."""
        told = [self.one_row, self._with_neighbours() if not self.second else None]
        return [measure for measure in told if measure is not None]

    def _with_neighbours(self) -> Measure | None:
        """The lower end of the primary gain with neighbouring blocks counted; nothing where the rule sees no gain."""
        gain = self.gains[self.primary.name]
        if self.primary_measure.verdict is not Verdict.PASS or gain.interval.neighbours == 1:
            return None
        wide = gain.judged.with_neighbours
        seen = wide.low > self.evaluation.margin
        told = "days" if self.evaluation.blocks == timedelta(days=1) else "blocks of time"
        reason = f"{told} that follow one another gain alike; were that counted, the interval would be "
        reason += f"{number(gain.interval.neighbours, 2)} times as wide, {number(wide.low)} to {number(wide.high)}"
        reason += "" if seen else ": the gain may be luck of a few good weeks"
        return Measure(
            "gain_with_neighbours",
            _finite(wide.low),
            Verdict.PASS if seen else Verdict.INSUFFICIENT,
            reason,
            {"neighbours": gain.interval.neighbours, "low": wide.low, "high": wide.high},
            Threshold(op="above", value=self.evaluation.margin),
            f"Gain in {self.primary.title}, lower end, with neighbouring {told} counted",
            "of no-skill" if self.primary.is_loss else "",
        )

    @property
    def table(self) -> pd.DataFrame:
        """One row a metric: no-skill, each arm's value, the gain with its interval, and as a share of no-skill."""
        rows = []
        for name, gain in self.gains.items():
            row: dict[str, Any] = {"metric": name, "no_skill": self.chance[name]}
            row |= {arm: values[name].value for arm, values in self.scores.items()}
            row |= {"gain": gain.interval.value, "low": gain.interval.low, "high": gain.interval.high}
            row["share_of_no_skill"] = gain.share.value
            for opinion in self.second:
                if opinion.name == name:
                    row |= {"series_low": opinion.series.interval.low, "series_high": opinion.series.interval.high}
            rows.append(row)
        return pd.DataFrame(rows)

    @property
    def verdict(self) -> Verdict:
        """`pass` only if the primary gain and every guardrail pass."""
        return worst([measure.verdict for measure in self._judgements()]) or Verdict.INSUFFICIENT

    @property
    def finding(self) -> str:
        """The comparison in one sentence, numbers rounded for people."""
        told = self._found()
        return told[:1].upper() + told[1:]

    def _found(self) -> str:
        gain, title = self.gains[self.primary.name].interval, self.primary.title
        arms = [self.scores[arm][self.primary.name].value for arm in (CHAMPION, CHALLENGER)]
        if self.own is not None and (own := self.own.primary) is not None:
            gain, title, arms = own.interval, own.title, [own.champion, own.challenger]
            if own.fault:
                return own.finding
        name, old = self.names[CHALLENGER], self.names[CHAMPION]
        if not np.isfinite(gain.value):
            return f"{name} and {old} cannot be compared in {title}: {gain.reason}"
        told = f"{title} {number(arms[1])} against {number(arms[0])}"
        if not gain.known:
            return f"{told}, without an interval: {gain.reason}"
        if self.primary_measure.verdict is Verdict.PASS:
            return f"{name} beats {old}: {told}, gain {_signed(gain.low)} to {_signed(gain.high)}"
        if gain.high < 0:
            return f"{name} is worse than {old}: {told}, gain {_signed(gain.low)} to {_signed(gain.high)}"
        return f"{name} is not shown to be better than {old}: {told}, gain {_signed(gain.low)} to {_signed(gain.high)}"

    @property
    def attribution(self) -> str:
        """What made the difference, new data or a new recipe, as far as the third arm tells."""
        if self.of_data is None or self.of_recipe is None:
            return ""
        parts = []
        for what, gain in (("new data", self.of_data), ("new recipe", self.of_recipe)):
            interval = gain.interval
            if not interval.known:
                return f"What made the difference is not known: {interval.reason}."
            effect = "helped" if interval.low > 0 else "harmed" if interval.high < 0 else "made no clear difference"
            parts.append(f"the {what} {effect} ({_signed(interval.value)})")
        return f"In {self.primary.title}, {parts[0]} and {parts[1]}."

    def figure(self) -> Chart:
        """Gains with intervals: primary, guardrails and other metrics as shares of no-skill, then the slices."""
        from sopkit.evidence.charts import Row, intervals

        rows = []
        judged = dict(zip(self.guardrails, self._guardrails(), strict=True))
        if self.primary_name == self.primary.name:
            judged |= {self.primary.name: self.primary_measure}
        for name, gain in self.gains.items():
            measure = judged.get(name)
            interval, chosen = gain.share, measure.verdict if measure else None
            arms = [number(self.scores[arm][name].value) for arm in (CHAMPION, CHALLENGER)]
            arms[1] += f" {self.unit}" if self.unit and name in ("mae", "rmse", "bias") else ""
            role = "primary" if name == self.primary_name else "guardrail" if name in self.guardrails else ""
            note = " · ".join(part for part in (role, f"{arms[0]} → {arms[1]}") if part)
            rows.append(_row(Row, gain.metric.title, interval, chosen, note))
            for opinion in self.second:
                if opinion.name == name and opinion.series.interval.known:
                    note = f"second opinion, {opinion.series.periods} periods"
                    note += "" if opinion.agrees is not False else ": differs"
                    rows.append(_row(Row, f"{gain.metric.title}, as one series", opinion.series.interval, None, note))
        return intervals(
            self.finding,
            rows,
            x_label="gain of the challenger, as a share of no-skill (right is better)",
            subtitle=self._basis(),
        )

    def slice_figure(self) -> Chart:
        """The gain in the primary metric slice by slice, intervals that hold together."""
        from sopkit.evidence.charts import Row, intervals

        worse = int((self.slices.verdict == "fail").sum()) if len(self.slices) else 0
        small = int((self.slices.verdict == "insufficient").sum()) if len(self.slices) else 0
        title = f"{self.names[CHALLENGER]} is worse in {worse} of {len(self.slices) - small} slices that can be judged"
        if not worse:
            title = f"In none of {len(self.slices) - small} slices is {self.names[CHALLENGER]} shown to be worse"
        if not len(self.slices):
            title = "The model file names no slices"
        rows = [
            Row(
                f"{row.slice} = {row.value}",
                _finite(row.gain),
                _finite(row.low),
                _finite(row.high),
                Verdict(row.verdict),
                f"{row.rows:,} rows",
            )
            for row in self.slices.itertuples()
        ]
        title = title[:1].upper() + title[1:]
        return intervals(title, rows, x_label=f"gain in {self.primary.title}", subtitle=self._basis())

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "task": self.task,
                    "rows": self.rows,
                    "blocks": self.blocks,
                    "method": self.plan.method,
                    "rule": self.rule,
                    "verdict": self.verdict,
                    "finding": self.finding,
                    "attribution": self.attribution,
                    "names": dict(self.names),
                    "metrics": self.table.to_dict("records"),
                    "slices": self.slices.to_dict("records"),
                    "second_opinions": [opinion.to_dict() for opinion in self.second],
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return f"**{self.finding}.** {self.attribution}\n\nRule: {self.rule}.\n\n{self._basis()}"

    def _judgements(self) -> list[Measure]:
        return [self.primary_measure, *self.guardrail_measures]

    def _basis(self) -> str:
        by = {"blocks": f"in {self.blocks:,} blocks", "none": self.plan.reason}
        percent = f"{self.evaluation.confidence:.0%}".replace("%", " %")
        if self.plan.method == "blocks" and self.blocks == self.rows:
            by["blocks"] = "each a block of its own"
        return f"{self.rows:,} later rows, {by[self.plan.method]}; {percent} intervals of paired differences"

    def _detail(self, gain: Gain) -> dict[str, Any]:
        return {
            "interval": gain.interval.to_dict(),
            "share_of_no_skill": {"value": gain.share.value, "low": gain.share.low, "high": gain.share.high},
            "better": gain.better,
            "than": gain.than,
            "rows": self.rows,
        }

    def _judged(self, name: str, title: str, gain: Gain, end: float, threshold: Threshold, unit: str) -> Measure:
        verdict = judge(_finite(end), threshold)
        interval = gain.interval
        reason = str(interval) if interval.known else interval.reason
        return Measure(name, _finite(end), verdict, reason, self._detail(gain), threshold, title, unit)


def compare(
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    recipe_on_new_data: Any = None,
    slices: pd.DataFrame | None = None,
    names: Mapping[str, str] | None = None,
    own: OwnMeasures | None = None,
    costs: CostComparison | None = None,
    unit: str = "",
) -> Comparison:
    """The challenger against the champion on the same later rows.

    `y` (n,) and predictions as in `metrics`; `blocks` (n,) as in `bootstrap.plan`; `slices` one column a slice,
    rows in the order of `y`. `names` may rename `champion` and `challenger` for people.
    `own` and `costs`, of the same rows, take part in the rule as the model file says; `unit` is that of the target.
    Raises DataError when shapes do not fit, WrongUse for a metric the task does not have, or an own measure or costs
    that the rule needs and nobody measured.
    """
    evaluation = evaluation or Evaluation()
    usual = defaults(task, y)
    _require_measured(evaluation, own, costs)
    primary = find(task, evaluation.metric or usual.primary)
    guardrails = dict(usual.guardrails if evaluation.guardrails is None else evaluation.guardrails)
    for name in guardrails:
        find(task, name)
    truth = np.asarray(y, dtype=float)
    arms = {CHAMPION: np.asarray(champion, dtype=float), CHALLENGER: np.asarray(challenger, dtype=float)}
    if recipe_on_new_data is not None:
        arms[RECIPE] = np.asarray(recipe_on_new_data, dtype=float)
    drawn = plan_of(evaluation, blocks, len(truth))
    if len(truth) < evaluation.minimum_rows:
        reason = f"only {len(truth)} rows, {evaluation.minimum_rows} are needed"
        drawn = drawn.without(reason)

    measured = sorted(METRICS[task].values(), key=lambda m: (m is not primary, m.name not in guardrails))
    each = {
        arm: {m.name: resampled(m, truth, p, drawn, evaluation.confidence) for m in measured} for arm, p in arms.items()
    }

    def gain(metric: Metric, better: str, than: str) -> Gain:
        interval = each[better][metric.name].better_than(each[than][metric.name])
        return Gain(metric, better, than, interval, interval.scaled(1 / room(metric, truth)))

    third = recipe_on_new_data is not None
    gains = {m.name: gain(m, CHALLENGER, CHAMPION) for m in measured}
    second, one_row = tuple[SecondOpinion, ...](), None
    if task == "regression":
        both = (truth, arms[CHAMPION], arms[CHALLENGER])
        lines = {name: -limit for name, limit in guardrails.items()} | {primary.name: evaluation.margin}
        seen = {name: own_gain.judged for name, own_gain in gains.items()}
        second = second_opinions(*both, blocks, seen, lines=lines, evaluation=evaluation)
        one_row = largest_row(primary, *both, drawn)
    return Comparison(
        task=task,
        rows=len(truth),
        blocks=drawn.blocks,
        evaluation=evaluation,
        primary=primary,
        guardrails=guardrails,
        scores={arm: {name: r.interval for name, r in own.items()} for arm, own in each.items()},
        chance={m.name: no_skill(task, m, truth) for m in measured},
        gains=gains,
        of_data=gain(primary, RECIPE, CHAMPION) if third else None,
        of_recipe=gain(primary, CHALLENGER, RECIPE) if third else None,
        slices=by_slice(primary, truth, arms[CHAMPION], arms[CHALLENGER], slices, drawn, evaluation),
        names={CHAMPION: "champion", CHALLENGER: "challenger", RECIPE: RECIPE} | dict(names or {}),
        plan=drawn,
        own=own,
        costs=costs,
        second=second,
        one_row=one_row,
        unit=unit,
    )


def against_naive(
    y: Any,
    model: Any,
    naive: Any,
    *,
    task: Task,
    blocks: Any,
    folds: Any,
    evaluation: Evaluation | None = None,
    names: Mapping[str, str] | None = None,
    own: OwnMeasures | None = None,
    costs: CostComparison | None = None,
) -> Comparison:
    """The first champion's test: out-of-fold predictions of a rolling origin against a naive baseline's.

    All arrays are the folds' rows, one fold after the other; `folds` (n,) names the fold of each row and becomes
    the slice table. Tashman (2000), Out-of-sample tests of forecasting accuracy.
    """
    return compare(
        y,
        naive,
        model,
        task=task,
        blocks=blocks,
        evaluation=evaluation,
        slices=pd.DataFrame({"fold": np.asarray(folds)}),
        names={CHAMPION: "the naive baseline", CHALLENGER: "the model"} | dict(names or {}),
        own=own,
        costs=costs,
    )


def _require_measured(evaluation: Evaluation, own: OwnMeasures | None, costs: CostComparison | None) -> None:
    """A limit that the model file declares is never left out in silence."""
    limits = [name for name, m in evaluation.measures.items() if m.worse_by_at_most is not None]
    limits += [evaluation.primary] if evaluation.primary in evaluation.measures else []
    measured = {found.name for found in own.gains} if own else set()
    lacking = [name for name in limits if name not in measured]
    if evaluation.costs is not None and evaluation.costs.worse_by_at_most is not None and costs is None:
        lacking.append("costs")
    if lacking:
        what = f"the rule needs {', '.join(lacking)}, which were not measured"
        raise WrongUse(what, remedy="hand own_measures_of(…) as `own` and costs_of(…) as `costs` to the comparison")


def _row(kind: Any, label: str, interval: Interval, verdict: Verdict | None, note: str) -> Any:
    return kind(label, _finite(interval.value), _finite(interval.low), _finite(interval.high), verdict, note)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−") if abs(value) < 10 else f"{value:+,.1f}".replace("-", "−")


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"
