"""What is odd about the labels of a table, as findings: are they there, in time, everywhere, and steady?

The rules of `labels` say what is counted; here is what a person is told. Labels inside a decision policy only
(declined applicants have none) say nothing about the rest: the policy is repeated to the signer (Hand & Henley 1993;
Lakkaraju et al. 2017).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import ModelFile
from sopkit.definitions.rendering import render_value
from sopkit.evidence import rules
from sopkit.evidence.by_period import moments, periods_of
from sopkit.evidence.findings import Finding, finding, of_rows
from sopkit.evidence.labels import LabelRate, label_rate
from sopkit.evidence.maturity import LabelMaturity, label_maturity
from sopkit.evidence.measure import counted

__all__ = ["label_findings"]


def label_findings(
    table: pd.DataFrame,
    target: pd.Series,
    model: ModelFile,
    as_of: datetime,
    unlabelled: pd.DataFrame | None = None,
    limits: rules.Labels = rules.LABELS,
) -> list[Finding]:
    """`target` is aligned with `table`; the rows of `unlabelled` were taken out for want of a label that is due."""
    time, task, name = table[model.data.time], model.target.task, model.target.column or ""
    known = target.notna()
    if not known.any():
        remedy = "wait for labels, or correct the target in the model file"
        return [finding("no_labels", "No row has a label", name, count=len(table), share=1.0, remedy=remedy)]
    if target[known].nunique() == 1:
        told = f"Every label is {render_value(target[known].iloc[0])}: there is nothing to learn"
        remedy = "were labels lost, or is `target.positive` another value?"
        return [finding("one_class", told, name, count=int(known.sum()), share=1.0, remedy=remedy)]
    gone = unlabelled[model.data.time] if unlabelled is not None and len(unlabelled) else time.iloc[:0]
    options: dict[str, Any] = {"label_delay": model.data.label_delay, "as_of": as_of}
    maturity = label_maturity(time, target, unlabelled=gone, window=model.evaluation.window, **options)
    rate = label_rate(time, target, task=task)
    found = _few(target[known], name, task) + _lacking(maturity, table, target, model, limits)
    found += _stopped(maturity, model, name) + _bare_periods(maturity, time, gone, target, name, limits)
    found += _early(table, target, model, maturity, limits) + _steady(rate, model, maturity)
    if model.decision_policy:
        told = f"Only rows that the decision policy let through have a label ({model.decision_policy}); "
        told += "what is learned and measured holds for such rows only"
        remedy = "the signer confirms that the model is asked about such rows only"
        found.append(finding("selective_labels", told, name, remedy=remedy))
    return found


def _few(known: pd.Series, name: str, task: str) -> list[Finding]:
    counts = known.value_counts()
    small = counts.index[counts < rules.LEAKS.minimum_class] if task == "binary" else counts.index[:0]
    if len(known) >= rules.LEAKS.minimum_rows and not len(small):
        return []
    told = f"Only {len(known):,} rows have a label"
    if len(small):
        told = f"Only {int(counts[small[0]]):,} labels are {render_value(small[0])}"
    told += ": too few to look for leaks"
    return [finding("few_labels", told, name, count=len(known), remedy="wait for more labels")]


def _lacking(
    maturity: LabelMaturity, table: pd.DataFrame, target: pd.Series, model: ModelFile, limits: rules.Labels
) -> list[Finding]:
    lacking = maturity.mature - maturity.labelled
    found = []
    if lacking and maturity.share < limits.labelled:
        told = f"{lacking:,} of {maturity.mature:,} rows older than the label delay have no label"
        remedy = "is the label delay too short? If such rows never get a label, say so in `decision_policy`"
        found.append(finding("label_missing", told, count=lacking, share=lacking / maturity.mature, remedy=remedy))
    rows, there = maturity.newest
    if rows >= limits.minimum_rows and there < limits.labelled * rows and not maturity.stopped and not found:
        told = f"{rows - there:,} of the {rows:,} newest rows older than the label delay, on which models are judged, "
        remedy = "a model is judged by what the others tell; ask whether labels still arrive, and for which rows"
        found.append(finding("label_missing", told + "have no label", count=rows - there, remedy=remedy))
    mature = (moments(table[model.data.time]) < maturity.closed_until).to_numpy()
    labelled, overall = target.notna().to_numpy()[mature], maturity.share
    for name in dict.fromkeys([*model.slices, *model.protected]):
        if name not in table.columns or table[name].nunique() > 100 or not labelled.size or labelled.all():
            continue
        groups = pd.Series(labelled).groupby(table[name].map(str, na_action="ignore").to_numpy()[mature])
        shares, rows = groups.mean(), groups.size()
        hardly = shares.index[(shares < 0.5 * overall) & (rows >= limits.minimum_rows)]
        if len(hardly):
            told = "; ".join(f"{group} ({shares[group]:.0%} of {rows[group]:,} rows)" for group in hardly[:4])
            remedy = "what is learned does not hold for them; say in `decision_policy` who gets a label"
            sentence = f"Groups of {name} hardly ever get a label: {told}, {overall:.0%} overall"
            found.append(finding("unlabelled_group", sentence, name, remedy=remedy))
    return found


def _stopped(maturity: LabelMaturity, model: ModelFile, name: str) -> list[Finding]:
    if not maturity.stopped or maturity.last is None:
        return []
    delay = model.data.label_delay
    age = f"older than the label delay ({render_duration(delay)})" if delay else "old enough to have one"
    told = f"Labels have stopped: none of the {maturity.stopped:,} rows after {maturity.last:%Y-%m-%d %H:%M} has one, "
    told += f"though they are {age}"
    remedy = "ask where the labels are; if they take longer to come, correct data.label_delay"
    share = maturity.stopped / maturity.rows
    return [finding("labels_stop", told, name, count=maturity.stopped, share=share, remedy=remedy)]


def _bare_periods(
    maturity: LabelMaturity, time: pd.Series, gone: pd.Series, target: pd.Series, name: str, limits: rules.Labels
) -> list[Finding]:
    """Periods in the midst of which hardly any row has a label."""
    at = pd.concat([moments(time), moments(gone)], ignore_index=True)
    known = np.append(target.notna().to_numpy(), np.zeros(len(gone), bool))
    due = (at < maturity.closed_until).to_numpy() & (True if maturity.last is None else (at <= maturity.last))
    at, known = at[due], known[due]
    if known.all() or not len(known):
        return []
    periods = periods_of(at, limits.minimum_rows)
    shares = pd.Series(known).groupby(periods.codes).mean()
    bare = [place for place in shares.index if place >= 0 and periods.rows[place] >= limits.minimum_rows]
    bare = [place for place in bare if shares[place] < 0.5 * maturity.share]
    if not bare:
        return []
    told = (
        f"Hardly any row has a label in {counted(len(bare), periods.period)}, first in that of {periods.day(bare[0])}: "
    )
    told += f"{shares[bare[0]]:.0%} of {periods.rows[bare[0]]:,} rows, {maturity.share:.0%} overall"
    remedy = "were labels lost? What is learned leaves these rows out"
    return [finding("unlabelled_period", told, name, remedy=remedy)]


def _early(
    table: pd.DataFrame, target: pd.Series, model: ModelFile, maturity: LabelMaturity, limits: rules.Labels
) -> list[Finding]:
    if not maturity.early:
        return []
    young = ~(moments(table[model.data.time]) < maturity.closed_until).to_numpy() & target.notna().to_numpy()
    told = f"{maturity.early:,} labels came before their rows were mature; they are a biased sample and are not used"
    remedy = "is the label delay in the model file longer than it is?"
    found = [of_rows("early_labels", told, model.target.column or "", young, table, model, remedy=remedy)]
    values = pd.to_numeric(target, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if model.target.task == "multiclass":
        values = target.eq(target.value_counts().index[0]).astype(float).where(target.notna()).to_numpy(dtype=float)
    early, rest = values[young], values[~young & ~np.isnan(values)]
    if min(len(early), len(rest)) < limits.minimum_rows:
        return found
    difference, spread = float(early.mean() - rest.mean()), float(rest.std())
    error = np.sqrt(early.var() / len(early) + rest.var() / len(rest))
    if abs(difference) > limits.jump * error and abs(difference) > 0.1 * spread:
        sentence = f"Labels that came early differ from the rest: {render_value(float(early.mean()))} on average, "
        sentence += f"{render_value(float(rest.mean()))} elsewhere"
        remedy = "do not learn from them: they are the quick ones"
        found.append(
            finding("early_labels_differ", sentence, model.target.column or "", count=len(early), remedy=remedy)
        )
    return found


def _steady(rate: LabelRate, model: ModelFile, maturity: LabelMaturity) -> list[Finding]:
    name, found = model.target.column or "", []
    if rate.jumps:
        remedy = "ask whether the way labels are made has changed; learn from the rows since"
        found.append(finding("label_jump", rate.reason, name, remedy=remedy))
    if rate.one_class:
        told = f"There is one class only in {counted(len(rate.one_class), rate.period)}, "
        told += f"{rate.one_class[0]} to {rate.one_class[-1]}" if len(rate.one_class) > 1 else rate.one_class[0]
        remedy = "were labels lost, or is it night?"
        found.append(finding("one_class_period", told, name, remedy=remedy))
    if len(rate.table) and model.data.label_delay.total_seconds() > 0 and not rate.table["jump"].iloc[-1]:
        last = rate.table.iloc[-1]
        if not last["low"] <= last["rate"] <= last["high"] and np.isfinite(last["low"]):
            told = f"The youngest labelled rows have a label rate of {last['rate']:.3g}, where {last['low']:.3g} to "
            told += f"{last['high']:.3g} was to be expected: labels may still be arriving"
            found.append(finding("young_labels", told, name, remedy="is the label delay too short?"))
    return found
