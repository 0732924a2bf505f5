"""Measures of the workspace's own: functions `f(y_true, y_pred, rows) -> float`, held to the rules of every other one.

The rules:
* champion and challenger are measured on the same rows; the interval of the gain comes from calling the function on
  the rows of the drawn blocks, both models on the same ones, a stated and capped number of times (`rules.OWN_WORK`);
* a gain is in the measure's own unit and counts in its declared direction: above zero the challenger is better;
* with `worse_by_at_most` it is a guardrail of the rule; as `evaluation.primary` its interval must lie above the margin;
* a function that raises, gives no finite number, or another number when it is called again, is `fail` with the reason
  and the line, whatever it measures; it gets copies, so that it cannot change what the next one sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation, OwnMeasure
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, judge, plain
from sopkit.errors import DataError, WrongUse
from sopkit.evidence import rules
from sopkit.evidence.bootstrap import Interval, Plan, interval_of, plan
from sopkit.evidence.calling import Function, Told, call, drawn_rows
from sopkit.evidence.measure import Measure, finite, measure_name, number, with_unit
from sopkit.evidence.metrics import METRICS, Task, accuracy, mae, roc_auc, why_not

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["OwnGain", "OwnMeasures", "own_measures_of"]

Array: TypeAlias = NDArray[Any]
ARMS = ("champion", "challenger")


@dataclass(frozen=True)
class OwnGain:
    """One measure of both models. `interval` is the challenger's gain; `fault` says why the function cannot be used."""

    name: str
    definition: OwnMeasure
    champion: float
    challenger: float
    interval: Interval
    margin: float | None = None
    fault: str = ""
    source: str = ""

    @property
    def title(self) -> str:
        return self.definition.title or self.name.replace("_", " ")

    @property
    def measure(self) -> Measure:
        """Judged as the primary (lower end above the margin), as a guardrail (worse by at most), or only told."""
        gain, limit, unit = self.interval, self.definition.worse_by_at_most, self.definition.unit
        name, end, threshold = f"{measure_name(self.name)}_gain", gain.value, None
        title = f"Gain in {self.title}"
        if self.margin is not None:
            name, end, threshold = f"{name}_low", gain.low, Threshold(op="above", value=self.margin)
            title += ", lower end"
        elif limit is not None:
            name, end = f"{measure_name(self.name)}_worse_high", -gain.low
            threshold, title = Threshold(op="at_most", value=limit), f"{self.title}, worse by at most"
        value = finite(end)
        detail = {
            "function": self.definition.function,
            "module": self.source,
            "better": self.definition.better,
            "champion": self.champion,
            "challenger": self.challenger,
            "interval": gain.to_dict(),
        }
        if self.fault:
            return Measure(name, None, Verdict.FAIL, self.fault, detail, threshold, title, unit)
        verdict = judge(value, threshold) if threshold else None if gain.known else Verdict.INSUFFICIENT
        reason = f"{self.arms}, gain {gain}" if gain.known else gain.reason
        return Measure(name, value, verdict, reason, detail, threshold, title, unit)

    @property
    def arms(self) -> str:
        return f"{self.title} {with_unit(self.challenger, self.definition.unit)} against {number(self.champion)}"

    @property
    def words(self) -> str:
        """What the rule says of it; empty where it only informs."""
        unit, limit = self.definition.unit, self.definition.worse_by_at_most
        if self.margin is not None:
            return f"gain in {self.title} (own measure) above {with_unit(self.margin, unit)}"
        return "" if limit is None else f"{self.title} (own measure) not worse by more than {with_unit(limit, unit)}"

    @property
    def finding(self) -> str:
        gain, unit = self.interval, self.definition.unit
        if self.fault:
            return f"{self.title} cannot be used: {self.fault}"
        if not gain.known:
            return f"{self.arms}, without an interval: {gain.reason}"
        way = "better" if gain.low > 0 else "worse" if gain.high < 0 else "not shown to differ"
        size = "" if way == "not shown to differ" else f" by {with_unit(abs(gain.value), unit)}"
        return f"{self.title}: the challenger is {way}{size}, gain {number(gain.low)} to {with_unit(gain.high, unit)}"


@dataclass(frozen=True, eq=False)
class OwnMeasures:
    """All own measures of a comparison. `table` has one row each; `reason` says why there are none."""

    gains: tuple[OwnGain, ...]
    rows: int
    blocks: int
    resamples: int
    reason: str = ""

    @property
    def primary(self) -> OwnGain | None:
        """The one that the model file makes the primary metric, if any."""
        return next((gain for gain in self.gains if gain.margin is not None), None)

    @property
    def guardrails(self) -> list[OwnGain]:
        return [gain for gain in self.gains if gain.margin is None and gain.definition.worse_by_at_most is not None]

    @property
    def informing(self) -> list[Measure]:
        """The measures that the rule does not name; a function that fails is a finding among them too."""
        judged = {gain.name for gain in (self.primary, *self.guardrails) if gain}
        return [gain.measure for gain in self.gains if gain.name not in judged]

    @property
    def measures(self) -> list[Measure]:
        return [gain.measure for gain in self.gains]

    @property
    def table(self) -> pd.DataFrame:
        rows = [
            {
                "measure": gain.title,
                "unit": gain.definition.unit,
                "better": gain.definition.better,
                "champion": gain.champion,
                "challenger": gain.challenger,
                "gain": gain.interval.value,
                "low": gain.interval.low,
                "high": gain.interval.high,
                "limit": gain.words,
                "verdict": str(gain.measure.verdict or ""),
                "reason": gain.fault or gain.interval.reason,
            }
            for gain in self.gains
        ]
        return pd.DataFrame(rows)

    @property
    def finding(self) -> str:
        if not self.gains:
            return self.reason
        if len(self.gains) == 1:
            return self.gains[0].finding
        judged = [gain for gain in self.gains if gain.words]
        bad = [gain.title for gain in judged if not gain.fault and gain.measure.verdict is not Verdict.PASS]
        faults = [gain.title for gain in self.gains if gain.fault]
        better = sum(bool(gain.interval.low > 0) for gain in self.gains)
        told = f"The challenger is better beyond chance in {better} of {len(self.gains)} own measures"
        told += (
            f"; a limit is not kept in {', '.join(bad)}"
            if bad
            else "; all limits are kept"
            if judged and not faults
            else ""
        )
        return told + (f"; {', '.join(faults)} cannot be used" if faults else "")

    def figure(self) -> Chart | Note:
        """Each gain with its interval in its own unit, the declared limit dashed."""
        from sopkit.evidence.overview import nothing
        from sopkit.evidence.own_figure import own_figure

        return own_figure(self) if self.gains else nothing(self.finding)

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "rows": self.rows,
                    "blocks": self.blocks,
                    "resamples": self.resamples,
                    "finding": self.finding,
                    "table": self.table.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        gains = (f"* {escape_markdown(gain.finding)}" for gain in self.gains)
        return "\n".join([escape_markdown(f"{self.finding}."), "", *gains])


def own_measures_of(
    functions: Mapping[str, Function],
    y: Any,
    champion: Any,
    challenger: Any,
    rows: pd.DataFrame,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    labels: Sequence[str] | None = None,
    work: rules.OwnWork = rules.OWN_WORK,
) -> OwnMeasures:
    """The measures of `evaluation.measures` by their `functions`; other arguments as for `comparison.compare`.

    A function gets `y_true` (n,) and `y_pred` as scikit-learn's metrics do: 0/1 and the probability of 1, values and
    values, or class labels and a table of probabilities with a column a label; and the judged `rows`.
    Raises DataError when rows do not fit, WrongUse for a measure without a function or with the name of a metric.
    """
    evaluation = evaluation or Evaluation()
    wanted = evaluation.measures
    if not wanted:
        return OwnMeasures((), len(rows), 0, 0, "The model file names no measures of its own")
    for name in wanted:
        if name in METRICS[task]:
            raise WrongUse(f"an own measure is called like a metric: {name!r}", where=f"evaluation.measures.{name}")
        if name not in functions:
            raise WrongUse(f"the own measure {name!r} has no function", got=", ".join(functions) or "no functions")
    y = np.asarray(y, dtype=float)
    arms = [np.asarray(champion, dtype=float), np.asarray(challenger, dtype=float)]
    if not len(y) == len(rows) == len(arms[0]) == len(arms[1]):
        got = f"{len(y)} targets, {len(rows)} rows, {len(arms[0])} and {len(arms[1])} predictions"
        raise DataError("own measures need targets, predictions and rows that fit", got=got)
    drawn = plan(
        blocks,
        len(y),
        resamples=min(evaluation.resamples, max(work.fewest, min(work.resamples, work.rows // max(len(y), 1)))),
        minimum_blocks=evaluation.minimum_blocks,
        seed=evaluation.seed,
    )
    usable = {"binary": roc_auc, "multiclass": accuracy, "regression": mae}[task]
    lacking = [why_not(replace(usable, both_classes=False), y, p) for p in arms]
    if len(y) < evaluation.minimum_rows:
        lacking.append(f"only {len(y)} rows, {evaluation.minimum_rows} are needed")
    reason = next(filter(None, lacking), "")
    told = Told(y, arms, rows.reset_index(drop=True), task, labels)
    found = [_unknown(name, wanted[name], reason, drawn, evaluation) for name in wanted]
    if not reason:
        found = _measured(found, functions, told, drawn, evaluation)
    return OwnMeasures(tuple(found), len(y), drawn.blocks, len(drawn.counts))


def _measured(
    found: Sequence[OwnGain], functions: Mapping[str, Function], told: Told, drawn: Plan, evaluation: Evaluation
) -> list[OwnGain]:
    results = []
    for gain in found:
        function = functions[gain.name]
        twice = [[call(function, *arguments) for arguments in told.at(slice(None))] for _ in range(2)]
        fault = next((f"for the {arm}, {said}" for arm, (_, said) in zip(ARMS, twice[0], strict=True) if said), "")
        (old, _), (new, _) = twice[0]
        if not fault and [value for value, _ in twice[1]] != [old, new]:
            fault = "it gives another value when it is called again on the same rows"
        source = str(getattr(function, "__module__", ""))
        results.append(replace(gain, champion=old, challenger=new, fault=fault, source=source))
    sound = [gain for gain in results if not gain.fault]
    draws: dict[str, list[float]] = {gain.name: [] for gain in sound}
    said: dict[str, str] = {}
    for places in drawn_rows(drawn) if sound else ():
        both = list(told.at(places))
        for gain in sound:
            (old, one), (new, two) = (
                call(functions[gain.name], y.copy(), p.copy(), rows.copy(deep=False)) for y, p, rows in both
            )
            draws[gain.name].append(_better(gain.definition, old, new))
            said.setdefault(gain.name, one or two)
    return [
        gain if gain.fault else replace(gain, interval=_interval(gain, draws[gain.name], said, drawn, evaluation))
        for gain in results
    ]


def _interval(gain: OwnGain, draws: list[float], said: dict[str, str], drawn: Plan, evaluation: Evaluation) -> Interval:
    value = _better(gain.definition, gain.champion, gain.challenger)
    interval = interval_of(value, np.array(draws), drawn, evaluation.confidence)
    why = said.get(gain.name, "")
    return replace(interval, reason=f"{interval.reason}: {why}") if why and not interval.known else interval


def _unknown(name: str, definition: OwnMeasure, reason: str, drawn: Plan, evaluation: Evaluation) -> OwnGain:
    none = Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", reason or drawn.reason, evaluation.confidence)
    margin = evaluation.margin if evaluation.primary == name else None
    return OwnGain(name, definition, np.nan, np.nan, none, margin)


def _better(definition: OwnMeasure, old: float, new: float) -> float:
    return new - old if definition.better == "higher" else old - new
