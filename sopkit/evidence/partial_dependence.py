"""Partial dependence: how does the answer move when one feature does, all else as it is?

The rules:
* a feature is set to a value in every row of a stated sample, and the answers are averaged (Friedman 2001, Greedy
  function approximation); the band holds the middle 80 % of the rows' own answers (Goldstein 2015): where it is much
  wider than the line moves, the feature works together with others;
* values are quantiles of the judged rows, 1 % to 99 %, or the categories with most rows; how many rows stand near each
  is counted and shown, and where they are few the line says little: it asks the model about what hardly ever came;
* of several classes the one with most rows is shown; what it explains is the model, not the world: no verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation, Feature
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Verdict, plain
from sopkit.errors import WrongUse
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Task
from sopkit.evidence.robustness import Predict, answer, sampled

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["Effect", "PartialDependence", "partial_dependence_of"]

Array: TypeAlias = NDArray[Any]
POINTS, CATEGORIES, FEATURES, BAND, FEW = 20, 10, 4, 0.8, 20
MODELS = ("challenger", "champion")


@dataclass(frozen=True, eq=False)
class Effect:
    """One feature. `table` has a row a value: value, rows near it, challenger with low and high, and the champion.

    `outside` is the share of judged rows beyond the training rows' range, None where that is not known; `places` are
    the values of the judged rows of a numeric feature.
    """

    feature: str
    label: str
    numeric: bool
    table: pd.DataFrame
    places: Array
    outside: float | None = None

    @property
    def span(self) -> float:
        """Between the smallest and the largest average answer."""
        return float(np.ptp(self.table.challenger))

    @property
    def words(self) -> str:
        low, high = (
            self.table.loc[place] for place in (self.table.challenger.idxmin(), self.table.challenger.idxmax())
        )
        told = f"{self.label}: {number(low.challenger)} at {_shown(low.value)}, {number(high.challenger)} at "
        told += _shown(high.value)
        if "champion" in self.table:
            apart = self.table.loc[(self.table.challenger - self.table.champion).abs().idxmax()]
            told += f"; furthest from the champion at {_shown(apart.value)} "
            told += f"({number(apart.challenger)}, champion {number(apart.champion)})"
        few = self.table[self.table.rows < FEW]
        told += f"; {len(few)} of {len(self.table)} values have fewer than {FEW} rows" if len(few) else ""
        if self.outside:
            told += f"; {self.outside:.1%} of the judged rows lie beyond what it was trained on"
        return told


@dataclass(frozen=True, eq=False)
class PartialDependence:
    """The effects of a few features, the most important first. `answered` says what the vertical axes show."""

    effects: tuple[Effect, ...]
    rows: int
    answered: str
    reason: str = ""

    @property
    def measures(self) -> list[Measure]:
        if self.reason:
            return [Measure("partial_dependence", None, Verdict.INSUFFICIENT, self.reason, title="Partial dependence")]
        return [
            Measure(f"effect_{place}", effect.span, reason=effect.words, title=f"Effect of {effect.label}")
            for place, effect in enumerate(self.effects, 1)
        ]

    @property
    def table(self) -> pd.DataFrame:
        parts = [effect.table.assign(feature=effect.feature, value=effect.table.value) for effect in self.effects]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    @property
    def finding(self) -> str:
        if self.reason:
            return f"Partial dependence cannot be told: {self.reason}"
        most = max(self.effects, key=lambda effect: effect.span)
        low, high = most.table.challenger.min(), most.table.challenger.max()
        return f"The answer moves most with {most.label}: between {number(low)} and {number(high)} on average"

    def figure(self) -> Chart | Note:
        """A panel a feature: the average answer with the band of rows, the champion's beside it, and the rows below."""
        from sopkit.evidence.dependence_figure import dependence_figure
        from sopkit.evidence.overview import nothing

        return nothing(self.finding) if self.reason else dependence_figure(self)

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "rows": self.rows,
                    "answered": self.answered,
                    "finding": self.finding,
                    "effects": [
                        {"feature": e.feature, "outside": e.outside, "table": e.table.to_dict("records")}
                        for e in self.effects
                    ],
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        effects = (f"* {escape_markdown(effect.words)}" for effect in self.effects)
        return "\n".join([escape_markdown(f"{self.finding}."), "", *effects])


def partial_dependence_of(
    predict: Predict,
    features: pd.DataFrame,
    y: Any,
    *,
    task: Task,
    evaluation: Evaluation | None = None,
    champion: Predict | None = None,
    chosen: Sequence[str] = (),
    kinds: Mapping[str, Feature] | None = None,
    trained_on: pd.DataFrame | None = None,
    labels: Sequence[str] | None = None,
    unit: str = "",
    rows: int = 500,
) -> PartialDependence:
    """How the answers of one or two models move with the first features of `chosen` (default: of the table).

    `kinds` are the model file's features: titles, units, and which are categories or text (these are left out).
    `trained_on` are training rows, for the share beyond their range. At most `rows` rows, drawn by seed, are asked.
    Raises WrongUse for an unknown feature, DataError when features and targets do not fit.
    """
    evaluation, kinds = evaluation or Evaluation(), kinds or {}
    names = [str(name) for name in (chosen or features.columns)]
    if unknown := [name for name in names if name not in features]:
        raise WrongUse(f"no feature {unknown[0]!r}", expected=", ".join(map(str, features.columns)))
    names = [name for name in names if name not in kinds or kinds[name].type != "text"][:FEATURES]
    sample, _ = sampled(features, y, rows, np.random.default_rng(evaluation.seed))
    codes = np.asarray(y, dtype=float)
    shown = int(np.bincount(codes[np.isfinite(codes)].astype(int)).argmax()) if task == "multiclass" and len(y) else 0
    called = labels[shown] if labels and task == "multiclass" else str(shown)
    answered = {
        "binary": "predicted probability",
        "multiclass": f"predicted probability of {called}",
        "regression": f"prediction ({unit})" if unit else "prediction",
    }[task]
    if not len(sample) or not names:
        reason = "there are no rows" if names else "no feature is a number or a category"
        return PartialDependence((), len(sample), answered, reason)
    models = {name: model for name, model in zip(MODELS, (predict, champion), strict=True) if model is not None}
    effects = []
    for name in names:
        effect, reason = _effect(name, features, sample, models, kinds.get(name), shown)
        if reason:
            return PartialDependence((), len(sample), answered, reason)
        if effect is not None:
            effects.append(_against(effect, features[name], trained_on))
    return PartialDependence(tuple(effects), len(sample), answered, "" if effects else "no feature has two values")


def _effect(
    name: str,
    features: pd.DataFrame,
    sample: pd.DataFrame,
    models: Mapping[str, Predict],
    kind: Feature | None,
    shown: int,
) -> tuple[Effect | None, str]:
    """The effect, None where the feature has no two values; or why a model does not answer."""
    column = features[name]
    values = _numbers(column, kind)
    places, near = _grid(column) if values is None else _quantiles(values)
    if len(places) < 2:
        return None, ""
    # Values are taken from the column itself, so that a category stays one and a whole number whole.
    every = sample.take(np.tile(np.arange(len(sample)), len(places))).reset_index(drop=True)
    every = every.assign(**{name: column.array.take(np.repeat(places, len(sample)))})
    told = {"value": column.iloc[places].tolist() if values is None else values[places], "rows": near}
    for model, predict in models.items():
        prediction, error = answer(predict, every)
        if error:
            return None, f"{model}, {name} set: {error}"
        lines = (prediction[:, shown] if prediction.ndim == 2 else prediction).reshape(len(places), len(sample))
        told[model] = lines.mean(axis=1)
        if model == MODELS[0]:
            told["low"], told["high"] = np.quantile(lines, [(1 - BAND) / 2, (1 + BAND) / 2], axis=1)
    label = (kind.title if kind and kind.title else name) + (f" ({kind.unit})" if kind and kind.unit else "")
    known = np.empty(0) if values is None else values[np.isfinite(values)]
    return Effect(name, label, values is not None, pd.DataFrame(told), known), ""


def _numbers(column: pd.Series, kind: Feature | None) -> Array | None:
    """The column as floats, or None where its values are categories."""
    plain_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if not (plain_number if kind is None else kind.type == "numeric"):
        return None
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _quantiles(values: Array) -> tuple[Array, Array]:
    """Places of rows at quantiles of the values, each value once, and how many rows are nearest to each."""
    known = np.flatnonzero(np.isfinite(values))
    order = known[np.argsort(values[known], kind="stable")]
    if not len(order):
        return order, order
    picked = order[np.round(np.linspace(0.01, 0.99, POINTS) * (len(order) - 1)).astype(int)]
    grid, first = np.unique(values[picked], return_index=True)
    between = (grid[1:] + grid[:-1]) / 2
    return picked[first], np.bincount(np.searchsorted(between, values[known]), minlength=len(grid))


def _grid(column: pd.Series) -> tuple[Array, Array]:
    """The place of a row of each of the categories with most rows, and how many rows these have."""
    codes, names = pd.factorize(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    kept = np.argsort(-counts, kind="stable")[:CATEGORIES]
    first = np.array([int(np.argmax(codes == code)) for code in kept], dtype=np.intp)
    return first, counts[kept]


def _against(effect: Effect, judged: pd.Series, trained_on: pd.DataFrame | None) -> Effect:
    """With the share of judged rows that training never reached: beyond its range, or of no category it has."""
    from dataclasses import replace

    if trained_on is None or effect.feature not in trained_on or not judged.notna().any():
        return effect
    past = trained_on[effect.feature].dropna()
    if effect.numeric:
        low, high = (pd.to_numeric(past, errors="coerce").agg(end) for end in ("min", "max"))
        return replace(effect, outside=float(((effect.places < low) | (effect.places > high)).mean()))
    return replace(effect, outside=float((~judged.dropna().isin(past.unique())).mean()))


def _shown(value: Any) -> str:
    return number(value) if isinstance(value, int | float | np.number) else str(value)
