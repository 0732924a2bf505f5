"""Champion and challenger on the same later rows: what was found, and what the rule says of it.

The rules:
* the challenger is better when the interval of its gain in the primary metric lies above the margin, and not worse
  otherwise when every guardrail's interval ends below its margin; a margin in words is in `Comparison.rule`;
* what the model file adds of its own (`own_measures`, `costs`) is a guardrail, or the primary, in its own unit; metrics
  of the task stay beside it;
* of numbers, a second opinion that counts what one period tells about the next (`forecasts_compared`), and whether one
  row decides (`single_rows`): both are told to the signer, neither decides;
* slices inform: intervals hold together over all slices, small ones read `insufficient`.

How it is measured is in `comparing`, how one gain is held to a line in `gains`, the pictures in `comparison_figures`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, judge, plain, worst
from sopkit.evidence.bootstrap import Interval, Plan
from sopkit.evidence.costs import CostComparison
from sopkit.evidence.forecasts_compared import SecondOpinion
from sopkit.evidence.gains import CHALLENGER, CHAMPION, Gain
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Metric, Task, find
from sopkit.evidence.own_measures import OwnMeasures

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Comparison"]


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
        return self.gains[metric].measure

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
        return self.gains[self.primary.name].above(self.evaluation.margin)

    @property
    def guardrail_measures(self) -> list[Measure]:
        """The upper end of how much worse each guardrail may have become: a share of no-skill, below its margin; of an
        own measure and of costs in their own unit."""
        usual = [self.gains[name].worse_below(limit) for name, limit in self.guardrails.items()]
        own = [found.measure for found in self.own.guardrails] if self.own else []
        cost = self.costs.guardrail if self.costs else None
        return [*usual, *own, *([cost] if cost else [])]

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
        nearer = finite(min(ends)) if own.known else None
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
        if self.of_data is not None:
            told.append(self.of_data.told("gain_of_new_data", "Gain that the new data made"))
        if self.of_recipe is not None:
            told.append(self.of_recipe.told("gain_of_new_recipe", "Gain that the new recipe made"))
        told += [*self.seconds, *self.doubts]
        told += [self._slices_worse()] if len(self.slices) else []
        return told

    def _slices_worse(self) -> Measure:
        worse = self.slices.query("verdict == 'fail'")
        cells = ", ".join(f"{row.slice}={row.value}" for row in worse.itertuples())
        return Measure(
            "slices_worse",
            len(worse),
            Verdict.FAIL if len(worse) else Verdict.PASS,
            f"the challenger is worse in {cells}" if cells else "",
            {"slices": len(self.slices), "insufficient": int((self.slices.verdict == "insufficient").sum())},
            Threshold(op="at_most", value=0),
            title="Slices in which the challenger is worse",
        )

    @property
    def seconds(self) -> list[Measure]:
        """Of numbers: the second opinions on the gains that the rule holds against a line."""
        return [opinion.measure for opinion in self.second]

    @property
    def doubts(self) -> list[Measure]:
        """What a signer should know of a gain: of numbers the largest share that one row has in it, otherwise whether
        it is still seen where days that follow one another are no strangers, and whether probabilities that rank well
        are worse than none."""
        told = [self.one_row, self._with_neighbours() if not self.second else None, *self._worse_than_the_rate()]
        return [measure for measure in told if measure is not None]

    def _worse_than_the_rate(self) -> list[Measure]:
        """Probabilities that are shown to be worse than the plain rate of these rows, though they may rank well."""
        told = []
        for name in self.guardrails:
            metric, own, chance = self.gains[name].metric, self.scores[CHALLENGER][name], self.chance[name]
            if metric.probabilities and own.known and own.low > chance:
                reason = f"{own}, the rate of these rows, which was known only afterwards, reaches {number(chance)}"
                threshold = Threshold(op="at_most", value=chance)
                detail = {"interval": own.to_dict(), "no_skill": chance}
                title = f"{metric.title} of probabilities that are worth less than the plain rate"
                told.append(Measure(f"{name}_of_the_rate", own.value, Verdict.FAIL, reason, detail, threshold, title))
        return told

    def _with_neighbours(self) -> Measure | None:
        """The lower end of the primary gain with neighbouring blocks counted; nothing where the rule sees no gain."""
        gain = self.gains[self.primary.name]
        if self.primary_measure.verdict is not Verdict.PASS or gain.interval.neighbours == 1:
            return None
        return gain.with_neighbours(self.evaluation)

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
        if self._same_answers:
            return f"{name} answers as {old} does, so that neither is better: {title} {number(arms[1])} of both"
        ends = f"{told}, gain {_signed(gain.low)} to {_signed(gain.high)}"
        if self.primary_measure.verdict is Verdict.PASS:
            return f"{name} beats {old}{self._but}: {ends}"
        if gain.high < 0:
            return f"{name} is worse than {old}: {ends}"
        return f"{name} is not shown to be better than {old}: {ends}"

    @property
    def _same_answers(self) -> bool:
        """Whether no metric tells the two apart, on all rows or on any resample."""
        known = [gain.interval for gain in self.gains.values() if np.isfinite(gain.interval.value)]
        own = self.own.gains if self.own else []
        return not own and all(found.value == found.low == found.high == 0 for found in known)

    @property
    def _but(self) -> str:
        """What keeps a gain that the primary metric shows from being one by the rule."""
        missed = [measure.title for measure in self.guardrail_measures if measure.verdict is not Verdict.PASS]
        if missed:
            return f", and not by the rule ({'; '.join(missed)})"
        doubted = any(measure.verdict is Verdict.FAIL for measure in self.seconds)
        return " only if neighbouring periods are taken for independent, which they are not" if doubted else ""

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

    @property
    def basis(self) -> str:
        """On how many rows, resampled in what, the numbers rest."""
        by = {"blocks": f"in {self.blocks:,} blocks", "none": self.plan.reason}
        percent = f"{self.evaluation.confidence:.0%}".replace("%", " %")
        if self.plan.method == "blocks" and self.blocks == self.rows:
            by["blocks"] = "each a block of its own"
        return f"{self.rows:,} later rows, {by[self.plan.method]}; {percent} intervals of paired differences"

    def figure(self) -> Chart:
        """Gains with intervals: primary, guardrails and other metrics as shares of no-skill."""
        from sopkit.evidence.comparison_figures import gains_figure

        return gains_figure(self)

    def slice_figure(self) -> Chart:
        """The gain in the primary metric slice by slice, intervals that hold together."""
        from sopkit.evidence.comparison_figures import slices_figure

        return slices_figure(self)

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
        finding, attribution, rule, basis = map(
            escape_markdown, (self.finding, self.attribution, self.rule, self.basis)
        )
        return f"**{finding}.** {attribution}\n\nRule: {rule}.\n\n{basis}"

    def _judgements(self) -> list[Measure]:
        return [self.primary_measure, *self.guardrail_measures]


def _signed(value: float) -> str:
    return f"{value:+.3f}" if abs(value) < 10 else f"{value:+,.1f}"


def _share(value: float) -> str:
    return f"{100 * value:.3g} %"
