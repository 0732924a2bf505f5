"""The model file: what is predicted from what, how it is judged, and what the SOPs may do with it.

Only `model`, `data`, `target` and `features` have to be written; everything else has a default that
the rules of evidence use for any model, and an override of a rule is shown to the reviewer.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from sopkit.definitions.durations import Duration

__all__ = [
    "COSTS",
    "METRICS",
    "Challenger",
    "Check",
    "Column",
    "Costs",
    "Data",
    "Estimator",
    "Evaluation",
    "Fairness",
    "Feature",
    "Indicator",
    "ModelFile",
    "OwnMeasure",
    "Promotion",
    "Robustness",
    "Target",
    "Trigger",
    "Triggers",
    "times_of",
]

ID = r"^[a-z][a-z0-9-]*$"
Task = Literal["binary", "multiclass", "regression"]
METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "brier", "log_loss", "brier_skill"),
    "multiclass": ("macro_f1", "accuracy", "log_loss", "ovr_roc_auc"),
    "regression": ("r2", "mae", "rmse", "bias"),
}
COSTS: dict[Task, tuple[str, ...]] = {
    "binary": ("false_positive", "false_negative", "true_positive", "true_negative"),
    "multiclass": ("wrong_answer",),
    "regression": ("over", "under"),
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Column(_Strict):
    """What a value of this column may be. A violation is a finding; `severity: block` stops the run."""

    min: float | None = None
    max: float | None = None
    allowed: list[str | int | float | bool] | None = None
    pattern: str | None = None
    missing_at_most: float | None = Field(default=None, ge=0, le=1, description="Share of rows.")
    unit: str = ""
    severity: Literal["block", "warn"] = "warn"


class Check(_Strict):
    """A check of the data that the workspace's own Python file makes.

    `function` is `module:name` of the file beside the model file. It gets the cleaned rows and returns the rows that
    are at fault: a truth value for each row, or None or an empty list where nothing is.
    """

    function: str
    title: str = Field(default="", description="What is wrong with such a row, in words.")
    severity: Literal["block", "warn", "note"] = "warn"


class Indicator(_Strict):
    """A series from outside, such as an interest rate, that triggers may watch: one value a period.

    `source` is a CSV or Parquet path, an SQLAlchemy URL with `query`, or `module:function`, as in `data`.
    """

    source: str
    query: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    time: str = Field(description="The column that says which moment a value is about.")
    time_format: str | list[str] | None = None
    column: str = Field(description="The column of the values.")
    published_after: Duration = Field(
        default="0d", validate_default=True, description="How long after its moment a value is known."
    )


class Data(_Strict):
    """Where rows come from.

    `source` is a CSV or Parquet path or glob (relative to the workspace), an SQLAlchemy URL with `query`,
    or `module:function` of the Python file beside the model file. `${NAME}` stands for a credential.
    """

    source: str
    query: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    time: str = Field(description="The column that says when a row came to be.")
    time_format: str | list[str] | None = Field(
        default=None,
        description="How it is written: a strptime format or several, `unix`, `unix-ms`, or `day-number` "
        "(days since 1970-01-01; also for rows that are numbered in their order and have no date).",
    )
    id: list[str] = Field(default_factory=list, description="Columns that together name a row.")
    entity: str | None = Field(default=None, description="Column of the person, machine or account a row belongs to.")
    rows_independent: str | None = Field(
        default=None,
        description="Why no row tells about another, in words (each row is another client). Where blocks of time "
        "are too few, rows are then resampled one by one.",
    )
    label_delay: Duration = Field(
        default="0d", validate_default=True, description="How long after a row its label is known."
    )
    history: Duration | None = Field(default=None, description="Rows older than this before the clock are not used.")
    missing_values: list[str] = Field(default_factory=list, description="Texts that mean 'missing', such as '?'.")
    columns: dict[str, Column] = Field(default_factory=dict)
    keep_rows_where: dict[str, str] = Field(
        default_factory=dict, description="Recorded cleaning: reason -> expression that a kept row fulfils."
    )
    fresh_within: Duration | None = Field(default=None, description="The newest row may be at most this old.")
    minimum_rows: int = 100
    checks: dict[str, Check] = Field(default_factory=dict, description="Checks of the workspace's own, by name.")
    indicators: dict[str, Indicator] = Field(default_factory=dict, description="Series from outside, by name.")


class Target(_Strict):
    """What is predicted: a `column`, or an `expression` over columns such as `arr_delay >= 15`."""

    column: str | None = None
    expression: str | None = None
    task: Task
    positive: str | int | float | bool | None = Field(default=None, description="Binary: the value that counts as 1.")
    title: str = ""
    unit: str = ""


Kind = Literal["numeric", "categorical", "text"]


class Feature(_Strict):
    type: Kind = "numeric"
    known_at: str | None = Field(
        default=None, description="When this is known, in words; asked for where it looks like a leak."
    )
    title: str = ""
    unit: str = ""


def _feature(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else ({} if value is None else value)


class Estimator(_Strict):
    """`class` is a path below sklearn, lightgbm or xgboost, or `module:Name` of the file beside the model file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    class_: str = Field(alias="class")
    parameters: dict[str, Any] = Field(default_factory=dict)


class Challenger(_Strict):
    """A named override of the model's own recipe. Nothing given: the same recipe, on all past rows."""

    title: str = ""
    estimator: Estimator | None = None
    parameters: dict[str, Any] = Field(default_factory=dict, description="Merged over the estimator's.")
    features: list[str] | None = Field(default=None, description="Only these of the model's features.")
    window: Duration | None = Field(default=None, description="Train on rows of this long before the cut only.")


class Fairness(_Strict):
    """Limits for the gap between groups of a protected attribute or slice at the operating threshold."""

    largest_gap: float = 0.2
    not_worse_by: float = 0.05
    minimum_group: int = 200


class Robustness(_Strict):
    """Limits for the loss in the primary metric when inputs are disturbed."""

    noise: float = Field(default=0.1, description="Standard deviations added to each numeric feature.")
    largest_loss: float = 0.1


class OwnMeasure(_Strict):
    """A metric of the workspace's own Python file: `function(y_true, y_pred, rows)` gives one number.

    `y_true`, `y_pred` as in scikit-learn's metrics (binary: the probability of the positive class; multiclass: class
    labels and a table of probabilities), `rows` the judged rows as a table.
    """

    function: str = Field(description="`module:name` of the file beside the model file.")
    better: Literal["higher", "lower"]
    title: str = ""
    unit: str = ""
    worse_by_at_most: float | None = Field(
        default=None, ge=0, description="In its own unit. Written: a guardrail, which the challenger must keep."
    )


class Costs(_Strict):
    """What an answer costs at the operating threshold, a case (a gain is negative), or an error of a forecast.

    Binary: the four answers. Multiclass: a `wrong_answer`, the most probable class being the answer. Regression: one
    unit too much (`over`) and too little (`under`).
    """

    false_positive: float = 0.0
    false_negative: float = 0.0
    true_positive: float = 0.0
    true_negative: float = 0.0
    wrong_answer: float | dict[str, float] = Field(
        default=0.0, description="Multiclass: one number, or by the class that it truly was (others: 0)."
    )
    over: float = 0.0
    under: float = 0.0
    title: str = "Cost of acting on the model"
    unit: str = ""
    worse_by_at_most: float | None = Field(
        default=None, ge=0, description="A row, in its unit. Written: a guardrail, which the challenger must keep."
    )


class Evaluation(_Strict):
    """How models are compared. Defaults are the rules of evidence; an override is shown to the reviewer."""

    window: Duration = Field(default="30d", validate_default=True, description="The newest matured rows, held out.")
    blocks: Duration = Field(default="1d", validate_default=True, description="Length of a block of the bootstrap.")
    by_entity: bool | None = Field(
        default=None, description="Blocks are entities. Not written: where the held-out rows of an entity repeat."
    )
    primary: str | None = Field(
        default=None,
        description="roc_auc, average_precision, macro_f1, r2, mae …, or a name of `measures`; default by task.",
    )
    margin: float = Field(default=0.003, ge=0, description="The interval of the gain must lie above this.")
    guardrails: dict[str, float] | None = Field(
        default=None,
        description="Metric -> how much worse it may be, as a share of no-skill. Default by task: brier 0.02.",
    )
    threshold: float = Field(default=0.5, ge=0, le=1, description="Operating point: a score from here on is flagged.")
    tolerance: float | None = Field(
        default=None,
        gt=0,
        description="Operating point of numbers: an error beyond this is a miss, in the target's unit. "
        "Not written: the mean absolute deviation of the held-out targets.",
    )
    flagged_change_at_most: float = Field(default=2.0, description="Ratio of flagged rates that becomes a finding.")
    resamples: int = Field(default=500, ge=100)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    folds: int = Field(default=3, ge=2, description="Of the rolling origin inside the training data.")
    minimum_rows: int = 200
    minimum_blocks: int = 20
    refit: Literal["none", "all"] = "none"
    measures: dict[str, OwnMeasure] = Field(default_factory=dict, description="Metrics of the workspace's own.")
    costs: Costs | None = Field(default=None, description="What right and wrong answers cost.")
    seed: int = 20130701
    fairness: Fairness = Field(default_factory=Fairness)
    robustness: Robustness = Field(default_factory=Robustness)

    @property
    def metric(self) -> str | None:
        """`primary`, unless that is a measure of the workspace's own: those judge the comparison and nothing else."""
        return None if self.primary in self.measures else self.primary


class Trigger(_Strict):
    """A condition that starts a run. `kind` says what is measured; `value` is its limit.

    schedule     `every` (a cron expression): a scheduled moment has passed since the champion was last decided about
    staleness    the champion's training data is older than `value` (a duration)
    drift        the share of importance-weighted drifted features is above `value`, and it is not the season of a
                 year ago that the champion has learned from
    performance  with `metric`: that metric is beyond `value`, the limit its owner set; without: what was promised at
                 the evaluation is broken by more than `value` of no-skill, beyond chance
    volume       at least `value` new labelled rows, or as many times the champion's training rows (`1x`)
    indicator    the mean of an `indicator` of the data, or of a `column` of the rows, over the newest `window` is
                 `above` or `below` `value`, or has made a `change` of more than that against the window before
    manual       a person gives a reason
    """

    kind: Literal["schedule", "staleness", "drift", "performance", "volume", "indicator", "manual"]
    every: str | None = None
    indicator: str | None = Field(default=None, description="indicator only: a name under data.indicators.")
    column: str | None = Field(default=None, description="indicator only: a numeric column of the rows instead.")
    comparison: Literal["above", "below", "change"] = Field(default="change", description="indicator only.")
    metric: str | None = Field(default=None, description="performance only: brier, roc_auc, mae …")
    value: float | str | None = None
    window: Duration | None = None
    mode: Literal["automatic", "manual", "both"] = "automatic"


def times_of(value: Any) -> float | None:
    """2.0 of `2x`; None for what is no such text, or not above zero."""
    if not isinstance(value, str) or not re.fullmatch(r"\d+(\.\d+)?x", value.strip()):
        return None
    return float(value.strip()[:-1]) or None


class Triggers(_Strict):
    cool_down: Duration = Field(
        default="7d",
        validate_default=True,
        description="No new run so soon after a promotion, or after the champion was examined and kept, but manual.",
    )
    minimum_rows: int = Field(default=500, description="Evidence minimum for drift, performance and columns.")
    conditions: dict[str, Trigger] = Field(
        default_factory=lambda: {
            "stale": Trigger(kind="staleness", value="180d"),
            "drift": Trigger(kind="drift", value=0.3),
            "performance": Trigger(kind="performance", value=0.02),
            "more-data": Trigger(kind="volume", value="1x"),
            "manual": Trigger(kind="manual", mode="manual"),
        }
    )

    def window_of(self, kind: str, default: timedelta = timedelta(days=30)) -> timedelta:
        """The window over which conditions of a kind are measured: the first one that is declared."""
        return next((c.window for c in self.conditions.values() if c.kind == kind and c.window), default)

    def limit_of(self, kind: str, default: float) -> float:
        """The limit of the first condition of a kind that is no limit of a metric, as a number."""
        same = [c for c in self.conditions.values() if c.kind == kind and c.metric is None]
        values = [c.value for c in same if isinstance(c.value, int | float)]
        return float(values[0]) if values else default


class Promotion(_Strict):
    alias: str = "champion"
    soak: Duration = Field(default="7d", validate_default=True)


class ModelFile(_Strict):
    model: str = Field(pattern=ID)
    version: int = 1
    title: str = ""
    purpose: str = ""
    author: str | None = Field(default=None, description="A person's id; never counts at a gate with separation.")
    data: Data
    target: Target
    features: dict[str, Annotated[Feature, BeforeValidator(_feature, json_schema_input_type=Feature | Kind | None)]] = (
        Field(min_length=1, description="Column -> its kind, or what is known about it.")
    )
    excluded: dict[str, str] = Field(default_factory=dict, description="Column -> why it is not a feature.")
    slices: list[str] = Field(default_factory=list)
    protected: list[str] = Field(default_factory=list)
    estimator: Estimator | None = Field(
        default=None,
        description="Default: histogram gradient boosting of the task; a linear model where a feature is a text.",
    )
    challengers: dict[str, Challenger] = Field(default_factory=lambda: {"all-past": Challenger(title="All past rows")})
    evaluation: Evaluation = Field(default_factory=Evaluation)
    triggers: Triggers = Field(default_factory=Triggers)
    promotion: Promotion = Field(default_factory=Promotion)
    decision_policy: str = Field(default="", description="Which rows ever get a label, if not all (selective labels).")
