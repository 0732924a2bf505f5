"""Leaks: does one feature know the answer?

A number cannot tell a leak from a very good feature (Kaufman 2012; `rules.Leaks` has examples of both). So:
* a feature that is a column of the target, or equal to it up to names, blocks;
* a feature that alone predicts the target suspiciously well blocks unless the model file says when it is known
  (`known_at`); with that it is a question that is put before the signer;
* the same holds for a feature whose missing values alone tell the label;
* a text may tell much and rightly so: it is asked about only where it is nearly always right, or where one single
  word tells the label (`text_leaks`);
* features that only together, by their moments, or by the order of rows give it away: see `leak_forms`;
* too few labels is `insufficient`, never "no leak".

How the strength of one feature is measured stands in `strength`: forwards in time, around the changes of a label.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.findings import Finding, finding
from sopkit.evidence.leak_forms import ids_and_order, known_later, made_of_parts
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.profiles import kinds
from sopkit.evidence.strength import Told, coded, strength
from sopkit.evidence.text_leaks import names_its_label, text_strength

__all__ = ["Leaks", "Strength", "suspected_leaks"]


@dataclass(frozen=True)
class Strength:
    """How well one feature alone predicts the target (`value`, in the `sense` named), and how well its missingness does
    (`missing`)."""

    name: str
    value: float
    missing: float
    verdict: Verdict
    reason: str
    declared: str | None = None
    note: str = ""
    sense: str = "AUC"


@dataclass(frozen=True)
class Leaks:
    """The strength of each feature, strongest first, and the findings that follow."""

    strengths: tuple[Strength, ...]
    findings: tuple[Finding, ...]
    limit: float
    measure_of_strength: str
    verdict: Verdict
    reason: str

    @property
    def suspects(self) -> list[str]:
        return [finding.column for finding in self.findings if finding.severity == "block"]

    @property
    def table(self) -> pd.DataFrame:
        names = ["name", "value", "missing", "verdict", "declared", "reason"]
        return pd.DataFrame([{n: getattr(s, n) for n in names} for s in self.strengths], columns=names)

    @property
    def measures(self) -> list[Measure]:
        strongest = self.strengths[0].value if self.strengths else None
        detail = {"strengths": {s.name: plain(s.value) for s in self.strengths}, "suspects": self.suspects}
        limit = Threshold(op="below", value=self.limit)
        title = f"Strongest single feature ({self.measure_of_strength})"
        return [Measure("leak_suspicion", strongest, self.verdict, self.reason, detail, limit, title)]

    def figure(self) -> charts.Chart:
        rows = [
            charts.Row(
                s.name,
                None if np.isnan(s.value) else s.value,
                verdict=s.verdict,
                note="declared" if s.declared else s.note,
            )
            for s in self.strengths[:20]
        ]
        return charts.bars(
            self.reason, rows, x_label=self.measure_of_strength, limit=self.limit, limit_label="asks for known_at"
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "reason": self.reason,
            "limit": self.limit,
            "strengths": [plain(vars(s)) for s in self.strengths],
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False, float_format=lambda value: number(value)))


def suspected_leaks(
    table: pd.DataFrame,
    target: pd.Series,
    features: Mapping[str, Any],
    *,
    task: str,
    time: str | None = None,
    known_at: Mapping[str, str] | None = None,
    target_columns: Collection[str] = (),
    ids: Sequence[str] = (),
    limits: rules.Leaks = rules.LEAKS,
) -> Leaks:
    """Suspicion, feature by feature. `target` is aligned with `table` and missing where unknown.

    `known_at` says when a feature is known (by default read from a model file's `features`); `target_columns` are
    the columns that the target is made of, `ids` those that name a row.
    """
    wanted = kinds(features)
    if known_at is None:
        known_at = {name: kind.known_at for name, kind in features.items() if getattr(kind, "known_at", None)}
    measure = "rank correlation or explained variance on later rows" if task == "regression" else "AUC on later rows"
    limit = limits.rank if task == "regression" else limits.auc
    findings = [_made_of(name) for name in wanted if name in target_columns]
    known = target.notna().to_numpy()
    rows, y = table.loc[known], target[known]
    if time is not None and time in rows:
        order = np.argsort(rows[time].to_numpy(), kind="stable")
        rows, y = rows.iloc[order], y.iloc[order]
    columns = coded(y, task, limits)
    enough = len(rows) >= limits.minimum_rows and len(columns) > 0
    if not enough:
        reason = (
            f"only {len(rows)} labelled rows, {limits.minimum_rows} are needed to look for leaks"
            if len(rows) < limits.minimum_rows
            else "the target has one value only, so nothing can tell it"
        )
        verdict = Verdict.FAIL if findings else Verdict.INSUFFICIENT
        return Leaks((), tuple(findings), limit, measure, verdict, findings[0].sentence if findings else reason)
    strengths = []
    for name, kind in wanted.items():
        if name not in rows:
            continue
        text = kind == "text"
        if text:
            told = text_strength(rows[name], [one.y for one in columns], task)
            findings += names_its_label(rows[name], y, name) if task == "multiclass" else []
        else:
            told = strength(rows[name], kind, columns, task, limits)
        why = _suspicion(name, told, limits.certain if text else limit, limits)
        suspicious = bool(why)
        declared = known_at.get(name)
        if suspicious and name not in target_columns:
            findings.append(_suspect(name, why, declared))
        bad = (suspicious and not declared) or name in target_columns
        verdict = Verdict.FAIL if bad else Verdict.PASS
        reason = findings[-1].sentence if suspicious else ""
        note = f"a text: asked from {limits.certain:g}" if text else ""
        strengths.append(Strength(name, told.value, told.missing, verdict, reason, declared, note, told.sense))
    others = {name: kind for name, kind in wanted.items() if name in rows and name not in target_columns}
    named = {finding.column for finding in findings}
    numeric = [name for name, kind in others.items() if kind == "numeric" and name not in named]
    if task == "regression":
        every = [name for name, kind in others.items() if kind == "numeric"]  # the other part of a sum is a leak too
        findings += made_of_parts(rows, y.to_numpy(dtype=float), every, task, known_at)
    elif task == "binary":
        findings += made_of_parts(rows, columns[0].y, numeric, task, known_at)
        findings += ids_and_order(rows, columns[0].y, ids, time, limits)
    if time is not None and time in rows:
        findings += known_later(rows, list(others), time, known_at)
    strengths.sort(key=lambda s: (-np.nan_to_num(s.value), s.name))
    blocking = [finding for finding in findings if finding.severity == "block"]
    verdict = Verdict.FAIL if blocking else Verdict.PASS
    return Leaks(tuple(strengths), tuple(findings), limit, measure, verdict, _summary(strengths, findings, measure))


def _made_of(name: str) -> Finding:
    told = f"The feature {name} is what the target is made of"
    remedy = f"take {name} out of `features`, and say why under `excluded`"
    return finding("target_as_feature", told, name, remedy=remedy)


def _suspicion(name: str, told: Told, limit: float, limits: rules.Leaks) -> str:
    """Which limit was passed, in words; nothing where none was. What missing values say, the others say as well."""
    if told.missing >= limits.missing and not told.missing < told.value >= limit:
        return f"Whether {name} is missing tells the target by itself (AUC {number(told.missing)})"
    if told.value >= limit:
        return f"{name} alone predicts the target suspiciously well ({told.sense} {number(told.value)})"
    if told.by_word >= limits.word:
        return (
            f"A single word of {name}, '{told.word}', tells the target suspiciously well (AUC {number(told.by_word)})"
        )
    return ""


def _suspect(name: str, told: str, declared: str | None) -> Finding:
    if declared:
        told += f"; the model file says it is known at: {declared}"
        remedy = "the signer confirms that this value exists at the moment of prediction"
        return finding("leak_question", told, name, remedy=remedy)
    told += ", and the model file does not say when it is known"
    remedy = f"exclude {name}, or write `known_at:` for it if it is known when a prediction is made"
    return finding("suspected_leak", told, name, remedy=remedy)


def _summary(strengths: list[Strength], findings: list[Finding], measure: str) -> str:
    blocking = [finding for finding in findings if finding.severity == "block"]
    if blocking:
        return blocking[0].sentence
    if findings:
        return findings[0].sentence
    if not strengths:
        return "No feature could be looked at alone"
    strongest = f"{strengths[0].name} ({number(strengths[0].value)})"
    return f"No feature alone predicts the target suspiciously well; the strongest is {strongest}"
