"""Evidence: pure measurement, over plain tables and plain arguments.

    measure      Measure: a value with its verdict and the reason for it
    charts       the one house style of figures, and the only door of matplotlib
    tables       the one house style of tables                  readable()
    validation   is this table what its model file says?        validate() -> Findings
    by_period    what changes with time inside the snapshot?    missing_by_period()
    maturity     are the labels that are due there?             label_maturity()
    labels       does their rate jump?                          label_rate()
    leaks        which features know the answer?                suspected_leaks()
    representation   who is in the data, slice by slice?        representation()
    drift        have the inputs moved, and does it matter?     drift()
    drift_profiles    each column then and now, over time, by slice, as it is drawn   drift_profiles()
    season       is it drift, or the season?                    same_season()
    indicators   what triggers see of series from outside       readings()
    causes       data drift, concept drift, changed conditions  causes()
    harm         was harm measured, beside the drift?           harm_of()
    promise      what was promised, and is it kept?             promise_kept()
    triggers     is it time to act?                             evaluate_triggers()
    report       evidently's report, as a view                  evidently_report()
    separation   is the past kept apart?                        kept_apart(), blocks_of()
    near_duplicates, new_texts    judged texts that were learned by heart         near_duplicates(), on_new_texts()
    comparing, comparison    is the challenger better, and by enough?    compare() -> Comparison
    curves       how do both look, at every threshold?          curves_of()
    classes      several classes: each one by itself            by_class()
    naive, residuals   numbers: worth more than a forecast for free, and leaning to one side?
    calibration, operating, fairness, robustness, importance    one question each, on the same judged rows
    partial_dependence, shap_values      what moves the answers   partial_dependence_of(), shap_values_of()
    own_checks   what the workspace's own checks say of rows    own_checks()
    own_measures, costs   what the workspace counts itself      own_measures_of(), costs_of()
    examined     was it looked at? (compliance)                 fairness_examined(), groups_examined() ...
    decision     the one rule                                   decide() -> Decision
    deployment   what came, against the promise                 after_deployment()

Nothing here reads a clock, a file or a person; everything returns a frozen value that knows its
verdict (`pass`, `fail` or `insufficient`) and has `.table`, `.measures`, `.figure()` and `.to_dict()`.
Importing the package costs pandas and scipy; evidently, pandera, fairlearn and matplotlib are imported where used.
"""

from __future__ import annotations

# Functions that have the name of their module are bound here last, so that `evidence.drift` is the function.
from sopkit.evidence.bootstrap import Interval, time_blocks
from sopkit.evidence.by_period import MissingByPeriod, missing_by_period, period_of
from sopkit.evidence.calibration import Calibration, calibration_of
from sopkit.evidence.causes import Causes, Period, causes
from sopkit.evidence.charts import Chart
from sopkit.evidence.classes import ByClass, by_class
from sopkit.evidence.comparing import against_naive, compare
from sopkit.evidence.comparison import Comparison
from sopkit.evidence.costs import CostComparison, costs_of
from sopkit.evidence.curves import Curves, curves_of
from sopkit.evidence.decision import Decision, Outcome, Reason, decide
from sopkit.evidence.deployment import Deployment, after_deployment
from sopkit.evidence.drift import Drift, drift
from sopkit.evidence.drift_profiles import DriftProfiles, drift_profiles
from sopkit.evidence.equivalence import equivalence, not_refitted
from sopkit.evidence.examined import fairness_examined, groups_examined, robustness_examined
from sopkit.evidence.fairness import Fairness, fairness_of
from sopkit.evidence.fairness_gap import Gap
from sopkit.evidence.findings import Finding, Findings, to_weigh
from sopkit.evidence.harm import harm_of
from sopkit.evidence.importance import Importance, importance_of
from sopkit.evidence.indicators import Reading, Readings, readings
from sopkit.evidence.labels import LabelRate, label_rate
from sopkit.evidence.leaks import Leaks, Strength, suspected_leaks
from sopkit.evidence.maturity import LabelMaturity, label_maturity
from sopkit.evidence.measure import Measure, failed, insufficient, measured
from sopkit.evidence.metrics import no_skill, score
from sopkit.evidence.misses import Misses, misses_of
from sopkit.evidence.naive import ScaledError, scaled_error_of
from sopkit.evidence.near_duplicates import NearDuplicates, near_duplicates
from sopkit.evidence.new_texts import NewTexts, on_new_texts
from sopkit.evidence.operating import OperatingPoint, net_benefit, operating_point
from sopkit.evidence.overview import folds_figure, lessons, lessons_table, nothing, resources_figure, scorer, weights
from sopkit.evidence.own_checks import own_checks
from sopkit.evidence.own_measures import OwnMeasures, own_measures_of
from sopkit.evidence.partial_dependence import PartialDependence, partial_dependence_of
from sopkit.evidence.promise import Promise, PromiseKept, make_promise, promise_kept
from sopkit.evidence.report import Report, begin_report, evidently_report
from sopkit.evidence.representation import Group, Representation, representation, wilson
from sopkit.evidence.residuals import Residuals, residuals_of
from sopkit.evidence.robustness import Robustness, robustness_of
from sopkit.evidence.season import Season, same_season
from sopkit.evidence.separation import blocks_of, groups_of, kept_apart, rows_told, split_figure, unseen
from sopkit.evidence.shap_values import ShapValues, shap_values_of
from sopkit.evidence.tables import Readable, readable
from sopkit.evidence.triggers import Facts, Fired, Triggers, evaluate_triggers, last_scheduled
from sopkit.evidence.validation import validate

__all__ = [
    "ByClass",
    "Calibration",
    "Causes",
    "Chart",
    "Comparison",
    "CostComparison",
    "Curves",
    "Decision",
    "Deployment",
    "Drift",
    "DriftProfiles",
    "Facts",
    "Fairness",
    "Finding",
    "Findings",
    "Fired",
    "Gap",
    "Group",
    "Importance",
    "Interval",
    "LabelMaturity",
    "LabelRate",
    "Leaks",
    "Measure",
    "Misses",
    "MissingByPeriod",
    "NearDuplicates",
    "NewTexts",
    "OperatingPoint",
    "Outcome",
    "OwnMeasures",
    "PartialDependence",
    "Period",
    "Promise",
    "PromiseKept",
    "Readable",
    "Reading",
    "Readings",
    "Reason",
    "Report",
    "Representation",
    "Residuals",
    "Robustness",
    "ScaledError",
    "Season",
    "ShapValues",
    "Strength",
    "Triggers",
    "after_deployment",
    "against_naive",
    "begin_report",
    "blocks_of",
    "by_class",
    "calibration_of",
    "causes",
    "compare",
    "costs_of",
    "curves_of",
    "decide",
    "drift",
    "drift_profiles",
    "equivalence",
    "evaluate_triggers",
    "evidently_report",
    "failed",
    "fairness_examined",
    "fairness_of",
    "folds_figure",
    "groups_examined",
    "groups_of",
    "harm_of",
    "importance_of",
    "insufficient",
    "kept_apart",
    "label_maturity",
    "label_rate",
    "last_scheduled",
    "lessons",
    "lessons_table",
    "make_promise",
    "measured",
    "misses_of",
    "missing_by_period",
    "near_duplicates",
    "net_benefit",
    "no_skill",
    "not_refitted",
    "nothing",
    "on_new_texts",
    "operating_point",
    "own_checks",
    "own_measures_of",
    "partial_dependence_of",
    "period_of",
    "promise_kept",
    "readable",
    "readings",
    "representation",
    "residuals_of",
    "resources_figure",
    "robustness_examined",
    "robustness_of",
    "rows_told",
    "same_season",
    "scaled_error_of",
    "score",
    "scorer",
    "shap_values_of",
    "split_figure",
    "suspected_leaks",
    "time_blocks",
    "to_weigh",
    "unseen",
    "validate",
    "weights",
    "wilson",
]
